"""Archives to read. Another format joins the contract's tests by a parameter here."""

import gzip
import json
import lzma

import pytest
import zstandard

from connectors.archives import open_archive

PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def make(tmp_path):
    """Writes lines (objects or bytes) into a file of this name and opens it as an archive."""

    def make_archive(lines, name="news.jsonl"):
        suffix = next((s for s in PACK if s and name.endswith(s)), "")
        raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path = tmp_path / name
        path.write_bytes(PACK[suffix](b"".join(line + b"\n" for line in raw)))
        return open_archive(path)

    return make_archive


@pytest.fixture(params=["jsonl", "jsonl.gz", "jsonl.xz", "jsonl.zst"])
def archive_of(request, make):
    """Makes an archive of items with these fields, in each format."""
    return lambda items: make(items, f"news.{request.param}")
