"""The step that drafts items: PCollection[Item | NoMore] -> PCollection[Draft], one for each, in their order.

Items with HTML are drafted in worker processes, since rare pages hang or crash an extractor; a killed one costs that
page alone. On a cluster all are: there one process serves several steps at once, and what it does not do itself is done
side by side. What was started ahead (``pipeline.ahead``) is only fetched.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import apache_beam as beam
import structlog
from apache_beam.utils.windowed_value import WindowedValue

from pipeline import ahead
from pipeline.channel import Item, NoMore
from pipeline.counting import DRAFT, REJECTED, count, measure
from pipeline.draft import Draft, Drafting, draft, is_broken, left_out, no_more
from pipeline.extraction import killable
from pipeline.extraction.revision import extract_or_explain, reads_html
from schemas.records import Failure, Reject, Revision

log = structlog.get_logger()

UNDER_WAY = 16
"""Items per worker that are under way at a time: enough to keep workers busy, few enough to hold in memory."""


class _UnderWay(NamedTuple):
    """An item, and the job of the worker that drafts it, if one does."""

    item: Item | NoMore
    started: killable.Job[Draft] | None
    window: Any
    timestamp: Any


@dataclass(eq=False)  # not frozen: Beam keeps notes of its own on a transform
class DraftArticles(beam.PTransform):
    """PCollection[Item | NoMore] -> PCollection[Draft]."""

    config: Drafting = field(default_factory=Drafting)

    def expand(self, items: beam.PCollection[Item | NoMore]) -> beam.PCollection[Draft]:
        step = _Draft(self.config, aside=not items.is_bounded)
        return items | "Draft" >> beam.ParDo(step).with_output_types(Draft)


class _Draft(beam.DoFn):
    """Keeps several items under way in the workers and gives drafts in the order of the items. ``aside``: workers draft
    those without HTML too."""

    def __init__(self, config: Drafting, aside: bool = False):
        self._config = config
        self._aside = aside
        self._under_way: deque[_UnderWay] = deque()

    def setup(self) -> None:
        self._pool = ahead.pool_of(self._config)

    def start_bundle(self) -> None:
        self._under_way.clear()

    def process(
        self, item: Item | NoMore, window: Any = beam.DoFn.WindowParam, timestamp: Any = beam.DoFn.TimestampParam
    ) -> Iterator[Any]:
        started = None if isinstance(item, NoMore) else self._started(item)
        self._under_way.append(_UnderWay(item, started, window, timestamp))
        while len(self._under_way) > UNDER_WAY * (self._config.extraction.workers or killable.cpus()):
            yield self._next().value

    def finish_bundle(self) -> Iterator[Any]:
        while self._under_way:
            yield self._next()

    def _next(self) -> WindowedValue:
        item, started, window, timestamp = self._under_way.popleft()
        if isinstance(item, NoMore):
            return WindowedValue(no_more(item), timestamp, (window,))
        began = time.monotonic()
        found = (ahead.draft_of(started) if started else None) or self._draft(item)
        if is_broken(found.outcome):
            log.error("item refused", fetch_id=item.fetched.fetch_id, url=item.fetched.url, error=found.outcome.detail)
        _count(found, time.monotonic() - began)
        return WindowedValue(found, timestamp, (window,))

    def _started(self, item: Item) -> killable.Job[Draft] | None:
        """What a worker does with the item, if one is needed."""
        found = ahead.take(item, self._pool)
        if found is not None or not self._config.selection.takes(item.fetched):
            return found
        needed = self._aside or reads_html(item.fetched)
        return ahead.job(item, self._config, self._pool) if needed else None

    def _draft(self, item: Item) -> Draft:
        """Draft it here; of HTML the extraction in a worker."""
        if not self._config.selection.takes(item.fetched):
            return left_out(item)
        now, extraction = datetime.now(UTC), self._config.extraction
        args = (item.fetched, now, extraction.honour_rights)
        outcome: Revision | Failure
        try:
            if reads_html(item.fetched):
                outcome = killable.Job(extraction.limits, extract_or_explain, args, extraction.timeout).result()
            else:
                outcome = extract_or_explain(*args)
        except killable.Killed as e:
            outcome = Failure(reason="extract_timeout" if e.timed_out else "extract_crash", detail=e.detail)
        return draft(item, outcome, self._config, now)


def _count(made: Draft, seconds: float) -> None:
    """For those who watch (``pipeline.counting``)."""
    if isinstance(made.outcome, Reject):
        count(DRAFT, REJECTED + made.outcome.reason)
    elif made.outcome is not None:
        count(DRAFT, "articles")
        count(DRAFT, "metrics", len(made.metrics))
    measure(DRAFT, "milliseconds", 1000 * seconds)
