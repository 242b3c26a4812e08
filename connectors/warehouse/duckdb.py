"""The embedded warehouse: one DuckDB file, written by one process, a batch at a time.

A batch goes in as Arrow. Rows are found by their key alone (DuckDB reads only that column), then changed by row number
and only where they differ: a repeated batch writes nothing, and new links leave the articles' texts where they are.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from connectors.warehouse import WarehouseError, arrow, ddl, selects
from connectors.warehouse.by_column import ReadsByColumn
from connectors.warehouse.ddl import literal, names, quoted
from connectors.warehouse.duckdb_file import DuckDBFile, database, parse_url
from connectors.warehouse.upsert import apply_batch
from schemas.records import Member, Record, Sketch
from schemas.tables import TABLE_OF, TABLES, arrow_fields

R = TypeVar("R", bound=Record)
_TYPES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
"""Types that DuckDB tells by another name than it was given."""


class DuckDBWarehouse(ReadsByColumn):
    """See ``connectors.warehouse.Warehouse``. Thread-safe; pickles as its URL."""

    def __init__(self, url: str, read_only: bool = False):
        self.url = url
        self.read_only = read_only
        self._location = parse_url(url)
        self._database: DuckDBFile = database(self._location)

    def __reduce__(self) -> tuple[Any, ...]:
        return DuckDBWarehouse, (self.url, self.read_only)

    # -- life --

    def migrate(self, migrations: tuple[ddl.Migration, ...] = ddl.MIGRATIONS) -> list[str]:
        self._refuse_read_only()
        done = []
        with self._database.hold() as connection, self._database.writing, _cursor(connection) as cursor:
            version = _schema_version(cursor)
            _check_version(version, migrations, self.url)
            with _transaction(cursor):
                if version is None:
                    cursor.execute(f"CREATE TABLE {ddl.VERSION_TABLE} (version BIGINT PRIMARY KEY, why VARCHAR)")
                for migration in ddl.pending(version or 0, migrations):
                    for statement in migration.statements if version is not None else ():
                        cursor.execute(statement)
                    cursor.execute(f"INSERT INTO {ddl.VERSION_TABLE} VALUES (?, ?)", [migration.version, migration.why])
                    done.append(f"schema {migration.version}: {migration.why}")
                existing = _existing(cursor)
                for statement in ddl.additions(existing, ddl.DUCKDB):
                    cursor.execute(statement)
            self._database.checked = True
        return done + ddl.told(existing)

    def version(self) -> int | None:
        with self._database.hold(self.read_only) as connection, _cursor(connection) as cursor:
            return _schema_version(cursor)

    def problems(self) -> list[str]:
        with self._database.hold(self.read_only) as connection, _cursor(connection) as cursor:
            columns = cursor.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE NOT internal AND database_name = current_database()"
            ).fetchall()
            keys = cursor.execute(
                "SELECT table_name, constraint_column_names FROM duckdb_constraints() "
                "WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()"
            ).fetchall()
        existing: dict[str, dict[str, str]] = {}
        for table, column, kind in columns:
            existing.setdefault(table, {})[column] = _TYPES.get(kind, kind)
        return ddl.unlike(existing, {table: tuple(found) for table, found in keys}, ddl.DUCKDB)

    def maintain(self, now: datetime) -> dict[str, int]:
        """Write the log into the file; DuckDB uses the room of removed rows again by itself."""
        self._refuse_read_only()
        with self._open() as cursor, self._database.writing:
            cursor.execute("CHECKPOINT")
        return {"checkpoints": 1}

    @contextlib.contextmanager
    def hold(self) -> Iterator[DuckDBWarehouse]:
        with self._database.hold(self.read_only):
            yield self

    def check(self) -> None:
        """Raise ``WarehouseError`` if there is nothing here that this wiredesk can read."""
        with self._open():
            pass

    def close(self) -> None:
        """Nothing is open outside ``hold``."""

    # -- writing --

    def apply(self, records: Iterable[Record]) -> None:
        self._refuse_read_only()
        batch = arrow.Batch.of(records)
        with self._open() as cursor, self._database.writing, _transaction(cursor):
            apply_batch(cursor, batch)

    # -- reading: the pipeline's history --

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        if not sketches:
            return []
        times = [s.at for s in sketches if s.at]
        # A bound on the whole batch lets DuckDB skip what is stored far away in time.
        bounded = len(times) == len(sketches)
        near = 'AND ("at" IS NULL OR "at" BETWEEN $earliest AND $latest)' if bounded else ""
        bounds = {"earliest": min(times) - horizon, "latest": max(times) + horizon} if bounded else {}
        with self._open() as cursor:
            cursor.register("wanted", arrow.to_arrow(Sketch, sketches, ("language", "at", "keys")))
            found = _fetch(
                cursor,
                f"""
                WITH sought AS (SELECT DISTINCT language, epoch_us("at") AS us, unnest(keys) AS key FROM wanted),
                stored AS (
                    SELECT rowid AS r, language, epoch_us("at") AS us, unnest(keys) AS key FROM sketches
                    WHERE language IN (SELECT language FROM wanted) {near}
                ),
                near AS (
                    SELECT DISTINCT stored.r FROM stored JOIN sought USING (language, key)
                    WHERE stored.us IS NULL OR sought.us IS NULL OR abs(stored.us - sought.us) <= $horizon
                )
                SELECT {names(arrow_fields(Sketch))} FROM sketches WHERE rowid IN (SELECT r FROM near)
                """,
                {"horizon": horizon // timedelta(microseconds=1), **bounds},
            )
        return arrow.from_arrow(Sketch, found)

    # -- reading: commands --

    def scan(self, record: type[R], rows: int) -> Iterator[list[R]]:
        with self._open() as cursor:
            # One pass, sorted on disk where it does not fit into memory: no index would find the next page.
            yield from arrow.pages(record, cursor.sql(ddl.whole(record)).to_arrow_reader(rows), rows)

    def rows(
        self,
        record: type[R],
        where: str = "",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> list[R]:
        sql = selects.rows(record, where, order, limit)
        with self._open() as cursor:
            return arrow.from_rows(record, _rows(cursor, sql, [arrow.parameter(p) for p in parameters]))

    def count(self, table: str, where: str = "", parameters: Sequence[Any] = ()) -> int:
        return int(self.query(selects.count(TABLES[table].name, where), parameters)[0][0])

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._open() as cursor:
            selects.refuse_all_but_select(cursor, sql)
            return _rows(cursor, sql, [arrow.parameter(p) for p in parameters])

    def snapshot(self, path: str, now: datetime) -> None:
        if self._location.in_memory:
            raise WarehouseError("a warehouse in memory has no file to publish a copy of: use duckdb:///path")
        draft = f"{path}.{os.getpid()}.part"
        try:
            self._copy_to(draft)
            with duckdb.connect(draft) as copy:
                taken_at = f"TIMESTAMPTZ {literal(now.isoformat())}"
                copy.execute(f"CREATE OR REPLACE TABLE wiredesk_snapshot AS SELECT {taken_at} AS taken_at")
            _durable(draft)
            os.replace(draft, path)
        finally:
            for left in (draft, draft + ".wal"):
                Path(left).unlink(missing_ok=True)
        _durable(os.path.dirname(path) or ".")

    # -- inside --

    def _copy_to(self, path: str) -> None:
        with self._open() as cursor, self._database.writing:
            if not self.read_only:
                cursor.execute("CHECKPOINT")
            source = os.open(self._location.path, os.O_RDONLY)
            self._database.close_with_connection(source)
            with open(source, "rb", closefd=False) as reader, open(path, "wb") as writer:
                shutil.copyfileobj(reader, writer, 2**22)

    @contextlib.contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on a database whose schema this version of wiredesk knows."""
        with self._database.hold(self.read_only) as connection, _cursor(connection) as cursor:
            if not self._database.checked:
                _check_schema(cursor, self.url)
                self._database.checked = True
            yield cursor

    def _having(self, record: type[R], **wanted: Sequence[str]) -> list[R]:
        """Rows in which one of the columns has one of its values."""
        asked = {column: list(values) for column, values in wanted.items() if values}
        if not asked:
            return []
        table = quoted("articles" if record is Member else TABLE_OF[record].name)
        columns = selects.MEMBER if record is Member else names(arrow_fields(record))
        # Row numbers first: only the columns looked at are read whole.
        rowids = " UNION ".join(
            f"SELECT rowid FROM {table} WHERE {quoted(c)} IN (SELECT unnest(?::VARCHAR[]))" for c in asked
        )
        with self._open() as cursor:
            sql = f"SELECT {columns} FROM {table} WHERE rowid IN ({rowids}) AND {ddl.filled(record)}"
            found = _fetch(cursor, sql, list(asked.values()))
        return arrow.from_arrow(record, found)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise WarehouseError(f"{self.url} was opened for reading only")


