"""The graph, as a sentence: from fetched items to the warehouse.

Every way of running wiredesk builds this same graph over a batch of items; what the past has to do with the batch is
asked of ``history``. Each step's file says what it takes, gives and drops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import apache_beam as beam

from pipeline.extract import ExtractArticles, Extraction
from pipeline.history import OpenHistory
from pipeline.identify import IdentifyArticles
from pipeline.match import Matching, MatchStories
from pipeline.measure.step import MeasureArticles, Measuring
from pipeline.reconcile import ReconcileFigures, Reconciling
from pipeline.write import OpenSink, WriteWarehouse
from schemas import coders
from schemas.records import Fetched, Progress, Reject


@dataclass(frozen=True)
class Steps:
    """The options of all steps."""

    extraction: Extraction = field(default_factory=Extraction)
    matching: Matching = field(default_factory=Matching)
    measuring: Measuring = field(default_factory=Measuring)
    reconciling: Reconciling = field(default_factory=Reconciling)


def build(
    fetched: beam.PCollection[Fetched],
    refused: beam.PCollection[Reject],
    steps: Steps,
    history: OpenHistory,
    sink: OpenSink,
    progress: Sequence[Progress],
) -> None:
    """Join the steps. ``refused``: items known to break a step, rejected without being tried."""
    coders.register()
    extracted = fetched | ExtractArticles(steps.extraction)
    rejects = (extracted.rejects, refused) | "Rejects" >> beam.Flatten()
    identified = (extracted.revisions, rejects) | IdentifyArticles(history)
    matched = identified.articles | MatchStories(steps.matching, history)
    metrics = identified.articles | MeasureArticles(steps.measuring)
    figures = (metrics, matched.members, matched.emptied) | ReconcileFigures(steps.reconciling, history)
    everything = (identified.articles, identified.records, matched.links, matched.records, figures)
    everything | WriteWarehouse(sink, progress)
