"""Where archives lie: files of this machine, or behind a scheme that Beam's filesystems know (s3://, gs://, hdfs://).

A ``File`` is a plain value that any worker can open. Beam is loaded for what is behind a scheme only.
"""

from __future__ import annotations

import glob
import io
import os
import pathlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from schemas.errors import Unavailable, Unusable

BUFFER = 2**20
WILD = frozenset("*?[")
CLIENTS = {"gs": "wiredesk[google]", "hdfs": "apache-beam[hadoop]", "s3": "boto3"}
"""What must be installed to read behind a scheme."""


class ArchiveError(Unusable, ValueError):
    """The archive can't be opened; the message is one line that says what to do."""


class ArchiveAway(Unavailable):
    """The storage that holds the archive failed while it was read; another try may help."""


@dataclass(frozen=True, order=True)
class File:
    """A file and its size in bytes as stored."""

    path: str
    size: int

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path of the folder it lies in."""
        return self.path.rstrip("/").rpartition("/")[0]

    @property
    def suffixes(self) -> list[str]:
        """``.jsonl``, ``.gz``: those of the name, in lower case."""
        return [suffix.lower() for suffix in pathlib.PurePosixPath(self.name).suffixes]

    def open(self) -> BinaryIO:
        """A reader that can seek. Raises ``ArchiveError`` for a file that is not there."""
        if not is_remote(self.path):
            try:
                return open(self.path, "rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as e:
                raise ArchiveError(f"there is no archive file at {self.path}") from e
        return cast(BinaryIO, io.BufferedReader(_Remote(self.path), BUFFER))


def is_remote(path: str) -> bool:
    return "://" in path


def find(pattern: str) -> list[File]:
    """The files that a path or a glob (``**`` for folders in folders) means, in order; of a folder all below it.

    Raises ``ArchiveError`` if there is none.
    """
    found = _find_remote(pattern) if is_remote(pattern) else _find_here(pattern)
    if not found:
        raise ArchiveError(f"there is no archive file at {pattern}")
    return sorted(found)


def everywhere(path: str) -> str:
    """The path as other processes find it too."""
    return path if is_remote(path) else os.path.abspath(path)


def is_folder(path: str) -> bool:
    return path.endswith("/") if is_remote(path) else os.path.isdir(path)


def beam_storage(options: Sequence[str]) -> None:
    """Tell Beam's filesystems the options they have (``--s3_endpoint_url=...``)."""
    if options:
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import PipelineOptions

        FileSystems.set_options(PipelineOptions(list(options)))


def _find_here(pattern: str) -> list[File]:
    if os.path.isfile(pattern):  # a name may hold a wildcard's character
        return [File(pattern, os.path.getsize(pattern))]
    if os.path.isdir(pattern):
        walk = os.walk(pattern, followlinks=True)
        paths: Iterable[str] = (os.path.join(top, name) for top, _, names in walk for name in names)
    elif WILD.intersection(pattern):
        paths = glob.glob(pattern, recursive=True)
    else:
        return []
    return [File(path, os.path.getsize(path)) for path in paths if os.path.isfile(path)]


def _find_remote(pattern: str) -> list[File]:
    from apache_beam.io.filesystems import FileSystems

    deep = pattern + "**" if is_folder(pattern) else pattern
    try:
        (found,) = FileSystems.match([deep])
    except Exception as e:  # each client has its own
        raise _in_words(pattern, e) from e
    return [File(m.path, m.size_in_bytes) for m in found.metadata_list if not m.path.endswith("/")]


def _in_words(path: str, error: Exception) -> ArchiveError | ArchiveAway:
    scheme = path.partition("://")[0]
    text = str(_innermost(error))
    if scheme not in CLIENTS:
        return ArchiveError(f"can't read {path}: known are local paths and {', '.join(f'{s}://' for s in CLIENTS)}")
    if "install" in text or "Missing boto3" in text:
        return ArchiveError(f"can't read {scheme}:// yet: pip install '{CLIENTS[scheme]}'")
    return ArchiveAway(f"{path} can't be read now: {text.splitlines()[0][:300] if text else type(error).__name__}")


def _innermost(error: Exception) -> Exception:
    """What a client said, out of what Beam says around it."""
    details = getattr(error, "exception_details", None)
    inner = [e for e in details.values() if isinstance(e, Exception)] if isinstance(details, dict) else []
    return _innermost(inner[0]) if inner else error


class _Remote(io.RawIOBase):
    """A file behind a scheme. Whatever its client raises is an ``ArchiveAway``."""

    def __init__(self, path: str):
        self._path = path
        self._file: Any = self._do(self._open)

    def _open(self) -> Any:
        from apache_beam.io.filesystem import CompressionTypes
        from apache_beam.io.filesystems import FileSystems

        return FileSystems.open(self._path, compression_type=CompressionTypes.UNCOMPRESSED)

    def _do(self, call: Any, *args: Any) -> Any:
        try:
            return call(*args)
        except Exception as e:  # each client has its own
            raise _in_words(self._path, e) from e

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._do(self._file.seek, offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._do(self._file.tell))

    def readinto(self, buffer: Any) -> int:
        data = self._do(self._file.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()
