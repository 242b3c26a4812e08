"""``wiredesk snapshot``: a copy of the warehouse for readers."""

from __future__ import annotations

import pathlib

import click

from pipeline.cli.doors import now, warehouse_opener
from pipeline.cli.settings import Settings


@click.command()
@click.argument("path", metavar="FILE")
@click.option("--warehouse", "warehouse_url", metavar="URL", help="Which warehouse (duckdb:///path, postgresql://...).")
@click.pass_obj
def snapshot(settings: Settings, path: str, warehouse_url: str | None) -> None:
    """Write a copy of the warehouse to FILE, replacing an older one at once, so that readers may keep it open.

    For DuckDB: readers of PostgreSQL read the database itself.

    \b
    Example:
      wiredesk snapshot desk.duckdb --warehouse duckdb:///var/wiredesk.duckdb
    """
    with warehouse_opener(warehouse_url or settings.warehouse, must_exist=True)().hold() as warehouse:
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        warehouse.snapshot(path, now())
    click.echo(f"copied to {path}")
