"""``wiredesk queue``: how full the queue is, and who is how far."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from pipeline.cli.doors import the_queue
from pipeline.cli.settings import Settings


@click.group()
def queue() -> None:
    """How full the queue is, and who is how far."""


@queue.command()
@click.option("--queue", "queue_url", metavar="URL", help="Which queue (sqlite:///path).")
@click.pass_obj
def status(settings: Settings, queue_url: str | None) -> None:
    """Show what the queue holds and how far each group of readers is.

    \b
    Example:
      wiredesk queue status --queue sqlite:///var/queue.db
    """
    door = the_queue(queue_url or settings.queue, must_exist=True)
    start, end = door.start(), door.end()
    table = Table("group", "partition", "kept from", "committed", "end", "waiting", box=None)
    for group in door.groups() or ["(no reader yet)"]:
        committed = door.committed(group)
        for partition, last in sorted(end.items()):
            first = start.get(partition, 0)
            done = committed.get(partition, first)
            table.add_row(group, str(partition), f"{first:,}", f"{done:,}", f"{last:,}", f"{last - done:,}")
    Console().print(table)
    door.close()
