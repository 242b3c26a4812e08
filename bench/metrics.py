"""Measure how well and how fast numbers are read.

    python -m bench.metrics [--data DIR] [--articles N]

Speed: sentences a second on one core (all sentences counted), over DIR/background.jsonl.xz, else over the
project's golden articles repeated. Quality: the labelled sets of DIR, where it is there, by the scorers beside it.
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
from collections.abc import Iterator
from typing import Any

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
    start = time.process_time()
    found = sum(len(measure_text(body, pack, published=day)) for body in bodies)
    took = time.process_time() - start
    print(
        f"{len(bodies)} articles, {counted} sentences, {found} metrics: {counted / took:,.0f} sentences/s on one core"
    )


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


def quality(data: pathlib.Path) -> None:
    for gold, key, scorer in SETS:
        if not (data / gold).exists():
            print(f"{gold}: not there")
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as out:
            out.writelines(answers(json.loads((data / gold).read_text()), key))
            out.flush()
            command = [sys.executable, data.parent / "score" / scorer, data / gold, out.name]
            print(f"{gold}\n{subprocess.run(command, check=True, capture_output=True, text=True).stdout}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--articles", type=int, default=500)
    args = parser.parse_args()
    speed(texts(args.data, args.articles))
    quality(args.data)


if __name__ == "__main__":
    main()
