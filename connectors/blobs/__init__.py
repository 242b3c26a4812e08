"""Stores of blobs: bytes under a name, in a folder or in S3. They hold the bodies of messages that are too large for a
queue (connectors/queue/claims.py).

A name is the lower-case hex of the content's hash, so that whoever puts the same twice puts one blob; a put makes it
young again. Every implementation passes tests/connectors/blobs/test_contract.py.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

from schemas.errors import Unavailable, Unusable

NAME = re.compile(r"[0-9a-f]{32,128}")


class BlobError(Unusable, ValueError):
    """There is no store to be had here; one line that says what to do."""


class BlobUnavailable(Unavailable):
    """The store can't be reached, or has no room: wait and do it again."""


class BlobMissing(Exception):
    """There is no blob of this name."""


class BlobTooLarge(Exception):
    """The blob is larger than what was asked for at most."""


class BlobStore(Protocol):
    """All methods raise ``BlobUnavailable``. An instance is used by one thread at a time."""

    def put(self, name: str, data: bytes) -> str:
        """Keep the bytes under this name; on return they are there for good, whole. Returns the blob's URL."""

    def get(self, name: str, most: int) -> bytes:
        """The bytes. Raises ``BlobMissing`` and ``BlobTooLarge`` (more than ``most`` bytes; they are not read)."""

    def sweep(self, before: datetime) -> int:
        """Delete the blobs that were last put before this time; returns how many."""


def open_store(url: str, space: str) -> BlobStore:
    """Return the store at ``url``: ``file:///path`` (absolute), or ``s3://bucket/prefix?region=eu-west-1&endpoint=
    https://host`` with the credentials that AWS' own tools would use. ``space`` is a folder of one's own in it.

    Raises ``BlobError``.
    """
    if url.startswith("file:///"):
        from connectors.blobs.folder import FolderStore

        return FolderStore(url, space)
    if url.startswith("s3://"):
        from connectors.blobs.s3 import S3Store

        return S3Store(url, space)
    raise BlobError(f"unknown store {url!r}: use file:///path or s3://bucket/prefix")


def checked(name: str) -> str:
    """The name; anything but a hash is as good as missing (it may be a path into somewhere else)."""
    if not NAME.fullmatch(name):
        raise BlobMissing(name)
    return name
