"""Which bytes of a WARC file are a record (ISO 28500:2017, annex A and D), whatever is wrong with it.

A compressed WARC is a row of gzip members, one for each record; some are one member as a whole. Reading goes on after
damage: at the next member that unpacks to a record, or at the next line that begins one. A position is the byte where
the record's member (of a plain file: the record) begins, and how many records of that member come before it; so a
reader can go straight to it. What a record holds is not looked at here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from connectors.archives import streams

ORDINAL_BITS = 23
HEAD_LIMIT = 2**16
IN, OUT = 2**15, 2**16
"""Bytes given to and had from the unpacker at a time. What it was given beyond a member it copies."""
MAGIC = b"\x1f\x8b\x08"
BEGINS = b"WARC/"
ENDS = b"\r\n\r\n"
NO_MEMBER = "no gzip member where one should begin"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.I | re.M)
_RECORD = re.compile(rb"\nWARC/1\.[0-9]\r?\n[A-Za-z-]+:")
_RECORD_BYTES = 256
"""More than what ``_RECORD`` needs to see."""


@dataclass(frozen=True)
class Framed:
    """A record's bytes. ``block`` has at most one byte more than the limit; ``length``: what the header says it has."""

    anchor: int
    ordinal: int
    read: int
    """Bytes of the file read so far."""
    head: bytes = b""
    block: bytes = b""
    length: int = 0
    problem: str = ""
    """What is wrong with it; empty if it is whole."""

    @property
    def position(self) -> int:
        return (self.anchor << ORDINAL_BITS | self.ordinal) + 1


def anchor_of(position: int) -> int:
    """The byte from which on the record before this position can be read."""
    return max(position - 1, 0) >> ORDINAL_BITS


def begins_at(anchor: int) -> int:
    """The position before the first record at this byte."""
    return anchor << ORDINAL_BITS


def frames(file: BinaryIO, start: int, end: int | None, limit: int, exact: bool) -> Iterator[Framed]:
    """The records that begin at byte ``start`` and before ``end``; blocks are cut at ``limit`` bytes.

    ``exact``: a record begins just at ``start``; else it is looked for (in a file of gzip members)."""
    head = file.read(8)
    packed = streams.compression_of(head)
    if not packed and not head.startswith(BEGINS[: len(head)]) and (first := _next_member(file, 0)) is not None:
        packed, exact = ".gz", exact and start >= first  # its first member is damaged
        if start < first:
            yield Framed(0, 0, 0, problem=NO_MEMBER)
    if packed == ".gz":
        at = start if exact else _next_member(file, start)
        while at is not None and (end is None or at < end):
            stretches = _Stretches(_members(file, at))
            yield from _records(stretches, file, end, limit)
            at = _next_member(file, stretches.error.at + 1) if stretches.error else None
    elif packed:
        file.seek(0)
        yield from _records(_Stretches(_unpacked(file)), file, None, limit)
    else:
        yield from _plain(file, start, limit)


# -- bytes -------------------------------------------------------------------------------------------------------------


class _Damaged(Exception):
    """The member at byte ``at`` can't be unpacked."""

    def __init__(self, at: int, why: str):
        super().__init__(why)
        self.at = at


Chunk = tuple[int | None, bytes]
"""Unpacked bytes; with the byte of the file where their gzip member begins, if they are its first."""


def _members(file: BinaryIO, at: int) -> Iterator[Chunk]:
    """What the gzip members (RFC 1952) from byte ``at`` on hold. Zeros after the last are padding."""
    file.seek(at)
    pending = b""
    while pending := pending or file.read(IN):
        if pending.startswith(b"\0"):
            pending = pending.lstrip(b"\0")
            continue
        at = file.tell() - len(pending)
        unpack, first, begun = zlib.decompressobj(31), bytearray(), False
        while not unpack.eof:
            data = pending or file.read(IN)
            try:
                out = unpack.decompress(data, OUT)
            except zlib.error as e:
                raise _Damaged(at, f"it does not unpack: {e}") from e
            if not (data or out or unpack.eof):
                raise _Damaged(at, "the file ends within it")
            pending = unpack.unconsumed_tail
            if begun:
                yield None, out
                continue
            first += out
            if len(first) >= len(BEGINS) or unpack.eof:
                begun = True
                yield at, bytes(first)
        pending = unpack.unused_data


