"""From paths, globs and folders to archives. What a file is, its content says, not its name.

A list of paths (Common Crawl's ``warc.paths.gz``) stands for the files it names, found beside it, in a folder above it
(a mirror), or in Common Crawl's bucket.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from connectors.archives import PIECE_BYTES, Archive, ArchiveError, streams
from connectors.archives.files import WILD, File, find, is_folder, is_remote
from connectors.archives.records import Fields
from schemas.ids import content_id

FINGERPRINT_BYTES = 2**16
"""How much of the beginning and of the end of a file tells it from others of its name and size."""
PEEK_BYTES = 2**20
"""How much is looked at to tell JSON lines from a JSON document."""
COMMON_CRAWL = "s3://commoncrawl/"
LIST_BYTES = 64 * 2**20


def _warc(file: File, channel: str, fields: Fields) -> Archive:
    from connectors.archives.warc import WARCArchive

    return WARCArchive(file, channel)


def _jsonl(file: File, channel: str, fields: Fields) -> Archive:
    from connectors.archives.jsonl import JSONLArchive

    return JSONLArchive(file, channel, fields)


def _json(file: File, channel: str, fields: Fields) -> Archive:
    from connectors.archives.documents import JSONArchive

    return JSONArchive(file, channel, fields)


def _parquet(file: File, channel: str, fields: Fields) -> Archive:
    from connectors.archives.parquet import ParquetArchive

    return ParquetArchive(file, channel, fields)


def _html(file: File, channel: str, fields: Fields) -> Archive:
    from connectors.archives.folder import open_folder

    return open_folder(file.folder, [file], fields)


@dataclass(frozen=True)
class Format:
    """``open``: makes the archive of a file, given its channel and the user's fields. ``suffixes``: of files whose
    content says nothing (they are empty, or damaged from the first byte on)."""

    open: Callable[[File, str, Fields], Archive]
    suffixes: tuple[str, ...]


FORMATS: dict[str, Format] = {
    "warc": Format(_warc, (".warc",)),
    "jsonl": Format(_jsonl, (".jsonl", ".ndjson")),
    "json": Format(_json, (".json",)),
    "parquet": Format(_parquet, (".parquet",)),
    "html": Format(_html, (".html", ".htm", ".xhtml")),
}
LIST = "paths"
DOCUMENTS = frozenset({"html", "json-article"})
"""What is an article a file: those of a folder are one archive."""


@dataclass(frozen=True)
class Found:
    """The archives, and the files of folders that are none."""

    archives: tuple[Archive, ...]
    passed_over: tuple[str, ...] = ()


def open_archives(paths: Sequence[str], format: str = "auto", fields: Fields = ()) -> Found:
    """The archives that the paths mean, each once, in the order given. ``format``: what all of them are, instead of
    what they look like. Raises ``ArchiveError`` for a path that means none."""
    if format != "auto" and format not in FORMATS:
        raise ArchiveError(f"unknown archive format {format!r}: known are auto, {', '.join(FORMATS)}")
    archives: dict[str, Archive] = {}
    passed_over: list[str] = []
    for path in paths:
        for found in _open_path(path, format, fields, passed_over):
            archives.setdefault(found.channel, found)
    if not archives:
        raise ArchiveError(f"no archive in {paths[0]}: its files are of no format known ({', '.join(FORMATS)})")
    return Found(tuple(archives.values()), tuple(passed_over))


def open_archive(path: str | os.PathLike[str], format: str = "auto", fields: Fields = ()) -> Archive:
    """The one archive that a path means."""
    archives = open_archives([os.fspath(path)], format, fields).archives
    if len(archives) != 1:
        raise ArchiveError(f"{path} holds {len(archives)} archives")
    return archives[0]


def recognise(file: File) -> str | None:
    """The format of a file: a name of ``FORMATS``, ``paths`` for a list of them, ``json-article`` for a document of one
    article; None for none known."""
    with file.open() as raw:
        head = raw.read(8)
        if head[:4] == b"PAR1":
            return "parquet"
        raw.seek(0)
        text = streams.peek(raw).removeprefix(b"\xef\xbb\xbf").lstrip()
        if text[:1] == b"{":
            raw.seek(0)
            return _kind_of_object(streams.peek(raw, PEEK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip())
    if text.startswith(b"WARC/"):
        return "warc"
    if re.match(rb"\[\s*[{\]]", text):
        return "json"
    if text[:1] == b"<":
        return "html"
    if text and all(_names_archive(line) for line in text.split(b"\n")[:3] if line.strip()):
        return LIST
    named = [s for s in file.suffixes if s not in streams.SUFFIXES]
    return next((name for name, f in FORMATS.items() if named and named[-1] in f.suffixes), None)


def channel_of(file: File, format: str, fields: Fields) -> str:
    """The file's name and a hash of its name, size, first and last bytes, and of how it is read."""
    with file.open() as raw:
        head = raw.read(FINGERPRINT_BYTES)
        raw.seek(max(0, file.size - FINGERPRINT_BYTES))
        tail = raw.read(FINGERPRINT_BYTES)
    given = [part for pair in fields for part in pair]
    digest = content_id("archive", file.name, str(file.size), head, tail, format, str(PIECE_BYTES), *given)
    return f"archive:{file.name}:{digest[:16]}"


