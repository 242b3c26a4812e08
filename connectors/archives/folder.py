"""A folder of documents, one article a file: HTML pages, each perhaps with a JSON file beside it that tells of it
(``page.html`` with ``page.json``, ``page.html.json`` or ``page.meta.json``), and JSON files of an article alone
(news-please writes both).

What the JSON says goes first (see ``records``). A page that has none says its URL itself (the comment that browsers
leave when they save a page, rel=canonical, og:url), or its path does (``www.example.org/news/page.html``); one without
any goes by its path. A date in the path (2026/03/01, 2026-03-01, 20260301) counts as the archive's.

A position is a number of documents, in the order of their paths. The channel is of the list of files with their sizes:
another file in the folder makes it another archive, so give what grows a folder for each day.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from connectors.archives import Archived, Piece
from connectors.archives.documents import read_whole
from connectors.archives.files import File
from connectors.archives.jsonl import decode
from connectors.archives.records import BadRecord, Fields, Item, TooLarge, failed, item_of, provenance, to_fetched
from connectors.scraper.sites import site_of
from schemas.fetched import fetched
from schemas.ids import content_id
from schemas.records import Entry, Fetched

SIDECARS = ("{stem}.json", "{name}.json", "{stem}.meta.json")
PAGE_CAP = 10 * 2**20
JSON_CAP = 32 * 2**20
PIECE_DOCUMENTS = 1000
"""Part of a channel's meaning, like ``PIECE_BYTES``."""
HEAD = 2**16

_PATH_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-/_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}", re.I)
_SAVED = re.compile(rb"<!--\s*saved from url=\(\d+\)(https?://[^\s>]{1,2000})", re.I)
_TAG = re.compile(rb"<(?:link|meta)\b[^>]{1,4000}>", re.I)
_SAYS_URL = re.compile(rb"""(?:rel=["']?canonical|property=["']?og:url)\b""", re.I)
_ADDRESS = re.compile(rb"""(?:href|content)=["']?(https?://[^\s"'>]{1,2000})""", re.I)


@dataclass(frozen=True)
class Document:
    """A page, with the JSON file that tells of it if there is one; or a JSON file alone."""

    file: File
    is_page: bool = False
    sidecar: File | None = None

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def files(self) -> list[File]:
        return [self.file, self.sidecar] if self.sidecar else [self.file]


@dataclass(frozen=True)
class FolderArchive:
    """See ``connectors.archives.Archive``. ``root``: the folder's path."""

    root: str
    documents: tuple[Document, ...]
    channel: str
    fields: Fields = ()
    piece_documents: int = PIECE_DOCUMENTS

    @property
    def name(self) -> str:
        return self.root.rstrip("/").rpartition("/")[2] or "folder"

    @property
    def size(self) -> int:
        return sum(document.size for document in self.documents)

    def pieces(self) -> Sequence[Piece]:
        step = self.piece_documents
        starts = range(0, max(len(self.documents), 1), step)
        return [
            Piece(n, at, at + step, sum(document.size for document in self.documents[at : at + step]))
            for n, at in enumerate(starts)
        ]

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        start = max(piece.start, position)
        read = sum(document.size for document in self.documents[piece.start : start])
        for number, document in enumerate(self.documents[start : piece.end], start):
            read += document.size
            yield Archived(number + 1, read, self._fetched(document))

    def _fetched(self, document: Document) -> Fetched:
        place = f"{self.name}/{self._path(document)}"
        try:
            if not document.is_page:
                return to_fetched(item_of(decode(read_whole(document.file, JSON_CAP)), self.fields), self.name, place)
            told = decode(read_whole(document.sidecar, JSON_CAP)) if document.sidecar else {}
            body = read_whole(document.file, PAGE_CAP)
            return self._page(document, body, told if isinstance(told, Mapping) else {}, place)
        except BadRecord as e:
            reason = "too_large" if isinstance(e, TooLarge) else "bad_record"
            return failed(reason, str(e), self.name, place)

    def _page(self, document: Document, body: bytes, told: Mapping[str, Any], place: str) -> Fetched:
        """The item of a page: as the live fetcher would have it, with what is told of it as its entry."""
        path = self._path(document)
        item = _told(told, self.fields)
        url = (item.url or "").strip() or _said_url(body) or _mirrored(path)
        if item.published_at is None and (dated := date_in(path)):
            item.published_at = dated
        known = to_fetched(item, self.name, place)
        entry = known.entry or Entry()
        return fetched(
            source=item.source or (site_of(url) if url else "") or self.name,
            url=url,
            final_url=known.final_url,
            fetched_at=known.fetched_at,
            content_type="text/html",
            body=body,
            entry=entry if url else msgspec.structs.replace(entry, guid=path),
            position=place,
            provenance=provenance(self.name),
        )

    def _path(self, document: Document) -> str:
        """Within the folder."""
        return document.file.path.removeprefix(self.root).lstrip("/")


def sidecars_of(page: File) -> list[str]:
    """The paths where a JSON file that tells of the page may be."""
    suffix = page.suffixes[-1] if page.suffixes else ""
    stem = page.path[: -len(suffix)] if suffix else page.path
    return [name.format(stem=stem, name=page.path) for name in SIDECARS]


def documents_of(pages: Sequence[File], others: Sequence[File]) -> tuple[Document, ...]:
    """Pages with the JSON files that tell of them, and the JSON files that stand alone, by path."""
    by_path = {file.path: file for file in others}
    found = []
    for page in pages:
        beside = [path for path in sidecars_of(page) if path in by_path]
        found.append(Document(page, True, by_path[beside[0]] if beside else None))
        for path in beside:
            del by_path[path]
    found += [Document(file) for file in by_path.values()]
    return tuple(sorted(found, key=lambda document: document.file.path))


def open_folder(root: str, pages: Sequence[File], others: Sequence[File], fields: Fields) -> FolderArchive:
    """The archive of these pages and JSON files below ``root``."""
    documents = documents_of(pages, others)
    archive = FolderArchive(root, documents, "", fields)
    listed = [part for d in documents for f in d.files for part in (f.path.removeprefix(root), str(f.size))]
    given = [part for pair in fields for part in pair]
    digest = content_id("folder", str(PIECE_DOCUMENTS), *given, *listed)[:16]
    return replace(archive, channel=f"archive:{archive.name}:{digest}")


def date_in(path: str) -> str | None:
    """The date in a path, as ISO 8601."""
    found = _PATH_DATE.search(path)
    return f"{found[1]}-{found[3]}-{found[4]}" if found else None


def _told(told: Mapping[str, Any], fields: Fields) -> Item:
    """What a sidecar tells of a page: it needs no text, and no URL. What it says wrongly costs the item."""
    item = item_of({"url": "-", **told, "html": "-"}, fields)
    return msgspec.structs.replace(item, url=None if item.url == "-" else item.url, html=None, text=None)


def _said_url(body: bytes) -> str | None:
    """What a page says its address is."""
    head = body[:HEAD]
    if saved := _SAVED.search(head):
        return saved[1].decode("utf-8", "replace")
    for tag in _TAG.findall(head):
        if _SAYS_URL.search(tag) and (address := _ADDRESS.search(tag)):
            return html.unescape(address[1].decode("utf-8", "replace"))
    return None


def _mirrored(path: str) -> str | None:
    """The address of a page in a mirror of a site (as wget makes one), by its path."""
    host, slash, rest = path.partition("/")
    return f"https://{host}/{rest}" if slash and _HOST.fullmatch(host) else None
