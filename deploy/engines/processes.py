"""Processes of engines on this machine: each has a name in a folder, its own process group, log and pid file.

A process is known by a mark in its environment, not by its number alone, which may be another's by now. What was
killed is started again in the same folder with the same ports, so clients find it. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MARK = "ENGINE_OF_WIREDESK"
PORTS = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections: nobody takes the port of an engine that is down for a moment."""
READY_SECONDS = 90.0
STOP_SECONDS = 20.0


class EngineError(Exception):
    """The engine can't be had; one line that says what to do."""


@dataclass(frozen=True)
class Process:
    """The process ``name`` of ``folder``, running or not."""

    folder: pathlib.Path
    name: str

    @property
    def log(self) -> pathlib.Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its number, if it runs."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text().split()[0])
            return pid if self._is_ours(pid) else None
        return None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it, unless it runs."""
        if self.pid is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            begins = log.seek(0, os.SEEK_END)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **(environment or {}), MARK: self._mark},
                start_new_session=True,
            )
        self._pid_file.write_text(f"{process.pid} {begins}")

    def wait(self, ready: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Wait until ``ready()``. Raises ``EngineError`` if the process ends, or after ``seconds``."""
        deadline = time.monotonic() + seconds
        gone = 0
        while not ready():
            gone = gone + 1 if self.pid is None else 0
            if gone > 2:  # a process that is just being started may hide for a moment
                raise EngineError(f"{self.name} ended: {self._last_words()}")
            if time.monotonic() > deadline:
                raise EngineError(f"{self.name} is not ready after {seconds:.0f} s: see {self.log}")
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> bool:
        """End it (``kill``: with SIGKILL) and what it started, and wait for that; returns whether it ran."""
        pid = self.pid
        if pid is not None:
            deadline = time.monotonic() + STOP_SECONDS
            self.signal(signal.SIGKILL if kill else signal.SIGTERM)
            while self._is_ours(pid):
                if time.monotonic() > deadline:
                    self.signal(signal.SIGKILL)
                time.sleep(0.02)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and what it started (SIGSTOP and SIGCONT: a pause)."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    # -- inside --

    @property
    def _pid_file(self) -> pathlib.Path:
        return self.folder / f"{self.name}.pid"

    @property
    def _mark(self) -> str:
        return f"{self.folder}/{self.name}"

    def _is_ours(self, pid: int) -> bool:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                return True  # a child of this process that runs: while it starts, its environment can't be read
        try:
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"{MARK}={self._mark}".encode() in environment

    def _last_words(self) -> str:
        """Of this run of it: the last complaint, or the last line."""
        lines: list[str] = []
        with contextlib.suppress(OSError, ValueError, IndexError):
            begins = int(self._pid_file.read_text().split()[1])
            said = self.log.read_bytes()[begins:].decode("utf-8", "replace")
            lines = [line for line in said.splitlines() if line.strip()]
        causes = [line for line in lines if "ERROR" in line or "Exception" in line]
        return (causes or lines or ["it left no log"])[-1].strip()


@dataclass(frozen=True)
class Server:
    """An engine that is one process of a folder and answers on one port. ``door``: the port's name in ports.json."""

    name: str
    door: str

    def process(self, folder: pathlib.Path | str) -> Process:
        return Process(pathlib.Path(folder).resolve(), self.name)

    def port(self, folder: pathlib.Path | str) -> int:
        return ports(pathlib.Path(folder).resolve(), [self.door])[self.door]

    def stop(self, folder: pathlib.Path | str, *, kill: bool = False) -> bool:
        """End it and wait for that; returns whether it ran."""
        return self.process(folder).stop(kill=kill)

    def status(self, folder: pathlib.Path | str) -> str:
        """One line for people."""
        pid = self.process(folder).pid
        return f"{self.name}: " + (f"http://127.0.0.1:{self.port(folder)} (pid {pid})" if pid else "not running")


def ports(folder: pathlib.Path, names: Sequence[str]) -> dict[str, int]:
    """A port for each name, the same whenever this folder asks."""
    file = folder / "ports.json"
    known: dict[str, int] = json.loads(file.read_text()) if file.is_file() else {}
    for name in names:
        if name not in known:
            known[name] = free_port(known.values())
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known))
    return known


def free_port(besides: Iterator[int] | Sequence[int] | object = ()) -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    taken = set(besides)  # type: ignore[call-overload]
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            return port
    raise EngineError(f"no free port between {PORTS.start} and {PORTS.stop}")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def cache() -> pathlib.Path:
    """Where downloads survive."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "wiredesk" / "engines"


@contextlib.contextmanager
def made_once(path: pathlib.Path) -> Iterator[pathlib.Path | None]:
    """Give a new folder that becomes ``path`` in the end, or None if ``path`` is there; one process at a time."""
    import shutil
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.parent.joinpath(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_dir():
            yield None
            return
        draft = pathlib.Path(tempfile.mkdtemp(dir=path.parent))
        try:
            yield draft
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def run(command: Sequence[str], what: str, folder: pathlib.Path) -> str:
    """Run a command and return what it wrote; raises ``EngineError`` with its first complaint."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise EngineError(f"{what}: {command[0]} is not installed") from None
    if done.returncode:
        told = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        wrong = [line for line in told if "ERROR" in line] or told
        raise EngineError(f"{what}: {wrong[0] if wrong else 'no reason given'}")
    return done.stdout
