"""Which feeds an HTML page offers (feed autodiscovery, RFC 5023's rel="alternate" in practice), and where else to look.

The candidates are addresses only: whether a feed is there is known when it has been fetched and parsed. Types, shapes
of addresses and usual places are data, in feeds.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from lxml import etree, html

from connectors.feeds.charset import clean, decode
from connectors.feeds.fields import absolute_url, feed_data, plain_line, plain_title

MAX_PAGE = 4 * 2**20
"""Bytes of a page that are looked at: feeds are named in its head."""
MAX_CANDIDATES = 100


@dataclass(frozen=True)
class FeedLink:
    """An address where a feed may be. ``found``: declared by the page, linked on it, or a usual place for feeds."""

    url: str
    title: str | None = None
    type: str | None = None
    found: Literal["declared", "linked", "usual"] = "declared"


def feeds_of_page(page: bytes | str, url: str, content_type: str | None = None) -> tuple[FeedLink, ...]:
    """Return where feeds of the page may be, each address once, the more promising first.

    ``url``: the page's, after redirects. Never raises; of bytes that are no page, only the usual places.
    """
    text = clean(decode(page[:MAX_PAGE], content_type) if isinstance(page, bytes) else page[:MAX_PAGE])
    found = [*_in_page(text, url), *_usual(url)]
    links: dict[str, FeedLink] = {}
    for link in found:
        links.setdefault(link.url, link)
    return tuple(links.values())[:MAX_CANDIDATES]


def _in_page(text: str, url: str) -> Iterator[FeedLink]:
    data = feed_data()["discovery"]
    shapes = re.compile("|".join(data["paths"]), re.IGNORECASE)
    parser = html.HTMLParser(no_network=True, encoding="utf-8")
    try:
        document = html.document_fromstring(text.encode(), parser)
    except etree.ParserError:  # there is nothing in it
        return
    base = next((b for b in (absolute_url(e.get("href"), url) for e in document.iter("base")) if b), url)
    for link in document.iter("link"):
        rels = (link.get("rel") or "").lower().split()
        kind = (link.get("type") or "").split(";")[0].strip().lower()
        address = absolute_url(link.get("href"), base)
        if address and ("feed" in rels or ("alternate" in rels and kind in data["types"])):
            yield FeedLink(address, plain_title(link.get("title")), kind or None)
    for anchor in document.iter("a"):
        address = absolute_url(anchor.get("href"), base)
        if address and shapes.search(_path(address)):
            title = plain_title(anchor.get("title")) or plain_line(anchor.text_content(), 200)
            yield FeedLink(address, title, plain_line(anchor.get("type"), 100), "linked")


def _usual(url: str) -> Iterator[FeedLink]:
    data = feed_data()["discovery"]
    directory = absolute_url(url, url)
    if directory is None:
        return
    here = urljoin(directory.split("?")[0].split("#")[0], ".")
    for place in (*(data["here"] if urlsplit(here).path not in ("", "/") else ()), *data["root"]):
        address = absolute_url(place, here)
        if address:
            yield FeedLink(address, found="usual")


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
