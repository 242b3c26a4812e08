"""How fast an archive becomes a whole warehouse, beside a bare loop of trafilatura, on one core and on all.

    python bench/backfill.py ../shared/data [--pages 1200] [--texts 4000]

makes a WARC of pages (those of DIR/pages, most words exchanged, so that nothing is a copy) and JSON lines of texts
(DIR/background.jsonl.xz), and brings each into a new DuckDB, on one core and on all of them. The loop runs trafilatura
with ``fast=True`` over the same pages on one core, in the same run. Wall-clock time, starting included.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

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
_DIGIT = re.compile(r"\d")
_TEXT = re.compile(r">([^<>]{20,})<")
_WORD = re.compile(r"\b[a-z]{4,}\b")


def varied(pages: list[str], count: int) -> Iterator[tuple[str, str]]:
    """So many pages with addresses of their own; nearly all longer words and digits of each are others."""
    words = [sorted(set(_WORD.findall(" ".join(_TEXT.findall(page))))) or ["word"] for page in pages]
    for n in range(count):
        rng = random.Random(n)
        own = words[rng.randrange(len(words))]

        def exchanged(found: re.Match[str], rng: random.Random = rng, own: list[str] = own) -> str:
            text = _DIGIT.sub(lambda digit: str(rng.randrange(1, 10)), found[0])
            return _WORD.sub(lambda word: rng.choice(own) if rng.random() < EXCHANGED else word[0], text)

        yield f"https://site{n % 40}.example/news/{n}.html", _TEXT.sub(exchanged, pages[n % len(pages)])


def write_warc(path: Path, pages: Iterator[tuple[str, str]]) -> None:
    """One gzip member a record, as crawlers write (WARC 1.1, ISO 28500)."""
    with path.open("wb") as file:
        for n, (url, html) in enumerate(pages):
            body = html.encode()
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            head = (
                f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{n:012d}>\r\n"
                f"WARC-Target-URI: {url}\r\nWARC-Date: 2026-03-{1 + n % 28:02d}T12:00:00Z\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
            )
            file.write(gzip.compress(head.encode() + http + b"\r\n\r\n", 1))


def seconds(command: list[str], cores: int) -> float:
    """How long a command takes on so many cores."""
    chosen = set(sorted(os.sched_getaffinity(0))[:cores])
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, chosen))
    return time.perf_counter() - start


def backfilled(archive: Path, folder: Path, cores: int) -> float:
    url = f"duckdb:///{folder}/{archive.name}.{cores}.duckdb"
    return seconds([sys.executable, "-m", "pipeline", "backfill", str(archive), "--warehouse", url], cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--pages", type=int, default=1200)
    parser.add_argument("--texts", type=int, default=4000)
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = sorted((args.data / "pages").glob("*.html.gz"))
        pages = [gzip.decompress(page.read_bytes()).decode("utf-8", "replace") for page in found]
        warc, texts = folder / "pages.warc.gz", folder / "texts.jsonl"
        write_warc(warc, varied(pages, args.pages))
        with lzma.open(args.data / "background.jsonl.xz") as lines, texts.open("wb") as out:
            out.writelines(line for line, _ in zip(lines, range(args.texts), strict=False))
        # The loop tells its own time: to start costs it nothing here, and a backfill some seconds.
        one = set(sorted(os.sched_getaffinity(0))[:1])
        told = subprocess.run(
            [sys.executable, "-c", BARE, str(warc)],
            check=True,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, one),
        )
        bare = args.pages / float(told.stdout)
        print(f"trafilatura alone, fast=True       {bare:7.1f} pages/s on one core", flush=True)
        for what, archive, count in (("pages", warc, args.pages), ("texts", texts, args.texts)):
            alone = count / backfilled(archive, folder, 1)
            print(f"{what} to a whole warehouse, 1 core  {alone:7.1f} {what}/s", end="")
            print(f", {alone / bare:.2f} of trafilatura alone" if what == "pages" else "", flush=True)
            if cores > 1:
                both = count / backfilled(archive, folder, cores)
                print(
                    f"{what} to a whole warehouse, {cores} cores {both:7.1f} {what}/s, {both / alone:.2f} of one",
                    flush=True,
                )


if __name__ == "__main__":
    main()
