"""WARC (ISO 28500:2017), plain, .gz or .zst: the pages that crawlers keep, Common Crawl's NEWS among them.

Responses that are pages become items with their HTML, as the live fetcher has it: errors of the server fail for the
same reasons, chunked and compressed bodies are unpacked, a page over the cap fails as ``too_large``. ``resource`` and
``conversion`` records (a page without its HTTP header; the text of one) are items too. A ``revisit`` of the same
address tells nothing new; one that refers to another fails as ``revisit``, since its page is elsewhere. All else
(images, requests, redirects) is counted and no item. A damaged record is an item that failed as ``bad_record``.

Which bytes are a record, and what a position is, see ``warc_records``; fastwarc reads what a record says. The HTTP
header's Content-Length is not looked at: crawlers unpack bodies and leave it as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from fastwarc.warc import WarcRecord

from connectors.archives import PIECE_BYTES, Archived, Piece, streams
from connectors.archives import warc_records as framing
from connectors.archives.files import File
from connectors.archives.records import failed, provenance
from connectors.http.encodings import BadEncoding, BodyTooLarge, decode
from connectors.http.response import media_type
from connectors.scraper.pages import PAGE_TYPES
from connectors.scraper.sites import site_of
from schemas.fetched import KEPT_HEADERS, fetched
from schemas.records import Fetched

RECORD_CAP = 32 * 2**20
"""Bytes of a record's block, as stored in it, above which it isn't read."""
PAGE_CAP = 10 * 2**20
"""Bytes of a page: the fetcher's own cap."""
HTTP_HEAD_CAP = 2**18


@dataclass(frozen=True)
class Limits:
    """``record`` and ``page``: see ``RECORD_CAP``, ``PAGE_CAP``; ``piece``: see ``PIECE_BYTES``."""

    record: int = RECORD_CAP
    page: int = PAGE_CAP
    piece: int = PIECE_BYTES


@dataclass(frozen=True)
class Answer:
    """What a server said. ``truncated``: why the crawler cut it (WARC-Truncated)."""

    url: str
    at: datetime | None
    status: int = 200
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: str = ""


class Other(Exception):
    """The record is no page; the message says what it is."""


@dataclass(frozen=True)
class WARCArchive:
    """See ``connectors.archives.Archive``."""

    file: File
    channel: str
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        return self.file.size

    def pieces(self) -> Sequence[Piece]:
        with self.file.open() as file:
            packed = streams.compression_of(file.read(8))
        if packed != ".gz" or self.size <= self.limits.piece:
            return [Piece(size=self.size)]
        step = self.limits.piece
        return [
            Piece(n, framing.begins_at(at), framing.begins_at(at + step), min(step, self.size - at))
            for n, at in enumerate(range(0, self.size, step))
        ]

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        begin = framing.anchor_of(piece.start + 1)
        end = None if piece.end is None else framing.anchor_of(piece.end + 1)
        start = max(begin, framing.anchor_of(position))
        exact = start == 0 or position > piece.start
        with self.file.open() as file:
            for record in framing.frames(file, start, end, self.limits.record, exact):
                if record.position > position:
                    read = min(max(record.read - begin, 0), piece.size)
                    try:
                        yield Archived(record.position, read, self._fetched(record))
                    except Other as e:
                        yield Archived(record.position, read, None, str(e))

    def _fetched(self, record: framing.Framed) -> Fetched:
        """The item in a record. Raises ``Other``."""
        place = f"{self.name}:{record.anchor}" + (f"+{record.ordinal}" if record.ordinal else "")
        if record.problem:
            url = _url(_field(record.head, b"WARC-Target-URI"))
            return failed("bad_record", record.problem, self.name, place, url=url)
        if record.length > self.limits.record:
            kind = (_field(record.head, b"WARC-Type") or "").lower()
            if kind not in ("response", "resource", "conversion"):
                raise Other(kind or "no type")
            url = _url(_field(record.head, b"WARC-Target-URI"))
            detail = f"{record.length:,} bytes are more than the {self.limits.record:,} allowed"
            return failed("too_large", detail, self.name, place, url=url)
        try:
            found = WarcRecord.from_bytes(record.head + record.block + b"\r\n\r\n")
        except (OSError, ValueError) as e:
            return failed("bad_record", f"no WARC record: {e}", self.name, place)
        return read_record(found, self.name, place, self.limits.page)