def _unpacked(file: BinaryIO) -> Iterator[Chunk]:
    """What a file of another compression holds, as one member."""
    reader = streams.unpacked(file)
    mark: int | None = 0
    try:
        while data := reader.read1(OUT):
            yield mark, data
            mark = None
    except streams.DAMAGE as e:
        raise _Damaged(0, f"it does not unpack: {e}") from e


class _Stretches:
    """The chunks in stretches: from a member that begins with a record to the next one. ``error``: what ended them."""

    def __init__(self, chunks: Iterator[Chunk]):
        self.error: _Damaged | None = None
        self._chunks = chunks
        self._ahead: Chunk | None = None

    def __iter__(self) -> Iterator[tuple[int, _Window]]:
        """Each stretch's first byte in the file, and a window over it, which must be read to its end."""
        while (chunk := self._ahead or self._next()) is not None:
            self._ahead = None
            yield chunk[0] or 0, _Window(self._stretch(chunk))

    def _stretch(self, chunk: Chunk) -> Iterator[bytes]:
        mark, data = chunk
        yield data
        while (following := self._next()) is not None:
            begins, data = following
            if begins is not None and data.startswith(BEGINS):
                self._ahead = following
                return
            mark = mark if begins is None else begins
            yield data
        if self.error is not None and self.error.at == mark:
            raise self.error

    def _next(self) -> Chunk | None:
        try:
            return next(self._chunks, None)
        except _Damaged as e:
            self.error = e
            return None


def _next_member(file: BinaryIO, at: int) -> int | None:
    """The first byte from ``at`` on where a gzip member begins that unpacks to a record."""
    for candidate in _find(file, at, re.compile(re.escape(MAGIC)), len(MAGIC)):
        file.seek(candidate)
        try:
            if zlib.decompressobj(31).decompress(file.read(512), 64).startswith(BEGINS):
                return candidate
        except zlib.error:
            continue
    return None


def _find(file: BinaryIO, at: int, pattern: re.Pattern[bytes], width: int) -> Iterator[int]:
    """Where in the file the pattern, of at most ``width`` bytes, is found from byte ``at`` on."""
    data = b" " * streams.CHUNK
    while len(data) == streams.CHUNK:
        file.seek(at)
        data = file.read(streams.CHUNK)
        new = len(data) if len(data) < streams.CHUNK else len(data) - width + 1
        for found in pattern.finditer(data):
            if found.start() < new:  # else it comes again
                yield at + found.start()
        at += new


class _Window:
    """The next bytes of a stretch. ``error``: what it ended with, before its time."""

    def __init__(self, chunks: Iterator[bytes]):
        self.data = bytearray()
        self.error = ""
        self._chunks = chunks

    def fill(self, size: int) -> bool:
        """Have ``size`` bytes at hand; whether there are so many."""
        while len(self.data) < size:
            try:
                self.data += next(self._chunks)
            except StopIteration:
                return False
            except _Damaged as e:
                self.error = str(e)
                return False
        return True

    def drop(self, size: int) -> None:
        del self.data[:size]


# -- records -----------------------------------------------------------------------------------------------------------


def _records(stretches: _Stretches, file: BinaryIO, end: int | None, limit: int) -> Iterator[Framed]:
    """The records of the stretches that begin before ``end``, and what is damaged between them."""
    told = -1
    for anchor, window in stretches:
        if end is not None and anchor >= end:
            return
        for ordinal, (head, block, length, problem) in enumerate(_records_of(window, limit)):
            yield Framed(anchor, ordinal, file.tell(), head, block, length, problem)
        if window.error:
            told = anchor
    if (error := stretches.error) is not None and told < 0 and (end is None or error.at < end):
        yield Framed(error.at, 0, file.tell(), problem=str(error))


