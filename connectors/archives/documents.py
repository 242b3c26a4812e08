"""JSON documents of several articles (json.org): an array of them, or objects that hold such arrays (fundus writes one
array for each publisher). They are read whole, so their size has a limit; larger dumps should be JSON lines.

A position is a number of articles. An article that can't be used is an item that failed as ``bad_record``, a document
that can't be read one that failed as ``bad_archive``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.archives import Archived, Piece, streams
from connectors.archives.files import File
from connectors.archives.jsonl import decode
from connectors.archives.records import BadRecord, Fields, TooLarge, failed, item_of, to_fetched
from schemas.records import Fetched

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class JSONArchive:
    """See ``connectors.archives.Archive``. ``max_bytes``: of the document as unpacked."""

    file: File
    channel: str
    fields: Fields = ()
    max_bytes: int = MAX_BYTES

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        return self.file.size

    def pieces(self) -> Sequence[Piece]:
        return [Piece(size=self.size)]

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        try:
            found = list(articles_in(decode(read_whole(self.file, self.max_bytes))))
        except BadRecord as e:
            advice = ": write it as JSON lines" if isinstance(e, TooLarge) else ""
            if position == 0:
                yield Archived(1, self.size, failed("bad_archive", f"{e}{advice}", self.name, f"{self.name}:0"))
            return
        for number, article in enumerate(found[position:], position):
            share = self.size * (number + 1) // len(found)
            yield Archived(number + 1, share, self._fetched(article, number))

    def _fetched(self, article: Any, number: int) -> Fetched:
        place = f"{self.name}:{number}"
        try:
            return to_fetched(item_of(article, self.fields), self.name, place)
        except BadRecord as e:
            return failed("bad_record", str(e), self.name, place, msgspec.json.encode(article))


def read_whole(file: File, limit: int) -> bytes:
    """The file's content, unpacked. Raises ``TooLarge`` above ``limit`` bytes, ``BadRecord`` if it is damaged."""
    parts, size = [], 0
    try:
        with file.open() as raw:
            reader = streams.unpacked(raw)
            while data := reader.read1(streams.CHUNK):
                parts.append(data)
                size += len(data)
                if size > limit:
                    raise TooLarge(f"more than the {limit:,} bytes allowed")
    except streams.DAMAGE as e:
        raise BadRecord(f"the file is damaged: {e}") from e
    return b"".join(parts)


def articles_in(document: Any) -> Iterator[Any]:
    """The articles of a document: itself, its elements, or those of the arrays in it."""
    if isinstance(document, Mapping) and document and all(isinstance(value, list) for value in document.values()):
        for value in document.values():
            yield from value
    elif isinstance(document, list):
        yield from document
    else:
        yield document
