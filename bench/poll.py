"""Poll 5,000 feeds once, then again when nothing has changed, and print how fast and with how much memory.

``python bench/poll.py [--feeds 5000] [--slow 100]``

A server process of this script's own plays all hosts, each feed at a name of its own. Three rounds: a mixed one (60%
give a feed of ten entries with their text, 30% a 304 to a validator from an earlier poll, 8% a 404, and --slow hosts
take the request and never answer); one where all that answer give a 304; and that one again with the slow hosts first
in line, to see whether they hold the others back. Memory is the peak of the poller with all processes below it, the
sum of their resident sets; the server is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import pathlib
import socket
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import psutil
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.http import HttpSettings
from connectors.poller import Event, Poller, PollSettings, PollState, Summary
from connectors.queue.sqlite import SQLiteQueue
from connectors.sources import Source

GOAL_304 = 250.0
GOAL_MEMORY = 400.0
WORDS = "What happened in the town, and why it matters to those who live there. " * 4
SLOW_PATIENCE = 20.0
"""Seconds that a feed may take in the bench, so that the slow ones are given up before it ends."""


class Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def serve(pipe: Connection) -> None:
    """The server process: tells its port, then answers until the pipe closes."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        kind, _, number = request.host.partition(":")[0].partition("-")
        if kind == "slow":
            await asyncio.sleep(3600)
        if kind == "missing" or not request.path.startswith("/feed"):
            return web.Response(status=404)
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers={"Etag": '"1"'})
        return web.Response(body=_feed(number), content_type="application/rss+xml", headers={"Etag": '"1"'})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    pipe.send(runner.addresses[0][1])
    await asyncio.to_thread(pipe.poll, None)


def _feed(number: str) -> bytes:
    items = "".join(
        f"<item><title>Headline {i} of paper {number}</title><link>/{number}/{i}</link><guid>{number}-{i}</guid>"
        f"<pubDate>Sat, 14 Mar 2026 08:{i:02d}:00 GMT</pubDate>"
        f"<description>{WORDS}</description></item>"
        for i in range(10)
    )
    return f"<rss version='2.0'><channel><title>Paper {number}</title>{items}</channel></rss>".encode()


class MemoryWatch:
    """The peak of a process with all its descendants but one, in MB; looks ten times a second."""

    def __init__(self, without: int):
        self._process, self._without = psutil.Process(), without
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            total = self._process.memory_info().rss
            for child in self._process.children(recursive=True):
                if child.pid != self._without:
                    try:
                        total += child.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
            self.peak = max(self.peak, total / 2**20)


def sources(feeds: int, slow: int, port: int) -> list[Source]:
    """The hosts' names tell the server what to do; slow ones are spread evenly."""
    every = max(feeds // slow, 1) if slow else feeds + 1
    made = []
    for number in range(feeds):
        share = number * 37 % 100
        kind = "slow" if number % every == 0 and slow else "known" if share < 30 else "missing" if share < 38 else "new"
        url = f"http://{kind}-{number}.test:{port}/feed"
        made.append(Source(name=f"{kind} {number}", url=url, full_text="feed"))
    return made


async def rounds(made: list[Source], folder: pathlib.Path) -> tuple[dict[str, float], list[str]]:
    """The figures of all rounds, and what is not as it should be."""
    settings = PollSettings(http=HttpSettings(user_agent="wiredesk-bench", allow_private=True))
    settings = replace(settings, document_caps=replace(settings.document_caps, time=SLOW_PATIENCE))
    slow = [s for s in made if s.name.startswith("slow")]
    answering = [s for s in made if not s.name.startswith(("slow", "missing"))]
    queue = SQLiteQueue(f"sqlite:///{folder}/queue.db")
    state = PollState(folder / "poller.db")
    clock = Clock()
    try:
        await poll([s for s in made if s.name.startswith("known")], queue, state, settings, clock)
        mixed, mixed_times = await poll(made, queue, state, settings, clock)
        quiet, quiet_times = await poll(answering, queue, state, settings, clock)
        held, held_times = await poll(slow + answering, queue, state, settings, clock)
    finally:
        state.close()
        queue.close()
    mixed_times = mixed_times[: len(made) - len(slow)]
    held_times = held_times[: len(answering)]
    figures = {
        "feeds": len(made),
        "mixed: feeds per second": len(mixed_times) / mixed_times[-1],
        "mixed: entries queued": mixed.messages,
        "304s": quiet.sources.get("unchanged", 0),
        "304s per second": len(quiet_times) / quiet_times[-1],
        "304s: 99% done after s": quiet_times[len(quiet_times) * 99 // 100],
        "304s while slow hosts hang: 99% done after s": held_times[len(held_times) * 99 // 100],
    }
    wrong = []
    if quiet.sources != {"unchanged": len(answering)} or held.sources.get("unchanged") != len(answering):
        wrong.append(f"the later rounds should be all 304s: {quiet.sources}, {held.sources}")
    if slow and held_times[-1] > max(2 * quiet_times[-1], SLOW_PATIENCE / 2):
        wrong.append("slow hosts held the others back")
    return figures, wrong


class Clock:
    """Moves on by seven hours with each round, so that everything is due again."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 14, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


async def poll(
    made: list[Source], queue: SQLiteQueue, state: PollState, settings: PollSettings, clock: Clock
) -> tuple[Summary, list[float]]:
    """One round: its summary, and after how many seconds each source was done, in order."""
    clock.at += timedelta(hours=7)
    times: list[float] = []
    started = time.perf_counter()

    def note(event: Event) -> None:
        times.append(time.perf_counter() - started)

    poller = Poller(made, queue, state, settings, now=clock, resolver=Loopback(), on_event=note)
    return await poller.run(once=True), times


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--feeds", type=int, default=5000)
    parser.add_argument("--slow", type=int, default=100, help="hosts that never answer")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    made = sources(arguments.feeds, arguments.slow, ours.recv())
    try:
        with tempfile.TemporaryDirectory() as folder, MemoryWatch(without=server.pid or 0) as memory:
            figures, wrong = asyncio.run(rounds(made, pathlib.Path(folder)))
    finally:
        ours.close()
        server.terminate()
        server.join()
    figures["peak memory, MB"] = memory.peak
    for name, value in figures.items():
        print(f"{name:50} {value:10.1f}")
    print(json.dumps({"bench": "poll", **figures}))
    if figures["304s per second"] < GOAL_304:
        wrong.append(f"fewer than {GOAL_304:g} 304s a second")
    if memory.peak > GOAL_MEMORY:
        wrong.append(f"more than {GOAL_MEMORY:g} MB")
    for line in wrong:
        print(f"NOT AS IT SHOULD BE: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
