"""Measure how well and how fast numbers are read, beside bare spaCy and quantulum3.

    bench/metrics.py [--data DIR] [--articles N] [--no-peers]

Speed: sentences a second on one core (all sentences counted), over DIR/background.jsonl.xz, else over the
project's golden articles repeated; memory over the same articles. Quality: the labelled sets of DIR, where it is there,
by the scorers beside it; of the peers the values on newsquant.
"""

from __future__ import annotations

import argparse
import datetime
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

import attributions
import peers
import psutil

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from pipeline.measure.text import sentences

ROOT = pathlib.Path(__file__).resolve().parents[1]
SETS = (("metrics_gold.json", "doc", "metrics.py"), ("newsquant.json", "id", "newsquant.py"))


def texts(data: pathlib.Path, limit: int) -> list[str]:
    """The texts that speed is measured on."""
    archive = data / "background.jsonl.xz"
    if archive.exists():
        with lzma.open(archive, "rt") as lines:
            return [json.loads(line)["text"] for line, _ in zip(lines, range(limit), strict=False)]
    golden = tomllib.loads((ROOT / "tests" / "golden" / "metrics" / "articles.toml").read_text("utf-8"))
    own = [article["text"] for article in golden["article"]]
    return [own[n % len(own)] for n in range(limit)]


def speed(bodies: list[str]) -> None:
    pack, day = load_pack("en"), datetime.date(2026, 1, 1)
    counted = sum(1 for body in bodies for _ in sentences(body))
    half = len(bodies) // 2
    start, before, found = time.process_time(), 0.0, 0
    for n, body in enumerate(bodies):
        if n == half:
            before = memory()
        found += len(measure_text(body, pack, published=day))
    took = time.process_time() - start
    print(
        f"wiredesk    {counted / took:9,.0f} sentences/s on one core "
        f"({len(bodies):,} articles, {counted:,} sentences, {found:,} metrics; "
        f"memory {before:.0f} MB halfway, {memory():.0f} MB at the end)"
    )


def memory() -> float:
    """Resident megabytes."""
    return psutil.Process().memory_info().rss / 2**20


def beside(bodies: list[str], data: pathlib.Path, count: int = 1500) -> None:
    """The peers over the first sentences of the same articles, and their values on newsquant."""
    python = peers.environment()
    if python is None:
        return
    texts = [part.text for body in bodies for part in sentences(body)][:count]
    rows = [{"id": n, "text": text} for n, text in enumerate(texts)]
    gold = data / "newsquant.json"
    for name in peers.NAMES:
        took, _ = peers.run(python, name, rows)
        line = f"{name:11} {len(rows) / took:9,.0f} sentences/s on one core ({len(rows):,} sentences)"
        if gold.exists():
            _, found = peers.run(python, name, json.loads(gold.read_text()))
            line += f"; newsquant {scored(data, 'newsquant.json', 'newsquant.py', found).splitlines()[1]}"
        print(line)


def answers(rows: list[dict[str, Any]], key: str) -> Iterator[str]:
    """A line of JSON for each row, as ``wiredesk measure`` writes them."""
    pack = load_pack("en")
    for row in rows:
        published = datetime.date.fromisoformat(row["published"][:10]) if row.get("published") else None
        metrics = [
            {"start": m.span_start, "end": m.span_end, **{f: getattr(m, f) for f in m.__struct_fields__}}
            for m in measure_text(row["text"], pack, published=published)
        ]
        yield json.dumps({key: row[key], "metrics": metrics}) + "\n"


def scored(data: pathlib.Path, gold: str, scorer: str, lines: Iterable[str]) -> str:
    """What the scorer says of the answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as out:
        out.writelines(line.rstrip("\n") + "\n" for line in lines)
        out.flush()
        command = [sys.executable, data.parent / "score" / scorer, data / gold, out.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def quality(data: pathlib.Path) -> None:
    for gold, key, scorer in SETS:
        if not (data / gold).exists():
            print(f"{gold}: not there")
            continue
        print(f"{gold}\n{scored(data, gold, scorer, answers(json.loads((data / gold).read_text()), key))}")
    if (data / "attributions.jsonl.xz").exists():
        found = attributions.score(data)
        print(f"attributions.jsonl.xz: source F1 {found['f1']:.3f} over {found['metrics']:.0f} metrics in content")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--no-peers", action="store_true", help="leave out spaCy and quantulum3")
    args = parser.parse_args()
    bodies = texts(args.data, args.articles)
    speed(bodies)
    if not args.no_peers:
        beside(bodies, args.data)
    quality(args.data)


if __name__ == "__main__":
    main()
