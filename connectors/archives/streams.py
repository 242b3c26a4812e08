"""Files that may be compressed, read as they unpack, and as lines of bounded length. What they are is told by their
first bytes.

Of a file that ends too early, or is damaged further on, everything before is given out; then ``DAMAGE`` is raised.
"""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import zstandard

CHUNK = 2**18
ZSTD_PIECE = 2**10
"""Bytes that are given to zstd at a time: four of them can stand for 128 KiB (RFC 8878, RLE blocks)."""
PEEK_BYTES = 4096
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError)
"""What reading a truncated or damaged file raises."""


class _ZstdReader(io.RawIOBase):
    """Reads one zstd frame after the other (RFC 8878); unlike the library's own reader it notices a missing end."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._frame: Any = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._output:
            if not self._input:
                self._input = self._file.read(ZSTD_PIECE)
                if not self._input:
                    if self._frame is not None:
                        raise EOFError("Compressed file ended before the end of its last frame")
                    return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            data, self._input = self._input, b""
            self._output = memoryview(self._frame.decompress(data))
            if self._frame.eof:
                self._input, self._frame = self._frame.unused_data, None
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size


@dataclass(frozen=True)
class Compression:
    magic: bytes
    unpack: Callable[[BinaryIO], Any]


COMPRESSIONS: dict[str, Compression] = {
    ".gz": Compression(b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    ".xz": Compression(b"\xfd7zXZ\x00", lzma.LZMAFile),
    ".zst": Compression(b"\x28\xb5\x2f\xfd", lambda file: io.BufferedReader(_ZstdReader(file), CHUNK)),
}
SUFFIXES = frozenset(COMPRESSIONS)


def compression_of(head: bytes) -> str | None:
    """The suffix that files of this compression have, by their first bytes; None for plain ones."""
    return next((name for name, c in COMPRESSIONS.items() if head.startswith(c.magic)), None)


def unpacked(file: BinaryIO) -> Any:
    """A reader (with ``read1``) of what is in the file, which is at its start."""
    head = file.read(max(len(c.magic) for c in COMPRESSIONS.values()))
    file.seek(0)
    name = compression_of(head)
    return COMPRESSIONS[name].unpack(file) if name else file


def peek(file: BinaryIO, size: int = PEEK_BYTES) -> bytes:
    """The first bytes, unpacked, as many as there are up to ``size``; of a damaged file those that can be had."""
    found = bytearray()
    try:
        reader = unpacked(file)
        while len(found) < size and (data := reader.read1(size - len(found))):
            found += data
    except DAMAGE:
        pass
    return bytes(found)


@dataclass(frozen=True)
class Line:
    """A line without its end. ``start``: bytes before it; ``end``: bytes up to the next one; ``size``: its own bytes.
    If that is more than the limit, ``data`` is only its beginning."""

    data: bytes
    start: int
    end: int
    size: int


def lines(reader: Any, limit: int, kept: int, start: int = 0) -> Iterator[Line]:
    """The lines of the reader, which is at ``start``. One longer than ``limit`` bytes is cut to ``kept`` and never held
    in memory."""
    pending, size = bytearray(), 0

    def add(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size <= limit:
            pending.extend(piece)
        else:
            pending.extend(piece[: max(0, kept - len(pending))])
            del pending[kept:]

    # read1 gives what one step of unpacking gave: when the next step fails, nothing that was there is lost.
    while chunk := reader.read1(CHUNK):
        first, *rest = chunk.split(b"\n")
        add(first)
        for piece in rest:
            yield Line(bytes(pending), start, start + size + 1, size)
            start += size + 1
            pending, size = bytearray(), 0
            add(piece)
    if size:
        yield Line(bytes(pending), start, start + size, size)
