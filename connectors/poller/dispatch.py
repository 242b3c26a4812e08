"""Runs jobs so that a slow host never holds the others back.

Few jobs of one host run at a time; the rest of them wait in the host's own line. A job that lasts longer than
``patience`` leaves the quick lane and lets the next one start, so what hangs costs an open connection and no turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")


@dataclass(frozen=True)
class Lanes:
    """How many jobs run at once."""

    per_host: int = 2
    quick: int = 64
    """Jobs that started less than ``patience`` ago."""
    open: int = 600
    """All jobs, those that outstay their patience included."""
    patience: float = 2.0
    """Seconds."""


class Dispatcher(Generic[Job]):
    """Runs each job it is given through ``run``, which handles the job's errors itself: one that it lets through is
    raised by ``idle`` and ``failed``."""

    def __init__(self, run: Callable[[Job], Awaitable[None]], lanes: Lanes):
        self._run = run
        self._lanes = lanes
        self._lines: dict[str, deque[Job]] = {}
        self._ready: deque[str] = deque()
        """Hosts with a line and a free place, in turn; each at most once."""
        self._running: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._quick: set[asyncio.Task[None]] = set()
        self._held = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._error: BaseException | None = None
        self._failed = asyncio.Event()

    def put(self, host: str, job: Job) -> None:
        """Run ``job`` when its turn comes."""
        self._idle.clear()
        line = self._lines.setdefault(host, deque())
        line.append(job)
        if len(line) == 1 and self._running[host] < self._lanes.per_host:
            self._ready.append(host)
        self._start()

    def __len__(self) -> int:
        """Jobs that wait or run."""
        return sum(map(len, self._lines.values())) + len(self._tasks)

    def hold(self) -> None:
        """Start no more jobs."""
        self._held = True

    def resume(self) -> None:
        self._held = False
        self._start()

    async def idle(self) -> None:
        """Wait until no job waits or runs. Raises what a job let through."""
        await self._idle.wait()
        if self._error is not None:
            raise self._error

    async def failed(self) -> None:
        """Wait until a job lets an error through, and raise it."""
        await self._failed.wait()
        if self._error is not None:
            raise self._error

    async def stop(self, grace: float) -> None:
        """Forget the jobs that wait; give those that run ``grace`` seconds, then cancel them."""
        self._held = True
        self._lines.clear()
        self._ready.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._idle.set()

    def _start(self) -> None:
        lanes = self._lanes
        while self._ready and not self._held and len(self._quick) < lanes.quick and len(self._tasks) < lanes.open:
            host = self._ready.popleft()
            line = self._lines[host]
            job = line.popleft()
            if not line:
                del self._lines[host]
            self._running[host] += 1
            if line and self._running[host] < self._lanes.per_host:
                self._ready.append(host)
            task = asyncio.create_task(self._do(host, job))
            self._tasks.add(task)
            self._quick.add(task)
            asyncio.get_running_loop().call_later(self._lanes.patience, self._leave_quick_lane, task)
            task.add_done_callback(self._done)

    async def _do(self, host: str, job: Job) -> None:
        try:
            await self._run(job)
        finally:
            self._running[host] -= 1
            if not self._running[host]:
                del self._running[host]
            # While the host had all its places taken it was not among the ready ones; now it is again.
            if host in self._lines and host not in self._ready:
                self._ready.append(host)

    def _leave_quick_lane(self, task: asyncio.Task[None]) -> None:
        if task in self._quick:
            self._quick.discard(task)
            self._start()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._quick.discard(task)
        if not task.cancelled() and task.exception() is not None and self._error is None:
            self._error = task.exception()
            self._failed.set()
            self._idle.set()
        self._start()
        if not self._tasks and not self._lines:
            self._idle.set()
