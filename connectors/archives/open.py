"""From paths, globs and folders to archives. What a file is, its content says, not its name.

A list of paths (Common Crawl's ``warc.paths.gz``) stands for the files it names, found beside it, in a folder above it
(a mirror), or in Common Crawl's bucket.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from connectors.archives import PIECE_BYTES, Archive, ArchiveError, streams
from connectors.archives.files import File, find, is_folder, is_remote
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
    return _folder(file.folder, [file], [], fields)


@dataclass(frozen=True)
class Format:
    """``open``: makes the archive of a file, given its channel and the user's fields. ``suffixes``: of files whose
    content says nothing (they are empty, or damaged from the first byte on). ``cut``: how its pieces are cut; raised
    with each change of that, since a position in a piece means nothing in another."""

    open: Callable[[File, str, Fields], Archive]
    suffixes: frozenset[str]
    cut: int = 1


FORMATS: dict[str, Format] = {
    "warc": Format(_warc, frozenset({".warc"})),
    "jsonl": Format(_jsonl, frozenset({".jsonl", ".ndjson"})),
    "json": Format(_json, frozenset({".json"})),
    "parquet": Format(_parquet, frozenset({".parquet"}), cut=2),
    "html": Format(_html, frozenset({".html", ".htm", ".xhtml"})),
}
LIST = "paths"
PAGE, ARTICLE = "html", "json-article"
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
    found = _Gathered()
    for path in paths:
        for archive in _open_path(path, format, fields, found):
            archives.setdefault(archive.channel, archive)
    if found.pages or found.articles:  # a shell makes many paths of one glob
        root = os.path.commonpath([file.folder for file in (*found.pages, *found.articles)])
        loose = _folder(root, found.pages, found.articles, fields)
        archives.setdefault(loose.channel, loose)
    if not archives:
        raise ArchiveError(f"no archive in {paths[0]}: its files are of no format known ({', '.join(FORMATS)})")
    return Found(tuple(archives.values()), tuple(found.passed_over))


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
            kind = _kind_of_object(streams.peek(raw, PEEK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip())
            # One line is the same either way, but a file of lines may grow.
            return "jsonl" if kind == ARTICLE and FORMATS["jsonl"].suffixes & set(file.suffixes) else kind
    if text.startswith(b"WARC/"):
        return "warc"
    if re.match(rb"\[\s*[{\]]", text):
        return "json"
    if text[:1] == b"<":
        return "html"
    if text and all(_names_archive(line) for line in text.split(b"\n")[:3] if line.strip()):
        return LIST
    named = [s for s in file.suffixes if s not in streams.SUFFIXES][-1:]
    return next((name for name, f in FORMATS.items() if f.suffixes & set(named)), None)


def channel_of(file: File, format: str, fields: Fields) -> str:
    """The file's name and a hash of its name, size, first and last bytes, and of how it is read."""
    with file.open() as raw:
        head = raw.read(FINGERPRINT_BYTES)
        raw.seek(max(0, file.size - FINGERPRINT_BYTES))
        tail = raw.read(FINGERPRINT_BYTES)
    given = [part for pair in fields for part in pair]
    if FORMATS[format].cut > 1:
        given.append(f"cut {FORMATS[format].cut}")
    digest = content_id("archive", file.name, str(file.size), head, tail, format, str(PIECE_BYTES), *given)
    return f"archive:{file.name}:{digest[:16]}"


@dataclass
class _Gathered:
    """Files that are no archive by themselves: documents given one by one, and what is none."""

    pages: list[File] = field(default_factory=list)
    articles: list[File] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def _open_path(path: str, format: str, fields: Fields, gathered: _Gathered) -> Iterator[Archive]:
    files, folder = find(path), is_folder(path)
    here = _Gathered() if folder else gathered
    sidecars = {beside for file in files for beside in _beside(file)}
    for file in files:
        name = ARTICLE if file.path in sidecars else recognise(file) if format == "auto" else format
        if name == LIST:
            for line in _listed(file):
                yield from _open_path(line, format, fields, gathered)
        elif name in (PAGE, ARTICLE):
            (here.pages if name == PAGE else here.articles).append(file)
        elif name is not None:
            yield FORMATS[name].open(file, channel_of(file, name, fields), fields)
        elif folder or len(files) > 1:
            gathered.passed_over.append(file.path)
        else:
            known = ", ".join(FORMATS)
            raise ArchiveError(f"{file.path} is of no format known: give --format ({known}) if it is one of them")
    if folder and (here.pages or here.articles):
        yield _folder(path.rstrip("/"), here.pages, here.articles, fields)


def _folder(root: str, pages: Sequence[File], articles: Sequence[File], fields: Fields) -> Archive:
    from connectors.archives.folder import open_folder

    return open_folder(root, pages, articles, fields)


def _beside(file: File) -> list[str]:
    """The paths of what may tell of this file, if it is named like a page."""
    from connectors.archives.folder import sidecars_of

    return sidecars_of(file) if file.suffixes[-1:] and file.suffixes[-1] in FORMATS[PAGE].suffixes else []


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
    return "json" if found and all(isinstance(value, list) for value in found.values()) else ARTICLE


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
