"""The graph, as a sentence: each item by itself becomes a draft, and drafts together become the warehouse's rows.

Every way of running wiredesk builds this same graph, over a batch of items or over an endless stream of them. The first
half is done by as many workers as there are. The second is done one batch at a time, since what an article came from,
and which figures conflict, depends on all the others. Each step's file says what it takes, gives and drops.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import apache_beam as beam

from pipeline.channel import Item, NoMore
from pipeline.draft import Drafting, Extraction
from pipeline.draft_articles import DraftArticles
from pipeline.matching.judge import Matching
from pipeline.measure.step import Measuring
from pipeline.reconcile import Reconciling
from pipeline.selection import Selection
from pipeline.settle import SettleBatches, Settler, Settling


@dataclass(frozen=True)
class Steps:
    """The options of all steps."""

    extraction: Extraction = field(default_factory=Extraction)
    matching: Matching = field(default_factory=Matching)
    measuring: Measuring = field(default_factory=Measuring)
    reconciling: Reconciling = field(default_factory=Reconciling)
    selection: Selection = field(default_factory=Selection)

    @property
    def drafting(self) -> Drafting:
        """Those of the first half."""
        return Drafting(self.extraction, self.measuring, self.matching, self.selection)

    @property
    def settling(self) -> Settling:
        """Those of the second half."""
        return Settling(self.measuring, self.matching, self.reconciling)


def build(items: beam.PCollection[Item | NoMore], steps: Steps, settler: Settler) -> None:
    """Join the steps."""
    items | DraftArticles(steps.drafting) | SettleBatches(settler)
