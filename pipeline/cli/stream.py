"""``wiredesk stream``: the queue's items become rows, micro-batch after micro-batch."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import click
import structlog

from connectors.queue import DeadLetter, Message, Positions, Queue, QueueUnavailable, read_fetched
from connectors.warehouse import Warehouse, WarehouseBusy
from pipeline.channel import Counts, Item
from pipeline.cli.batches import Batches
from pipeline.cli.dead_letters import bury, dead_letters, left_unburied
from pipeline.cli.doors import now, the_queue, warehouse_opener
from pipeline.cli.errors import UserError
from pipeline.cli.metrics import Metrics, count_batch, count_measured
from pipeline.cli.runners import DATAFLOW, DIRECT, STOPS, checked_beam_options, runner_option
from pipeline.cli.settings import Settings, StreamSettings
from pipeline.cli.steps import steps
from pipeline.cli.stopping import stop_on_signals
from pipeline.cli.watching import Health, Watch, served
from schemas.errors import Unavailable

log = structlog.get_logger()

FIRST_WAIT, LONGEST_WAIT = 0.5, 16.0
"""Seconds between two tries of a warehouse or a queue that can't be had."""
DOORS = ("queue", "warehouse")
LOOK_SECONDS = 5.0
"""How often an idle stream looks whether its position was moved."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--queue", "queue_url", metavar="URL", help="Where items come from (sqlite:///path, kafka://host:port/topic)."
)
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Where rows go (duckdb:///path, postgresql://...).")
@click.option("--once", is_flag=True, help="End when the queue is empty.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve metrics for Prometheus, /healthz and /readyz there.")
@runner_option
@click.option("--flink-master", "--flink_master", metavar="URL", help="Flink's dashboard, for FlinkRunner.")
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
@click.pass_obj
def stream(
    settings: Settings,
    queue_url: str | None,
    warehouse_url: str | None,
    once: bool,
    metrics: str | None,
    runner: str,
    flink_master: str | None,
    beam_options: tuple[str, ...],
) -> None:
    """Turn the queue's items into the warehouse's rows, until stopped (or --once). With --runner FlinkRunner or
    DataflowRunner a cluster does it: the job is submitted, and at work when this command ends.

    \b
    Example:
      wiredesk stream --queue sqlite:///var/queue.db --warehouse duckdb:///var/wiredesk.duckdb
      wiredesk stream --runner FlinkRunner --flink-master http://127.0.0.1:8081 --parallelism=4
    """
    if runner != DIRECT:
        if once:
            raise UserError(f"--once: a job of {runner} goes on until it is stopped ({STOPS[runner]})")
        return _submit(settings, queue_url, warehouse_url, runner, flink_master, beam_options)
    options = checked_beam_options(beam_options)
    watch = Watch(Metrics("stream"), Health())
    where = warehouse_url or settings.warehouse
    if settings.stream.snapshot_seconds and not where.startswith("duckdb:"):
        raise UserError("stream.snapshot_seconds is for DuckDB: readers of another warehouse read the database itself")
    queue = the_queue(queue_url or settings.queue, settings.kafka.credentials)
    opener = warehouse_opener(where)
    counted = functools.partial(count_measured, watch.metrics)
    batches = Batches(opener, queue.channel, steps(settings), now, options, watch=counted)
    try:
        with stop_on_signals() as stop, served(watch, metrics or settings.metrics):
            total = run_stream(queue, opener, batches, settings.stream, stop, once=once, clock=now, watch=watch)
    finally:
        queue.close()
    click.echo(f"{total.items} items read: {total.new} new, {total.items - total.new} seen before")


def _submit(
    settings: Settings,
    queue_url: str | None,
    warehouse_url: str | None,
    runner: str,
    flink_master: str | None,
    beam_options: Sequence[str],
) -> None:
    from pipeline.cli import dataflow
    from pipeline.cli.cluster_stream import the_stream
    from pipeline.cli.flink import on_flink, told

    if runner == DATAFLOW:
        dataflow.must_be_reached(queue_url or settings.queue, warehouse_url or settings.warehouse)
        job = dataflow.start(the_stream(settings, queue_url, warehouse_url), beam_options)
        click.echo(f"the job is submitted: {job.where}")
        job.at_work()
        click.echo("and it runs; how far it is: wiredesk queue status; what it finds: the warehouse")
        return
    build = the_stream(settings, queue_url, warehouse_url)
    cluster, submission = on_flink(settings.flink, flink_master, build, beam_options)
    with submission.packed() as packed:
        click.echo(told(cluster, packed.start(cluster)))


def run_stream(
    queue: Queue,
    open_warehouse: Callable[[], Warehouse],
    batches: Batches,
    settings: StreamSettings,
    stop: threading.Event,
    *,
    once: bool,
    clock: Callable[[], datetime],
    watch: Watch | None = None,
) -> Counts:
    """Read, run, commit, until ``stop`` or, with ``once``, until the queue is empty. Returns what was done in all.

    A queue or a warehouse that can't be had is waited for, but not with ``once``."""
    watch = watch or Watch(Metrics("stream"), Health())
    walk, wait = _Walk(queue, open_warehouse, batches, settings, clock, watch.metrics), FIRST_WAIT
    published = time.monotonic()
    while not stop.is_set():
        watch.health.beat()
        try:
            worked = walk.step()
            _well(watch)
            if not worked:
                if once:
                    break
                walk.rest(clock())
            if settings.snapshot_seconds and time.monotonic() - published >= settings.snapshot_seconds:
                _publish(open_warehouse(), clock())
                published = time.monotonic()
            wait = FIRST_WAIT
        except Unavailable as e:  # another writes, a server is down: the queue keeps what comes meanwhile
            if once:
                raise
            what = "queue" if isinstance(e, QueueUnavailable) else "warehouse"
            log.warning(f"the {what} can't be had now", error=str(e), again_in_seconds=wait)
            _hindered(watch, what, str(e))
            stop.wait(wait)
            wait = min(LONGEST_WAIT, 2 * wait)
    return walk.total


