"""Archives of articles, each format behind one small contract. Every implementation passes
tests/connectors/archives/test_contract.py.

A backfill reads an archive from a position and writes with each batch how far it came (``Progress`` of the archive's
channel), so that it goes on there after any interruption. What can't be read is an item too, whose failure says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connectors.archives import streams
from schemas.errors import Unusable
from schemas.ids import content_id
from schemas.records import Fetched

FINGERPRINT_BYTES = 2**16
"""How much of the beginning and of the end of a file tells it from others of its name and size."""


class ArchiveError(Unusable, ValueError):
    """The archive can't be opened; the message is one line that says what to do."""


@dataclass(frozen=True)
class Archived:
    """An item of an archive."""

    position: int
    """The position after it: where to go on when it is done."""
    bytes_read: int
    """How much of the file (as stored) was needed to get here."""
    fetched: Fetched


class Archive(Protocol):
    """A file that items can be read from again and again, in the same order."""

    @property
    def name(self) -> str:
        """The file's name without its folder."""

    @property
    def channel(self) -> str:
        """A stable name of this very content: ``Progress.channel``. A file that was changed is another channel."""

    @property
    def size(self) -> int:
        """Bytes of the file as stored."""

    def read(self, start: int = 0) -> Iterator[Archived]:
        """The items after position ``start``. A damaged rest of the file is one item, the last."""


@dataclass(frozen=True)
class Format:
    """How a format is recognised and opened. ``looks``: whether the first bytes, unpacked, are of it."""

    suffixes: tuple[str, ...]
    looks: Callable[[bytes], bool]
    open: Callable[[Path, str], Archive]


def _open_jsonl(path: Path, channel: str) -> Archive:
    from connectors.archives.jsonl import JSONLArchive

    return JSONLArchive(path, channel)


def _looks_like_jsonl(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


FORMATS: dict[str, Format] = {
    "jsonl": Format((".jsonl", ".ndjson", ".json"), _looks_like_jsonl, _open_jsonl),
}


def open_archive(path: Path, format: str = "auto") -> Archive:
    """Return the archive in this file. Raises ``ArchiveError`` for no file, or one of no format known."""
    known = ", ".join(FORMATS)
    if format != "auto" and format not in FORMATS:
        raise ArchiveError(f"unknown archive format {format!r}: known are auto, {known}")
    if not path.is_file():
        raise ArchiveError(f"there is no archive file at {path}")
    name = _recognise(path) if format == "auto" else format
    if name is None:
        raise ArchiveError(f"{path} is of no format known: give --format ({known}) if it is one of them")
    return FORMATS[name].open(path, channel_of(path))


def channel_of(path: Path) -> str:
    """The file's name and a hash of its name, size, first and last bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(FINGERPRINT_BYTES)
        file.seek(max(0, size - FINGERPRINT_BYTES))
        tail = file.read(FINGERPRINT_BYTES)
    return f"archive:{path.name}:{content_id('archive', path.name, str(size), head, tail)[:16]}"


def _recognise(path: Path) -> str | None:
    """By the name without what compression adds to it, else by the content."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in streams.SUFFIXES]
    for name, known in FORMATS.items():
        if suffixes and suffixes[-1] in known.suffixes:
            return name
    head = streams.peek(path)
    return next((name for name, known in FORMATS.items() if known.looks(head)), None)
