"""The doors of the queue and of HTTP's content encodings."""

from __future__ import annotations

import gzip
import random
import zlib

import msgspec
import zstandard

from connectors.http import encodings
from connectors.queue import Message, read_fetched
from connectors.queue.claims import without_body
from fuzzing.door import NOW, of
from fuzzing.mutate import tree_changed
from pipeline.extraction.revision import extract
from schemas import records, wire


def wire_changed(rng: random.Random, data: bytes) -> bytes:
    """A record with another value somewhere, as it may be written by who knows the format."""
    try:
        body = data[5:]
        if data[4] & wire.COMPRESSED:
            if zstandard.frame_content_size(body) > 2**20:
                return data
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=2**20)
        tree = msgspec.msgpack.decode(body)
        made = msgspec.msgpack.encode(tree_changed(rng, tree))
    except (
        IndexError,
        ValueError,
        UnicodeError,
        zstandard.ZstdError,
        msgspec.MsgspecError,
        RecursionError,
        TypeError,
        OverflowError,
    ):
        return data
    packed = rng.random() < 0.3
    head = data[:4] + (b"\x01" if packed else b"\x00")
    return head + (zstandard.ZstdCompressor().compress(made) if packed else made)


def read_message(value: bytes) -> str:
    message = Message(partition=0, offset=1, key="k", value=value, headers={}, appended_at=NOW)
    item = read_fetched(message, "channel")
    assert wire.decode(wire.encode(item)) == item
    if item.failure is not None and item.failure.reason == "bad_message":
        assert item.body == value
        kind = wire.kind_of(value)
        return f"bad message ({kind.__name__ if kind else 'no record'})"
    small = wire.decode_as(records.Fetched, without_body(value, 100))
    assert small.body is None
    if len(value) < 4096 and of(value, range(4)) == 0:  # the way of each item that is whole
        found = extract(item, NOW)
        return f"item: {found.reason if isinstance(found, records.Failure) else 'article'}"
    return "item"


def encoded() -> list[bytes]:
    text = b"<p>The council closed the bridge.</p>" * 20
    packer = zlib.compressobj(wbits=-15)
    return [
        b"\0" + gzip.compress(text),
        b"\1" + zlib.compress(text),
        b"\1" + packer.compress(text) + packer.flush(),
        b"\3" + zstandard.ZstdCompressor().compress(text),
        b"\4" + zlib.compress(gzip.compress(text)),
        b"\5" + text,
        b"\2\x1b\x25\x00\x00\x04\x72",
    ]


ENCODINGS = ("gzip", "deflate", "br", "zstd", "gzip, deflate", "identity", "x-gzip", "aws-chunked", "")


def read_encoded(data: bytes) -> str:
    name = ENCODINGS[data[0] % len(ENCODINGS)] if data else ""
    try:
        body = encodings.decode(data[1:], name, 2**20, partial=len(data) % 2 == 0)
    except encodings.BadEncoding:
        return f"{name}: damaged"
    except encodings.BodyTooLarge:
        return f"{name}: too large"
    assert len(body) <= 2**20
    return f"{name}: decoded"
