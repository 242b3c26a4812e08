"""Worker processes for work that may hang, swallow memory or crash: shared by a process, recycled, killed alone.

A pool belongs to the process, not to a step, because Beam sets steps up and down with every batch while a worker takes
a second to start. ``close()`` stops them all; so does the end of the process, even a kill: workers end with their pipe.

Time is the processor's, so that what comes of a page does not depend on how busy or how long asleep the machine is. The
kernel ends a worker that has used up its own (SIGPROF, setitimer(2)), whatever it is in the midst of.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, TimeoutError
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

T = TypeVar("T")
PATIENCE = 10
"""Work is also ended when it takes so many times its processor time by the clock: it waits for what won't come."""
POLITE = 5
"""By so much workers are niced: they are many, what puts their work together is one, and it goes first."""


@dataclass(frozen=True)
class Limits:
    """``workers``: processes, 0 for as many as this process may use CPUs. ``max_tasks``: after so many a worker is
    replaced. ``max_memory``: bytes of data a worker may allocate. ``preload``: modules that workers need; those of the
    first pool that a process starts are imported once and shared. ``ready``: called in a new worker."""

    workers: int = 0
    max_tasks: int = 2000
    max_memory: int = 4 * 2**30
    preload: tuple[str, ...] = ()
    ready: Callable[[], None] | None = None


class Killed(Exception):
    """The work was ended: ``timed_out``, or the worker died of it (twice)."""

    def __init__(self, timed_out: bool, detail: str):
        super().__init__(detail)
        self.timed_out = timed_out
        self.detail = detail


_pools: dict[Limits, ProcessPool] = {}
_lock = threading.Lock()


class Job(Generic[T]):
    """Work that was handed to a worker. ``timeout``: seconds of processor time it may use."""

    def __init__(self, limits: Limits, function: Callable[..., T], args: Sequence[Any], timeout: float):
        self._submit = functools.partial(_submit, limits, function, args, timeout)
        self._timeout = timeout
        self._future = self._submit()

    def result(self) -> T:
        """Wait for the outcome. Raises ``Killed``, or what the work raised.

        A worker that died is no proof against its work (the system may have been short of memory), so it is tried
        once more.
        """
        for last in (False, True):
            try:
                return self._future.result()
            except TimeoutError:
                raise Killed(True, f"more than {PATIENCE * self._timeout:g} s by the clock") from None
            except (ProcessExpired, CancelledError) as e:
                exitcode = getattr(e, "exitcode", None)
                if exitcode == -signal.SIGPROF:
                    raise Killed(True, f"more than {self._timeout:g} s") from None
                if last:
                    raise Killed(False, f"worker ended with exit code {exitcode}") from None
                self._future = self._submit()
        raise AssertionError("unreachable")


def close() -> None:
    """Stop all workers and wait for them; pools are made anew when needed."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join()


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def _submit(limits: Limits, function: Callable[..., T], args: Sequence[Any], timeout: float) -> Future[T]:
    with _lock:
        pool = _pools.get(limits)
        if pool is None or not pool.active:
            pool = _pools[limits] = _start(limits)
        return pool.schedule(_timed, args=(timeout, function, args), timeout=PATIENCE * timeout)


def _start(limits: Limits) -> ProcessPool:
    # A fork server: forking a process with Beam's and gRPC's threads deadlocks, spawning imports everything each time.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", *limits.preload])
    atexit.unregister(close)
    atexit.register(close)
    return ProcessPool(
        max_workers=limits.workers or cpus(),
        max_tasks=limits.max_tasks,
        initializer=_confine,
        initargs=(limits,),
        context=context,
    )


def _confine(limits: Limits) -> None:
    """In the worker: the parent decides when to stop, memory has an end, and no work pays for what all need."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(POLITE)
    with contextlib.suppress(ValueError):  # an operator's own limit is lower
        resource.setrlimit(resource.RLIMIT_DATA, (limits.max_memory, limits.max_memory))
    for module in limits.preload:
        importlib.import_module(module)
    if limits.ready is not None:
        limits.ready()


def _timed(timeout: float, function: Callable[..., T], args: Sequence[Any]) -> T:
    """In the worker: the work, which ends the worker if it uses more processor time."""
    signal.setitimer(signal.ITIMER_PROF, timeout)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
