"""Read the partitions of a channel abreast when they are behind, the one with the oldest message first.

In: how far each partition is in time, as it is about to be read. Out: whether it should wait for others. Partitions
hold different amounts of the same hours, so those with little would otherwise be read to their end while the fullest is
half done; then each article of the fullest comes late, and what is later has to be matched anew. It is an order of
work alone: what the warehouse holds in the end is the same without it.

What is known is of one process. One that has no others, is up to date, or waits for others that are nowhere any more
(they went to another process) loses little or nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

TOGETHER = 2
"""So many partitions are read side by side; the others, whose messages are later, wait."""
BEHIND = timedelta(seconds=5)
"""From such an age of its next message on, a partition is behind."""
LOST = 30.0
"""A partition that was not asked for so many seconds is read elsewhere, or stuck: nobody waits for it."""


class _Head(NamedTuple):
    at: datetime
    seen: float


class Abreast:
    """Where the partitions of this process are. For any number of threads. ``clock``: seconds; ``now``: the time."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ):
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        self._heads: dict[str, dict[int, _Head]] = {}
        """Channel -> partition -> when its next message was appended."""

    def is_at(self, channel: str, partition: int, at: datetime) -> None:
        """The partition's next message was appended then, or the one before it."""
        with self._lock:
            self._heads.setdefault(channel, {})[partition] = _Head(at, self._clock())

    def should_wait(self, channel: str, partition: int, at: datetime) -> bool:
        """Whether a partition that is there should let others go first."""
        self.is_at(channel, partition, at)
        if self._now() - at < BEHIND:
            return False
        with self._lock:
            fresh = self._clock() - LOST
            others = [(h.at, p) for p, h in self._heads[channel].items() if h.seen > fresh]
        return sum(other < (at, partition) for other in others) >= TOGETHER

    def has_none(self, channel: str, partition: int) -> None:
        """Nothing waits in the partition, or it can't be reached."""
        with self._lock:
            self._heads.get(channel, {}).pop(partition, None)
