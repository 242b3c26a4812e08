"""Blobs as files of a folder, also a shared one (NFS)."""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from connectors.blobs import BlobError, BlobMissing, BlobTooLarge, BlobUnavailable, checked

DRAFT = ".part"


class FolderStore:
    """See ``connectors.blobs.BlobStore``. A blob is ``<folder>/<space>/<two digits>/<name>``."""

    def __init__(self, url: str, space: str):
        self._folder = Path(unquote(url.removeprefix("file://"))) / space
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise BlobError(f"can't make the folder {self._folder}: {e.strerror}") from e

    def put(self, name: str, data: bytes) -> str:
        path = self._path(name)
        draft = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}{DRAFT}")
        try:
            path.parent.mkdir(exist_ok=True)
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
            _sync(path.parent)
        except OSError as e:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise BlobUnavailable(f"{path} can't be written: {e.strerror}") from e
        return path.as_uri()

    def get(self, name: str, most: int) -> bytes:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(most + 1)
        except FileNotFoundError:
            raise BlobMissing(name) from None
        except OSError as e:
            raise BlobUnavailable(f"{path} can't be read: {e.strerror}") from e
        if len(data) > most:
            raise BlobTooLarge(name)
        return data

    def sweep(self, before: datetime) -> int:
        swept = 0
        try:
            for path in self._folder.glob("??/*"):
                with contextlib.suppress(FileNotFoundError):  # another sweep was quicker
                    if path.stat().st_mtime < before.timestamp():
                        path.unlink()
                        swept += path.suffix != DRAFT
        except OSError as e:
            raise BlobUnavailable(f"{self._folder} can't be swept: {e.strerror}") from e
        return swept

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)[:2] / name


def _sync(folder: Path) -> None:
    """Make a new name in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
