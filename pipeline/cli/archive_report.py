"""What a backfill shows: a bar while it runs, a table or one JSON object at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.channel import Counts
from pipeline.cli.archive_run import Tally
from pipeline.cli.screen import Console

MOST_ROWS = 20
"""Archives that the table lists one by one."""
COUNTED = ("items", "new", "seen_before", "left_out", "rejects", "other_records")


class Bar:
    """One bar over all archives: bytes done, items a second, time remaining, rejects."""

    def __init__(self, total: int, archives: int, shown: bool = True):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[told]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )
        together = f"{archives} archive{'s' * (archives != 1)}"  # until one is begun: a cluster reads many at a time
        self._task = self._progress.add_task(together, total=max(total, 1), told="")
        self._archives, self._number = archives, 0
        self._before, self._items, self._rejects = 0, 0, 0
        self._began = time.monotonic()

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def begin(self, name: str) -> None:
        self._number += 1
        self._progress.update(self._task, description=escape(f"{self._number}/{self._archives} {name}"[:40]))

    def advance(self, tally: Tally) -> None:
        items = self._items + tally.counts.items
        rejects = self._rejects + sum(tally.counts.rejects.values())
        rate = items / max(time.monotonic() - self._began, 1e-3)
        told = f"{items:,} items, {rate:,.0f}/s" + (f", {rejects:,} rejects" if rejects else "")
        self._progress.update(self._task, completed=self._before + tally.read, told=told)

    def end(self, tally: Tally) -> None:
        self._before += tally.size
        self._items += tally.counts.items
        self._rejects += sum(tally.counts.rejects.values())


def report(
    tallies: Sequence[Tally], passed_over: Sequence[str], seconds: float, counted: Sequence[str] = COUNTED
) -> dict[str, Any]:
    """The outcome as plain data: the object that ``--json`` prints. ``counted``: what is known."""
    total = sum((tally.counts for tally in tallies), Counts())
    other = sum((tally.other for tally in tallies), Counter[str]())
    return {
        "done": all(tally.done for tally in tallies),
        "seconds": round(seconds, 3),
        **_plain(total, other, counted),
        "archives": [
            {"name": t.name, "bytes": t.size, "done": t.done, **_plain(t.counts, t.other, counted)} for t in tallies
        ],
        "passed_over": list(passed_over),
    }


def _plain(counts: Counts, other: Counter[str], counted: Sequence[str]) -> dict[str, Any]:
    found = {
        "items": counts.items,
        "new": counts.new,
        "seen_before": counts.items - counts.new - counts.left_out,
        "left_out": counts.left_out,
        "rejects": by_size(counts.rejects),
        "other_records": by_size(other),
    }
    return {name: found[name] for name in counted}


def by_size(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest first, equals by name."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def print_json(found: Mapping[str, Any]) -> None:
    click.echo(msgspec.json.encode(found).decode())


def print_table(found: Mapping[str, Any]) -> None:
    """The outcome for people."""
    console = Console()
    table = Table("archive", box=None)
    for name in COUNTED:
        if name in found:
            table.add_column(name.replace("_", " "), justify="right")
    rows = found["archives"] if len(found["archives"]) <= MOST_ROWS else []
    for row in rows:
        name = escape(row["name"]) + ("" if row["done"] else " (not done)")
        table.add_row(name, *_numbers(row))
    if len(rows) != 1:
        table.add_row(f"{len(found['archives']):,} archives", *_numbers(found), style="bold")
    console.print(table)
    for what in ("rejects", "other_records"):
        if found.get(what):
            console.print(f"{what.replace('_', ' ')}: {listed(found[what])}", highlight=False, soft_wrap=True)
    print_passed_over(console, found["passed_over"])


def print_passed_over(console: Console, paths: Sequence[str]) -> None:
    if paths:
        shown = ", ".join(paths[:5]) + (", ..." if len(paths) > 5 else "")
        console.print(f"{len(paths):,} files are no archives: {escape(shown)}", highlight=False, soft_wrap=True)


def listed(counts: Mapping[str, int], most: int = 12) -> str:
    """``no_text 12, http_status 3, and 2 more``."""
    pairs: Iterable[tuple[str, int]] = by_size(counts).items()
    told = [f"{escape(name)} {count:,}" for name, count in pairs]
    more = [f"and {len(told) - most:,} more"] if len(told) > most else []
    return ", ".join([*told[:most], *more])


def _numbers(row: Mapping[str, Any]) -> list[str]:
    numbers = (row[name] for name in COUNTED if name in row)
    return [f"{sum(n.values()) if isinstance(n, Mapping) else n:,}" for n in numbers]
