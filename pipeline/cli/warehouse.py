"""``wiredesk warehouse``: make, bring up to date, verify, maintain and copy warehouses of any kind, by one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors.warehouse import OpenWarehouse, Warehouse, ddl, shown
from pipeline.cli.audit import Check, ask, rules
from pipeline.cli.doors import make_folder, now, warehouse_opener, warehouse_reader
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.retention import expire
from pipeline.cli.screen import Console
from pipeline.cli.settings import KeepSettings, Settings
from pipeline.cli.steps import steps
from schemas import records
from schemas.records import Link, Record
from schemas.tables import TABLES

ROWS = 2000
"""So many rows are copied at a time, for records of a few KB."""
ROWS_OF: dict[type[Record], int] = {records.Article: 500, records.ArticleVersion: 500, records.Reject: 100}
"""Fewer of those with texts or whole pages: some 50 MB at the worst."""

_url = click.option(
    "--warehouse",
    "warehouse_url",
    metavar="URL",
    help="Which warehouse (duckdb:///path, postgresql://..., iceberg://..., bigquery://...).",
)


@click.group()
def warehouse() -> None:
    """Make, bring up to date, verify, maintain and copy warehouses."""


@warehouse.command()
@_url
@click.pass_obj
def init(settings: Settings, warehouse_url: str | None) -> None:
    """Make the tables of a new warehouse. (The commands that write do so by themselves.)

    \b
    Example:
      wiredesk warehouse init --warehouse postgresql://desk@localhost/news?schema=wiredesk
    """
    url = warehouse_url or settings.warehouse
    make_folder(url)
    door = OpenWarehouse(url)()
    version = door.version()
    if version is not None:
        raise UserError(f"{shown(url)} has tables of version {version}: see wiredesk warehouse verify, migrate")
    _tell(door.migrate(), "made")


@warehouse.command()
@_url
@click.pass_obj
def migrate(settings: Settings, warehouse_url: str | None) -> None:
    """Bring the tables of an older wiredesk up to date; refuses those of a newer one.

    \b
    Example:
      wiredesk warehouse migrate --warehouse postgresql://desk@localhost/news?schema=wiredesk
    """
    url = warehouse_url or settings.warehouse
    door = _existing(url)
    if door.version() is None:
        raise UserError(f"{shown(url)} holds no wiredesk tables: wiredesk warehouse init makes them")
    changed = door.migrate()
    if changed:
        _tell(changed, "changed")
    else:
        click.echo("everything is up to date")


def _tell(lines: list[str], what: str) -> None:
    for line in lines:
        click.echo(f"{what}: {line}")


# -- verify --


@dataclass(frozen=True)
class Verified:
    """What a look at a warehouse found."""

    version: int
    problems: tuple[str, ...]
    counts: dict[str, int]
    """Table -> rows."""
    references: tuple[Check, ...]
    """What refers to rows that are not there."""

    @property
    def good(self) -> bool:
        return not self.problems and not any(check.wrong for check in self.references)


def look_at(url: str) -> Verified:
    """Compare the tables with what this wiredesk makes, count the rows, follow the references."""
    door = _existing(url)
    version = door.version()
    if version is None:
        raise UserError(f"{shown(url)} holds no wiredesk tables: wiredesk warehouse init makes them")
    problems = list(door.problems())
    newest = ddl.MIGRATIONS[-1].version
    if version != newest:
        problems.insert(0, f"the tables are of version {version}, this wiredesk's of {newest}")
    if problems:
        return Verified(version, tuple(problems), {}, ())
    with warehouse_reader(url).hold() as reader:
        counts = {name: reader.count(name) for name in TABLES}
        references = tuple(ask(reader, rule) for rule in rules() if rule.reference)
    return Verified(version, (), counts, references)


@warehouse.command()
@_url
@click.pass_obj
def verify(settings: Settings, warehouse_url: str | None) -> None:
    """Check that tables, columns, types, keys and indexes are as they should be, count the rows, and follow the
    references between the tables; exit 1 if something is wrong. (wiredesk audit checks that the content adds up.)

    \b
    Example:
      wiredesk warehouse verify --warehouse duckdb:///var/wiredesk.duckdb
    """
    url = warehouse_url or settings.warehouse
    found = look_at(url)
    console = Console()
    for problem in found.problems:
        console.print(problem, highlight=False, markup=False, soft_wrap=True)
    if found.counts:
        table = Table("table", "rows", box=None)
        for name, count in found.counts.items():
            table.add_row(name, f"{count:,}")
        console.print(table)
    for check in found.references:
        if check.wrong:
            told = f"{check.name}: not so in {check.wrong:,} cases: {check.means} ({', '.join(check.samples)})"
            console.print(told, highlight=False, markup=False, soft_wrap=True)
    if not found.good:
        raise Failed(f"{shown(url)} is not as it should be")
    console.print(f"version {found.version}, tables and {len(found.references)} kinds of references as they should be")


def _existing(url: str) -> Warehouse:
    """The warehouse, to look at or to change; not made if it is not there."""
    make_folder(url, must_exist=True)
    return OpenWarehouse(url)()


@warehouse.command()
@_url
@click.pass_obj
def maintain(settings: Settings, warehouse_url: str | None) -> None:
    """Do the upkeep that a warehouse needs beside its batches; may run while a stream does.

    Iceberg: small files put together, old snapshots forgotten, files that nothing needs deleted (a stream does the same
    every 100 batches). BigQuery: staging tables of killed writers dropped. DuckDB: a checkpoint. PostgreSQL needs none.

    What is older than the settings keep.article_days, keep.version_text_days and keep.reject_payload_days allow is
    taken out first; run it once a day then.

    \b
    Example:
      wiredesk warehouse maintain --warehouse iceberg:///var/lake
    """
    url = warehouse_url or settings.warehouse
    make_folder(url, must_exist=True)
    door = OpenWarehouse(url)()
    done = expire(door, settings.keep, steps(settings).settling, now()) if settings.keep != KeepSettings() else {}
    done |= door.maintain(now())
    click.echo(", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in done.items()) or "nothing to do")


# -- copy --


@warehouse.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy a warehouse into another of any kind, which is made if it is not there.

    A copy that was stopped goes on when the same command is run again; what is there already is not written again.
    Stop what writes to either first, or the counts at the end differ.

    \b
    Example:
      wiredesk warehouse copy duckdb:///var/wiredesk.duckdb postgresql://desk@localhost/news
    """
    if source == target:
        raise UserError("FROM and TO are the same warehouse")
    origin = warehouse_reader(source)
    goal = warehouse_opener(target)()
    bar = Progress(
        TextColumn("{task.description:18}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar, origin.hold(), goal.hold():
        tasks = {name: bar.add_task(name, total=origin.count(name)) for name in TABLES}
        copy_all(origin, goal, lambda name, rows: bar.advance(tasks[name], rows))
        unlike = [(name, origin.count(name), goal.count(name)) for name in TABLES]
    for name, there, here in unlike:
        click.echo(f"{name}: {here:,} rows" + (f", {there:,} in FROM" if here != there else ""))
    different = [name for name, there, here in unlike if here != there]
    if different:
        raise Failed(
            f"the rows of {', '.join(different)} differ in number: something wrote meanwhile, or TO held others before"
        )


def copy_all(origin: Warehouse, goal: Warehouse, advance: Callable[[str, int], None]) -> None:
    """Bring all rows of ``origin`` to ``goal``, a part at a time. ``advance`` gets the table and how many rows of it
    were copied. The progress of channels comes last: nothing reads on from it before the rest is there."""
    for name, record in _parts():
        for page in origin.scan(record, ROWS_OF.get(record, ROWS)):
            goal.apply(page)
            advance(name, 0 if record is Link else len(page))


def _parts() -> Iterator[tuple[str, type[Record]]]:
    for name, table in TABLES.items():  # ends with progress
        for record in table.records:
            yield name, record
