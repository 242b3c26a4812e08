"""How fast an archive becomes a whole warehouse, beside a bare loop of trafilatura, on one core and on all.

    python bench/backfill.py ../shared/data [--pages 1200] [--texts 4000] [--peers] [--memory]

makes a WARC of pages (those of DIR/pages, most words exchanged, so that nothing is a copy) and JSON lines of texts
(DIR/background.jsonl.xz), and brings each into a new DuckDB, on one core and on all of them. The loop runs trafilatura
with ``fast=True`` over the same pages on one core, in the same run. Wall-clock time, starting included. ``--peers``:
the same pages through other readers of archives (bench/archive_peers.py), on all cores. What it prints is also written
to bench/results.md, with the machine and the versions. ``--memory``: instead of all that so many short pages of the
texts' words, two hundred a day in the order of time, on all cores, and how memory goes; printed only.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import html
import itertools
import json
import lzma
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import archive_peers
import psutil
import steps

BARE = """
import sys, time, trafilatura
from fastwarc.warc import ArchiveIterator, WarcRecordType
pages = [(r.headers["WARC-Target-URI"], r.reader.read()) for r in ArchiveIterator(open(sys.argv[1], "rb"))]
start = time.perf_counter()
for url, html in pages:
    trafilatura.extract(html, url=url, fast=True)
print(time.perf_counter() - start)
"""
EXCHANGED = 0.9
"""Such a share of the longer words, so that no page tells another's story."""
A_DAY = 200
"""Dated pages: the horizon holds what is within 28 days, so it is full after 5,600."""
STEPS = 900
"""Records whose steps are timed one by one."""
RESULTS = Path(__file__).with_name("results.md")
_TEXT = re.compile(r'(?<=>)[^<>]{20,}(?=<)|(?<=content=")[^"<>]{20,}(?=")')
_NUMBER = re.compile(r"\d{4}-\d\d-\d\d[T\d:.]*|\d")
"""A date, which stays, or a digit."""
_WORD = re.compile(r"(?<!\w)[^\W\d_]{4,}(?!\w|\"\s*:)")
"""Of any script; no key of JSON-LD."""


def varied(pages: list[str], count: int) -> Iterator[tuple[str, str]]:
    """So many pages with addresses of their own; nearly all longer words, all names and digits of each are others, in
    titles and JSON-LD too: each tells a story of its own."""
    found = [sorted(set(_WORD.findall(" ".join(_TEXT.findall(page))))) for page in pages]
    words = [[word for word in own if not word[0].isupper()] or ["word"] for own in found]
    names = sorted({word for own in found for word in own if word[0].isupper()})
    for n in range(count):
        rng = random.Random(n)
        own = words[rng.randrange(len(words))]
        called = dict(zip(names, rng.sample(names, len(names)), strict=True))

        def other(
            word: re.Match[str], rng: random.Random = rng, own: list[str] = own, called: dict[str, str] = called
        ) -> str:
            if word[0] in called:
                return called[word[0]]
            return rng.choice(own) if rng.random() < EXCHANGED else word[0]

        def exchanged(text: re.Match[str], rng: random.Random = rng) -> str:
            return _WORD.sub(
                other, _NUMBER.sub(lambda m: m[0] if len(m[0]) > 1 else str(rng.randrange(1, 10)), text[0])
            )

        yield f"https://site{n % 40}.example/news/{n}.html", _TEXT.sub(exchanged, pages[n % len(pages)])


def dated(texts: list[str], count: int) -> Iterator[str]:
    """So many short pages as JSON lines, two hundred a day; of each text nearly all longer words are another text's,
    and the names and digits any."""
    own = [_WORD.findall(text) for text in texts]
    names = sorted({word for words in own for word in words if word[0].isupper()})
    for n in range(count):
        rng = random.Random(n)
        others = [word for word in own[rng.randrange(len(own))] if not word[0].isupper()] or ["word"]
        called: dict[str, str] = {}

        def other(
            word: re.Match[str], rng: random.Random = rng, others: list[str] = others, called: dict[str, str] = called
        ) -> str:
            if word[0][0].isupper():
                return called.setdefault(word[0], rng.choice(names))
            return rng.choice(others) if rng.random() < EXCHANGED else word[0]

        text = _NUMBER.sub(lambda _, rng=rng: str(rng.randrange(1, 10)), texts[n % len(texts)])  # type: ignore[misc]
        title, *paragraphs = html.escape(_WORD.sub(other, text)).split("\n")
        body = f"<h1>{title}</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        yield json.dumps(
            {
                "url": f"https://site{n % 40}.example/news/{n}.html",
                "html": f"<html><head><title>{title}</title></head><body><article>{body}</article></body>",
                "published_at": (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=n / A_DAY)).isoformat(),
            }
        )


def write_warc(path: Path, pages: Iterator[tuple[str, str]]) -> None:
    """One gzip member a record, as crawlers write (WARC 1.1, ISO 28500)."""
    with path.open("wb") as file:
        for n, (url, page) in enumerate(pages):
            body = page.encode()
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            head = (
                f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{n:012d}>\r\n"
                f"WARC-Target-URI: {url}\r\nWARC-Date: 2026-03-{1 + n % 28:02d}T12:00:00Z\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
            )
            file.write(gzip.compress(head.encode() + http + b"\r\n\r\n", 1))


