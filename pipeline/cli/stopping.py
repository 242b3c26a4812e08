"""A clean stop, within seconds: the first SIGTERM or SIGINT asks; the second one, or the time, ends.

Ending anywhere is safe (see docs/operate.md); asking first only saves doing a batch again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

GRACE_SECONDS = 5.0
"""How long the work under way may go on after the first signal."""


@contextmanager
def stop_on_signals(grace: float = GRACE_SECONDS) -> Iterator[threading.Event]:
    """Give an event that is set at the first signal. After ``grace`` seconds, or at a second signal, KeyboardInterrupt
    is raised where the work stands."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        signal.setitimer(signal.ITIMER_REAL, grace)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with_parent() -> None:
    """Ask this process to stop when its standard input ends: when the process that started it is gone, however. What
    is written from then on has no reader, and is no error."""
    sys.stdout, sys.stderr = _Unread(sys.stdout), _Unread(sys.stderr)

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="stop-with-parent", daemon=True).start()


class _Unread:
    """A text stream whose reader may go away: a log line must not break the work that it tells of."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(BrokenPipeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(BrokenPipeError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
