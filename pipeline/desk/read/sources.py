"""The health of sources: what the poller knows of each feed, and what the warehouse has from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.poller.feed_state import FeedState
from connectors.warehouse import Warehouse

WEEK = timedelta(days=7)
QUIET_TIMES = 4.0
"""A source is quiet when it has brought nothing for so many times its usual interval,"""
QUIET_AT_LEAST = timedelta(hours=24)
"""and at least for so long."""
LEARNED = 10
"""Polls after which a source's rhythm is known."""
ASLEEP = timedelta(hours=1)
"""A poller that has done nothing for so long does not run, or stands still."""


@dataclass(frozen=True)
class Yield:
    """What the warehouse has from a source in the week before ``now``."""

    source: str
    articles: int
    duplicates: int
    rejects: int
    last_at: datetime | None
    """The last new article."""


@dataclass(frozen=True)
class SourceLine:
    """A source as the page shows it. Without a poller's state only the yield is known."""

    source: str
    feeds: tuple[FeedState, ...]
    week: Yield | None
    alarm: str | None
    """Why somebody should look at it; None when all is well."""

    @property
    def status(self) -> str:
        return _worst(f.status for f in self.feeds) if self.feeds else "unknown"


ORDER = ("retired", "failing", "throttled", "new", "ok")


def _worst(statuses: Iterable[str]) -> str:
    return min(statuses, key=lambda s: ORDER.index(s) if s in ORDER else 0)


def yields(warehouse: Warehouse, now: datetime) -> list[Yield]:
    """What came in the last week, a line a source."""
    rows = warehouse.query(
        "SELECT coalesce(source, ''), "
        "sum(CASE WHEN outcome IN ('article', 'revision') THEN 1 ELSE 0 END), "
        "sum(CASE WHEN outcome = 'duplicate' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN outcome = 'reject' THEN 1 ELSE 0 END), "
        "max(CASE WHEN outcome = 'article' THEN coalesce(fetched_at, \"at\") END) "
        'FROM receipts WHERE "at" >= ? GROUP BY 1 ORDER BY 1',
        [now - WEEK],
    )
    return [Yield(source, int(a), int(d), int(r), last) for source, a, d, r, last in rows]


def lines(feeds: Iterable[FeedState], week: Iterable[Yield]) -> list[SourceLine]:
    """Both put together, those with an alarm first."""
    by_source: dict[str, list[FeedState]] = {}
    for feed in feeds:
        by_source.setdefault(feed.source, []).append(feed)
    by_yield = {y.source: y for y in week}
    found = [
        SourceLine(name, tuple(by_source.get(name, ())), by_yield.get(name), alarm(by_source.get(name, ())))
        for name in by_source.keys() | by_yield.keys()
    ]
    return sorted(found, key=lambda line: (line.alarm is None, line.source))


def asleep(feeds: Iterable[FeedState], now: datetime) -> datetime | None:
    """When the poller last polled anything, if that is too long ago; None when it is well, or never ran."""
    last = max((f.polled_at for f in feeds if f.polled_at), default=None)
    return last if last and now - last > ASLEEP else None


def alarm(feeds: Iterable[FeedState]) -> str | None:
    """Why somebody should look at these feeds of a source: as of the last poll, since a poller that stands still is one
    alarm and not one a source."""
    for feed in feeds:
        if feed.status == "retired":
            return f"given up: {feed.reason}"
        if feed.failures >= 3:
            return f"{feed.failures} failures in a row: {feed.reason}"
        last = feed.new_at or feed.succeeded_at
        if last and feed.rate and feed.polled_at and feed.polls >= LEARNED:
            usual = timedelta(seconds=min(1 / feed.rate, 30 * 86400.0))
            if feed.polled_at - last > max(QUIET_AT_LEAST, QUIET_TIMES * usual):
                return f"quiet: nothing new since {last:%d %b %H:%M}, usually every {words(usual)}"
    return None


def words(span: timedelta) -> str:
    """A span in one unit: 5 min, 3 h, 2 days."""
    seconds = span.total_seconds()
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} min"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"
