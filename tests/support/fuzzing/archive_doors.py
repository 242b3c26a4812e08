"""The doors of archives: WARC, JSON lines, JSON documents, Parquet."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import tempfile
import tomllib

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from archived import page, warc_record

from connectors.archives.files import ArchiveError, File
from connectors.archives.open import FORMATS, recognise
from fuzzing.door import NOW, of
from schemas import records, wire
from schemas.reasons import reasons

ARTICLES = [
    {
        "url": f"https://herald.example/{n}",
        "text": f"The council closed bridge {n}. " * 3,
        "title": f"Bridge {n}",
        "published_at": "2026-06-01T10:00:00Z",
    }
    for n in range(4)
]
_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # many small files, none is kept


def read_archive(data: bytes, format: str, suffix: str) -> str:
    """Read it whole, and once more from a place in the middle: what follows must be the same."""
    with tempfile.NamedTemporaryFile(dir=_FOLDER, suffix=suffix) as made:
        made.write(data)
        made.flush()
        file = File(made.name, len(data))
        try:
            looked = recognise(file)
            archive = FORMATS[format].open(file, "channel", ())
            found = [(piece, list(archive.read(piece))) for piece in archive.pieces()]
            for piece, records_of_piece in found:
                positions = [one.position for one in records_of_piece]
                assert positions == sorted(set(positions)), "positions grow"
                if records_of_piece:
                    at = len(records_of_piece) // 2
                    rest = list(archive.read(piece, records_of_piece[at].position))
                    assert [x.fetched for x in rest] == [x.fetched for x in records_of_piece[at + 1 :]], "goes on"
        except ArchiveError:
            return "refused"
    items = [one.fetched for _, records_of_piece in found for one in records_of_piece]
    for item in items:
        if item is not None:
            assert wire.decode(wire.encode(item)) == item
            assert item.failure is None or item.failure.reason in reasons()
    failures = sorted({item.failure.reason for item in items if item is not None and item.failure is not None})
    whole = any(item is not None and item.failure is None for item in items)
    return f"{looked}: {'items' if whole else 'no items'}{', ' if failures else ''}{', '.join(failures)}"


def warcs() -> list[bytes]:
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    zipped = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n"
    other = [
        warc_record("https://herald.example/c", b"5\r\n<p>ab\r\n0\r\n\r\n", http=chunked),
        warc_record("https://herald.example/z", gzip.compress(b"<p>zipped"), http=zipped),
        warc_record("https://herald.example/r", b"<p>resource", kind="resource", http=b""),
        warc_record("https://herald.example/t", b"text", kind="conversion", http=b"", content_type="text/plain"),
        warc_record("https://herald.example/v", b"", kind="revisit", WARC_Refers_To_Target_URI="https://h.example/"),
        warc_record("https://herald.example/e", b"gone", http=b"HTTP/1.1 410 Gone\r\nContent-Type: text/html\r\n\r\n"),
        warc_record("https://herald.example/q", b"", kind="request", http=b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ]
    pages = [warc_record(a["url"], page(a)) for a in ARTICLES[:2]]
    return [b"".join(pages), b"".join(other), pages[0] + other[0], *other]


def read_warc(data: bytes) -> str:
    packed = (lambda d: d, gzip.compress, _member_by_member, zstandard.ZstdCompressor().compress)
    return read_archive(of(data, packed)(data), "warc", ".warc")


def _member_by_member(data: bytes) -> bytes:
    parts = data.split(b"WARC/1.0")
    return b"".join(gzip.compress(b"WARC/1.0" + part if n else part, 1) for n, part in enumerate(parts) if part or n)


def packed_warcs() -> list[bytes]:
    return [
        _member_by_member(warcs()[0]),
        gzip.compress(warcs()[1]),
        zstandard.ZstdCompressor().compress(warcs()[0]),
    ]


def lines() -> list[bytes]:
    more = {
        "url": "https://herald.example/x",
        "html": "<p>Text",
        "authors": ["A", None],
        "tags": "a",
        "language": "de",
        "fetched_at": 1780000000,
        "published_at": 1780000000.5,
        "source": "s",
        "canonical_url": "/x",
    }
    plain = "\n".join(json.dumps(line) for line in [*ARTICLES, more]).encode()
    layouts = tomllib.loads((pathlib.Path(records.__file__).parents[1] / "connectors/archives/fields.toml").read_text())
    known = [
        json.dumps({key: ARTICLES[0].get(name, "2026-06-01") for name, keys in row.items() for key in keys}).encode()
        for row in layouts.values()
    ]
    return [plain, b"\xef\xbb\xbf" + plain, *known]


def read_json_lines(data: bytes) -> str:
    packed = (lambda d: d, lambda d: d, gzip.compress, zstandard.ZstdCompressor().compress)
    return read_archive(of(data, packed)(data), "jsonl", ".jsonl")


def documents() -> list[bytes]:
    return [
        json.dumps(ARTICLES[0]).encode(),
        json.dumps(ARTICLES).encode(),
        json.dumps({"articles": ARTICLES}).encode(),
    ]


def tables() -> list[bytes]:
    plain = pa.Table.from_pylist(ARTICLES)
    typed = pa.table(
        {
            "url": pa.array(["https://h.example/1", None, "x"]),
            "html": pa.array([b"<p>a", b"\xff", None], pa.binary()),
            "published_at": pa.array([NOW, None, NOW], pa.timestamp("us", "UTC")),
            "authors": pa.array([["A"], [None], None]),
            "n": pa.array([1, 2, 3]),
        }
    )
    made = []
    for table in (plain, typed):
        for compression in ("none", "zstd"):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression=compression, row_group_size=2)
            made.append(sink.getvalue().to_pybytes())
    return made
