"""The one wire format: how a record becomes bytes, in queues, in Beam, in rejects' payloads.

Layout: ``b"WD"``, format version (1 byte), record kind (1 byte), flags (1 byte), then the record as a MessagePack map
by field name, zstd-compressed when bit 0 of the flags is set. Fields may be added with defaults under the same
version; any other change is a new version with an entry in ``UPGRADES``. See docs/schemas/ for a JSON Schema of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import zstandard

from schemas import records

MAGIC = b"WD"
VERSION = 1
COMPRESSED = 1
COMPRESS_FROM = 4096
"""Records smaller than this are sent as they are."""
MAX_DECODED = 256 * 2**20
"""A record that claims to unpack to more is refused."""

# The numbers are part of the format: never reuse or renumber one.
KINDS: dict[int, type[records.Record]] = {
    1: records.Fetched,
    2: records.Revision,
    3: records.Article,
    4: records.ArticleVersion,
    5: records.Link,
    6: records.Sketch,
    7: records.Member,
    8: records.Story,
    9: records.StoryEvent,
    10: records.ArticleSection,
    11: records.Metric,
    12: records.Figure,
    13: records.Reject,
    14: records.Receipt,
    15: records.Progress,
    16: records.Replaced,
    17: records.Pair,
    18: records.Claim,
    19: records.Denial,
}
_KIND_OF = {cls: kind for kind, cls in KINDS.items()}

# (kind, version) -> what turns the decoded map of that version into one of the next version.
UPGRADES: dict[tuple[int, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}

R = TypeVar("R", bound=records.Record)
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decoders = {kind: msgspec.msgpack.Decoder(cls) for kind, cls in KINDS.items()}


class WireError(ValueError):
    """Bytes that are not a record this version can read; the message says why."""


def encode(record: records.Record) -> bytes:
    """Return the bytes of ``record``; equal records give equal bytes."""
    body = _encode(record)
    flags = 0
    if len(body) >= COMPRESS_FROM:
        body, flags = zstandard.ZstdCompressor(level=3).compress(body), COMPRESSED
    return MAGIC + bytes((VERSION, _KIND_OF[type(record)], flags)) + body


def decode(data: bytes) -> records.Record:
    """Return the record in ``data``, upgraded from the version it was written in. Raises ``WireError``."""
    if len(data) < 5 or data[:2] != MAGIC:
        raise WireError(f"not a wiredesk record: starts with {data[:5]!r}")
    version, kind, flags = data[2], data[3], data[4]
    if kind not in KINDS:
        raise WireError(f"record kind {kind} is not known to this version of wiredesk")
    if not 1 <= version <= VERSION:
        raise WireError(f"format version {version} is newer than this wiredesk reads ({VERSION}): upgrade wiredesk")
    body: bytes = data[5:]
    try:
        if flags & COMPRESSED:
            # A frame that says how large it is gets that much memory, whatever bound is given with it.
            if (claimed := zstandard.frame_content_size(body)) > MAX_DECODED:
                raise WireError(f"damaged {KINDS[kind].__name__} record: it claims to unpack to {claimed:,} bytes")
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=MAX_DECODED)
        if version == VERSION:
            return _decoders[kind].decode(body)
        fields = msgspec.msgpack.decode(body)
        for v in range(version, VERSION):
            fields = UPGRADES.get((kind, v), lambda f: f)(fields)
        return msgspec.convert(fields, KINDS[kind])
    except (msgspec.MsgspecError, zstandard.ZstdError, UnicodeDecodeError, RecursionError) as e:
        raise WireError(f"damaged {KINDS[kind].__name__} record: {e}") from e


def kind_of(data: bytes) -> type[records.Record] | None:
    """What kind of record these bytes say they are, without reading it; None if they are none that is known."""
    return KINDS.get(data[3]) if len(data) >= 5 and data[:2] == MAGIC else None


def decode_as(cls: type[R], data: bytes) -> R:
    """Like ``decode``, and raise ``WireError`` if it is a record of another kind."""
    record = decode(data)
    if not isinstance(record, cls):
        raise WireError(f"expected a {cls.__name__} record, got a {type(record).__name__}")
    return record
