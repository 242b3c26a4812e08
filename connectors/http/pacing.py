"""Politeness: how many requests a host gets at a time, and how far apart.

A ``HostGate`` is shared by everything that fetches. Its keys are opaque (the client uses host and port). Waiting here
is waiting for one's turn: it is no part of a fetch's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pacing:
    """What one host gets."""

    concurrency: int = 2
    """Requests at a time."""
    delay: float = 0.5
    """Seconds between the starts of two requests, if nothing longer is asked for."""
    max_delay: float = 300.0
    """Seconds; what a robots.txt or a Retry-After asks for beyond is cut to this."""


class _Host:
    __slots__ = ("next_start", "turns", "users")

    def __init__(self, concurrency: int, now: float):
        self.turns = asyncio.Semaphore(concurrency)
        self.users = 0
        self.next_start = now


class HostGate:
    """``async with gate.slot(host):`` around a request. Used within one event loop; ``clock`` gives seconds."""

    SWEEP = 1024
    """Hosts; beyond, those nobody waits for are forgotten from time to time."""

    def __init__(
        self,
        pacing: Pacing | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ):
        self.pacing = pacing or Pacing()
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}
        self._sweep_at = self.SWEEP

    @property
    def remembered(self) -> int:
        """How many hosts are remembered."""
        return len(self._hosts)

    @contextlib.asynccontextmanager
    async def slot(self, host: str, delay: float | None = None) -> AsyncIterator[None]:
        """Wait for the host's turn and hold it. ``delay``: seconds that the host asks for (crawl-delay)."""
        state = self._host(host)
        state.users += 1
        try:
            async with state.turns:
                while (wait := state.next_start - self._clock()) > 0:
                    await self._sleep(wait)
                gap = min(max(delay or 0.0, self.pacing.delay), self.pacing.max_delay)
                state.next_start = self._clock() + gap
                yield
        finally:
            state.users -= 1

    def hold(self, host: str, seconds: float) -> None:
        """Start no request to the host for so long (Retry-After)."""
        state = self._host(host)
        state.next_start = max(state.next_start, self._clock() + min(seconds, self.pacing.max_delay))

    def ready_in(self, host: str) -> float:
        """Seconds until the host may get its next request."""
        state = self._hosts.get(host)
        return max(0.0, state.next_start - self._clock()) if state else 0.0

    def _host(self, name: str) -> _Host:
        state = self._hosts.get(name)
        if state is None:
            now = self._clock()
            if len(self._hosts) >= self._sweep_at:
                self._hosts = {k: h for k, h in self._hosts.items() if h.users or h.next_start > now}
                self._sweep_at = max(self.SWEEP, 2 * len(self._hosts))
            state = self._hosts[name] = _Host(self.pacing.concurrency, now)
        return state
