"""Stories and conflicts as feeds: Atom (RFC 4287) and JSON Feed 1.1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.desk.draw.words import counted, spread
from pipeline.desk.read import stories
from pipeline.desk.web import pages

ENTRIES = 50
ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Entry:
    id: str
    """A URN, the same wherever the desk is reached."""
    path: str
    title: str
    summary: str
    updated: datetime
    published: datetime | None = None


def story_entries(found: Sequence[stories.StoryLine]) -> list[Entry]:
    return [
        Entry(
            f"urn:wiredesk:story:{s.story_id}",
            f"/story/{s.story_id}",
            s.title or "(no headline)",
            f"{counted(s.independent_count, 'independent text')}, {counted(s.source_count, 'source')}"
            + (f", {counted(s.conflicts, 'conflict')}" if s.conflicts else "")
            + (f". {s.lead}" if s.lead else ""),
            s.last_published_at or datetime.fromtimestamp(0, UTC),
            s.first_published_at,
        )
        for s in found
    ]


def conflict_entries(found: Sequence[stories.Conflict]) -> list[Entry]:
    return [
        Entry(
            f"urn:wiredesk:conflict:{c.figure_id}",
            f"/story/{c.story_id}#f-{c.figure_id}",
            f"{c.measure or 'A number'}: {spread(c.low, c.high, c.unit)}",
            f"{c.story_title}. {c.note}".strip(),
            c.at or datetime.fromtimestamp(0, UTC),
        )
        for c in found
    ]


def atom(title: str, base: str, path: str, entries: Sequence[Entry]) -> bytes:
    """The entries as an Atom document; signs that XML can't hold are left out."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")

    def put(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        element.text = _NOT_XML.sub("", text) if text is not None else None
        return element

    put(feed, "title", title)
    put(feed, "id", f"urn:wiredesk:feed:{path}")
    put(feed, "updated", max((e.updated for e in entries), default=datetime.fromtimestamp(0, UTC)).isoformat())
    put(put(feed, "author"), "name", "wiredesk")
    put(feed, "link", rel="self", href=base + path)
    for e in entries:
        entry = put(feed, "entry")
        put(entry, "id", e.id)
        put(entry, "title", e.title)
        put(entry, "link", rel="alternate", href=base + e.path)
        put(entry, "updated", e.updated.isoformat())
        if e.published:
            put(entry, "published", e.published.isoformat())
        put(entry, "summary", e.summary)
    return bytes(ElementTree.tostring(feed, "utf-8", xml_declaration=True))


def json_feed(title: str, base: str, path: str, entries: Sequence[Entry]) -> bytes:
    return msgspec.json.encode(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": title,
            "home_page_url": f"{base}/",
            "feed_url": base + path,
            "items": [
                {"id": e.id, "url": base + e.path, "title": e.title, "content_text": e.summary}
                | {"date_modified": e.updated, "date_published": e.published or e.updated}
                for e in entries
            ],
        }
    )


def feed(request: Request) -> Response:
    desk = pages.desk_of(request)
    name, _, kind = request.path_params["file"].partition(".")
    if name not in ("stories", "conflicts") or kind not in ("atom", "json"):
        raise HTTPException(404, "There is no such feed.")
    if name == "stories":
        found = desk.keep("feed", lambda: stories.front(desk.warehouse, desk.clock(), ENTRIES))
        title, entries = "wiredesk: stories", story_entries(found)
    else:
        title = "wiredesk: conflicts"
        entries = conflict_entries(desk.keep("conflict feed", lambda: stories.conflicts(desk.warehouse, ENTRIES)))
    base = desk.public_url or str(request.base_url).rstrip("/")
    if kind == "atom":
        return Response(atom(title, base, request.url.path, entries), media_type="application/atom+xml")
    return Response(json_feed(title, base, request.url.path, entries), media_type="application/feed+json")


ROUTES = [Route("/feeds/{file}", feed)]
