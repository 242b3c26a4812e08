"""Which sitemaps below an index are worth a look: pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.feeds.model import MAX_SITEMAP_DEPTH, SitemapLink
from connectors.scraper.dates import rough_date

_DATE = re.compile(r"(?<!\d)(20\d\d)(?:[-_/.]?(0[1-9]|1[0-2])(?:[-_/.]?(0[1-9]|[12]\d|3[01]))?)?(?!\d)")


@dataclass(frozen=True)
class SitemapSettings:
    most: int = 50
    """Sitemaps fetched below one index in one poll."""
    depth: int = MAX_SITEMAP_DEPTH
    """Indexes below one another that are followed."""


def chosen(links: Sequence[SitemapLink], limit: int, at: datetime, age: timedelta) -> list[str]:
    """URLs of at most ``limit`` of an index's sitemaps, the likeliest to have news first.

    Those whose URL names a day, month or year that ended more than ``age`` ago are left out, and so are those last
    modified longer ago, if any was modified since: an index in which none was has dates that nobody keeps. The latest
    dates come first; then, since sites list either their newest or their oldest first, the others from both ends."""
    oldest = at - age
    found: dict[str, datetime | None] = {}
    for link in _from_both_ends(links):
        end = period_end(link.url)
        if end is None or end >= oldest:
            found.setdefault(link.url, (rough_date(link.modified) if link.modified else None) or end)
    kept = any(date is not None and date >= oldest for date in found.values())
    dated = [(date, url) for url, date in found.items() if date is not None and (date >= oldest or not kept)]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [*(url for _, url in dated), *(url for url, date in found.items() if date is None)][:limit]


def period_end(url: str) -> datetime | None:
    """When the day, month or year that a sitemap's URL names is over; None when it names none."""
    found = _DATE.findall(url)
    if not found:
        return None
    year, month, day = (int(part or 0) for part in found[-1])
    try:
        if not month:
            return datetime(year + 1, 1, 1, tzinfo=UTC)
        if not day:
            return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        return None


def _from_both_ends(links: Sequence[SitemapLink]) -> Iterable[SitemapLink]:
    for i in range((len(links) + 1) // 2):
        yield links[i]
        if i != len(links) - 1 - i:
            yield links[len(links) - 1 - i]