def read_record(record: WarcRecord, archive: str, place: str, page_cap: int = PAGE_CAP) -> Fetched:
    """The item of the archive of this name that a whole record is. Raises ``Other``."""
    url = _url(record.headers.get("WARC-Target-URI"))
    kind = str(record.headers.get("WARC-Type") or "no type").lower()
    if kind == "revisit":
        elsewhere = _url(record.headers.get("WARC-Refers-To-Target-URI"))
        if url and elsewhere and elsewhere != url:
            return failed("revisit", f"its page is that of {elsewhere}"[:400], archive, place, url=url)
        raise Other(kind)
    if kind not in ("response", "resource", "conversion"):
        raise Other(kind)
    if url is None:
        raise Other("no web address")
    if url.partition("://")[2].partition("/")[2] == "robots.txt":
        raise Other("robots.txt")
    answer = Answer(url, _date(record), truncated=str(record.headers.get("WARC-Truncated") or "")[:40])
    try:
        if kind != "response" or not record.is_http:
            answer = replace(answer, content_type=record.headers.get("Content-Type") or "", body=record.reader.read())
        else:
            record.parse_http(quirks_mode=True, max_header_len=HTTP_HEAD_CAP)
            answer = _answered(answer, record)
    except (OSError, ValueError) as e:
        return failed("bad_record", f"no HTTP header: {e}", archive, place, url=url, fetched_at=answer.at)
    return _item(answer, archive, place, page_cap)


def _answered(answer: Answer, record: WarcRecord) -> Answer:
    headers = record.http_headers
    if headers is None or not isinstance(headers.status_code, int):
        raise ValueError("no status line")
    return replace(
        answer,
        status=headers.status_code,
        content_type=headers.get("Content-Type") or "",
        headers=cast(Mapping[str, str], headers),
        body=record.reader.read(),
    )


def _item(answer: Answer, archive: str, place: str, cap: int) -> Fetched:
    """The item that an answer is: the page, or why there is none. Raises ``Other``."""
    common: dict[str, Any] = {"url": answer.url, "fetched_at": answer.at, "status": answer.status}
    if answer.status >= 400:
        reason = "gone" if answer.status == 410 else "http_status"
        return failed(reason, f"{answer.url}: HTTP {answer.status}", archive, place, **common)
    if not 200 <= answer.status < 300:
        raise Other("redirect" if answer.status >= 300 else "no answer yet")
    kind = media_type(answer.content_type)
    if kind and kind not in PAGE_TYPES:
        raise Other(kind[:60])
    try:
        body = unpacked(answer.body, answer.headers, cap)
    except BodyTooLarge as e:
        return failed("too_large", str(e), archive, place, **common)
    except BadEncoding as e:
        return failed("content_encoding", str(e), archive, place, **common)
    if not kind and body.lstrip()[:1] != b"<":
        raise Other("no content type")
    return fetched(
        source=site_of(answer.url) or "archive",
        content_type=answer.content_type or None,
        headers={name: value for name in KEPT_HEADERS if (value := answer.headers.get(name))},
        body=body,
        position=place,
        provenance=provenance(archive) | ({"truncated": answer.truncated} if answer.truncated else {}),
        **common,
    )


def unpacked(body: bytes, headers: Mapping[str, str], cap: int) -> bytes:
    """The body as a browser sees it. Many crawlers unpack it and leave the headers as they were: then it is taken as it
    is. Raises ``BadEncoding``, ``BodyTooLarge``."""
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        body = dechunked(body)
    encoding = headers.get("Content-Encoding") or ""
    try:
        return decode(body, encoding, cap)
    except BadEncoding:
        if body.lstrip()[:1] == b"<":
            return decode(body, "", cap)
        raise


def dechunked(body: bytes) -> bytes:
    """A chunked body (RFC 9112, section 7.1) put together; of one that is cut or damaged what is there; one that isn't
    chunked as it is."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\n", at, at + 4096)
        size = body[at:end].partition(b";")[0].strip() if end >= 0 else b""
        if not size or size.strip(b"0123456789abcdefABCDEF") or len(size) > 15:
            return b"".join(parts) if parts else body
        length = int(size, 16)
        if not length:
            return b"".join(parts)
        parts.append(body[end + 1 : end + 1 + length])
        at = end + 1 + length
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"


def _field(head: bytes, name: bytes) -> str | None:
    """A field of a record's header, of a record that can't be read as a whole."""
    found = re.search(rb"^" + re.escape(name) + rb":([^\n]*)", head, re.I | re.M)
    return found[1].strip(b" \t\r").decode("utf-8", "replace") if found else None


def _url(value: str | None) -> str | None:
    """An http or https address, without the brackets that WARC 1.0 puts around it."""
    text = (value or "").strip().removeprefix("<").removesuffix(">")
    return text if text.lower().startswith(("http://", "https://")) else None


def _date(record: WarcRecord) -> datetime | None:
    try:
        found = record.record_date
    except ValueError:
        return None
    return None if found is None else found.astimezone(UTC)