@contextlib.contextmanager
def _cursor(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    cursor = connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


@contextlib.contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
        cursor.commit()
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a commit that found no room has rolled back by itself
            cursor.rollback()
        raise


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Any) -> pa.Table:
    """The whole result: an open one would keep the cursor's transaction open."""
    return cursor.sql(sql, params=parameters).to_arrow_table()


def _rows(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
    """The same as rows of Python values, times aware and UTC: half the price of columns where there are few, and never
    much more."""
    result = cursor.execute(sql, parameters)
    kinds = [str(column[1]) for column in result.description or ()]
    timed = [n for n, kind in enumerate(kinds) if kind.startswith("TIMESTAMP") and not kind.endswith("]")]
    rows: list[tuple[Any, ...]] = result.fetchall()
    return [_in_utc(row, timed) for row in rows] if timed else rows


def _in_utc(row: tuple[Any, ...], timed: Sequence[int]) -> tuple[Any, ...]:
    """The session's zone is UTC: only its name differs."""
    values = list(row)
    for n in timed:
        if values[n] is not None:
            values[n] = values[n].replace(tzinfo=UTC)
    return tuple(values)


def _existing(cursor: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Table -> columns of this database."""
    found: dict[str, set[str]] = {}
    sql = (
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()"
    )
    for table, column in cursor.execute(sql).fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _schema_version(cursor: duckdb.DuckDBPyConnection) -> int | None:
    """The version of the tables, None when there are none."""
    found = cursor.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [ddl.VERSION_TABLE]).fetchall()
    if not found:
        return None
    return int(cursor.execute(f"SELECT max(version) FROM {ddl.VERSION_TABLE}").fetchall()[0][0])


def _check_version(version: int | None, migrations: tuple[ddl.Migration, ...], url: str) -> None:
    newest = migrations[-1].version
    if version is not None and version > newest:
        raise WarehouseError(
            f"{url} has schema {version}, this wiredesk knows up to {newest}: upgrade wiredesk, or use another file"
        )


def _check_schema(cursor: duckdb.DuckDBPyConnection, url: str) -> None:
    version = _schema_version(cursor)
    if version is None:
        raise WarehouseError(f"{url} holds no wiredesk tables: check the URL, or fill one first")
    _check_version(version, ddl.MIGRATIONS, url)
    if ddl.pending(version) or ddl.missing(_existing(cursor)):
        raise WarehouseError(
            f"{url} has the tables of an older wiredesk: any command that writes brings them up to date"
        )


def _durable(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
