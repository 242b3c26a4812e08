"""The door for RSS 0.9x to 2.0, RDF (RSS 1.0) and Atom 0.3 and 1.0.

In: the text of the document and its root tag. Out: a ``Feed``; each entry that can't be used is a ``Problem``. The
document is cut into entries (``markup``), feedparser's handlers read each of them (``handlers``), and the rules of
``fields`` decide what is its link, its title, its text. Relative links are resolved against ``xml:base``, else, in
RSS, the channel's link, else the feed's own URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.feeds import fields
from connectors.feeds.handlers import MAX_LOOSE, Unreadable, read_loosely, read_strictly
from connectors.feeds.markup import (
    FIXED_PREFIXES,
    NAMESPACES,
    Piece,
    Tag,
    cut,
    end_missing,
    find_tag,
    mend,
    start_tag,
    undeclared_namespaces,
)
from connectors.feeds.model import MAX_ENTRIES, MAX_ENTRY, Feed, Item, Problem
from schemas.records import DateClue, Entry

ROOTS = "rss|rdf|feed|channel"
_ENTRY_NAMESPACES = (
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://www.w3.org/2005/Atom",
    "http://purl.org/atom/ns#",
)
_HTML_TYPES = ("", "text/html", "application/xhtml+xml", "html", "xhtml")
_TEXT_TYPES = ("", "text", "text/plain", *_HTML_TYPES)
_UPDATE_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_MAX_HEAD = 512 * 2**10
_TTL_BOUNDS = (timedelta(minutes=1), timedelta(days=366))


@dataclass(frozen=True)
class _Frame:
    """What an entry inherits: the tags around it, and what they say."""

    opening: str
    closing: str
    base: str
    language: str | None
    authors: tuple[str, ...]
    rights: str | None


def read(text: str, root: Tag, url: str) -> Feed:
    """Return what the feed in ``text`` says. ``url``: where it was found. Never raises: a document with a feed's root
    is a feed, though perhaps one of which nothing is readable."""
    atom = root.name == "feed"
    opening, closing = _root_tags(text, root)
    known = {
        k.partition(":")[2] for k, v in root.attributes.items() if k.startswith("xmlns:") and v in _ENTRY_NAMESPACES
    }
    prefixes = known if root.name == "rdf" else known | {root.prefix}
    parts = cut(text[root.end :], "entry" if atom else "item", prefixes, MAX_ENTRIES)
    head, version = _head(parts.frame, opening, closing, root, url)
    site_url = _link(head, url)
    if root.name == "rss":
        channel = find_tag(parts.frame, "channel")
        inherited = {k: v for k, v in channel.attributes.items() if k.startswith("x")} if channel else {}
        opening, closing = opening + start_tag("channel", inherited), "</channel>" + closing
    frame = _Frame(
        opening,
        closing,
        base=url if atom else site_url or url,
        language=fields.plain_line(head.get("language"), 40),
        authors=_authors(head) if atom else (),
        rights=_rights(head),
    )
    outcomes = [_outcome(piece, frame) for piece in parts.pieces]
    problems = [o for o in outcomes if isinstance(o, Problem)]
    if parts.more:
        problems.append(fields.problem("entry_unreadable", f"only the first {MAX_ENTRIES} entries were read", ""))
    return Feed(
        format=version,
        title=fields.plain_title(head.get("title")),
        language=frame.language,
        items=fields.without_repeats(o for o in outcomes if isinstance(o, Item)),
        problems=tuple(problems),
        ttl=_ttl(head),
        next_url=_related(head, "next", url),
        moved_to=fields.absolute_url(head.get("itunes_new-feed-url") or head.get("newlocation"), url),
        self_url=_related(head, "self", url),
        site_url=site_url,
    )


def _root_tags(text: str, root: Tag) -> tuple[str, str]:
    """The root's start and end tag, with the namespaces that the document uses and does not declare."""
    name = {"rdf": "rdf:RDF", "feed": f"{root.prefix}:feed" if root.prefix else "feed"}.get(root.name, "rss")
    attributes = {k: v for k, v in root.attributes.items() if k not in FIXED_PREFIXES and (v.strip() or ":" not in k)}
    if root.name == "rdf":
        attributes["xmlns:rdf"] = NAMESPACES["rdf"]
    attributes |= undeclared_namespaces(text, (k.partition(":")[2] for k in attributes if k.startswith("xmlns:")))
    inner = ("<channel>", "</channel>") if root.name == "channel" else ("", "")
    return start_tag(name, attributes) + inner[0], f"{inner[1]}</{name}>"


def _head(markup: str, opening: str, closing: str, root: Tag, url: str) -> tuple[Mapping[str, Any], str]:
    """What the feed says of itself, and its format. ``markup``: the document without root tag and entries."""
    body = mend(re.sub(rf"</(?:[\w.-]+:)?{root.name}\s*>.*", "", markup[:_MAX_HEAD], flags=re.IGNORECASE | re.DOTALL))
    fallback = {"rdf": "rss10", "feed": "atom"}.get(root.name, "rss")
    try:
        handler = read_strictly(opening + body + closing, url) or read_loosely(opening + body[:MAX_LOOSE], url)
    except Unreadable:
        return {}, fallback
    return handler.feeddata, handler.version or fallback


