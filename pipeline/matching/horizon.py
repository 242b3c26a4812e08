"""The horizon: the stored sketches that new articles may have to do with, kept in memory between batches.

In: a warehouse, batch after batch. Out: for each batch a ``Horizon``, those that the warehouse has from one time to
another, ready to be compared. It is a cache: its token is the warehouse's generation, and when anybody else has written
there, it is loaded anew. Without one the sketches that share a key are asked of the warehouse, batch by batch, which
gives the same; a first batch does so, since there may be no second.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from pipeline.matching.judge import Matching, pool_of
from pipeline.matching.pool import Pool
from pipeline.matching.web import Web
from schemas.records import Sketch

log = structlog.get_logger()

REACH = 2
"""Horizons on each side of a batch: articles within one depend on it, and are judged by what is within one of them."""
LARGEST = 200_000
"""Sketches that are kept at most, about 8 KB each; where there are more, the warehouse is asked."""
OUTLIERS = 0.1
"""Of a batch's articles such a share on each side is not counted when its time is told: feeds bring old ones along."""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Stored(Protocol):
    """What is asked of a warehouse; see connectors.warehouse.Warehouse."""

    def generation(self) -> str: ...
    def sketches_between(self, earliest: datetime, latest: datetime, most: int) -> list[Sketch] | None: ...


@dataclass(frozen=True)
class Horizon:
    """``pool``: all stored sketches with times from ``earliest`` to ``latest``, all without one, and maybe others.
    ``web``: the pairs around them, as far as earlier batches had to do with them."""

    pool: Pool
    earliest: datetime = _LAST
    latest: datetime = _FIRST
    web: Web = field(default_factory=Web)

    def covers(self, sketch: Sketch, reach: timedelta) -> bool:
        """Whether all that the sketch may have to do with is here."""
        at = sketch.at
        return at is not None and _shifted(at, -reach) >= self.earliest and _shifted(at, reach) <= self.latest


class Kept:
    """Keeps the horizon of one warehouse, between the batches that this process settles in it."""

    def __init__(self, config: Matching):
        self._config = config
        self._horizon: Horizon | None = None
        self._generation = ""
        self._loaded = 0
        self._batches = 0
        self._lock = threading.RLock()

    @contextmanager
    def batch(self, stored: Stored) -> Iterator[Batch]:
        """One batch, inside ``hold`` of the warehouse. What is not kept in the end is forgotten: the batch failed."""
        with self._lock:
            batch = Batch(self, stored)
            try:
                yield batch
            finally:
                self._horizon = batch.kept

    def around(self, sketches: Sequence[Sketch], stored: Stored) -> Horizon:
        """See ``Batch.around``."""
        self._batches += 1
        if self._batches == 1:
            return Horizon(pool_of((), self._config))
        generation = stored.generation()
        if self._horizon is None or generation != self._generation or not self._serves(self._horizon, sketches):
            self._horizon = self._load(sketches, stored)
            self._generation = generation
        return self._horizon or Horizon(pool_of((), self._config))

    def after(self, horizon: Horizon, stored: Stored) -> Horizon | None:
        """What to keep after a batch: nothing where nothing was loaded, or where it has become too much."""
        if self._horizon is None:
            return None
        if len(horizon.pool) > 1.25 * self._loaded + 1000:
            far = [
                s.article_id
                for s in horizon.pool
                if s.at is not None and not horizon.earliest <= s.at <= horizon.latest
            ]
            if far:
                horizon.pool.change(far, ())
                horizon = Horizon(horizon.pool, horizon.earliest, horizon.latest)  # with a new web
            self._loaded = len(horizon.pool)
        self._generation = stored.generation()
        return horizon if len(horizon.pool) <= LARGEST and len(horizon.web) <= LARGEST else None

    def _serves(self, horizon: Horizon, sketches: Sequence[Sketch]) -> bool:
        covered = sum(horizon.covers(s, self._config.horizon) for s in sketches)
        return 2 * covered >= sum(s.at is not None for s in sketches)

    def _load(self, sketches: Sequence[Sketch], stored: Stored) -> Horizon | None:
        times = sorted(s.at for s in sketches if s.at is not None)
        if not times:
            return None
        skipped = int(OUTLIERS * len(times))
        reach = REACH * self._config.horizon
        earliest, latest = _shifted(times[skipped], -reach), _shifted(times[-1 - skipped], reach)
        found = stored.sketches_between(earliest, latest, LARGEST)
        if found is None:
            log.info("more sketches in the horizon than are kept in memory", most=LARGEST)
            return None
        self._loaded = len(found)
        return Horizon(pool_of(found, self._config), earliest, latest)


class Batch:
    """A batch, and what is kept of the warehouse after it."""

    def __init__(self, of: Kept, stored: Stored):
        self._of, self._stored = of, stored
        self.kept: Horizon | None = None

    def around(self, sketches: Sequence[Sketch]) -> Horizon:
        """What of the past is at hand for these sketches."""
        return self._of.around(sketches, self._stored)

    def keep(self, horizon: Horizon) -> None:
        """Take over the horizon as it is now that the batch is written."""
        self.kept = self._of.after(horizon, self._stored)


def _shifted(at: datetime, by: timedelta) -> datetime:
    """At the ends of the calendar, the end."""
    try:
        return at + by
    except OverflowError:
        return _FIRST if by < timedelta(0) else _LAST