def _well(watch: Watch) -> None:
    """Queue and warehouse could be had."""
    watch.health.started()
    for door in DOORS:
        watch.health.mend(door)
        watch.metrics.set("wiredesk_stream_up", 1, door=door)


def _hindered(watch: Watch, door: str, why: str) -> None:
    watch.health.hinder(door, why)
    watch.metrics.set("wiredesk_stream_up", 0, door=door)
    watch.metrics.add("wiredesk_stream_waits_total", door=door)


@dataclass
class _Walk:
    """Through the queue, batch by batch. Where one method stopped for the queue, the next goes on.

    When ``wiredesk queue replay`` has moved the warehouse's position back, the walk goes on from there."""

    queue: Queue
    open_warehouse: Callable[[], Warehouse]
    batches: Batches
    settings: StreamSettings
    clock: Callable[[], datetime]
    metrics: Metrics
    total: Counts = field(default_factory=Counts)
    positions: dict[int, int] | None = None
    letters: list[DeadLetter] = field(default_factory=list)
    """To be buried still."""
    looked: float = field(default_factory=time.monotonic)
    reached: dict[int, datetime] = field(default_factory=dict)
    """Partition -> when the last message read of it was appended."""

    def step(self) -> bool:
        """Read a batch and run it; False if there was nothing to read."""
        queue, settings = self.queue, self.settings
        if self.positions is None:
            positions = start_positions(self.open_warehouse(), queue)
            self.letters = left_unburied(queue, settings.group, positions, settings.batch_items)
            self.positions = positions
        self._bury()
        before = self.clock()
        messages = queue.read(self.positions, settings.batch_items, settings.batch_bytes, settings.wait_seconds)
        if not messages:
            self._pass([before])
            return False
        began = time.monotonic()
        with self.open_warehouse().hold() as warehouse:
            self.metrics.observe("wiredesk_warehouse_seconds", time.monotonic() - began, operation="open")
            if (moved := moved_back(warehouse, queue, self.positions)) is not None:
                self.positions = moved
                return True
            counts = self.batches.run([_item(m, queue.channel) for m in messages])
        self.positions = after(self.positions, messages)
        self.total += counts
        self.letters = dead_letters(messages)
        self._bury()
        queue.commit(settings.group, self.positions)
        lags = {p: end - self.positions.get(p, 0) for p, end in queue.end().items()}
        lag = sum(lags.values())
        seconds = time.monotonic() - began
        count_batch(self.metrics, counts, seconds, lag, self.clock())
        self.reached |= {m.partition: m.appended_at for m in messages}
        self._pass([self.reached.get(p) for p, left in lags.items() if left] or [before])
        log.info("batch", items=counts.items, new=counts.new, seconds=round(seconds, 2), lag=lag)
        return True

    def _pass(self, reached: Sequence[datetime | None]) -> None:
        """All that was appended before the earliest of these times is in the warehouse; None: not known of one."""
        times = [at.timestamp() for at in reached if at is not None]
        if len(times) == len(reached):
            self.metrics.set("wiredesk_stream_watermark_timestamp_seconds", min(times))

    def rest(self, now: datetime) -> None:
        """What is to be done when nothing waits."""
        self.queue.trim(now)
        if self.positions is None or time.monotonic() - self.looked < LOOK_SECONDS:
            return
        self.looked = time.monotonic()
        try:
            with self.open_warehouse().hold() as warehouse:
                self.positions = moved_back(warehouse, self.queue, self.positions) or self.positions
        except WarehouseBusy:  # somebody else has it: another time
            return

    def _bury(self) -> None:
        if self.letters:
            bury(self.queue, self.letters)
            self.letters = []


def moved_back(warehouse: Warehouse, queue: Queue, positions: Positions) -> dict[int, int] | None:
    """Where to go on if somebody moved the warehouse's position back behind these, else None."""
    if all(p.position >= positions.get(p.partition, 0) for p in warehouse.progress(queue.channel)):
        return None
    found = start_positions(warehouse, queue)
    if all(at >= positions.get(p, 0) for p, at in found.items()):  # the queue has dropped what is behind
        return None
    log.info("reading again", positions=found)
    return found


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


def _item(message: Message, channel: str) -> Item:
    return Item(read_fetched(message, channel), message.offset + 1, message.partition)


def _publish(warehouse: Warehouse, at: datetime) -> None:
    path = warehouse.url.split("?")[0].removeprefix("duckdb:///") + ".snapshot"
    with warehouse.hold():
        warehouse.snapshot(path, at)