def _outcome(piece: Piece, frame: _Frame) -> Item | Problem:
    if len(piece.text) > MAX_ENTRY:
        return fields.problem("entry_unreadable", f"longer than {MAX_ENTRY} characters", piece.text)
    try:
        found = _read_piece(piece, frame)
    except Unreadable as e:
        return fields.problem("entry_unreadable", str(e), piece.text)
    if found is None:
        return fields.problem("entry_unreadable", "cut off, or no element in it can be read", piece.text)
    entry = _entry(found, frame)
    url = _link(found, frame.base)
    if not fields.usable(url, entry) and not piece.whole:
        return fields.problem("entry_unreadable", "it breaks off before its link", piece.text)
    if not fields.usable(url, entry):
        links = fields.unique(fields.plain_line(link.get("href"), 200) for link in _parts(found, "links"))
        detail = f"no http or https link: {', '.join(links[:3])}" if links else "no link"
        return fields.problem("entry_no_link", detail, piece.text)
    return fields.item(url, entry)


def _read_piece(piece: Piece, frame: _Frame) -> Mapping[str, Any] | None:
    """What feedparser makes of an entry: by its strict parser, failing that by the loose one."""
    text = piece.text if piece.whole else end_missing(piece.text)
    # Without an xml:base the links are resolved afterwards; feedparser would resolve the base anew at each element.
    base = frame.base if "base" in frame.opening or "xml:base" in text else ""
    handler = read_strictly(frame.opening + mend(text) + frame.closing, base)
    if handler is None:
        short = text if len(text) <= MAX_LOOSE else end_missing(text[:MAX_LOOSE])
        handler = read_loosely(frame.opening + mend(short) + frame.closing, base)
    found = handler.entries[0] if handler.entries else None
    return found if found else None


def _entry(found: Mapping[str, Any], frame: _Frame) -> Entry:
    contents = [
        _text(c.get("value")) for c in _parts(found, "content") if "src" not in c and c.get("type", "") in _TEXT_TYPES
    ]
    content, summary = fields.texts(contents, (_text(found.get(key)) for key in ("summary", "other_summary")))
    titles = (fields.plain_title(found.get(key)) for key in ("title", "other_title"))
    return Entry(
        guid=fields.plain_line(found.get("id"), fields.MAX_URL),
        title=next((t for t in titles if t), None),
        summary=summary,
        content=content,
        content_type=fields.content_type(content),
        authors=_authors(found) or frame.authors,
        language=_language(found) or frame.language,
        dates=_dates(found),
        tags=fields.unique(fields.plain_line(t.get("label") or t.get("term"), 200) for t in _parts(found, "tags")),
        rights=_rights(found) or frame.rights,
    )


def _link(found: Mapping[str, Any], base: str) -> str | None:
    """The page of an entry or a feed: FeedBurner's original link, a link to an HTML page (rel="alternate", which is
    the default), one to any other, a GUID that is a permanent link, the address of content kept elsewhere."""
    alternates = [link for link in _parts(found, "links") if link.get("rel") == "alternate"]
    pages = [link for link in alternates if link.get("type", "") in _HTML_TYPES]
    guid, permanent = str(found.get("id", "")), str(found.get("permalink", "false")).lower()
    candidates = [
        found.get("feedburner_origlink"),
        *(link.get("href") for link in (*pages, *alternates)),
        guid
        if permanent == "true" or (permanent != "false" and guid.lower().startswith(("http://", "https://")))
        else None,
        *(content.get("src") for content in _parts(found, "content") if content.get("type") in _HTML_TYPES),
    ]
    return next((url for url in (fields.absolute_url(c, base) for c in candidates) if url), None)


def _related(head: Mapping[str, Any], rel: str, url: str) -> str | None:
    return next(
        (fields.absolute_url(link.get("href"), url) for link in _parts(head, "links") if link.get("rel") == rel), None
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _parts(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """What feedparser collected under ``key``; an element of the document's own may have the same name."""
    value = found.get(key)
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, Mapping)]


def _dates(found: Mapping[str, Any]) -> tuple[DateClue, ...]:
    """The dates as they stand. ``dc:date`` is when an item came out: RSS 1.0 has no other."""
    published = [fields.plain_line(found.get(key), 100) for key in ("published", "dc_date")]
    if not any(published):
        published = [fields.plain_line(found.get("created"), 100)]
    modified = fields.plain_line(dict(found).get("updated"), 100)
    clues = [DateClue(raw=raw, origin="feed") for raw in fields.unique(published)]
    return (*clues, DateClue(raw=modified, origin="feed", role="modified")) if modified else tuple(clues)


def _authors(found: Mapping[str, Any]) -> tuple[str, ...]:
    return fields.unique(fields.byline(author.get("name")) for author in _parts(found, "authors"))


def _language(found: Mapping[str, Any]) -> str | None:
    own = [found.get("language")]
    own += [part.get("language") for key in ("summary_detail", "title_detail") for part in _parts(found, key)]
    return next((language for language in (fields.plain_line(o, 40) for o in own) if language), None)


def _rights(found: Mapping[str, Any]) -> str | None:
    licences = [link.get("href") for link in _parts(found, "links") if link.get("rel") == "license"]
    return fields.plain_title(found.get("rights")) or next(filter(None, (fields.plain_line(u) for u in licences)), None)


def _ttl(head: Mapping[str, Any]) -> timedelta | None:
    """``ttl`` (RSS 2.0, minutes), else the update period of the syndication module divided by its frequency."""
    try:
        period = timedelta(minutes=int(head["ttl"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        period = _UPDATE_PERIODS.get(str(head.get("sy_updateperiod", "")).strip().lower(), timedelta())
        frequency = str(head.get("sy_updatefrequency") or 1).strip()
        period /= max(1, int(frequency)) if frequency.isascii() and frequency.isdigit() and len(frequency) < 6 else 1
    return period if _TTL_BOUNDS[0] <= period <= _TTL_BOUNDS[1] else None