def _records_of(window: _Window, limit: int) -> Iterator[tuple[bytes, bytes, int, str]]:
    problem = ""
    while True:
        while window.fill(1) and window.data[0] in b"\r\n":
            window.drop(1)
        if not window.data:
            break
        head, block, length, problem = _record(window, limit)
        yield head, block, length, problem
        if problem:
            _skip_to_record(window)
    if window.error and not problem:
        yield b"", b"", 0, window.error


def _record(window: _Window, limit: int) -> tuple[bytes, bytes, int, str]:
    """Take the record at the beginning of the window: head, block, its length, and what is wrong with it."""
    head, length, problem = _take_head(window)
    if problem:
        return head, b"", 0, problem
    block, left = bytearray(), length
    while left:
        window.fill(min(left, OUT))
        size = min(left, len(window.data))
        if not size:
            _give_back(window, block, limit)
            return head, b"", length, window.error or f"it ends before the {length:,} bytes of its header"
        block += window.data[: min(size, max(limit + 1 - len(block), 0))]
        window.drop(size)
        left -= size
    if _is_followed(window):
        return head, bytes(block), length, "" if window.data else window.error
    _give_back(window, block, limit)
    return head, b"", length, f"its header says {length:,} bytes, what follows is no record"


def _take_head(window: _Window) -> tuple[bytes, int, str]:
    """A record's header, the length it gives, and what is wrong with it."""
    window.fill(HEAD_LIMIT)
    found = _HEAD_END.search(window.data, 0, HEAD_LIMIT)
    if not window.data.startswith(BEGINS) or found is None:
        window.drop(1)
        return b"", 0, window.error or "no record where one should begin"
    head = bytes(window.data[: found.end()])
    window.drop(found.end())
    lengths = set(_LENGTH.findall(head))
    if len(lengths) != 1:
        return head, 0, "its header has no Content-Length" if not lengths else "its header has two Content-Lengths"
    return head, int(lengths.pop()), ""


def _is_followed(window: _Window) -> bool:
    """Whether a record ends here: as records do, or with at most line ends before another record or the end."""
    window.fill(16)
    rest = window.data.lstrip(b"\r\n")
    return window.data.startswith(ENDS) or not rest or rest.startswith(BEGINS[: len(rest)])


def _give_back(window: _Window, block: bytearray, limit: int) -> None:
    """Look at a block again, whose length was not true: records may be in it. One over the limit is gone."""
    if len(block) <= limit:
        window.data[0:0] = block


def _skip_to_record(window: _Window) -> None:
    """Drop what is before the next line that begins a record."""
    while True:
        more = window.fill(OUT)
        found = _RECORD.search(window.data)
        if found is not None:
            window.drop(found.start() + 1)
            return
        window.drop(max(len(window.data) - _RECORD_BYTES, 0) if more else len(window.data))
        if not more:
            return


def _plain(file: BinaryIO, at: int, limit: int) -> Iterator[Framed]:
    """The records of a file that is not compressed. Whether a length is true is seen by what follows."""
    size = file.seek(0, 2)
    while True:
        file.seek(at)
        head = file.read(HEAD_LIMIT)
        lead = len(head) - len(head.lstrip(b"\r\n"))
        at, head = at + lead, head[lead:]
        if not head:
            if lead:
                continue
            return
        taken, length, problem = _take_head(_Window(iter([head])))
        begin = at + len(taken)
        if not problem and begin + length > size:
            problem = f"the file ends before the {length:,} bytes of its header"
        if not problem:
            file.seek(begin + length)
            if not _is_followed(_Window(iter([file.read(16)]))):
                problem = f"its header says {length:,} bytes, what follows is no record"
        if problem:
            yield Framed(at, 0, begin, taken, length=length, problem=problem)
            following = next(_find(file, max(begin - 1, at), _RECORD, _RECORD_BYTES), None)
            if following is None:
                return
            at = following + 1
            continue
        file.seek(begin)
        block = file.read(min(length, limit + 1))
        yield Framed(at, 0, begin + length, taken, block, length)
        at = begin + length
