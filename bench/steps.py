"""Where the processor's time goes in a backfill, step by step, in one process on one core.

``told(archive, count)`` runs the steps of the graph one after the other over the archive's first records, without Beam
and without moving anything between processes, and returns lines for people: milliseconds of processor time a record.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.archives.open import open_archives
from connectors.warehouse import OpenWarehouse
from pipeline import settle as settling
from pipeline.channel import Item
from pipeline.draft import Draft, Drafting
from pipeline.extraction import revision
from pipeline.identify import row
from pipeline.matching.outline import outline
from pipeline.measure.step import measure_article
from pipeline.settle import Settler, Settling
from schemas.records import Revision

BATCH = 150
WARM = 20
"""Records before those that count: tables are loaded then."""


class Clock:
    """Processor time by step; a step inside another counts for itself alone."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._inside = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        outer, self._inside = self._inside, 0.0
        began = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - began
            self.spent[name] += took - self._inside
            self._inside = outer + took

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its result exhausted if it is a generator's."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.step(name):
                found = work(*args, **kwargs)
                return list(found) if isinstance(found, Iterator) else found

        return wrapped


def told(archive: Path, count: int) -> list[str]:
    """Lines, the largest step first."""
    (opened,) = open_archives([str(archive)]).archives
    records = (record for piece in opened.pieces() for record in opened.read(piece))
    clock, now = Clock(), datetime.now(UTC)
    config, settler = Drafting(), _settler(clock)
    drafts, done = [], 0
    for record in itertools.islice(records, WARM + count):
        if done == WARM:
            gc.collect()
            gc.freeze()
            clock.spent.clear()
            drafts.clear()
        done += 1
        if record.fetched is not None:
            drafts.append(_draft(Item(record.fetched, record.position), config, clock, now))
        if len(drafts) == BATCH:
            with clock.step("settling, the rest of it"):
                settler.settle(drafts)
            drafts.clear()
    told = done - WARM
    parts = ", ".join(f"{name} {1000 * spent / told:.1f}" for name, spent in clock.spent.most_common())
    return [f"milliseconds of processor time each: {1000 * sum(clock.spent.values()) / told:.1f}", f"  {parts}"]


def _draft(item: Item, config: Drafting, clock: Clock, now: datetime) -> Draft:
    """As ``pipeline.draft`` does, each part on the clock."""
    with clock.step("extraction"):
        outcome = revision.extract_or_explain(item.fetched, now)
    if not isinstance(outcome, Revision):
        return Draft(item.position, item.partition, None)
    article = row(outcome)
    with clock.step("numbers"):
        metrics = tuple(measure_article(article, config.measuring))
    with clock.step("outline"):
        outlined = outline(article, config.matching)
    return Draft(item.position, item.partition, outcome, b"", metrics, outlined)


def _settler(clock: Clock) -> Settler:
    opener = OpenWarehouse("duckdb:///:memory:steps")
    warehouse = opener()
    warehouse.migrate()
    for name, function in (("identifying", "identify_batch"), ("matching", "match"), ("figures", "reconcile_batch")):
        setattr(settling, function, clock.timed(name, getattr(settling, function)))
    warehouse.apply = clock.timed("writing", warehouse.apply)  # type: ignore[method-assign]
    return Settler(lambda: warehouse, "steps", Settling(), lambda: datetime.now(UTC))  # type: ignore[arg-type]
