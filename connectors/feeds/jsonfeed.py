"""The door for JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/).

In: the text of the document. Out: a ``Feed``. Numbers are taken for the texts they were written as (some feeds have
numeric ids). A document that breaks off gives the items before the break; what is behind it is one ``Problem``.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from connectors.feeds import fields
from connectors.feeds.charset import clean
from connectors.feeds.model import MAX_ENTRIES, MAX_ENTRY, Feed, FeedError, Item, Problem
from schemas.records import DateClue, Entry

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(\.1)?/?\s*")


def read(text: str, url: str) -> Feed:
    """Return what the JSON Feed in ``text`` says. Raises ``FeedError`` when it is not one."""
    try:
        document, broken = _DECODER.decode(text), None
    except (ValueError, RecursionError) as e:
        document, broken = _salvage(text, e)
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise FeedError("feed_unreadable", "JSON, but not a JSON Feed: it has no list of items")
    version = _VERSION.fullmatch(str(document.get("version", "")))
    items = document["items"]
    feed_authors = _authors(document)
    outcomes = [_outcome(item, document, feed_authors, url) for item in items[:MAX_ENTRIES]]
    problems = [o for o in outcomes if isinstance(o, Problem)]
    if broken is not None:
        problems.append(broken)
    if len(items) > MAX_ENTRIES:
        problems.append(fields.problem("entry_unreadable", f"only the first {MAX_ENTRIES} entries were read", ""))
    return Feed(
        format="json1" if version and not version[1] else "json11",
        title=fields.plain_title(document.get("title")),
        language=fields.plain_line(document.get("language"), 40),
        items=fields.without_repeats(o for o in outcomes if isinstance(o, Item)),
        problems=tuple(problems),
        next_url=fields.absolute_url(document.get("next_url"), url),
        self_url=fields.absolute_url(document.get("feed_url"), url),
        site_url=fields.absolute_url(document.get("home_page_url"), url),
    )


def _salvage(text: str, error: Exception) -> tuple[dict[str, Any], Problem]:
    """The items of a broken document before the break."""
    start = re.search(r'"items"\s*:\s*\[', text)
    if start is None:
        raise FeedError("feed_unreadable", f"damaged JSON: {' '.join(str(error).split())}") from error
    items: list[Any] = []
    position = start.end()
    try:
        while True:
            item, position = _DECODER.raw_decode(text, _between(text, position))
            items.append(item)
    except (ValueError, RecursionError) as e:
        detail = f"the document breaks off here: {' '.join(str(e).split())}"
    head: dict[str, Any] = {"items": items}
    for key, value in re.findall(
        r'"(version|title|language|home_page_url)"\s*:\s*("(?:[^"\\]|\\.)*")', text[: start.start()]
    ):
        with contextlib.suppress(ValueError):  # damaged as well: the head says nothing then
            head[key] = _text(_DECODER.decode(value))
    return head, fields.problem("entry_unreadable", detail, text[position:])


def _between(text: str, position: int) -> int:
    found = re.compile(r"[\s,]*").match(text, position)
    return found.end() if found else position


def _outcome(item: Any, document: dict[str, Any], feed_authors: tuple[str, ...], url: str) -> Item | Problem:
    if not isinstance(item, dict):
        return fields.problem("entry_unreadable", "the item is no object", _raw(item))
    base = fields.absolute_url(document.get("home_page_url"), url) or url
    markup, plain = _text(item.get("content_html")), _text(item.get("content_text"))
    if sum(len(t) for t in (markup, plain) if t) > MAX_ENTRY:
        return fields.problem("entry_unreadable", f"longer than {MAX_ENTRY} characters", _raw(item))
    content, summary = fields.texts([markup or plain], [_text(item.get("summary"))])
    tags = item.get("tags")
    entry = Entry(
        guid=fields.plain_line(item.get("id"), fields.MAX_URL),
        title=fields.plain_title(item.get("title")),
        summary=summary,
        content=content,
        content_type="text/plain" if content is not None and content == plain and not markup else "text/html",
        authors=_authors(item) or feed_authors,
        language=fields.plain_line(item.get("language"), 40) or fields.plain_line(document.get("language"), 40),
        dates=_dates(item),
        tags=fields.unique(fields.plain_line(tag, 200) for tag in tags) if isinstance(tags, list) else (),
    )
    links = [item.get("url"), item.get("external_url"), entry.guid if _is_url(entry.guid) else None]
    link = next((u for u in (fields.absolute_url(candidate, base) for candidate in links) if u), None)
    if not fields.usable(link, entry):
        given = fields.plain_line(item.get("url"), 200)
        return fields.problem("entry_no_link", f"no http or https link: {given}" if given else "no link", _raw(item))
    return fields.item(link, entry)


def _dates(item: dict[str, Any]) -> tuple[DateClue, ...]:
    published = fields.plain_line(item.get("date_published"), 100)
    modified = fields.plain_line(item.get("date_modified"), 100)
    clues = [DateClue(raw=published, origin="feed")] if published else []
    return (*clues, DateClue(raw=modified, origin="feed", role="modified")) if modified else tuple(clues)


def _authors(thing: dict[str, Any]) -> tuple[str, ...]:
    """``authors`` of version 1.1, ``author`` of 1.0."""
    given = thing.get("authors")
    given = given if isinstance(given, list) else [thing.get("author")]
    names = (author.get("name") if isinstance(author, dict) else author for author in given)
    return fields.unique(map(fields.byline, names))


def _text(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _is_url(value: str | None) -> bool:
    return bool(value) and str(value).lower().startswith(("http://", "https://"))


def _raw(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False)
