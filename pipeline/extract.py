"""Make of each fetched item the revision of an article that it is.

In: ``Fetched``. Out: ``revisions`` (title, text, authors, dates, canonical URL, language, rights of one fetch) and
``rejects`` (items that are no article: walls, empty pages, failed fetches without a full text; with the reason and the
item itself). Nothing is dropped: each item leaves as one or the other.

The work itself is ``revision.extract``. Items with HTML go through it in worker processes, since rare pages hang or
crash an extractor; a killed one costs that page alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.extraction import killable
from pipeline.extraction.revision import extract_or_explain, warm_up
from schemas import ids, wire
from schemas.reasons import reasons
from schemas.records import Failure, Fetched, Reject, Revision

AHEAD = 16
"""Items per worker that are under way at a time: enough to keep workers busy, few enough to hold in memory."""


@dataclass(frozen=True)
class Extraction:
    """``timeout``: seconds a page may take. The others: see ``killable.Limits``."""

    timeout: float = 30.0
    workers: int = 0
    max_tasks: int = 2000
    max_memory: int = 4 * 2**30

    @property
    def limits(self) -> killable.Limits:
        preload = ("pipeline.extraction.revision",)
        return killable.Limits(self.workers, self.max_tasks, self.max_memory, preload, warm_up)


def reject(fetched: Fetched, failure: Failure, now: datetime) -> Reject:
    """The reject of an item; its stage is that of the reason, and the item itself goes along for a replay."""
    known = reasons().get(failure.reason)
    stage = known.stage if known else "extract"
    return Reject(
        reject_id=ids.reject_id(fetched.fetch_id, stage),
        stage=stage,
        reason=failure.reason,
        detail=failure.detail,
        url=fetched.url,
        source=fetched.source,
        at=now,
        payload=wire.encode(fetched),
    )


def needs_worker(fetched: Fetched) -> bool:
    """Whether there is HTML in it, which may hang or crash the extractor."""
    entry = fetched.entry
    return fetched.body is not None or bool(entry and entry.content and entry.content_type == "text/html")


class Extracted(NamedTuple):
    """What ``ExtractArticles`` gives: PCollection[Revision] and PCollection[Reject]."""

    revisions: Any
    rejects: Any


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class ExtractArticles(beam.PTransform):
    """PCollection[Fetched] -> ``Extracted``."""

    config: Extraction = field(default_factory=Extraction)

    def expand(self, fetched: Any) -> Extracted:
        outcomes = fetched | "Extract" >> beam.ParDo(_Extract(self.config)).with_outputs("rejects", main="revisions")
        return Extracted(outcomes.revisions, outcomes.rejects)


class _Extract(beam.DoFn):
    """Keeps several items under way in the workers and gives outcomes in the order of the items."""

    def __init__(self, config: Extraction):
        self._config = config
        self._under_way: deque[tuple[Fetched, killable.Job[Any] | None, Any, Any]] = deque()

    def start_bundle(self) -> None:
        self._under_way.clear()

    def process(
        self, fetched: Fetched, window: Any = beam.DoFn.WindowParam, timestamp: Any = beam.DoFn.TimestampParam
    ) -> Iterator[Any]:
        job = None
        if needs_worker(fetched):
            args = (fetched, datetime.now(UTC))
            job = killable.Job(self._config.limits, extract_or_explain, args, self._config.timeout)
        self._under_way.append((fetched, job, window, timestamp))
        while len(self._under_way) > AHEAD * (self._config.workers or killable.cpus()):
            yield self._next()

    def finish_bundle(self) -> Iterator[Any]:
        while self._under_way:
            yield self._next()

    def _next(self) -> Any:
        fetched, job, window, timestamp = self._under_way.popleft()
        now = datetime.now(UTC)
        try:
            outcome = job.result() if job else extract_or_explain(fetched, now)
        except killable.Killed as e:
            outcome = Failure(reason="extract_timeout" if e.timed_out else "extract_crash", detail=e.detail)
        if isinstance(outcome, Revision):
            return WindowedValue(outcome, timestamp, (window,))
        return beam.pvalue.TaggedOutput("rejects", WindowedValue(reject(fetched, outcome, now), timestamp, (window,)))
