"""Whose turn it is to write, where the catalog is a file of this machine: a lock on a file beside it.

Writers queue: the next one holds ``.next`` while it waits, so that one who comes back at once does not overtake it.
Both locks end with their process. Without a file (a catalog elsewhere) nobody waits, and the ledger alone decides.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from connectors.warehouse import WarehouseBusy

RETRY_SECONDS = 0.01


class Turns:
    """The turn of this process, shared by all its threads."""

    def __init__(self, path: str | None, patience: float):
        self._path, self._patience = path, patience
        self._lock = threading.Lock()
        self._holders = 0
        self._descriptor: int | None = None

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Have the turn; gives whether this block is the first of the process to have it. Raises ``WarehouseBusy``."""
        with self._lock:
            first = self._holders == 0
            if first and self._path is not None:
                self._descriptor = self._take(self._path)
            self._holders += 1
        try:
            yield first
        finally:
            with self._lock:
                self._holders -= 1
                if self._holders == 0 and self._descriptor is not None:
                    os.close(self._descriptor)
                    self._descriptor = None

    def _take(self, path: str) -> int:
        queue = os.open(path + ".next", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._wait(queue, path)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._wait(descriptor, path)
            except BaseException:
                os.close(descriptor)
                raise
            return descriptor
        finally:
            os.close(queue)

    def _wait(self, descriptor: int, path: str) -> None:
        attempts = Retrying(
            retry=retry_if_exception_type(BlockingIOError),
            wait=wait_fixed(RETRY_SECONDS),
            stop=stop_after_delay(self._patience),
        )
        try:
            attempts(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except RetryError as e:
            raise WarehouseBusy(
                f"another process has written to {os.path.dirname(path)} for {self._patience:g} s: stop it"
            ) from e
