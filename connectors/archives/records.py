"""From an object of an archive (a JSON line, a row of Parquet, a sidecar) to an item. Pure.

Which keys hold what is a table, ``fields.toml``: a layout for each common dump. ``url`` and ``text`` or ``html`` are
needed, the other fields of ``Item`` may come, more keys are ignored; null and "" are as absent.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

import msgspec

from connectors.scraper.sites import site_of
from schemas.fetched import fetched
from schemas.records import DateClue, Entry, Failure, Fetched

KEPT_BYTES = 2**20
"""How much of a record that can't be used is kept with its reject."""

Fields = tuple[tuple[str, str], ...]
"""(field, key) pairs of the user's: looked under before those of the layout."""


class BadRecord(ValueError):
    """The record can't be used; the message says why."""


class TooLarge(BadRecord):
    """It has more bytes than allowed."""


class Item(msgspec.Struct):
    """What an object says. Dates may be text or seconds since 1970; authors and tags one string or several."""

    url: str | None = None
    text: str | None = None
    html: str | None = None
    title: str | None = None
    published_at: str | int | float | None = None
    modified_at: str | int | float | None = None
    fetched_at: str | int | float | None = None
    source: str | None = None
    language: str | None = None
    authors: str | list[str | None] | None = None
    rights: str | None = None
    tags: str | list[str | None] | None = None
    canonical_url: str | None = None


@dataclass(frozen=True)
class Layout:
    """How a dump names its fields. ``has``: the keys by which it is known; ``keys``: where each field is looked up."""

    name: str
    has: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]


@functools.cache
def layouts() -> tuple[Layout, ...]:
    """Those of fields.toml, in its order."""
    table = tomllib.loads(resources.files("connectors.archives").joinpath("fields.toml").read_text("utf-8"))
    return tuple(
        Layout(name, tuple(row["has"]), {field: tuple(keys) for field, keys in row.items() if field != "has"})
        for name, row in table.items()
    )


def layout_of(record: Mapping[str, Any]) -> Layout:
    """The layout whose keys the record has, even if they are empty there."""
    return next(layout for layout in layouts() if all(_has(record, key) for key in layout.has))


def item_of(record: Any, fields: Fields = ()) -> Item:
    """What the record says. Raises ``BadRecord`` if it is no object with a url and a text or html."""
    if not isinstance(record, Mapping):
        raise BadRecord(f"wrong type: expected an object, got {_kind(record)}")
    layout = layout_of(record)
    found: dict[str, Any] = {}
    for field in Item.__struct_fields__:
        own = tuple(key for name, key in fields if name == field)
        for key in (*own, *layout.keys.get(field, ())):
            value = _look_up(record, key)
            if value is not None and value != "":
                found[field] = _plain(value)
                break
    if "text" in found:
        found["text"] = _flat(found["text"])
    try:
        item = msgspec.convert(found, Item)
    except msgspec.ValidationError as e:
        raise BadRecord(f"wrong type: {e}") from e
    if not (item.url or "").strip():
        raise BadRecord("no url")
    if not (item.text or "").strip() and not (item.html or "").strip():
        raise BadRecord("neither text nor html")
    return item


def to_fetched(item: Item, archive: str, place: str) -> Fetched:
    """The item of the archive of this name. Raises ``BadRecord`` for a ``fetched_at`` that is no time."""
    url = (item.url or "").strip()
    published = [DateClue(raw=raw, origin="archive") for raw in _raw(item.published_at)]
    modified = [DateClue(raw=raw, origin="archive", role="modified") for raw in _raw(item.modified_at)]
    return fetched(
        source=item.source or site_of(url) or "archive",
        url=url,
        # What an archive calls canonical is where the URL led when it was made.
        final_url=item.canonical_url or None,
        fetched_at=_time(item.fetched_at),
        content_type="text/html; charset=utf-8" if item.html else None,
        body=item.html.encode("utf-8", "replace") if item.html else None,
        entry=Entry(
            title=item.title or None,
            content=item.text or None,
            content_type="text/plain",
            authors=_several(item.authors),
            language=item.language or None,
            dates=(*published, *modified),
            tags=_several(item.tags),
            rights=item.rights or None,
        ),
        position=place,
        provenance=provenance(archive),
    )


def failed(
    reason: str, detail: str, archive: str, place: str, body: bytes | None = None, url: str | None = None, **more: Any
) -> Fetched:
    """An item that could not be read: why, and what is there instead, as far as it is kept."""
    return fetched(
        source=(site_of(url) if url else "") or "archive",
        url=url,
        failure=Failure(reason=reason, detail=detail[:500]),
        body=None if body is None else body[:KEPT_BYTES],
        position=place,
        provenance=provenance(archive),
        **more,
    )


def provenance(archive: str) -> dict[str, str]:
    """How an item of an archive came."""
    return {"connector": "archive", "archive": archive}


# -- values ------------------------------------------------------------------------------------------------------------


def _has(record: Mapping[str, Any], key: str) -> bool:
    if key in record:
        return True
    head, dot, rest = key.partition(".")
    inner = record.get(head) if dot else None
    return isinstance(inner, Mapping) and _has(inner, rest)


def _look_up(record: Any, key: str) -> Any:
    if not isinstance(record, Mapping):
        return None
    if key in record:
        return record[key]
    head, dot, rest = key.partition(".")
    return _look_up(record.get(head), rest) if dot else None


def _plain(value: Any) -> Any:
    """Times as text, which is what JSON would hold."""
    return value.isoformat() if isinstance(value, date | datetime) else value


def _flat(value: Any) -> Any:
    """A text that comes in parts (a list of paragraphs; fundus' summary and sections) as one, a paragraph a line."""
    if isinstance(value, Mapping):
        value = [*_listed(value.get("summary")), *_listed(value.get("sections"))]
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    parts: list[str] = []
    for part in value:
        if isinstance(part, Mapping):
            parts += [*_listed(part.get("headline")), *_listed(part.get("paragraphs"))]
        elif part is not None:
            parts.append(part)
    return "\n".join(parts) if all(isinstance(part, str) for part in parts) else value


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _several(value: str | list[str | None] | None) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value or ()
    return tuple(v for v in values if v and v.strip())


def _raw(value: str | float | None) -> list[str]:
    """The date as text, if there is one."""
    text = "" if value is None else str(value).strip()
    return [text] if text else []


def _time(value: str | float | None) -> datetime | None:
    """A time of the archive maker's own: ISO 8601 (UTC when it has no zone) or seconds since 1970."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as e:
        raise BadRecord(f"fetched_at {value!r} is no time") from e


def _kind(value: Any) -> str:
    return {str: "a text", list: "an array", type(None): "null", bool: "true or false"}.get(type(value), "a number")
