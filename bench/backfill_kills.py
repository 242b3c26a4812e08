"""Kill a backfill again and again, then ask whether anything was lost, doubled or done twice.

``python bench/backfill_kills.py [--kills 20] [--articles 600] [--batch 20] [--seed 1]`` prints the figures and exits 1
if the audit does not balance, or if the tables are not those of a run that nobody disturbed. tests/test_kills.py runs
it with fewer kills.

The archives are a WARC, a Parquet file, JSON lines and a folder of pages, made here, two of them damaged. `wiredesk
backfill` runs over all of them as a process and is ended with SIGKILL at random moments, half of them after it has
written, until it has been killed so often; then it runs to its end. Work that was finished counts as redone if a record
met a receipt that was there (``progress.repeats``); of work under way a kill can cost one batch.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "support")]

import archived  # noqa: E402
import whole  # noqa: E402
from kills import WORDS, wiredesk  # noqa: E402

from connectors.warehouse import Warehouse, open_warehouse  # noqa: E402
from schemas.records import Progress  # noqa: E402

DOORS = ("warc.gz", "parquet", "jsonl.gz", "folder")


def articles(count: int, seed: int) -> list[dict[str, str]]:
    """Articles that resemble no other."""
    rng = random.Random(seed)

    def sentence() -> str:
        name, other = (f"{rng.choice(WORDS).title()}{rng.randrange(10_000)}" for _ in range(2))
        what = f"{rng.randrange(2, 9000)} {rng.choice(WORDS)}s in {name}"
        return (
            f"The {rng.choice(WORDS)} of {other} said on Monday that {what} had been {rng.choice(['sold', 'moved'])}."
        )

    return [
        {
            "url": f"https://outlet-{n % 7}.example/story-{n}",
            "title": f"Story {n}",
            "text": "\n".join(" ".join(sentence() for _ in range(3)) for _ in range(4)),
            "published_at": f"2026-05-{n % 28 + 1:02d}T{n % 24:02d}:00:00Z",
        }
        for n in range(count)
    ]


def make(folder: pathlib.Path, count: int, seed: int) -> list[str]:
    """The archives, ``count`` articles in all; some are in two of them, and the WARC and the JSON lines are damaged."""
    items, share, paths = articles(count, seed), count // len(DOORS), []
    for n, door in enumerate(DOORS):
        (folder / door).mkdir()
        mine = items[max(0, n * share - 5) : (n + 1) * share]
        path = archived.DOORS[door](folder / door, mine)
        if door == "warc.gz":
            damage(path, 0.5, 30)
        elif door == "jsonl.gz":
            path.write_bytes(path.read_bytes()[:-40])
        paths.append(str(path))
    return paths


def damage(path: pathlib.Path, where: float, size: int) -> None:
    data = bytearray(path.read_bytes())
    at = int(len(data) * where)
    data[at : at + size] = bytes(size)
    path.write_bytes(data)


def run(kills: int, count: int, batch: int, seed: int, folder: pathlib.Path) -> dict[str, Any]:
    """Return the figures; ``ok`` says whether all is as it must be."""
    rng = random.Random(seed)
    paths = make(folder, count, seed)
    settings = folder / "wiredesk.toml"
    settings.write_text(f"[backfill]\nbatch_items = {batch}\n")
    command = [*wiredesk("--config", str(settings), "backfill", *paths, "--json"), "--warehouse"]
    killed, calm = (f"duckdb:///{folder}/{name}.duckdb" for name in ("killed", "calm"))
    began = time.monotonic()
    subprocess.run([*command, calm], check=True, stdout=subprocess.DEVNULL)
    done, at_work = 0, 0
    while done < kills:
        process = subprocess.Popen([*command, killed], stdout=subprocess.DEVNULL)
        wrote = rng.random() < 0.5 and _wait_for_a_batch(process, folder / "killed.duckdb")
        try:
            process.wait(rng.uniform(0, 5))
            break  # there is nothing left to kill
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done, at_work = done + 1, at_work + wrote
    subprocess.run([*command, killed], check=True, stdout=subprocess.DEVNULL)
    audit = subprocess.run(wiredesk("audit", "--warehouse", killed), capture_output=True, text=True)
    figures = _figures(open_warehouse(killed, read_only=True), open_warehouse(calm, read_only=True))
    balances = audit.returncode == 0
    return figures | {
        "killed": done,
        "of these after a batch of their own": at_work,
        "made": count,
        "work under way redone, at most": f"{100 * done * batch / figures['records']:.0f}%",
        "audit": "balances" if balances else audit.stdout + audit.stderr,
        "seconds": round(time.monotonic() - began),
        "ok": not figures["differences"] and not figures["repeats"] and balances and done > 0,
    }


def _wait_for_a_batch(process: subprocess.Popen[bytes], path: pathlib.Path) -> bool:
    """Wait until the process has written a batch; whether it did before it ended."""

    def written() -> float:
        return path.stat().st_mtime if path.exists() else 0.0

    before = written()
    while process.poll() is None:
        if written() > before:
            return True
        time.sleep(0.05)
    return False


def _figures(killed: Warehouse, calm: Warehouse) -> dict[str, Any]:
    with killed.hold(), calm.hold():
        unlike = whole.differences(whole.whole_tables(killed), whole.whole_tables(calm))
        rows = [
            [
                (p.channel, p.partition, p.position, p.records, p.receipts, p.done)
                for p in warehouse.rows(Progress, order="channel, partition")
            ]
            for warehouse in (killed, calm)
        ]
        progress = killed.rows(Progress)
        records, repeats = sum(p.records for p in progress), sum(p.repeats for p in progress)
        return {
            "articles": killed.count("articles"),
            "rejects": killed.count("rejects"),
            "records": records,
            "repeats": repeats,
            "finished work redone": f"{100 * repeats / records:.2f}%",
            "differences": unlike[:10] + ["progress"] * (rows[0] != rows[1]),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--articles", type=int, default=600)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(options.kills, options.articles, options.batch, options.seed, pathlib.Path(folder))
    print(json.dumps(figures, indent=2))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
