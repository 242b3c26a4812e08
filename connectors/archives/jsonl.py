"""JSON Lines: one object a line (jsonlines.org), plain or as .gz, .xz, .zst.

``url`` and ``text`` or ``html`` are needed, other keys of ``Item`` may come, more are ignored; null is as absent. A
position is a number of lines. Blank lines are skipped; a line that can't be used is an item that failed as ``bad_line``
and keeps the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from connectors.archives import Archived, streams
from connectors.scraper.sites import site_of
from schemas.fetched import fetched
from schemas.records import DateClue, Entry, Failure, Fetched

_BOM = b"\xef\xbb\xbf"
# Escapes of half a surrogate pair, which json.dumps writes and no UTF-8 can hold.
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_PAIR = re.compile(rb"(%s%s)|%s|%s" % (_HIGH, _LOW, _HIGH, _LOW))


@dataclass(frozen=True)
class Limits:
    """``line``: the bytes above which a line is not read; ``kept``: how many of a bad line's bytes are kept."""

    line: int = 32 * 2**20
    kept: int = 2**20


class Item(msgspec.Struct):
    """A line's object. Dates may be text or seconds since 1970; authors and tags one string or several."""

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


_decode = msgspec.json.Decoder(Item).decode


class BadLine(ValueError):
    """The line can't be used; the message says why."""


def parse_line(line: bytes, archive: str, position: str) -> Fetched:
    """The item in a line of the archive of this name. Raises ``BadLine``."""
    item = _item(line)
    url = (item.url or "").strip()
    if not url:
        raise BadLine("no url")
    if not (item.text or "").strip() and not (item.html or "").strip():
        raise BadLine("neither text nor html")
    published = [DateClue(raw=raw, origin="archive") for raw in _raw(item.published_at)]
    modified = [DateClue(raw=raw, origin="archive", role="modified") for raw in _raw(item.modified_at)]
    return fetched(
        source=item.source or site_of(url) or "archive",
        url=url,
        # What an archive calls canonical is where the URL led when it was made.
        final_url=item.canonical_url or None,
        fetched_at=_time(item.fetched_at),
        content_type="text/html; charset=utf-8" if item.html else None,
        body=item.html.encode() if item.html else None,
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
        position=position,
        provenance={"connector": "archive", "archive": archive},
    )


@dataclass(frozen=True)
class JSONLArchive:
    """See ``connectors.archives.Archive``."""

    path: Path
    channel: str
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, start: int = 0) -> Iterator[Archived]:
        number = 0
        with self.path.open("rb") as file:
            reader = streams.unpacked(file)
            try:
                for number, line in enumerate(streams.lines(reader, self.limits.line, self.limits.kept), 1):
                    if number > start and line.data.strip():
                        yield Archived(number, file.tell(), self._fetched(line, number))
            except streams.DAMAGE as e:
                number += 1
                if number > start:
                    failure = Failure(reason="bad_archive", detail=f"after line {number - 1}: {e}")
                    yield Archived(number, self.size, self._failed(failure, None, number))

    def _fetched(self, line: streams.Line, number: int) -> Fetched:
        if line.size > self.limits.line:
            detail = f"{line.size:,} bytes are more than the {self.limits.line:,} allowed"
            return self._failed(Failure(reason="bad_line", detail=detail), line.data, number)
        data = line.data.removeprefix(_BOM) if number == 1 else line.data
        try:
            return parse_line(data, self.name, self._place(number))
        except BadLine as e:
            return self._failed(Failure(reason="bad_line", detail=str(e)), line.data[: self.limits.kept], number)

    def _failed(self, failure: Failure, body: bytes | None, number: int) -> Fetched:
        return fetched(
            source="archive",
            failure=failure,
            body=body,
            position=self._place(number),
            provenance={"connector": "archive", "archive": self.name},
        )

    def _place(self, number: int) -> str:
        return f"{self.name}:{number}"


def _item(line: bytes) -> Item:
    try:
        try:
            return _decode(line)
        except msgspec.DecodeError:
            whole = _HALF_PAIR.sub(lambda found: found[1] or rb"\ufffd", line)
            if whole == line:
                raise
            return _decode(whole)
    except msgspec.ValidationError as e:
        raise BadLine(f"wrong type: {e}") from e
    except msgspec.DecodeError as e:
        raise BadLine(f"no JSON: {e}") from e
    except UnicodeDecodeError as e:
        raise BadLine(f"no UTF-8: {e.reason} at byte {line.find(e.object[e.start : e.end])}") from e
    except RecursionError as e:
        raise BadLine("no JSON: nested too deeply") from e


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
        raise BadLine(f"fetched_at {value!r} is no time") from e
