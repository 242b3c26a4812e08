"""Archives in every format, made of the same items: ``{url, text, title, published_at}``."""

import gzip
import html
import json
import lzma
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def page(item: dict) -> bytes:
    """The item as a page of HTML."""
    paragraphs = "".join(f"<p>{html.escape(p)}</p>" for p in item["text"].split("\n"))
    at = item.get("published_at")
    dated = f'<meta property="article:published_time" content="{at}">' if at else ""
    title = html.escape(item.get("title", ""))
    return (
        f'<html lang="en"><head><title>{title}</title>{dated}</head><body><article><h1>{title}</h1>{paragraphs}'
        "</article></body></html>"
    ).encode()


def warc_record(
    url: str,
    body: bytes,
    kind: str = "response",
    http: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
    length: int | None = None,
    content_type: str = "",
    **headers: str,
) -> bytes:
    """A WARC record; ``length``: what its header says instead of the truth."""
    block = http + body
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    content_type = content_type or ("application/http; msgtype=response" if http else "text/html")
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{len(block):012}>\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Date: 2026-06-01T10:00:00Z\r\n{more}"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def warc_records(items: list[dict]) -> list[bytes]:
    return [warc_record(item["url"], page(item)) for item in items]


def _jsonl(path: pathlib.Path, items: list[dict], pack: str = "") -> pathlib.Path:
    path = path / f"news.jsonl{pack}"
    path.write_bytes(PACK[pack](b"".join(json.dumps(item).encode() + b"\n" for item in items)))
    return path


def _warc(path: pathlib.Path, items: list[dict], pack: str = "", single: bool = False) -> pathlib.Path:
    path = path / f"news.warc{pack}"
    records = warc_records(items)
    path.write_bytes(PACK[pack](b"".join(records)) if single else b"".join(PACK[pack](r) for r in records))
    return path


def _parquet(path: pathlib.Path, items: list[dict]) -> pathlib.Path:
    path = path / "news.parquet"
    schema = pa.schema([("url", pa.string()), ("text", pa.string()), ("title", pa.string())])
    rows = [{name: item.get(name) for name in schema.names} for item in items]
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=50)
    return path


def _folder(path: pathlib.Path, items: list[dict]) -> pathlib.Path:
    path = path / "news"
    path.mkdir()
    for n, item in enumerate(items):
        (path / f"{n:05}.html").write_bytes(page(item))
        (path / f"{n:05}.json").write_text(json.dumps({"url": item["url"]}))
    return path


DOORS = {
    "jsonl": _jsonl,
    "jsonl.gz": lambda path, items: _jsonl(path, items, ".gz"),
    "jsonl.xz": lambda path, items: _jsonl(path, items, ".xz"),
    "jsonl.zst": lambda path, items: _jsonl(path, items, ".zst"),
    "warc": _warc,
    "warc.gz": lambda path, items: _warc(path, items, ".gz"),
    "warc.gz, one member": lambda path, items: _warc(path, items, ".gz", single=True),
    "warc.zst": lambda path, items: _warc(path, items, ".zst"),
    "parquet": _parquet,
    "folder": _folder,
}
"""What writes the items as an archive of this kind into a folder, and gives its path."""
