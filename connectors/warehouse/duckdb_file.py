"""One DuckDB file and who may have it open.

DuckDB lets one process write a file, or several read it, never both; so the file is open only while somebody holds it,
and an opening that meets another process tries again for a while. Within a process all share one connection: threads
work on cursors of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import duckdb
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from connectors.warehouse import WarehouseBusy, WarehouseError, WarehouseFailed

MEMORY = ":memory:"
RETRY_SECONDS = 0.01
PREFIX = "duckdb:///"


@dataclass(frozen=True)
class Location:
    """What a ``duckdb:///`` URL says. ``patience``: seconds to wait for a file that another process has open."""

    path: str
    patience: float = 60.0
    settings: dict[str, str | int] = field(default_factory=dict)

    @property
    def in_memory(self) -> bool:
        return self.path.startswith(MEMORY)


def parse_url(url: str) -> Location:
    """Read ``duckdb:///path?threads=2&memory_limit=4GB&patience=10``; raises ``WarehouseError``."""
    if not url.startswith(PREFIX):
        raise WarehouseError(f"not a DuckDB URL: {url!r}; use duckdb:///path (one more slash for an absolute path)")
    path, _, query = url.removeprefix(PREFIX).partition("?")
    if not path or path.endswith("/"):
        raise WarehouseError(f"{url!r} names no file: use duckdb:///path")
    settings: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise WarehouseError(f"unknown option {name!r} in {url!r}: known are {', '.join(OPTIONS)}")
        try:
            settings[name] = OPTIONS[name](value)
        except ValueError as e:
            raise WarehouseError(f"option {name}={value!r} in {url!r}: {e}") from None
    patience = settings.pop("patience", Location.patience)
    return Location(path if path.startswith(MEMORY) else os.path.abspath(path), patience, settings)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("a whole number above 0 is needed")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError("seconds are a number, as in 2.5")
    return float(text)


def _memory(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?\s*([kMGT]B|[KMGT]iB)", text):
        raise ValueError("a size is a number with kB, MB, GB, KiB, MiB or GiB, as in 2GB")
    return text


OPTIONS: dict[str, Callable[[str], Any]] = {
    "memory_limit": _memory,
    "patience": _seconds,
    "temp_directory": str,
    "threads": _number,
}
"""What a URL may say after the question mark. All but ``patience`` are DuckDB's own settings."""


class DuckDBFile:
    """A database of this process: opened by the first who holds it, closed by the last to let go."""

    def __init__(self, location: Location):
        self.location = location
        self.writing = threading.RLock()
        """Held by whoever changes the database; readers on their cursors are not disturbed."""
        self.checked = False
        """Whether the schema was found right since the file was opened."""
        self._changed = threading.Condition()
        self._holders = 0
        self._read_only = False
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._close_later: list[int] = []
        if location.in_memory:
            self._connection = self._open(read_only=False)

    @contextlib.contextmanager
    def hold(self, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Keep the database open inside the block. Raises ``WarehouseBusy``, ``WarehouseError`` for a bad file, and
        ``WarehouseFailed`` for what DuckDB could not do in the block."""
        with self._changed:
            upgrade = not read_only and self._read_only
            free = self._changed.wait_for(lambda: not (self._holders and upgrade), self.location.patience)
            if not free:
                raise WarehouseBusy(f"this process is still reading {self.location.path}: write after that")
            if self._connection is None:
                self._connection, self._read_only, self.checked = self._open(read_only), read_only, False
            self._holders += 1
            connection = self._connection
        try:
            yield connection
        except (duckdb.OperationalError, duckdb.InternalError) as e:
            raise WarehouseFailed(f"{self.location.path}: {_first_line(e)}") from e
        finally:
            with self._changed:
                self._holders -= 1
                if self._holders == 0 and not self.location.in_memory:
                    self._close()
                self._changed.notify_all()

    def close_with_connection(self, descriptor: int) -> None:
        """Close this descriptor of the file only after DuckDB's own: closing any gives up a process's POSIX locks."""
        self._close_later.append(descriptor)

    def _open(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        path = self.location.path
        if not self.location.in_memory:
            if read_only and not Path(path).exists():
                raise WarehouseError(f"there is no warehouse at {path}: check the URL, or fill one first")
            if not Path(path).parent.is_dir():
                raise WarehouseError(
                    f"there is no folder {Path(path).parent}: make it, or check the URL "
                    "(duckdb:///name is in the working directory, duckdb:////name is absolute)"
                )
        attempts = Retrying(
            retry=retry_if_exception(_is_locked),
            wait=wait_fixed(RETRY_SECONDS),
            stop=stop_after_delay(self.location.patience),
            reraise=True,
        )
        turn = _Turn(path + ".turn")
        try:
            return attempts(self._attempt, read_only, turn)
        except (duckdb.Error, BlockingIOError) as e:
            if _is_locked(e):
                raise WarehouseBusy(
                    f"another process has held {path} for {self.location.patience:g} s: stop it, or read a snapshot "
                    f"instead ({_first_line(e)})"
                ) from e
            raise WarehouseError(f"{path} can't be opened: {_first_line(e)}") from e
        finally:
            turn.release()

    def _attempt(self, read_only: bool, turn: _Turn) -> duckdb.DuckDBPyConnection:
        turn.take()
        try:
            return self._connect(read_only)
        except duckdb.IOException:
            turn.wanted = True
            raise

    def _connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        # Nothing is ever fetched from the network by itself.
        config: dict[str, str | bool | int | float | list[str]] = {**self.location.settings}
        config["autoinstall_known_extensions"] = False
        # Unnamed in-memory databases are not shared between connections; ours is shared by being this one.
        path = MEMORY if self.location.in_memory else self.location.path
        connection = duckdb.connect(path, read_only=read_only, config=config)
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._read_only = None, False
        for descriptor in self._close_later:
            os.close(descriptor)
        self._close_later.clear()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, BlockingIOError) or (
        isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)
    )


class _Turn:
    """Whose turn it is to open the file: a lock on a file beside it, which appears when two processes first meet.

    Without it, one that opens the file again right after closing it would hardly ever let another one in."""

    def __init__(self, path: str):
        self._path = path
        self._descriptor: int | None = None
        self._mine = False
        self.wanted = os.path.exists(path)

    def take(self) -> None:
        """Have the turn, if it is wanted. Raises ``BlockingIOError`` while another process has it."""
        if not self.wanted or self._mine:
            return
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError:  # a folder that only its owner writes to: no turns there
                self._mine = True
                return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._mine = True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


@dataclass(frozen=True)
class _Registry:
    """The databases somebody in this process still refers to, by path."""

    files: weakref.WeakValueDictionary[str, DuckDBFile] = field(default_factory=weakref.WeakValueDictionary)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, location: Location) -> DuckDBFile:
        with self.lock:
            found = self.files.get(location.path)
            if found is None:
                self.files[location.path] = found = DuckDBFile(location)
            return found


_registry = _Registry()


def database(location: Location) -> DuckDBFile:
    """This process's one ``DuckDBFile`` of the location; the settings are those of whoever asked first."""
    return _registry.get(location)
