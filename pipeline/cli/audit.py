"""``wiredesk audit``: is every item accounted for, and do the tables agree with each other?

``check`` is the audit itself: SQL checks over the warehouse (audit.toml), and, with a queue, that each message the
warehouse has passed has its receipt.
"""

from __future__ import annotations

import functools
import pathlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from connectors.queue import Queue, read_fetched
from connectors.warehouse import Warehouse
from pipeline.cli.doors import the_queue, warehouse_reader
from pipeline.cli.errors import Failed
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings
from schemas.records import Progress

SAMPLES = 5
READ_MESSAGES, READ_BYTES = 2000, 64 * 10**6
QUEUE_RECEIPTS = "queue_receipts"
QUEUE_POSITION = "queue_position"


@dataclass(frozen=True)
class Rule:
    """Something that must hold. ``sql`` gives a row with one column for each case in which it does not. ``reference``:
    it is that what a row refers to is there."""

    name: str
    means: str
    sql: str
    reference: bool = False


@dataclass(frozen=True)
class Check:
    """A rule, in how many cases it does not hold, and some of these."""

    name: str
    means: str
    wrong: int = 0
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The outcome of an audit. ``waiting``: messages of the queue still to be read; None when it wasn't looked at."""

    channels: tuple[Progress, ...]
    outcomes: dict[str, int]
    checks: tuple[Check, ...]
    waiting: int | None = None

    @property
    def balances(self) -> bool:
        return not self.wrong

    @property
    def wrong(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(c for c in self.checks if c.wrong)


@functools.cache
def rules() -> tuple[Rule, ...]:
    """The rules over the warehouse alone (audit.toml)."""
    table = tomllib.loads(resources.files("pipeline.cli").joinpath("audit.toml").read_text("utf-8"))
    return tuple(Rule(name, **fields) for name, fields in table.items())


def check(warehouse: Warehouse, queue: Queue | None = None) -> Report:
    """Audit the warehouse, and the queue that fills it if there is one."""
    with warehouse.hold():
        checks = [ask(warehouse, rule) for rule in rules()]
        waiting = None
        if queue is not None:
            checks += _check_queue(warehouse, queue)
            positions = {p.partition: p.position for p in warehouse.progress(queue.channel)}
            start = queue.start()
            waiting = sum(max(0, end - max(positions.get(p, 0), start.get(p, 0))) for p, end in queue.end().items())
        outcomes = warehouse.query("SELECT outcome, count(*) FROM receipts GROUP BY outcome ORDER BY outcome")
        channels = warehouse.rows(Progress, order="channel, partition")
    return Report(tuple(channels), dict(outcomes), tuple(checks), waiting)


def ask(warehouse: Warehouse, rule: Rule) -> Check:
    """See whether the rule holds."""
    ((wrong,),) = warehouse.query(f"SELECT count(*) FROM ({rule.sql}) AS found")
    found = warehouse.query(f"SELECT * FROM ({rule.sql}) AS found ORDER BY 1 LIMIT {SAMPLES}") if wrong else []
    return Check(rule.name, rule.means, wrong, tuple(str(row[0]) for row in found))


def _check_queue(warehouse: Warehouse, queue: Queue) -> list[Check]:
    positions = {p.partition: p.position for p in warehouse.progress(queue.channel)}
    start, end = queue.start(), queue.end()
    displaced = []
    for partition, position in sorted(positions.items()):
        if position > end.get(partition, 0):
            displaced.append(f"partition {partition} ends at {end.get(partition, 0)}, the warehouse is at {position}")
    for partition, first in sorted(start.items()):
        if partition in positions and first > positions[partition]:
            displaced.append(f"partition {partition} begins at {first}, the warehouse is at {positions[partition]}")
    missing = [item for items in _passed(queue, positions) for item in _without_receipt(warehouse, items)]
    return [
        Check(
            QUEUE_POSITION,
            "the warehouse's position is one that the queue still has",
            len(displaced),
            tuple(displaced[:SAMPLES]),
        ),
        Check(
            QUEUE_RECEIPTS,
            "each message before the warehouse's position has its receipt",
            len(missing),
            tuple(missing[:SAMPLES]),
        ),
    ]


def _passed(queue: Queue, positions: dict[int, int]) -> Iterator[dict[str, str]]:
    """The queue's messages before these positions, in parts: fetch id -> where the message is."""
    at = dict(queue.start())
    while any(at.get(p, 0) < position for p, position in positions.items()):
        messages = queue.read(at, READ_MESSAGES, READ_BYTES, 0)
        if not messages:
            return
        found = {}
        for m in messages:
            at[m.partition] = m.offset + 1
            if m.offset < positions.get(m.partition, 0):
                found[read_fetched(m, queue.channel).fetch_id] = f"message {m.partition}:{m.offset}"
        yield found


def _without_receipt(warehouse: Warehouse, items: dict[str, str]) -> list[str]:
    known = {r.fetch_id for r in warehouse.receipts(fetch_ids=list(items))}
    return [f"{place} ({fetch_id})" for fetch_id, place in items.items() if fetch_id not in known]


# -- the command --


@click.command()
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.option(
    "--queue", "queue_url", metavar="URL", help="The queue that fills it (sqlite:///path, kafka://host:port/topic)."
)
@click.option("--json", "as_json", is_flag=True, help="The whole report as one JSON object.")
@click.pass_obj
def audit(settings: Settings, warehouse_url: str | None, queue_url: str | None, as_json: bool) -> None:
    """Check that every item has its receipt and that the tables agree; exit 1 if not.

    With a queue (given, or the configuration's if it is there) its messages are looked at too.

    \b
    Example:
      wiredesk audit --warehouse duckdb:///var/wiredesk.duckdb --queue sqlite:///var/queue.db
    """
    warehouse = warehouse_reader(warehouse_url or settings.warehouse)
    queue = _queue(settings, queue_url, given_warehouse=warehouse_url is not None)
    try:
        report = check(warehouse, queue)
    finally:
        if queue is not None:
            queue.close()
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    if not report.balances:
        raise Failed(f"the audit does not balance: {', '.join(c.name for c in report.wrong)}")


def _queue(settings: Settings, url: str | None, given_warehouse: bool) -> Queue | None:
    """The queue to look at. The configuration's goes with the configuration's warehouse only, and may not be there."""
    configured = urlsplit(settings.queue)
    is_there = configured.scheme != "sqlite" or pathlib.Path(configured.path[1:]).exists()
    if url is None and (given_warehouse or not is_there):
        return None
    return the_queue(url or settings.queue, settings.kafka.credentials, must_exist=True)


def _print(report: Report) -> None:
    console = Console()
    channels = Table("channel", "position", "records", "receipts", "repeats", box=None)
    for p in report.channels:
        name = f"{p.channel}/{p.partition}" if p.partition else p.channel
        channels.add_row(escape(name), *(f"{n:,}" for n in (p.position, p.records, p.receipts, p.repeats)))
    console.print(channels)
    total = sum(report.outcomes.values())
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.items())
    console.print(f"{total:,} receipts: {told or 'none'}", highlight=False)
    if report.waiting is not None:
        console.print(f"{report.waiting:,} messages wait in the queue", highlight=False)
    for c in report.wrong:
        console.print(f"[bold red]{c.name}[/bold red]: not so in {c.wrong:,} cases: {c.means}", highlight=False)
        _print_samples(console, c.samples)
    if report.balances:
        console.print(f"[green]balanced[/green]: all {len(report.checks)} checks hold", highlight=False)


def _print_samples(console: Console, samples: Sequence[str]) -> None:
    for sample in samples:
        console.print(f"  {escape(sample)}", highlight=False, soft_wrap=True)
