"""Feeds and sitemaps: from the bytes of a document to the entries in it.

``parse_feed`` tells the format by the document itself and hands it to one of three doors: ``syndication`` (RSS, RDF,
Atom), ``jsonfeed``, ``sitemap``. Nothing here touches a network; all of it may run in a worker process.
``feeds_of_page`` finds the feeds that an HTML page offers.
"""

from connectors.feeds.discovery import FeedLink, feeds_of_page
from connectors.feeds.model import (
    MAX_DEPTH,
    MAX_DOCUMENT,
    MAX_ENTRIES,
    MAX_ENTRY,
    MAX_LINKS,
    MAX_SITEMAP_DEPTH,
    MAX_TITLE,
    Feed,
    FeedError,
    Item,
    Problem,
)
from connectors.feeds.parse import parse_feed

__all__ = [
    "MAX_DEPTH",
    "MAX_DOCUMENT",
    "MAX_ENTRIES",
    "MAX_ENTRY",
    "MAX_LINKS",
    "MAX_SITEMAP_DEPTH",
    "MAX_TITLE",
    "Feed",
    "FeedError",
    "FeedLink",
    "Item",
    "Problem",
    "feeds_of_page",
    "parse_feed",
]
