"""Archives to read. Another format joins the contract's tests by a line in ``archived.DOORS``."""

import json

import pytest
from archived import DOORS, PACK

from connectors.archives.open import open_archive


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


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


@pytest.fixture
def archive_of(door, tmp_path):
    """Makes an archive of these items, in each format."""
    return lambda items: open_archive(DOORS[door](tmp_path, items))


def read_all(archive):
    """Its items, piece after piece."""
    return [found for piece in archive.pieces() for found in archive.read(piece)]
