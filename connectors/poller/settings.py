"""What can be set of the poller, and what it tells of its work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from connectors.http import Caps, HttpSettings, Pacing
from connectors.poller.commit import CommitSettings
from connectors.poller.dispatch import Lanes
from connectors.poller.feed_state import Suspicion
from connectors.poller.items import ItemSettings
from connectors.poller.schedule import Cadence
from connectors.scraper.documents import ReaderSettings
from connectors.scraper.sitemaps import SitemapSettings


@dataclass(frozen=True)
class PageSettings:
    """How the pages of entries are fetched."""

    lanes: Lanes = field(default_factory=lambda: Lanes(per_host=2, quick=32, open=200))
    caps: Caps = field(default_factory=Caps)
    attempts: int = 4
    """Tries of a page that fails for the moment, before it is given up."""
    retry_after: timedelta = timedelta(minutes=10)
    """The wait before the second try, four times as long before each further one."""
    longest_wait: timedelta = timedelta(hours=24)
    revisit_after: tuple[timedelta, ...] = ()
    """When pages are looked at again for revisions that the feed does not show, each counted from the visit before."""


@dataclass(frozen=True)
class PollSettings:
    http: HttpSettings = field(default_factory=HttpSettings)
    """``concurrency`` is raised to what the lanes can have open."""
    pacing: Pacing = field(default_factory=Pacing)
    cadence: Cadence = field(default_factory=Cadence)
    suspicion: Suspicion = field(default_factory=Suspicion)
    items: ItemSettings = field(default_factory=ItemSettings)
    sitemaps: SitemapSettings = field(default_factory=SitemapSettings)
    pages: PageSettings = field(default_factory=PageSettings)
    lanes: Lanes = field(default_factory=Lanes)
    document_caps: Caps = field(default_factory=lambda: Caps(time=60.0, compressed=32 * 2**20, decompressed=64 * 2**20))
    """Of feeds, sitemaps and section pages."""
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    commit: CommitSettings = field(default_factory=CommitSettings)
    stop_grace: float = 3.0
    """Seconds that work under way has to finish when the poller is stopped."""


Outcome = Literal[
    "new",
    "unchanged",
    "moved",
    "failing",
    "throttled",
    "retired",
    "fetched",
    "failed",
    "later",
    "same",
    "sitemap-failed",
    "full",
    "room",
]


@dataclass(frozen=True)
class Event:
    """Something the poller did.

    Of a source: ``new`` (its document came and has ``items`` new or changed entries, perhaps none), ``unchanged`` (304,
    or the same bytes), ``moved`` (as ``new`` or ``unchanged``, and the feed has moved for good), ``failing``,
    ``throttled``, ``retired``; ``sitemap-failed``: one below an index has.
    Of a page: ``fetched``, ``failed`` (given up), ``later`` (to be tried again), ``same`` (a second visit found
    nothing new).
    Of the queue, which has no source and URL: ``full`` (nothing is fetched until there is room), ``room``.
    """

    kind: Literal["source", "page", "queue"]
    source: str
    url: str
    outcome: Outcome
    reason: str | None = None
    detail: str = ""
    items: int = 0


OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Summary:
    """What one run did."""

    sources: Mapping[str, int] = field(default_factory=dict)
    """Outcome of polls -> how many."""
    pages: Mapping[str, int] = field(default_factory=dict)
    """Outcome of page fetches -> how many."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why polls and pages failed -> how often."""
    items: int = 0
    """New or changed entries."""
    messages: int = 0
    """Appended to the queue."""
    not_due: int = 0
    """Sources that were left alone: it was not their time, or they are retired."""
    waiting: int = 0
    """Pages that are left for a later run."""
    seconds: float = 0.0


class Tally:
    """Counts events into a ``Summary``."""

    def __init__(self) -> None:
        self.sources: Counter[str] = Counter()
        self.pages: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.items = 0

    def add(self, event: Event) -> None:
        (self.sources if event.kind == "source" else self.pages)[event.outcome] += 1
        self.items += event.items
        if event.reason is not None:
            self.reasons[event.reason] += 1

    def summary(self, messages: int, not_due: int, waiting: int, seconds: float) -> Summary:
        return Summary(
            sources=dict(self.sources),
            pages=dict(self.pages),
            reasons=dict(self.reasons),
            items=self.items,
            messages=messages,
            not_due=not_due,
            waiting=waiting,
            seconds=seconds,
        )
