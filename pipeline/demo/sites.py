"""What each outlet's server answers: a pure function from the material and the stage to the answers by path."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.demo import syndication
from pipeline.demo.material import Material, Outlet, Trouble, Wording
from pipeline.demo.pages import FEED_TYPES, Published, article_page, notice, path_of, section_page

HUGE = 12 * 10**6
"""Bytes of the page that is too large."""
TROUBLED = "snag"
"""The outlet at which everything goes wrong."""
ROBOTS = "User-agent: *\nDisallow: /members/\n"


@dataclass(frozen=True)
class Answer:
    """An HTTP response; ``modified`` is its Last-Modified."""

    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    location: str | None = None
    modified: datetime | None = None


def answers(material: Material, key: str, bases: Mapping[str, str], stage: int) -> dict[str, Answer]:
    """Path (with its query, where the path alone does not say) -> answer of the outlet ``key`` at this stage;
    ``bases``: the outlets' addresses, such as http://127.0.1.1:8000."""
    outlet, base = material.outlets[key], bases[key]
    items = material.of(key, stage)
    found = {"/robots.txt": Answer(ROBOTS.encode(), "text/plain")}
    found["/"] = found["/archive"] = _page(outlet, section_page(outlet, items))
    for article, wording in items:
        path = path_of(outlet, article)
        if article.locked:
            found[path] = Answer(b"<title>Clients only</title><p>Please log in.", status=403)
            continue
        page = article_page(outlet, article, wording, base, items)
        found[path] = _page(outlet, page, wording)
        if outlet.amp:
            page = article_page(outlet, article, wording, base, items, amp=True)
            found[f"/amp{path}"] = _page(outlet, page, wording)
    troubles = material.troubles if key == TROUBLED else ()
    found |= _feeds(outlet, items, base, [t for t in troubles if not t.source])
    for trouble in troubles:
        found |= _trouble(trouble, outlet)
    if key == TROUBLED:
        for moved in (o for o in material.outlets.values() if o.moved_from):
            found[str(moved.moved_from)] = Answer(status=301, location=bases[moved.key] + moved.feed_path)
    return found


def _feeds(outlet: Outlet, items: list[Published], base: str, troubles: list[Trouble]) -> dict[str, Answer]:
    content_type = FEED_TYPES[outlet.feed]
    # The latest change of any wording: what a conditional request compares with.
    modified = max(wording.at for _, wording in items)
    if outlet.feed == "section":
        return {outlet.feed_path: _page(outlet, section_page(outlet, items))}
    if outlet.feed == "sitemap":
        news = gzip.compress(syndication.news_sitemap(outlet, items, base).encode(), mtime=0)
        return {
            outlet.feed_path: Answer(syndication.sitemap_index(base).encode(), content_type),
            syndication.NEWS_SITEMAP_PATH: Answer(news, "application/gzip", modified=modified),
        }
    if outlet.feed == "malformed":
        return {outlet.feed_path: Answer(syndication.malformed(outlet, items, base, troubles).encode(), content_type)}
    feed = syndication.FEEDS[outlet.feed](outlet, items, base)
    return {outlet.feed_path: Answer(feed.encode(outlet.charset), content_type, modified=modified)}


def _page(outlet: Outlet, page: str, wording: Wording | None = None) -> Answer:
    body = page.encode(outlet.charset, "xmlcharrefreplace")
    # Pages that are not UTF-8 say so only inside, as such sites do.
    content_type = "text/html; charset=utf-8" if outlet.charset == "utf-8" else "text/html"
    return Answer(body, content_type, modified=wording.at if wording else None)


def _trouble(trouble: Trouble, outlet: Outlet) -> dict[str, Answer]:
    path = trouble.path
    match trouble.answer:
        case "none" | "missing":
            return {}
        case "loop":
            return {path: Answer(status=302, location="/round"), "/round": Answer(status=302, location=path)}
        case "file":
            return {path: Answer(status=302, location="file:///etc/hostname")}
        case "gone":
            return {path: Answer(b"<h1>Gone</h1>", status=410)}
        case "consent" | "soft-404" | "paywall":
            return {path: Answer(notice(trouble.answer).encode())}
        case "challenge":
            return {path: Answer(notice("challenge").encode(), status=202)}
        case "huge":
            line = b"<p>The minutes of the last meeting were read and agreed.</p>\n"
            return {path: Answer(b"<title>Minutes</title>" + line * (HUGE // len(line)))}
        case "pdf":
            return {path: Answer(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n%%EOF\n", "application/pdf")}
        case "page" | "html-feed":
            return {path: _page(outlet, section_page(outlet, []))}
        case "noise":
            return {path: Answer(b"\x00\x01 sunny, later " + bytes(range(128, 256)), "application/xml")}
    raise ValueError(f"{path}: no answer is called {trouble.answer!r}")
