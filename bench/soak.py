"""Let `wiredesk up` run for long against outlets that misbehave, kill each of its parts again and again, then count.

``python bench/soak.py [--minutes 120] [--feeds 500] [--kills 100]`` prints the figures and exits with 1 if something is
not as it should be. ``--every`` is how often, in seconds, a feed has a new article.

A server of this script's own plays the outlets (see ``Universe`` for what they do wrong). First `wiredesk up` runs
undisturbed for the minutes: memory and file descriptors of every part with the processes below it, what waits in the
queue, and how long the desk takes are sampled every five seconds into ``--folder`` (samples.csv). Then poll, stream and
serve are ended with SIGKILL in turn. At the end the outlets behave, poller and stream run once more, `wiredesk audit`
must balance, and every article that a feed showed must be in the warehouse, once.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import psutil
from aiohttp import web
from kills import Outlets, compared, sources_of, wiredesk
from prometheus_client.parser import text_string_to_metric_families

PARTS = ("poll", "stream", "serve")
SAMPLE_SECONDS = 5.0
GROWTH = 1.25
"""How much more memory the last quarter of the undisturbed time may take than the second, beside ``GROWTH_MB``."""
GROWTH_MB = 50.0
GROWTH_FILES = 20
LAG_SECONDS = 300.0


class Universe(Outlets):
    """Outlets that show one more article every so many seconds, and misbehave by their number modulo 20.

    0: dead, every connection is dropped. 1: slow, each answer takes 8 seconds. 2: lies about the length, every other
    answer ends early. 3: an HTML page in the place of the feed, every third time. 4: an error 503, every third time.
    5: pages change with every request, and the feed says so now and then. 6: a body that is no gzip but says so, every
    third time. All others behave, but for one page in thirty that fails when it is first asked for.
    """

    def __init__(self, outlets: int, articles: int, seed: int, every: float):
        self.calm = False
        self.every = every
        self.began = time.monotonic()
        self.requests = [0] * outlets
        self.failed: set[tuple[int, int]] = set()
        self.shown = [0] * outlets
        super().__init__(outlets, articles, seed)

    def host(self, outlet: int) -> str:
        """Each has a host of its own, as on the net: a host is asked for little at a time."""
        return f"127.0.{1 + outlet // 250}.{1 + outlet % 250}"

    def published(self) -> set[str]:
        """The addresses of what was shown by outlets that can be reached."""
        return {f"{self.base(o)}/story-{a}" for o, count in enumerate(self.shown) if o % 20 != 0 for a in range(count)}

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        outlet = int(request.match_info["outlet"])
        if not self.calm:
            old = 1 + int((time.monotonic() - self.began + outlet % 60 * self.every / 60) / self.every)
            self.shown[outlet] = min(max(self.shown[outlet], old), len(self.articles[outlet]))
        text = self.document(outlet, self.shown[outlet])
        if outlet % 20 == 5:
            text = text.replace("<title>Story", f"<title>Update {self.requests[outlet] // 8} of story")
        return await self._answered(request, outlet, text, "application/rss+xml")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        outlet, article = int(request.match_info["outlet"]), int(request.match_info["article"])
        if not self.calm and (outlet + article) % 30 == 7 and (outlet, article) not in self.failed:
            self.failed.add((outlet, article))
            return web.Response(status=503)
        more = f"<p>Update {self.requests[outlet]} of this story.</p>" if outlet % 20 == 5 else ""
        return await self._answered(request, outlet, self.page(outlet, article, more), "text/html")

    async def _answered(self, request: web.Request, outlet: int, text: str, kind: str) -> web.StreamResponse:
        self.requests[outlet] += 1
        body, fault, third = text.encode(), outlet % 20, self.requests[outlet] % 3 == 0
        if fault == 0 and request.transport is not None:
            request.transport.abort()
        if self.calm:
            return web.Response(body=body, content_type=kind)
        if fault == 1:
            await asyncio.sleep(8)
        elif fault == 2 and self.requests[outlet] % 2:
            answer = web.StreamResponse(headers={"Content-Type": kind, "Content-Length": str(len(body) + 1000)})
            await answer.prepare(request)
            await answer.write(body)
            if request.transport is not None:
                request.transport.close()
            return answer
        elif fault == 3 and third and kind != "text/html":
            return web.Response(
                text="<!DOCTYPE html><html><body>We are down for a moment</body></html>", content_type=kind
            )
        elif fault == 4 and third:
            return web.Response(status=503)
        elif fault == 6 and third:
            return web.Response(body=body, content_type=kind, headers={"Content-Encoding": "gzip"})
        return web.Response(body=body, content_type=kind)


class Up:
    """A running ``wiredesk up`` in a folder of its own, and what can be seen of it."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.queue, self.warehouse = f"sqlite:///{folder}/queue.db", f"duckdb:///{folder}/wiredesk.duckdb"
        self.state = str(folder / "poller.db")
        self.desk, self.metrics = _free_port(), _free_port()
        (folder / "wiredesk.toml").write_text(
            f'queue = "{self.queue}"\nwarehouse = "{self.warehouse}"\nstate = "{self.state}"\n'
            'sources = "sources.toml"\n[http]\nallow_private = true\n'
            f'[desk]\nport = {self.desk}\nfolder = "{folder}/desk"\n'
        )
        self._log = (folder / "up.log").open("wb")
        command = wiredesk("up", "--metrics", f"127.0.0.1:{self.metrics}")
        self.process = subprocess.Popen(command, cwd=folder, stdout=self._log, stderr=self._log)

    def parts(self) -> dict[str, psutil.Process]:
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                found |= {name: child for name in PARTS if name in child.cmdline()[:8]}
            except psutil.Error:
                continue
        return found

    def sample(self) -> dict[str, float]:
        """Memory (MB) and open files of each part with all below it; what its metrics say; the desk's seconds."""
        row: dict[str, float] = {}
        for name, process in [*self.parts().items(), ("up", psutil.Process(self.process.pid))]:
            memory = files = 0.0
            try:
                for one in [process, *(process.children(recursive=True) if name != "up" else ())]:
                    memory += one.memory_info().rss / 2**20
                    files += one.num_fds()
            except psutil.Error:
                continue
            row |= {f"{name} MB": round(memory, 1), f"{name} files": files}
        text = _got(f"http://127.0.0.1:{self.metrics}/metrics")[1]
        for family in text_string_to_metric_families(text):
            for s in family.samples:
                if s.name in ("wiredesk_queue_waiting_messages", "wiredesk_queue_oldest_waiting_seconds"):
                    row[s.name.removeprefix("wiredesk_queue_")] = s.value
        row["desk seconds"] = round(_got(f"http://127.0.0.1:{self.desk}/")[0], 3)
        return row

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        finally:
            self._log.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(wiredesk(*arguments), cwd=self.folder, capture_output=True, text=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _got(url: str) -> tuple[float, str]:
    """Seconds and text of an answer; not-a-number and none when there is none."""
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            text = answer.read().decode()
        return time.perf_counter() - began, text
    except (OSError, urllib.error.URLError):
        return float("nan"), ""


def watch(up: Up, minutes: float, samples: list[dict[str, float]]) -> None:
    """Sample for so many minutes."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < minutes * 60:
        samples.append({"seconds": round(passed)} | up.sample())
        time.sleep(SAMPLE_SECONDS)


def kill(up: Up, kills: int, rng: random.Random) -> dict[str, int]:
    """End the parts with SIGKILL in turn, each once it has run for a while; how often each was."""
    killed = dict.fromkeys(PARTS, 0)
    for n in range(kills):
        time.sleep(rng.uniform(4.0, 8.0))
        name = PARTS[n % len(PARTS)]
        deadline = time.monotonic() + 60
        while (part := up.parts().get(name)) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if part is None:
            break
        part.kill()
        killed[name] += 1
    return killed


def grown(samples: list[dict[str, float]]) -> dict[str, str]:
    """For each part's memory and files: the median of the second quarter and of the last, in words; what grew too much
    ends with an exclamation mark."""
    quarter = max(1, len(samples) // 4)
    told = {}
    for name in [f"{part} {what}" for part in (*PARTS, "up") for what in ("MB", "files")]:
        early, late = (
            statistics.median([row[name] for row in rows if name in row] or [0.0])
            for rows in (samples[quarter : 2 * quarter], samples[-quarter:])
        )
        room = early * GROWTH + GROWTH_MB if name.endswith("MB") else early + GROWTH_FILES
        told[name] = f"{early:.0f} -> {late:.0f}{' !' if late > room else ''}"
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--every", type=float, default=300.0, help="seconds between two articles of a feed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("var/soak"), help="emptied at the start")
    options = parser.parse_args()
    folder = options.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    most = 3 + int((options.minutes * 60 + options.kills * 8) / options.every)
    world = Universe(options.feeds, most, options.seed, options.every)
    (folder / "sources.toml").write_text(sources_of(world, 30))
    samples: list[dict[str, float]] = []
    up = Up(folder)
    try:
        watch(up, options.minutes, samples)
        undisturbed = up.command("audit")
        killed = kill(up, options.kills, random.Random(options.seed))
        alive = up.process.poll() is None
    finally:
        stopped = up.stop() if up.process.poll() is None else up.process.returncode
    with (folder / "samples.csv").open("w", newline="") as file:
        names = list(dict.fromkeys(name for row in samples for name in row))
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(samples)
    world.calm = True
    later = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%MZ")
    polled = up.command("poll", "--once", "--all", "--as-of", later)
    streamed = up.command("stream", "--once")
    figures = compared(world.published(), up.warehouse, up.command("audit"))
    lag = max((row.get("oldest_waiting_seconds", 0.0) for row in samples), default=0.0)
    desk = sorted(row["desk seconds"] for row in samples if row["desk seconds"] == row["desk seconds"])
    figures |= {
        "minutes": options.minutes,
        "feeds": options.feeds,
        "requests": sum(world.requests),
        "killed": killed,
        "second quarter -> last quarter": grown(samples),
        "longest wait in the queue, s": round(lag, 1),
        "front page, p95 s": round(desk[int(len(desk) * 0.95)], 3) if desk else None,
        "audit before the kills": "balances" if undisturbed.returncode == 0 else undisturbed.stdout,
        "stopped with": stopped,
    }
    print(json.dumps(figures, indent=2))
    wrong = (
        [f"{name}: {told}" for name, told in grown(samples).items() if told.endswith("!")] if len(samples) > 100 else []
    )
    wrong += [
        f"{name} failed: {run.stderr[-500:]}"
        for name, run in (("poll", polled), ("stream", streamed))
        if run.returncode
    ]
    wrong += ["an article is lost or twice, or the audit does not balance"] if not figures["ok"] else []
    wrong += ["the audit did not balance before the kills"] if undisturbed.returncode else []
    wrong += ["wiredesk up did not survive the kills, or did not stop cleanly"] if not alive or stopped else []
    wrong += [f"a message waited for {lag:.0f} s"] if lag > LAG_SECONDS else []
    for line in wrong:
        print(f"NOT AS IT SHOULD BE: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
