"""``wiredesk queue``: how full the queue is, who is how far, and reading again from an earlier place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from connectors.queue import Positions, Queue
from connectors.warehouse import Warehouse
from pipeline.cli.doors import now, the_queue, warehouse_opener, warehouse_reader
from pipeline.cli.errors import UserError
from pipeline.cli.screen import Console
from pipeline.cli.settings import Settings

WAREHOUSE = "warehouse"
"""The name under which ``status`` shows how far the warehouse is."""

_queue = click.option(
    "--queue", "queue_url", metavar="URL", help="Which queue (sqlite:///path, kafka://host:port/topic)."
)


@dataclass(frozen=True)
class Kept:
    """What a partition keeps. ``since``: when the first message was appended; None if there is none."""

    partition: int
    start: int
    end: int
    since: datetime | None


@dataclass(frozen=True)
class Reader:
    """How far a group, or the warehouse, is in a partition. ``waiting_since``: when its next message was appended."""

    name: str
    partition: int
    position: int
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True)
class Status:
    """``bytes``: what the messages take up, None where the queue does not tell."""

    channel: str
    bytes: int | None
    partitions: tuple[Kept, ...]
    readers: tuple[Reader, ...]


@click.group()
def queue() -> None:
    """How full the queue is, who is how far, and reading again from an earlier place."""


# -- status --


@queue.command()
@_queue
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Show how far this warehouse is, too.")
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@click.pass_obj
def status(settings: Settings, queue_url: str | None, warehouse_url: str | None, as_json: bool) -> None:
    """Show what the queue holds and how far each group of readers is, partition by partition.

    \b
    Example:
      wiredesk queue status --queue kafka://127.0.0.1:9092/fetched --json
    """
    door = the_queue(queue_url or settings.queue, settings.kafka.credentials, must_exist=True)
    try:
        positions = None
        if warehouse_url is not None:
            with warehouse_reader(warehouse_url).hold() as warehouse:
                positions = {p.partition: p.position for p in warehouse.progress(door.channel)}
        found = look(door, positions)
    finally:
        door.close()
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _print(found, now())


def look(door: Queue, warehouse: Positions | None = None) -> Status:
    """The state of the queue; ``warehouse``: how far a warehouse is in it."""
    start, end = door.start(), door.end()
    readers: dict[str, Positions] = {} if warehouse is None else {WAREHOUSE: warehouse}
    readers |= {group: door.committed(group) for group in door.groups()}
    since: dict[tuple[int, int], datetime | None] = {}

    def appended(partition: int, offset: int) -> datetime | None:
        place = (partition, offset)
        if place not in since and offset < end[partition]:
            found = door.read({partition: offset}, 1, 1, 0, [partition])
            since[place] = found[0].appended_at if found else None
        return since.get(place)

    kept = tuple(Kept(p, start[p], last, appended(p, start[p])) for p, last in sorted(end.items()))
    rows = []
    for name, positions in readers.items():
        for partition, last in sorted(end.items()):
            at = max(positions.get(partition, 0), start[partition])
            rows.append(Reader(name, partition, at, max(0, last - at), appended(partition, at)))
    return Status(door.channel, door.held_bytes(), kept, tuple(rows))


def _print(found: Status, at: datetime) -> None:
    console = Console()
    held = "" if found.bytes is None else f", {found.bytes:,} bytes"
    messages = sum(p.end - p.start for p in found.partitions)
    console.print(f"{escape(found.channel)}: {messages:,} messages{held}", highlight=False)
    table = Table("group", "partition", "kept from", "oldest", "committed", "end", "waiting", "for", box=None)
    kept = {p.partition: p for p in found.partitions}
    nobody = tuple(Reader("(no reader yet)", p.partition, p.start, p.end - p.start, p.since) for p in found.partitions)
    for r in found.readers or nobody:
        p = kept[r.partition]
        cells = (f"{p.start:,}", _age(p.since, at), f"{r.position:,}", f"{p.end:,}", f"{r.waiting:,}")
        table.add_row(escape(r.name), str(r.partition), *cells, _age(r.waiting_since, at))
    console.print(table)


def _age(since: datetime | None, at: datetime) -> str:
    if since is None:
        return "-"
    age = max(at - since, timedelta(0))
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if age >= 2 * length:
            return f"{age // length} {unit}"
    return f"{age.total_seconds():.0f} s"


# -- replay --


@queue.command()
@click.option(
    "--from",
    "place",
    required=True,
    metavar="TIME|POSITION",
    help="start, a time (2026-03-01T06:00Z), an offset, or PARTITION:OFFSET[,...].",
)
@click.option("--group", metavar="NAME", help="Only move this group's mark, not the warehouse's stream.")
@_queue
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.pass_obj
def replay(settings: Settings, place: str, group: str | None, queue_url: str | None, warehouse_url: str | None) -> None:
    """Have the stream read again what the queue still keeps, from a time or a position on.

    What is in the warehouse already counts as repeated and changes nothing, so this is safe at any time; it is of use
    after an upgrade that reads more of an item, or when rows were lost. A stream that runs goes on from there with its
    next batch or within seconds; a replay goes back only, never forward.

    \b
    Example:
      wiredesk queue replay --from 2026-03-01T06:00Z --queue kafka://127.0.0.1:9092/fetched
    """
    door = the_queue(queue_url or settings.queue, settings.kafka.credentials, must_exist=True)
    try:
        target = where(place, door)
        if group is not None and group != settings.stream.group:
            committed = door.committed(group)
            if not committed:
                raise UserError(f"no group {group} has read from here (known: {', '.join(door.groups()) or 'none'})")
            back = earlier(target, committed, door)
            door.rewind(group, back)
        else:
            opener = warehouse_opener(warehouse_url or settings.warehouse, must_exist=True)
            with opener().hold() as warehouse:
                back = move_back(target, door, warehouse, settings.stream.group)
    finally:
        door.close()
    if not back:
        raise UserError(f"nothing to read again: {group or 'the stream'} is not past {place}")
    told = ", ".join(f"{partition}:{offset}" for partition, offset in sorted(back.items()))
    click.echo(f"{group or settings.stream.group} reads again from {told} on")


def where(place: str, door: Queue) -> dict[int, int]:
    """The positions that the user means. Raises ``UserError``."""
    start, end = door.start(), door.end()
    if place == "start":
        return dict(start)
    if place.isdecimal():
        if len(end) > 1:
            raise UserError(
                f"--from {place}: the queue has {len(end)} partitions: give PARTITION:OFFSET[,...] or a time"
            )
        return dict.fromkeys(end, int(place))
    pairs = [pair.split(":") for pair in place.split(",")]
    if all(len(pair) == 2 and pair[0].isdecimal() and pair[1].isdecimal() for pair in pairs):
        found = {int(partition): int(offset) for partition, offset in pairs}
        for partition in found:
            if partition not in end:
                raise UserError(f"--from {place}: there is no partition {partition} (there are 0 to {max(end)})")
        return found
    try:
        at = datetime.fromisoformat(place)
    except ValueError:
        raise UserError(
            f"--from {place}: give start, a time as 2026-03-01T06:00Z, an offset, or PARTITION:OFFSET[,...]"
        ) from None
    return dict(door.positions_at(at if at.tzinfo else at.replace(tzinfo=UTC)))


def earlier(target: Positions, current: Positions, door: Queue) -> dict[int, int]:
    """Those of the target's positions that are behind the current ones, as far as the queue reaches back."""
    start = door.start()
    reachable = {p: max(offset, start.get(p, 0)) for p, offset in target.items()}
    return {p: offset for p, offset in reachable.items() if offset < current.get(p, 0)}


def move_back(target: Positions, door: Queue, warehouse: Warehouse, group: str) -> dict[int, int]:
    """Move the warehouse's position in the queue back to the target, and the group's mark with it; returns what was
    moved.

    The counts of records, receipts and repeats stay: what is read again is counted again, as repeats, so that their sum
    holds all the time. First the mark, so that the queue keeps what is to be read."""
    rows = {p.partition: p for p in warehouse.progress(door.channel)}
    back = earlier(target, {p: row.position for p, row in rows.items()}, door)
    door.rewind(group, back)
    warehouse.apply(msgspec.structs.replace(rows[p], position=at, at=now()) for p, at in back.items())
    return back
