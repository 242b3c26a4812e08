"""``wiredesk demo``: the whole walk on sample outlets served on this machine."""

from __future__ import annotations

import pathlib

import click

from connectors.warehouse import OpenWarehouse, Warehouse
from pipeline.cli.doors import now
from pipeline.cli.errors import Failed
from pipeline.cli.screen import Console


@click.command()
@click.option("--folder", default="var/demo", show_default=True, metavar="PATH", help="Where its files go, made anew.")
def demo(folder: str) -> None:
    """Serve fictional outlets on this machine, poll them, stream them into a warehouse, audit it, and sum it up.

    \b
    Example:
      wiredesk demo
    """
    from pipeline.demo.run import DemoFailed, run_demo

    try:
        run_demo(pathlib.Path(folder), Console(), _reader, now())
    except DemoFailed as e:
        raise Failed(str(e)) from e
    except OSError as e:
        raise Failed(f"the demo can't run in {folder}: {e}") from e


def _reader(url: str) -> Warehouse:
    return OpenWarehouse(url, read_only=True)()
