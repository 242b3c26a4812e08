"""What a batch makes of the rows it touches, as SQL on a DuckDB cursor.

The DuckDB warehouse runs it on its tables; a warehouse that can't merge by itself runs it on the few stored rows that
the batch touches and writes back what came out different. So both mean the same by an upsert.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connectors.warehouse import arrow
from connectors.warehouse.ddl import names, quoted
from schemas.records import Link, Record
from schemas.tables import TABLES, Table


def apply_batch(cursor: duckdb.DuckDBPyConnection, batch: arrow.Batch) -> None:
    """Change the tables that the cursor sees (``schemas.tables``) as ``Warehouse.apply`` says; the transaction is the
    caller's. Raises ``ValueError`` for a part of a row that is not there."""
    for replaced in batch.replaced:
        _remove_absent(cursor, replaced, batch)
    for table in TABLES.values():
        for cls in table.records:
            if cls in batch.rows:
                _put(cursor, table, cls, batch.rows[cls])
    if Link in batch.rows:
        _move_metrics(cursor, batch.rows[Link])


def _remove_absent(cursor: duckdb.DuckDBPyConnection, replaced: arrow.Replacement, batch: arrow.Batch) -> None:
    table, name = replaced.table, quoted(replaced.table.name)
    cls, key = table.records[0], table.key
    kept = batch.rows[cls] if cls in batch.rows else arrow.to_arrow(cls, [])
    cursor.register("kept", kept.select(list(key)))
    cursor.execute(
        f"DELETE FROM {name} WHERE rowid IN (SELECT t.rowid FROM {name} t ANTI JOIN kept k USING ({names(key)}) "
        f"WHERE t.{quoted(table.group or '')} IN (SELECT unnest(?::VARCHAR[])))",
        [list(replaced.groups)],
    )
    cursor.unregister("kept")


def _put(cursor: duckdb.DuckDBPyConnection, table: Table, cls: type[Record], rows: pa.Table) -> None:
    """Upsert rows whose keys are unique among them."""
    name, key = quoted(table.name), table.key
    values = [c for c in rows.column_names if c not in key]
    same_key = " AND ".join(f"t.{quoted(c)} = b.{quoted(c)}" for c in key)
    cursor.register("incoming", rows)
    cursor.execute("CREATE OR REPLACE TEMP TABLE batch AS SELECT * FROM incoming")
    cursor.unregister("incoming")
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE found AS SELECT t.rowid AS found_row, {names(key, 'b')} "
        f"FROM {name} t JOIN batch b ON {same_key}"
    )
    fresh = f"FROM batch b ANTI JOIN found f USING ({names(key)})"
    if cls is not table.records[0]:
        _refuse_parts_without_row(cursor.execute(f"SELECT {names(key)} {fresh} LIMIT 3").fetchall(), cls, table)
    cursor.execute(
        f"UPDATE {name} AS t SET {', '.join(f'{quoted(c)} = s.{quoted(c)}' for c in values)} "
        f"FROM (SELECT f.found_row, b.* FROM batch b JOIN found f USING ({names(key)})) s "
        f"WHERE t.rowid = s.found_row AND ({names(values, 't')}) IS DISTINCT FROM ({names(values, 's')})"
    )
    cursor.execute(f"INSERT INTO {name} ({names(rows.column_names)}) SELECT {names(rows.column_names)} {fresh}")


def _move_metrics(cursor: duckdb.DuckDBPyConnection, links: pa.Table) -> None:
    """Metrics are of the story that their article's link says."""
    cursor.register("incoming", links.select(["article_id", "story_id"]))
    cursor.execute(
        "UPDATE metrics AS t SET story_id = i.story_id FROM incoming i "
        "WHERE t.article_id = i.article_id AND t.story_id IS DISTINCT FROM i.story_id"
    )
    cursor.unregister("incoming")


def _refuse_parts_without_row(keys: list[tuple[object, ...]], cls: type[Record], table: Table) -> None:
    if keys:
        found = ", ".join(str(k[0]) for k in keys)
        raise ValueError(f"{cls.__name__} records for rows that {table.name} does not have: {found}, ...")
