"""Undo Content-Encoding (RFC 9110 section 8.4) within bounds: no more is unpacked than allowed, whatever a body holds.

Each layer is unpacked in pieces straight into a bounded buffer; a body that would pass the limit is refused (or cut)
there. aiohttp's own unpacking is off.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

ACCEPT_ENCODING = "gzip, deflate, br, zstd"
MAX_LAYERS = 3
MAX_MEMBERS = 10_000
"""gzip members (RFC 1952, section 2.2) or zstd frames in one body; each costs, so a body of empty ones is refused."""
ZSTD_WINDOW = 8 * 2**20
"""Bytes of memory a zstd frame may ask for; RFC 9659 bounds it for HTTP."""
PIECE = 64 * 1024
ZSTD_PIECE = 256
"""Bytes given to zstd at a time. Its Python binding has no limit on what a call returns, but 4 bytes make 128 KiB at
most (a block, RFC 8878 section 3.1.1.2.4), so this makes 8 MiB."""


class BadEncoding(ValueError):
    """The body is not what its Content-Encoding says, or is damaged or cut short."""


class BodyTooLarge(ValueError):
    """It unpacks to more than the limit."""


def decode(body: bytes, content_encoding: str, limit: int, *, partial: bool = False) -> bytes:
    """The body without its Content-Encoding, at most ``limit`` bytes.

    Names that are no encoding (``utf-8``, ``none``, ``aws-chunked``: seen in the wild) are passed over, as browsers do.
    ``partial``: give what can be had of a body that is cut short, damaged or too long, instead of raising.
    Raises ``BadEncoding``, ``BodyTooLarge``.
    """
    layers = [name for name in content_encoding.lower().replace(",", " ").split() if name in _DECODERS]
    if len(layers) > MAX_LAYERS:
        raise BadEncoding(f"{len(layers)} layers of encoding: {content_encoding[:80]!r}")
    for name in reversed(layers if body else []):
        body = _unpack(name, body, limit, partial)
    if len(body) > limit:
        if not partial:
            raise BodyTooLarge(f"{len(body)} bytes, the limit is {limit}")
        body = body[:limit]
    return body


def _unpack(name: str, body: bytes, limit: int, partial: bool) -> bytes:
    out = io.BytesIO()
    try:
        for piece in _DECODERS[name](body):
            out.write(piece)
            if out.tell() > limit:
                if partial:
                    break
                raise BodyTooLarge(f"{len(body)} bytes of {name} unpack to more than {limit}")
    except (zlib.error, brotli.error, zstandard.ZstdError, BadEncoding) as e:
        if not partial:
            raise BadEncoding(f"{name}: {e}") from e
    return out.getvalue()


class _Input:
    """A body handed out in pieces; what a decoder did not use comes back first."""

    def __init__(self, body: bytes):
        self._body = memoryview(body)
        self._at = 0
        self._back = b""

    def take(self, size: int) -> bytes:
        """The next bytes, empty at the end."""
        if self._back:
            data, self._back = self._back, b""
            return data
        data = bytes(self._body[self._at : self._at + size])
        self._at += len(data)
        return data

    def give_back(self, data: bytes) -> None:
        self._back = data


def _gzip(body: bytes) -> Iterator[bytes]:
    source = _Input(body)
    for _ in range(MAX_MEMBERS):
        yield from _inflate(source, wbits=31)
        data = source.take(PIECE)
        if not data.startswith(b"\x1f\x8b"):
            return  # the end, or padding
        source.give_back(data)
    raise BadEncoding(f"more than {MAX_MEMBERS} members")


def _deflate(body: bytes) -> Iterator[bytes]:
    """zlib (RFC 1950) as HTTP says, or the bare deflate stream (RFC 1951) that many servers send."""
    zlib_header = len(body) >= 2 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflate(_Input(body), wbits=15 if zlib_header else -15)


def _inflate(source: _Input, wbits: int) -> Iterator[bytes]:
    """One deflate stream; what follows it is given back."""
    d = zlib.decompressobj(wbits)
    while not d.eof:
        data = source.take(PIECE)
        piece = d.decompress(data, PIECE)
        if not (data or piece or d.eof):
            raise BadEncoding("cut short")
        yield piece
        source.give_back(d.unused_data if d.eof else d.unconsumed_tail)


def _brotli(body: bytes) -> Iterator[bytes]:
    d = brotli.Decompressor()
    data = body
    while not d.is_finished():
        piece = d.process(data, output_buffer_limit=PIECE)
        if not piece and d.can_accept_more_data() and not d.is_finished():
            raise BadEncoding("cut short")
        yield piece
        data = b""


def _zstd(body: bytes) -> Iterator[bytes]:
    source = _Input(body)
    for _ in range(MAX_MEMBERS):
        d = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        while not d.eof:
            if not (data := source.take(ZSTD_PIECE)):
                raise BadEncoding("cut short")
            yield d.decompress(data)
        if not (data := d.unused_data or source.take(ZSTD_PIECE)):
            return
        source.give_back(data)
    raise BadEncoding(f"more than {MAX_MEMBERS} frames")


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
