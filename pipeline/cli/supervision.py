"""Keep commands running as processes of their own: started again when they end, their output as one, stopped together.

Any part may be killed at any moment (docs/operate.md), so what does not stop in time is.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

log = structlog.get_logger()
Write = Callable[[str, str], None]
"""Takes a part's name and a line that it wrote."""

MISTAKEN = 2
"""The exit code that says that the user was: a wrong file or flag does not mend itself."""


OTHERS = frozenset({0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})
"""The exit codes of a part that somebody else ended: a signal, or the clean stop that it asked for."""


@dataclass(frozen=True)
class Patience:
    """Times are seconds."""

    stop: float = 8.0
    """How long a part may take to stop when asked; then it is killed."""
    steady: float = 60.0
    """A part that ran this long starts again at once when it ends; one that keeps failing waits longer and longer."""
    begun: float = 10.0
    """A part that ran this long is past its start: what others end then (``OTHERS``) says nothing of its starts."""
    longest: float = 60.0
    """The longest wait between two starts."""
    tries: int = 10
    """So many starts in a row that did not last, and it is given up."""


@dataclass(frozen=True)
class GaveUp:
    """A part that does not stay up: how often it was tried, its last exit code and the last line that it wrote."""

    part: str
    tries: int
    exit: int
    said: str

    def __str__(self) -> str:
        ended = f"killed by signal {-self.exit}" if self.exit < 0 else f"exit {self.exit}"
        return (
            f"{self.part} ended {self.tries} times in a row soon after its start ({ended}); the last that it said: "
            f"{self.said or 'nothing'}. Mend that, then start again: nothing is lost meanwhile"
        )


@dataclass
class Part:
    """A command that is kept running. It ends when its standard input does."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    resume: float = 0.0
    """Not to be started before."""
    starts: int = 0
    failures: int = 0
    """Starts in a row that did not last."""
    said: str = ""
    """The last line that it wrote."""
    _relay: threading.Thread | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, at: float, write: Write) -> None:
        """Start it as a process of its own, which ends with this one whatever ends this one.

        It is in a process group of its own: Ctrl-C is for the supervisor, which then asks each part once."""
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, process_group=0
        )
        self.started = at
        self.starts += 1
        self._relay = threading.Thread(target=self._pass_on, args=(self.process.stdout, write), daemon=True)
        self._relay.start()
        log.info("started", part=self.name, pid=self.process.pid)

    def ended(self) -> int | None:
        """The exit code once the process has ended, after its last line was passed on; else None."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self._let_go()
        return code

    def stop(self, seconds: float) -> None:
        """Wait for the process, which was asked to stop; kill it when it takes longer."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=max(0.1, seconds))
        except subprocess.TimeoutExpired:
            log.warning("killed: it did not stop in time", part=self.name)
            self.process.kill()
            self.process.wait()
        self._let_go()

    def _let_go(self) -> None:
        process, self.process = self.process, None
        if self._relay is not None:
            self._relay.join(timeout=1)  # workers of a killed part may hold the pipe a little longer
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _pass_on(self, output: IO[bytes], write: Write) -> None:
        with output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    self.said = line
                    write(self.name, line)


def wiredesk(*arguments: str) -> list[str]:
    """The command with these arguments, to be run by the same Python."""
    return [sys.executable, "-m", "pipeline", "--stop-with-parent", *arguments]


def supervise(
    parts: Sequence[Part],
    stop: threading.Event,
    clock: Callable[[], float],
    write: Write,
    patience: Patience | None = None,
    beat: Callable[[], None] = lambda: None,
) -> int | GaveUp:
    """Keep the parts running until ``stop``, and call ``beat`` all the while; returns 0, 2 when a part says that the
    user was mistaken, or which part was given up. All parts have ended then."""
    patience = patience or Patience()
    try:
        while not stop.wait(0.2):
            beat()
            for part in parts:
                if part.process is None:
                    if clock() >= part.resume:
                        part.start(clock(), write)
                elif (code := part.ended()) is not None:
                    if code == MISTAKEN:
                        return MISTAKEN
                    lasted = has_lasted(code, clock() - part.started, patience)
                    part.failures = 0 if lasted else part.failures + 1
                    if part.failures >= patience.tries:
                        return GaveUp(part.name, part.failures, code, part.said)
                    wait = backoff(part.failures, patience.longest)
                    part.resume = clock() + wait
                    log.warning("ended", part=part.name, exit=code, again_in_seconds=wait, said=part.said)
        return 0
    finally:
        _end(parts, clock, patience)


def has_lasted(code: int, seconds: float, patience: Patience) -> bool:
    """Whether the start of a part that ended with this code, after so many seconds, was a good one."""
    return seconds >= (patience.begun if code in OTHERS else patience.steady)


def backoff(failures: int, longest: float = Patience.longest) -> float:
    """Seconds to wait before the start after this many short-lived ones in a row."""
    return min(longest, 2.0**failures) if failures else 0.0


def _end(parts: Sequence[Part], clock: Callable[[], float], patience: Patience) -> None:
    for part in parts:
        if part.process is not None:
            with contextlib.suppress(ProcessLookupError):
                part.process.terminate()
    deadline = clock() + patience.stop
    for part in parts:
        part.stop(deadline - clock())


def as_text(width: int) -> Write:
    """Writes lines with the part's name before them, in a column of this width, on standard error."""

    def write(part: str, line: str) -> None:
        _print(f"{part:{width}} | {line}")

    return write


def as_json(part: str, line: str) -> None:
    """Write a line as a JSON object that names its part: what the part logs has one, what it prints becomes one."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        event = {"event": line, "level": "info"}
    _print(json.dumps({"part": part} | event, ensure_ascii=False))


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