@dataclass(frozen=True)
class Run:
    """``seconds`` of a command, and the memory (MB) of it and all below it, every two seconds; pages that processes
    share are counted once for each."""

    seconds: float
    memory: list[float]

    def memory_told(self, count: int) -> str:
        """At the quarters of the run, and what it grows by in the second half."""
        if len(self.memory) < 20:
            return "too short a run to tell its memory"
        quarters = [self.memory[min(len(self.memory) - 1, n * len(self.memory) // 4)] for n in range(1, 5)]
        late = self.memory[len(self.memory) // 2 :]
        slope = statistics.linear_regression(range(len(late)), late).slope * len(self.memory) / count
        told = ", ".join(f"{megabytes:.0f}" for megabytes in quarters)
        return f"memory {told} MB after each quarter, {1000 * slope:+.1f} MB per 1,000 in the second half"


def ran(command: list[str], cores: int) -> Run:
    """Run a command on so many cores."""
    chosen = set(sorted(os.sched_getaffinity(0))[:cores])
    start, memory = time.perf_counter(), []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, chosen)
    ) as process:
        while True:
            try:
                code = process.wait(2.0)
                break
            except subprocess.TimeoutExpired:
                memory.append(_memory(process.pid))
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return Run(time.perf_counter() - start, memory)


def _memory(pid: int) -> float:
    found = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            found += process.memory_info().rss / 2**20
    return found


def backfilled(archive: Path, folder: Path, cores: int) -> Run:
    url = f"duckdb:///{folder}/{archive.name}.{cores}.duckdb"
    return ran([sys.executable, "-m", "pipeline", "backfill", str(archive), "--warehouse", url], cores)


class Results:
    """Lines for the screen and for bench/results.md."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def say(self, line: str) -> None:
        print(line, flush=True)
        self._lines.append(line)

    def write(self) -> None:
        versions = ", ".join(f"{name} {version(name)}" for name in ("apache-beam", "trafilatura", "duckdb", "lxml"))
        told = (
            f"`python bench/backfill.py` wrote this on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, "
            f"{platform.machine()}, Python {platform.python_version()}, {versions}. Wall-clock time, starting included."
        )
        RESULTS.write_text(
            "\n".join(["# Backfill", "", textwrap.fill(told, 120), "", "```text", *self._lines, "```", ""])
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--pages", type=int, default=1200)
    parser.add_argument("--texts", type=int, default=4000)
    parser.add_argument("--peers", action="store_true", help="measure datatrove and news-please too")
    parser.add_argument("--memory", action="store_true", help="instead: how memory goes over short pages")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    results = Results()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.memory:
            _memory_over(args.data, args.pages, folder, cores)
            return
        found = sorted((args.data / "pages").glob("*.html.gz"))
        pages = [gzip.decompress(page.read_bytes()).decode("utf-8", "replace") for page in found]
        warc, texts = folder / "pages.warc.gz", folder / "texts.jsonl"
        write_warc(warc, varied(pages, args.pages))
        with lzma.open(args.data / "background.jsonl.xz") as lines, texts.open("wb") as out:
            out.writelines(line for line, _ in zip(lines, range(args.texts), strict=False))
        bare = args.pages / _alone(warc)
        results.say(f"trafilatura alone, fast=True        {bare:6.1f} pages/s on one core")
        for what, archive, count in (("pages", warc, args.pages), ("texts", texts, args.texts)):
            alone = count / backfilled(archive, folder, 1).seconds
            beside = f", {alone / bare:.2f} of trafilatura alone" if what == "pages" else ""
            results.say(f"{what} to a whole warehouse, 1 core   {alone:6.1f} {what}/s{beside}")
            if cores > 1:
                run = backfilled(archive, folder, cores)
                both = count / run.seconds
                results.say(
                    f"{what} to a whole warehouse, {cores} cores  {both:6.1f} {what}/s, {both / alone:.2f} of one"
                )
                results.say(f"  {run.memory_told(count)}")
            for line in steps.told(archive, min(count, STEPS)):
                results.say(f"  {line}")
        if args.peers:
            _beside_peers(pages, args.pages, folder, cores, results)
    results.write()


def _memory_over(data: Path, count: int, folder: Path, cores: int) -> None:
    with lzma.open(data / "background.jsonl.xz") as lines:
        rows = [json.loads(line) for line in lines]
    archive = folder / "dated.jsonl"
    with archive.open("w") as out:
        out.writelines(f"{line}\n" for line in dated([f"{row['title']}\n{row['text']}" for row in rows], count))
    run = backfilled(archive, folder, cores)
    print(f"{count} pages, {count / run.seconds:.1f}/s: {run.memory_told(count)}")


def _alone(warc: Path) -> float:
    """Seconds of the bare loop. It tells its own time: to start costs it nothing here, and a backfill some seconds."""
    one = set(sorted(os.sched_getaffinity(0))[:1])
    told = subprocess.run(
        [sys.executable, "-c", BARE, str(warc)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, one),
    )
    return float(told.stdout)


def _beside_peers(pages: list[str], count: int, folder: Path, cores: int, results: Results) -> None:
    """A file for each core, through each peer and through wiredesk."""
    parts = folder / "parts"
    parts.mkdir()
    for n in range(cores):
        write_warc(parts / f"{n}.warc.gz", itertools.islice(varied(pages, count), n, None, cores))
    ours = backfilled(parts, folder, cores).seconds
    results.say(f"on {cores} cores, {count} pages: wiredesk {count / ours:.1f} pages/s, everything on")
    for name in archive_peers.PACKAGES:
        python = archive_peers.environment(name)
        found = archive_peers.run(python, name, parts, cores) if python else None
        if found is not None:
            results.say(f"  {name:12s} {count / found[1]:6.1f} pages/s to the end of its search for copies")


if __name__ == "__main__":
    main()
