"""The walk of the demo: the commands that a user would type, on the outlets that ``DemoServer`` plays.

Each command runs as a process of its own and is shown before its output, so that what is seen is what a user gets.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.markup import escape

from connectors.sources import dump_sources
from connectors.warehouse import Warehouse
from pipeline.cli.screen import Console
from pipeline.demo.almanac import moment
from pipeline.demo.answers import Check, check
from pipeline.demo.material import POLLS
from pipeline.demo.server import DemoServer
from pipeline.demo.summary import collect, render

WHAT_HAPPENS = (
    "Feeds, sitemaps and section pages are read, then the pages of their entries; all goes through the queue.",
    "Hours later: new articles, and one that was revised. What has not changed is not fetched again.",
    "Later still: a second revision, and an early article that is found late and becomes its story's first.",
)
"""At each poll."""


class DemoFailed(Exception):
    """A command of the demo failed; the message names it."""


@dataclass(frozen=True)
class DemoPaths:
    """Where the demo keeps its files: everything lies in ``folder``."""

    folder: Path

    @property
    def sources(self) -> str:
        return str(self.folder / "sources.toml")

    @property
    def state(self) -> str:
        return str(self.folder / "poller.sqlite")

    @property
    def queue(self) -> str:
        return f"sqlite:///{self.folder / 'queue.sqlite'}"

    @property
    def warehouse(self) -> str:
        return f"duckdb:///{self.folder / 'warehouse.duckdb'}"


def commands(paths: DemoPaths, stage: int, now: datetime) -> Iterator[list[str]]:
    """The arguments of the commands of a stage."""
    quiet = ["--log-level", "error"]
    poll = [*quiet, "poll", "--sources", paths.sources, "--queue", paths.queue, "--state", paths.state]
    # Seconds pass where it would be hours: the poller is told the time, or no source would be due again.
    yield [*poll, "--once", "--allow-private", "--as-of", moment(POLLS[stage - 1], now).strftime("%Y-%m-%dT%H:%MZ")]
    yield [*quiet, "stream", "--queue", paths.queue, "--warehouse", paths.warehouse, "--once"]
    if stage == len(POLLS):
        yield [*quiet, "audit", "--queue", paths.queue, "--warehouse", paths.warehouse]


def run_demo(folder: Path, console: Console, open_reader: Callable[[str], Warehouse], now: datetime) -> None:
    """Walk the demo's material into a new warehouse in ``folder`` and print what came of it.

    The demo's own files in the folder are replaced, others are left. ``open_reader`` opens a warehouse to look at it.
    Raises ``DemoFailed`` if a command does.
    """
    paths = DemoPaths(folder)
    make_fresh(folder)
    started = time.monotonic()
    with DemoServer(now) as server:
        Path(paths.sources).write_text(dump_sources(server.sources()), "utf-8")
        console.print(
            f"{len(server.material.articles)} articles of {len(server.material.outlets)} fictional outlets "
            f"are served on this machine; the files go to {escape(str(folder))}.",
            highlight=False,
        )
        for stage, what_happens in enumerate(WHAT_HAPPENS, 1):
            server.stage = stage
            console.print(f"\n[bold]{stage} of {len(POLLS)}.[/bold] {what_happens}", highlight=False)
            for arguments in commands(paths, stage, now):
                show_and_run(arguments, console)
    with open_reader(paths.warehouse).hold() as warehouse:
        summary = collect(warehouse)
        checks = check(server.material, warehouse)
        url = warehouse.query("SELECT min(canonical_url) FROM articles WHERE relation = 'rewrite'")[0][0]
    console.print(f"\nDone in {time.monotonic() - started:.0f} seconds.\n", highlight=False)
    render(summary, console, _next_steps(paths, url))
    console.print(f"\n[dim]{_in_words(checks)}[/dim]", highlight=False)


def _in_words(checks: Sequence[Check]) -> str:
    """How many of the known answers the warehouse has right, by kind."""
    kinds = dict.fromkeys(c.kind for c in checks)
    counts = ((kind, [c.right for c in checks if c.kind == kind]) for kind in kinds)
    return "Known answers of this material that came out right: " + ", ".join(
        f"{kind} {sum(right)}/{len(right)}" for kind, right in counts
    )


def _next_steps(paths: DemoPaths, url: str | None) -> dict[str, str]:
    to_warehouse = f"--warehouse {paths.warehouse}"
    wiredesk = _program()
    return {
        f"{wiredesk} serve {to_warehouse} --state {paths.state}": "look at it all in a browser",
        f"{wiredesk} explain {shlex.quote(url or 'URL')} {to_warehouse}": "what happened to one article, and why",
        f"{wiredesk} rejects list {to_warehouse}": "what could not be used",
        f"{wiredesk} audit --queue {paths.queue} {to_warehouse}": "is every item accounted for?",
        f"{wiredesk} sources discover https://example.com/": "what your own site offers",
        f"{wiredesk} up --help": "poll and stream your own sources until you stop it",
    }


def _program() -> str:
    """How this wiredesk was called, so that what is shown can be typed."""
    called = Path(sys.argv[0])
    if called.name != "wiredesk":
        return "wiredesk"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def show_and_run(arguments: Sequence[str], console: Console) -> None:
    """Run ``wiredesk`` with these arguments, its command line and output shown. Raises ``DemoFailed``."""
    console.print(f"[bold cyan]$ wiredesk {escape(shlex.join(arguments))}[/bold cyan]", soft_wrap=True, highlight=False)
    with console.status("running"):
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-m", "pipeline", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    if done.stdout.strip():
        console.print(escape(done.stdout.rstrip()), soft_wrap=True, highlight=False)
    if done.returncode:
        raise DemoFailed(f"wiredesk {shlex.join(arguments)} ended with {done.returncode}")


def make_fresh(folder: Path) -> None:
    """Make the folder and remove what an earlier demo left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("sources.toml", "poller.sqlite", "queue.sqlite", "warehouse.duckdb"):
        for file in folder.glob(f"{name}*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
