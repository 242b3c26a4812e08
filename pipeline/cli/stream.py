"""``wiredesk stream``: the queue's items become rows, micro-batch after micro-batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import click
import structlog

from connectors.queue import Message, Positions, Queue, read_fetched
from connectors.warehouse import Warehouse
from pipeline.channel import Counts, Item
from pipeline.cli.batches import Batches
from pipeline.cli.doors import now, the_queue, warehouse_opener
from pipeline.cli.errors import UserError
from pipeline.cli.settings import Settings, StreamSettings
from pipeline.cli.steps import steps
from pipeline.cli.stopping import stop_on_signals
from schemas.errors import Unavailable

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 0.5, 16.0
"""Seconds between two tries of a warehouse that can't be had."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--queue", "queue_url", metavar="URL", help="Where items come from (sqlite:///path).")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--once", is_flag=True, help="End when the queue is empty.")
@click.option("--runner", default="DirectRunner", metavar="NAME", help="Beam runner.")
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
@click.pass_obj
def stream(
    settings: Settings,
    queue_url: str | None,
    warehouse_url: str | None,
    once: bool,
    runner: str,
    beam_options: tuple[str, ...],
) -> None:
    """Turn the queue's items into the warehouse's rows, until stopped (or --once).

    \b
    Example:
      wiredesk stream --queue sqlite:///var/queue.db --warehouse duckdb:///var/wiredesk.duckdb
    """
    options = checked_beam_options(runner, beam_options)
    where = warehouse_url or settings.warehouse
    if settings.stream.snapshot_seconds and not where.startswith("duckdb:"):
        raise UserError("stream.snapshot_seconds is for DuckDB: readers of another warehouse read the database itself")
    queue = the_queue(queue_url or settings.queue)
    opener = warehouse_opener(where)
    batches = Batches(opener, queue.channel, steps(settings), now, options)
    with stop_on_signals() as stop:
        try:
            total = run_stream(queue, opener, batches, settings.stream, stop, once=once, clock=now)
        finally:
            queue.close()
    click.echo(f"{total.items} items read: {total.new} new, {total.items - total.new} seen before")


def run_stream(
    queue: Queue,
    open_warehouse: Callable[[], Warehouse],
    batches: Batches,
    settings: StreamSettings,
    stop: threading.Event,
    *,
    once: bool,
    clock: Callable[[], datetime],
) -> Counts:
    """Read, run, commit, until ``stop`` or, with ``once``, until the queue is empty. Returns what was done in all."""
    total = Counts()
    positions = start_positions(open_warehouse(), queue)
    published = time.monotonic()
    while not stop.is_set():
        messages = queue.read(positions, settings.batch_items, settings.batch_bytes, settings.wait_seconds)
        if messages:
            began = time.monotonic()
            items = [_item(m, queue.channel) for m in messages]
            outcome = batches.run(items) if once else ride_out(lambda: batches.run(items), stop)  # noqa: B023
            if outcome is None:
                break
            positions = after(positions, messages)
            queue.commit(settings.group, positions)
            total += outcome
            lag = sum(end - positions.get(p, 0) for p, end in queue.end().items())
            seconds = round(time.monotonic() - began, 2)
            log.info("batch", items=outcome.items, new=outcome.new, seconds=seconds, lag=lag)
        elif once:
            break
        else:
            queue.trim(clock())
        if settings.snapshot_seconds and time.monotonic() - published >= settings.snapshot_seconds:
            _publish(open_warehouse(), clock())
            published = time.monotonic()
    return total


def ride_out(work: Callable[[], Counts], stop: threading.Event) -> Counts | None:
    """What ``work`` gives, tried again while the warehouse can't be had (another writes, its server is down): the queue
    keeps what comes meanwhile. None if stopped before."""
    wait = FIRST_WAIT
    while True:
        try:
            return work()
        except Unavailable as e:
            log.warning("the warehouse can't be had now", error=str(e), again_in_seconds=wait)
        if stop.wait(wait):
            return None
        wait = min(LONGEST_WAIT, 2 * wait)


def start_positions(warehouse: Warehouse, queue: Queue) -> dict[int, int]:
    """Where to go on: the warehouse knows; what the queue no longer has can't be read."""
    known = {p.partition: p.position for p in warehouse.progress(queue.channel)}
    return {p: max(start, known.get(p, 0)) for p, start in queue.start().items()}


def after(positions: Positions, messages: Sequence[Message]) -> dict[int, int]:
    """The positions once these messages are done with."""
    new = dict(positions)
    for m in messages:
        new[m.partition] = max(new.get(m.partition, 0), m.offset + 1)
    return new


def checked_beam_options(runner: str, options: Sequence[str]) -> tuple[str, ...]:
    """Beam's options as given, if the runner is one that works here and Beam knows them all. Raises ``UserError``."""
    if runner != "DirectRunner":
        raise UserError(f"--runner {runner}: this version runs on DirectRunner only (its batches need no cluster)")
    if not options:
        return ()
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    parser = _BeamArgumentParser(allow_abbrev=False)
    for cls in PipelineOptions.__subclasses__():
        cls._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(options))
    if unknown:
        raise UserError(f"no such option: {unknown[0]} (neither of this command nor of Beam)")
    return tuple(options)


def _item(message: Message, channel: str) -> Item:
    return Item(read_fetched(message, channel), message.offset + 1, message.partition)


def _publish(warehouse: Warehouse, at: datetime) -> None:
    path = warehouse.url.split("?")[0].removeprefix("duckdb:///") + ".snapshot"
    with warehouse.hold():
        warehouse.snapshot(path, at)
