"""Which door a document goes through: the one place where formats are told apart."""

from __future__ import annotations

import re

from connectors.feeds import jsonfeed, sitemap, syndication
from connectors.feeds.charset import read_text
from connectors.feeds.markup import find_tag, without_doctype
from connectors.feeds.model import Feed, FeedError

_PROLOGUE = 64 * 2**10
"""Characters in which the root is looked for: some servers put warnings in front."""
_HTML_START = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BEFORE_ROOT = re.compile(r"\s+|<\?[^>]*>|<!--.*?(?:-->|\Z)", re.DOTALL)
_HTML_TAG = re.compile(r"<(?:!doctype\s+html|html|head|body|div|p|script|title|meta|table|span|br)\b", re.IGNORECASE)


def parse_feed(body: bytes, *, content_type: str | None, url: str) -> Feed:
    """Return what a feed or sitemap says.

    ``body``: as received, HTTP's content-encoding removed (a gzip file in it is unpacked). ``content_type``: the
    header as received; only its charset is heeded, since every media type is in use for every format. ``url``: where
    it was found, for relative links.

    Raises ``FeedError`` when it is no feed at all. Pure, and linear in the size of the document.
    """
    text = read_text(body, content_type)
    start = text[:_PROLOGUE].lstrip()
    if not start:
        raise FeedError("feed_unreadable", "the body is empty")
    if start[0] in "{[":
        return jsonfeed.read(text, url)
    if start[:8].lower().startswith(("http://", "https://")):
        return sitemap.read_lines(text)
    if not _is_html(start):
        text = without_doctype(text)
        root = find_tag(text, f"{syndication.ROOTS}|{sitemap.ROOTS}", _PROLOGUE)
        if root is not None:
            door = sitemap if root.name in sitemap.ROOTS.split("|") else syndication
            return door.read(text, root, url)
    if _HTML_TAG.search(start):
        raise FeedError("feed_html", f"an HTML page: {_excerpt(start)}")
    raise FeedError("feed_unreadable", f"neither XML nor JSON of a feed: {_excerpt(start)}")


def _is_html(start: str) -> bool:
    position = 0
    while skipped := _BEFORE_ROOT.match(start, position):
        position = skipped.end()
    return _HTML_START.match(start, position) is not None


def _excerpt(text: str) -> str:
    shown = " ".join(text[:400].split())
    return repr(shown[:80]) if shown.isprintable() else ascii(shown[:80])
