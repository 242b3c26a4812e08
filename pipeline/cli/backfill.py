"""``wiredesk backfill``: archives become the same rows that live would have written."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from connectors.archives import Archive, open_archive
from connectors.warehouse import Warehouse
from pipeline.channel import Counts, Item
from pipeline.cli.batches import Batches
from pipeline.cli.doors import now, warehouse_opener
from pipeline.cli.errors import Failed
from pipeline.cli.settings import BackfillSettings, Settings
from pipeline.cli.steps import steps
from pipeline.cli.stopping import stop_on_signals
from pipeline.cli.stream import checked_beam_options


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--format", "archive_format", default="auto", metavar="NAME", help="auto or jsonl.")
@click.option("--runner", default="DirectRunner", metavar="NAME", help="Beam runner.")
@click.option("--beam", "beam_options", multiple=True, metavar="--OPTION=VALUE", help="A Beam option; may be repeated.")
@click.pass_obj
def backfill(
    settings: Settings,
    paths: tuple[str, ...],
    warehouse_url: str | None,
    archive_format: str,
    runner: str,
    beam_options: tuple[str, ...],
) -> None:
    """Bring archives into the warehouse: JSONL, plain or .gz, .xz, .zst, one object with url and text or html a line.

    A backfill that was stopped, by whatever, goes on where it was when the same command is run again.

    \b
    Example:
      wiredesk backfill archive/2026-*.jsonl.gz --warehouse duckdb:///var/wiredesk.duckdb
    """
    options = checked_beam_options(runner, beam_options)
    archives = [open_archive(pathlib.Path(path), archive_format) for path in paths]
    opener = warehouse_opener(warehouse_url or settings.warehouse)
    chosen, total = steps(settings), Counts()
    with stop_on_signals() as stop, _bar() as bar:
        for archive in archives:
            task = bar.add_task(archive.name, total=archive.size, items=0, new=0)
            batches = Batches(opener, archive.channel, chosen, now, options)
            total += run_backfill(archive, opener, batches, settings.backfill, stop, _advance(bar, task))
    click.echo(f"{total.items} items read: {total.new} new, {total.items - total.new} seen before")
    if not all(_is_done(archive, opener()) for archive in archives):
        raise Failed("stopped before the end: run the same command again to go on")


def run_backfill(
    archive: Archive,
    open_warehouse: Callable[[], Warehouse],
    batches: Batches,
    settings: BackfillSettings,
    stop: threading.Event,
    advance: Callable[[int, Counts], None],
) -> Counts:
    """Bring what is left of the archive into the warehouse. ``advance`` gets the bytes read so far and the outcome."""
    rows = open_warehouse().progress(archive.channel)
    start, done = (rows[0].position, rows[0].done) if rows else (0, False)
    total = Counts()
    if done:
        advance(archive.size, total)
        return total
    for items, bytes_read, last in _begun(_in_batches(archive, start, settings), batches):
        if stop.is_set():
            break
        total += batches.run(items, done=last)
        advance(bytes_read, total)
    return total


def _is_done(archive: Archive, warehouse: Warehouse) -> bool:
    return any(progress.done for progress in warehouse.progress(archive.channel))


class Batch(NamedTuple):
    """``bytes_read``: of the file, at the end of the batch."""

    items: list[Item]
    bytes_read: int
    last: bool


def _in_batches(archive: Archive, start: int, settings: BackfillSettings) -> Iterator[Batch]:
    """The archive's items in batches."""
    items: list[Item] = []
    size = bytes_read = 0
    for record in archive.read(start):
        if items and (len(items) >= settings.batch_items or size >= settings.batch_bytes):
            yield Batch(items, bytes_read, False)
            items, size = [], 0
        items.append(Item(record.fetched, record.position))
        bytes_read = record.bytes_read
        size += _weight(items[-1])
    yield Batch(items, archive.size, True)


def _begun(found: Iterable[Batch], batches: Batches) -> Iterator[Batch]:
    """The same batches; workers have begun with each one, and with the next, when it comes."""
    before = None
    for batch in found:
        batches.ahead(batch.items)
        if before is not None:
            yield before
        before = batch
    if before is not None:
        yield before


def _weight(item: Item) -> int:
    entry = item.fetched.entry
    return len(item.fetched.body or b"") + len((entry and entry.content) or "")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[items]:,} items, {task.fields[new]:,} new"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _advance(bar: Progress, task: TaskID) -> Callable[[int, Counts], None]:
    def advance(bytes_read: int, outcome: Counts) -> None:
        bar.update(task, completed=bytes_read, items=outcome.items, new=outcome.new)

    return advance
