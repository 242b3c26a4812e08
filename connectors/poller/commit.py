"""One writer for the queue and the state: first the messages are in the queue for good, then the state says so.

What many polls have to say is gathered into one append and one transaction, since each costs a sync of the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.poller.state import Change, PollState
from connectors.queue import Outgoing, Queue, QueueFull, QueueUnavailable

T = TypeVar("T")


@dataclass(frozen=True)
class CommitSettings:
    gather: float = 0.05
    """Seconds to wait for more to commit along."""
    most: int = 500
    """Changes in one transaction."""
    full_wait: float = 1.0
    """Seconds between two tries to append to a queue that is full or can't be reached."""


class Committer:
    """An asynchronous context manager. ``on_full`` (with the reason) and ``on_room`` are called when a queue that is
    full or can't be reached starts and ends holding things up."""

    def __init__(
        self,
        queue: Queue,
        state: PollState,
        settings: CommitSettings,
        on_full: Callable[[str], None] = lambda why: None,
        on_room: Callable[[], None] = lambda: None,
    ):
        self._queue = queue
        self._state = state
        self._settings = settings
        self._on_full, self._on_room = on_full, on_room
        self.appended = 0
        """Messages."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="poller-state")
        self._waiting: list[tuple[Sequence[Outgoing], Change, asyncio.Future[None]]] = []
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Committer:
        self._task = asyncio.create_task(self._loop())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """What is being committed is finished, the rest is given up: it is fetched again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        # The thread may be in the middle of a transaction: closing must not overtake it.
        await asyncio.to_thread(self._thread.shutdown)

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        """Call a reading method of the state in the thread that owns it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def commit(self, change: Change, messages: Sequence[Outgoing] = ()) -> None:
        """Return when the messages are in the queue and the change is in the state, both for good.

        Raises what the queue or the state raised (a full disk, a topic that is gone)."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, change, done))
        self._work.set()
        await done

    async def _loop(self) -> None:
        while True:
            await self._work.wait()
            await asyncio.sleep(self._settings.gather)
            group, self._waiting = self._waiting[: self._settings.most], self._waiting[self._settings.most :]
            if not self._waiting:
                self._work.clear()
            (error,) = await asyncio.gather(self._commit(group), return_exceptions=True)
            for _, _, done in group:
                if done.done():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    async def _commit(self, group: Sequence[tuple[Sequence[Outgoing], Change, asyncio.Future[None]]]) -> None:
        loop = asyncio.get_running_loop()
        messages = [message for outgoing, _, _ in group for message in outgoing]
        if messages:
            await self._append(messages)
        await loop.run_in_executor(self._thread, self._state.apply, [change for _, change, _ in group])

    async def _append(self, messages: Sequence[Outgoing]) -> None:
        """Append all of the messages; a group that finds no room goes in smaller parts."""
        loop = asyncio.get_running_loop()
        size, held = len(messages), False
        try:
            while messages:
                try:
                    await loop.run_in_executor(self._thread, self._queue.append, messages[:size])
                    self.appended += len(messages[:size])
                    messages = messages[size:]
                except (QueueFull, QueueUnavailable) as e:
                    if isinstance(e, QueueFull) and size > 1:
                        size = (size + 1) // 2
                        continue
                    if not held:
                        held = True
                        self._on_full(str(e))
                    await asyncio.sleep(self._settings.full_wait)
        finally:
            if held:
                self._on_room()
