"""JSON Lines: one object a line (jsonlines.org), plain or as .gz, .xz, .zst.

A position is a byte of the text as unpacked. A plain file is cut into pieces, and read on by seeking; a packed one is
one piece, and unpacked again up to the position. Blank lines are skipped; a line that can't be used is an item that
failed as ``bad_line`` and keeps the line. What a line's object may hold, see ``records``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.archives import PIECE_BYTES, Archived, Piece, streams
from connectors.archives.files import File
from connectors.archives.records import KEPT_BYTES, BadRecord, Fields, failed, item_of, to_fetched
from schemas.records import Fetched

_BOM = b"\xef\xbb\xbf"
# Escapes of half a surrogate pair, which json.dumps writes and no UTF-8 can hold.
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_PAIR = re.compile(rb"(%s%s)|%s|%s" % (_HIGH, _LOW, _HIGH, _LOW))


@dataclass(frozen=True)
class Limits:
    """``line``: the bytes above which a line is not read; ``kept``: how many of a bad line's bytes are kept; ``piece``:
    see ``PIECE_BYTES``."""

    line: int = 32 * 2**20
    kept: int = KEPT_BYTES
    piece: int = PIECE_BYTES


def parse_line(line: bytes, archive: str, place: str, fields: Fields = ()) -> Fetched:
    """The item in a line of the archive of this name. Raises ``BadRecord``."""
    return to_fetched(item_of(decode(line), fields), archive, place)


def decode(data: bytes) -> Any:
    """What a JSON text holds; half surrogate pairs are replaced. Raises ``BadRecord``."""
    try:
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError:
            whole = _HALF_PAIR.sub(lambda found: found[1] or rb"\ufffd", data)
            if whole == data:
                raise
            return msgspec.json.decode(whole)
    except msgspec.DecodeError as e:
        raise BadRecord(f"no JSON: {e}") from e
    except UnicodeDecodeError as e:
        raise BadRecord(f"no UTF-8: {e.reason} at byte {data.find(e.object[e.start : e.end])}") from e
    except RecursionError as e:
        raise BadRecord("no JSON: nested too deeply") from e


@dataclass(frozen=True)
class JSONLArchive:
    """See ``connectors.archives.Archive``."""

    file: File
    channel: str
    fields: Fields = ()
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
        if packed or self.size <= self.limits.piece:
            return [Piece(size=self.size)]
        starts = range(0, self.size, self.limits.piece)
        return [
            Piece(n, at, at + self.limits.piece, min(self.limits.piece, self.size - at)) for n, at in enumerate(starts)
        ]

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        done = end = 0
        with self.file.open() as file:
            reader = streams.unpacked(file)
            packed = reader is not file
            try:
                for line in self._lines(reader, piece, position, packed):
                    done, end = line.end, line.end
                    if line.end > position and line.data.strip():
                        at = file.tell() if packed else line.end - piece.start
                        yield Archived(line.end, at, self._fetched(line))
            except streams.DAMAGE as e:
                place, detail = f"{self.name}:{end}", f"the rest is damaged from byte {end:,} of the text on: {e}"
                if end + 1 > position:
                    yield Archived(done + 1, self.size, failed("bad_archive", detail, self.name, place))

    def _lines(self, reader: Any, piece: Piece, position: int, packed: bool) -> Iterator[streams.Line]:
        """The lines that begin in the piece; of a plain file those after the position only."""
        start = 0 if packed else max(piece.start, position)
        if start:
            # One byte back: whether a line begins just here is told by the end of the line before.
            reader.seek(start - 1)
        found = streams.lines(reader, self.limits.line, self.limits.kept, max(start - 1, 0))
        if start:
            next(found, None)
        for line in found:
            if piece.end is not None and line.start >= piece.end:
                return
            yield line

    def _fetched(self, line: streams.Line) -> Fetched:
        place = f"{self.name}:{line.start}"
        if line.size > self.limits.line:
            detail = f"{line.size:,} bytes are more than the {self.limits.line:,} allowed"
            return failed("bad_line", detail, self.name, place, line.data)
        data = line.data.removeprefix(_BOM) if line.start == 0 else line.data
        try:
            return parse_line(data, self.name, place, self.fields)
        except BadRecord as e:
            return failed("bad_line", str(e), self.name, place, line.data[: self.limits.kept])
