"""A batch into Iceberg tables: what it changes, then a commit a table, the ledger last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException

from connectors.warehouse import WarehouseBusy, arrow
from connectors.warehouse.ddl import names, quoted
from connectors.warehouse.iceberg import commits, files, ledger
from connectors.warehouse.iceberg.lake import Lake
from connectors.warehouse.upsert import apply_batch
from schemas.records import Link
from schemas.tables import TABLE_OF, TABLES, Table

FOLD_FILES = 24
"""As many small files of a table are put together with the next batch's rows."""
ATTEMPTS = 5
FILE, ROW = "file_number", "row_number"
"""Columns beside a stored row's own: where it is. Null in rows that the batch brings."""


@dataclass(frozen=True)
class Plan:
    """What a batch changes, against which state of the tables: where each stood, its files, its change."""

    bases: Mapping[str, int | None]
    stored: Mapping[str, files.TableFiles]
    changes: Mapping[str, commits.Change]


def write(lake: Lake, batch: arrow.Batch, alone: bool) -> bool:
    """Commit the batch; gives whether it changed anything. ``alone``: nothing in this process builds on the pinned
    state, so that the batch may go on top of one that another writer has committed meanwhile; else that raises
    ``WarehouseBusy``."""
    for _ in range(ATTEMPTS):
        pin = lake.pin
        plan = planned(lake, pin, batch)
        if not plan.changes:
            return False
        try:
            lake.pin = committed(lake, pin, plan)
            return True
        except CommitFailedException as e:
            lake.forget()
            lake.refresh()
            if lake.pin != pin and not alone:
                raise WarehouseBusy(
                    f"another process wrote a batch to namespace {lake.location.namespace!r} meanwhile: one writer at "
                    "a time; this batch comes again"
                ) from e
    raise WarehouseBusy(f"another process keeps writing to namespace {lake.location.namespace!r}: stop it")


def planned(lake: Lake, pin: ledger.Pin, batch: arrow.Batch) -> Plan:
    """Run the batch on the stored rows that it touches, in a DuckDB of its own, and see what came out different."""
    bases, stored, changes = {}, {}, {}
    with contextlib.closing(lake.cursor()) as work:
        for name, wanted in touched(batch).items():
            bases[name] = lake.base(pin, name)
            stored[name] = lake.read(pin, name, bases[name])
            _lay_out(work, TABLES[name], stored[name], wanted)
        apply_batch(work, batch)
        for name, table in TABLES.items():
            if name in stored:
                change = _change(work, table, stored[name])
                if not change.empty:
                    changes[name] = change
    return Plan(bases, stored, changes)


def touched(batch: arrow.Batch) -> dict[str, dict[str, list[str]]]:
    """Table -> column -> values: the stored rows that the batch may change are among those with one of them."""
    wanted: dict[str, dict[str, list[str]]] = {}

    def add(name: str, column: str, values: Iterable[str]) -> None:
        wanted.setdefault(name, {}).setdefault(column, []).extend(values)

    for cls, rows in batch.rows.items():
        table = TABLE_OF[cls]
        add(table.name, table.key[0], rows.column(table.key[0]).to_pylist())
    for replaced in batch.replaced:
        add(replaced.table.name, replaced.table.group or "", replaced.groups)
    if Link in batch.rows:
        add("metrics", "article_id", batch.rows[Link].column("article_id").to_pylist())
    return wanted


def committed(lake: Lake, pin: ledger.Pin, plan: Plan) -> ledger.Pin:
    """Commit the plan's tables, then the ledger; gives the new state. Raises ``CommitFailedException`` if another
    process was there: then the batch is not visible."""
    snapshots = dict(pin.snapshots)
    for name in TABLES:
        if name != ledger.LEDGER and name in plan.changes:
            snapshots[name] = _commit(lake, name, plan, {})
    after = ledger.Pin(pin.batch + 1, snapshots)
    if ledger.LEDGER not in plan.bases:
        base = lake.base(pin, ledger.LEDGER)
        stored = lake.read(pin, ledger.LEDGER, base)
        plan = Plan({ledger.LEDGER: base}, {ledger.LEDGER: stored}, {})
    snapshots[ledger.LEDGER] = _commit(lake, ledger.LEDGER, plan, after.summary())
    return after


def _commit(lake: Lake, name: str, plan: Plan, summary: Mapping[str, str]) -> int:
    table, stored = lake.table(name), plan.stored[name]
    change = plan.changes.get(name) or commits.Change(stored.schema.empty_table())
    new = commits.rewritten(table, stored, change, _to_fold(stored))
    snapshot_id = commits.commit(table, plan.bases[name], new, summary)
    lake.remember(name, snapshot_id, new.kept)
    return snapshot_id


def _to_fold(stored: files.TableFiles) -> Sequence[int]:
    small = [n for n, file in enumerate(stored.files) if file.file_size_in_bytes < files.SMALL_BYTES]
    return small if len(small) >= FOLD_FILES else ()


def _lay_out(
    work: duckdb.DuckDBPyConnection, table: Table, stored: files.TableFiles, wanted: Mapping[str, Sequence[str]]
) -> None:
    """Make the table with the stored rows wanted and where they are; a second one keeps them as they were."""
    found = stored.find(wanted)
    rows = stored.take(found, stored.schema.names)
    numbers = np.repeat(np.array(list(found), dtype=np.int64), [len(r) for r in found.values()])
    places = np.concatenate([np.array([], dtype=np.int64), *found.values()])
    rows = rows.append_column(FILE, pa.array(numbers, pa.int64())).append_column(ROW, pa.array(places, pa.int64()))
    work.register("stored", rows)
    work.execute(f"CREATE TEMP TABLE {quoted(table.name)} AS SELECT * FROM stored")
    work.execute(f"CREATE TEMP TABLE {quoted(_before(table))} AS SELECT * FROM stored")
    work.unregister("stored")


def _change(work: duckdb.DuckDBPyConnection, table: Table, stored: files.TableFiles) -> commits.Change:
    columns = stored.schema.names
    after, before = quoted(table.name), quoted(_before(table))
    same = f"a.{FILE} = b.{FILE} AND a.{ROW} = b.{ROW}"
    differs = f"({names(columns, 'a')}) IS DISTINCT FROM ({names(columns, 'b')})"
    rows = work.sql(
        f"SELECT {names(columns, 'a')} FROM {after} a LEFT JOIN {before} b ON {same} WHERE b.{ROW} IS NULL OR {differs}"
    ).to_arrow_table()
    gone = work.sql(
        f"SELECT b.{FILE}, b.{ROW} FROM {before} b LEFT JOIN {after} a ON {same} WHERE a.{ROW} IS NULL OR {differs}"
    ).to_arrow_table()
    dropped = commits.dropped_rows(gone.column(FILE).combine_chunks(), gone.column(ROW).combine_chunks())
    return commits.Change(rows.cast(stored.schema), dropped)


def _before(table: Table) -> str:
    return f"{table.name}_before"
