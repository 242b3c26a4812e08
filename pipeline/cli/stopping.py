"""A clean stop, within seconds: the first SIGTERM or SIGINT asks; the second one, or the time, ends.

Ending anywhere is safe (see docs/operate.md); asking first only saves doing a batch again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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
    """Ask this process to stop when its standard input ends: when the process that started it is gone, however."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="stop-with-parent", daemon=True).start()