def _open_path(path: str, format: str, fields: Fields, passed_over: list[str]) -> Iterator[Archive]:
    files = find(path)
    several = is_folder(path) or (bool(WILD.intersection(path)) and len(files) > 1)
    root = path.rstrip("/") if is_folder(path) else os.path.commonpath([file.folder or "." for file in files])
    documents: list[File] = []
    for file in files:
        name = recognise(file) if format == "auto" else format
        if name == LIST:
            for line in _listed(file):
                yield from _open_path(line, format, fields, passed_over)
        elif several and name is not None and (name in DOCUMENTS or (name == "html" and format != "auto")):
            documents.append(file)
        elif name is not None:
            name = "json" if name == "json-article" else name
            yield FORMATS[name].open(file, channel_of(file, name, fields), fields)
        elif several:
            passed_over.append(file.path)
        else:
            raise ArchiveError(
                f"{file.path} is of no format known: give --format ({', '.join(FORMATS)}) if it is one of them"
            )
    if documents:
        from connectors.archives.folder import open_folder

        yield open_folder(root, documents, fields)


def _kind_of_object(text: bytes) -> str:
    """What begins with an object: lines of them, one article, or a document of more."""
    first, newline, rest = text.partition(b"\n")
    if not newline and len(text) >= PEEK_BYTES:
        return "jsonl"  # a line of more than a megabyte
    try:
        found = msgspec.json.decode(first)
        if rest.strip():
            return "jsonl"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if newline and first.rstrip().endswith(b"}") and rest.lstrip()[:1] == b"{":
            return "jsonl"  # whose first line is damaged
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "json" if first.rstrip() in (b"{", b"") or not newline else "jsonl"
    return "json" if found and all(isinstance(value, list) for value in found.values()) else "json-article"


def _names_archive(line: bytes) -> bool:
    name = line.strip().lower()
    for suffix in streams.SUFFIXES:
        name = name.removesuffix(suffix.encode())
    return b"\0" not in name and name.endswith(tuple(s.encode() for f in FORMATS.values() for s in f.suffixes))


def _listed(file: File) -> Iterator[str]:
    """The paths that a list names, where they are."""
    with file.open() as raw:
        lines = streams.peek(raw, LIST_BYTES).decode("utf-8", "replace").split("\n")
    for line in filter(None, (line.strip() for line in lines)):
        yield _placed(line, file)


def _placed(line: str, listed: File) -> str:
    if line.startswith("https://data.commoncrawl.org/"):
        line = line.removeprefix("https://data.commoncrawl.org/")
    if is_remote(line) or os.path.isabs(line):
        return line
    if is_remote(listed.path):
        scheme, _, rest = listed.path.partition("://")
        bucket = rest.partition("/")[0]
        return f"{scheme}://{bucket}/{line}" if "/" in line else f"{listed.folder}/{line}"
    folder = os.path.abspath(listed.folder or ".")
    while True:
        if os.path.isfile(os.path.join(folder, line)):
            return os.path.join(folder, line)
        if folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)
    if line.startswith(("crawl-data/", "contrib/")):
        return COMMON_CRAWL + line
    raise ArchiveError(f"{listed.path} names {line}, which is neither beside it nor in a folder above it")
