"""What every request needs: the warehouse that is read, the index of words, the clock, answers kept a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from connectors.warehouse import Warehouse
from pipeline.desk.follower import Status
from pipeline.desk.search import SearchIndex

T = TypeVar("T")
KEPT = 256
"""Answers."""
FRESH = timedelta(seconds=60)
"""An answer is asked for anew after so long even when nothing was added: "now" has moved."""


class Followed(Protocol):
    """What the pages need of a ``Follower``."""

    warehouse: Warehouse
    search: SearchIndex
    status: Status


@dataclass
class Desk:
    """One desk. ``shown``: the warehouse's URL without passwords. ``state``: the poller's state file, if any."""

    followed: Followed
    clock: Callable[[], datetime]
    shown: str = ""
    state: Path | None = None
    public_url: str = ""
    """Where readers reach the desk; links in feeds and webhooks begin with it."""
    _kept: OrderedDict[Hashable, _Kept] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def warehouse(self) -> Warehouse:
        return self.followed.warehouse

    @property
    def search(self) -> SearchIndex:
        return self.followed.search

    @property
    def status(self) -> Status:
        return self.followed.status

    def keep(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to ``ask``, kept under ``key`` until something is added to the warehouse.

        One request asks anew; others that come meanwhile get the answer before it, or wait where there is none."""
        now, generation = self.clock(), self.status.generation
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        fresh = kept.asked_at is not None and kept.generation == generation and now - kept.asked_at < FRESH
        if not fresh and kept.asking.acquire(blocking=kept.asked_at is None):
            try:
                if kept.asked_at is None or kept.generation != generation or now - kept.asked_at >= FRESH:
                    kept.answer, kept.generation, kept.asked_at = ask(), generation, now
            finally:
                kept.asking.release()
        found: T = kept.answer
        return found


@dataclass
class _Kept:
    """An answer, of which generation and when it was asked for; ``asking`` is held by the request that asks anew."""

    answer: Any = None
    generation: int = -1
    asked_at: datetime | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)
