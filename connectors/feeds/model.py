"""What a feed document says, whatever its format; and the limits that no document may exceed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from schemas.records import Entry

MAX_DOCUMENT = 64 * 2**20
"""Bytes of a document, after decompression. The sitemap protocol allows 50 MB."""
MAX_ENTRIES = 100_000
"""Entries read of a document; a sitemap may have 50,000. What comes after them is one ``Problem``."""
MAX_ENTRY = 8 * 2**20
"""Characters of one entry."""
MAX_DEPTH = 200
"""Nested elements in an entry."""
MAX_RAW = 64 * 2**10
"""Bytes kept of a damaged entry."""
MAX_TITLE = 1_000
"""Characters of a title; the rest is cut off."""
MAX_LINKS = 50_000
"""Child sitemaps of an index, the protocol's own limit."""
MAX_SITEMAP_DEPTH = 3
"""For callers that follow ``Feed.links``: how many indexes deep they should go. The protocol allows one index above
the sitemaps; a few sites have two. A document knows nothing of its parents, so only the caller can count."""


class FeedError(Exception):
    """The document as a whole can't be used. ``reason`` is ``feed_html`` or ``feed_unreadable``."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[FeedError], tuple[str, str]]:
        return type(self), (self.reason, self.detail)


@dataclass(frozen=True)
class Item:
    """An entry that can be used.

    ``url``: absolute, http or https; None when the entry has its full text and an id but no usable link.
    ``identity``: the same for the same entry at every poll: a hash of the link without scheme and fragment, and only
    for want of a link of the GUID. GUIDs are no identity: some feeds give all entries the same one or new ones at
    every poll. Links that change at every poll are the pipeline's to see through, by the page's canonical URL.
    """

    url: str | None
    identity: str
    entry: Entry


@dataclass(frozen=True)
class Problem:
    """An entry that can't be used. ``reason`` is ``entry_no_link`` or ``entry_unreadable``; ``raw`` the entry as it
    stood in the document (UTF-8, at most MAX_RAW bytes)."""

    reason: str
    detail: str
    raw: bytes
    url: str | None = None


@dataclass(frozen=True)
class SitemapLink:
    """A sitemap that an index names. ``modified``: its <lastmod> as written."""

    url: str
    modified: str | None = None


@dataclass(frozen=True)
class Feed:
    """A parsed document.

    ``format``: rss090, rss091u, rss092, rss20, rss10, atom03, atom10 and the like (feedparser's names), json1, json11,
    sitemap, news-sitemap, sitemap-index or sitemap-text.
    ``items``: in the document's order, each identity once (the first).
    ``ttl``: how long the publisher says that the document may be cached.
    ``links``: of a sitemap index, its sitemaps in the document's order, each once.
    ``next_url``: the next page of a paged feed (RFC 5005, JSON Feed).
    ``moved_to``: where the feed says that it lives now. ``self_url``: its own address as it gives it, often wrong.
    ``site_url``: the page that it is the feed of.
    """

    format: str
    title: str | None = None
    language: str | None = None
    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
    ttl: timedelta | None = None
    links: tuple[SitemapLink, ...] = ()
    next_url: str | None = None
    moved_to: str | None = None
    self_url: str | None = None
    site_url: str | None = None
