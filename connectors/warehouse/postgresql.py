"""The warehouse in PostgreSQL: one schema of a database, written by one process at a time, read by any number.

A batch goes by COPY into temporary tables that each writers' connection has; from there what differs is upserted in the
order of the keys, so that a repeated batch writes nothing and two writers could never lock each other's rows crosswise.
Deadlocks, serialization failures and lost races with other programs are tried again, the whole transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa
from psycopg import errors
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.warehouse import WarehouseError, WarehouseFailed, arrow, ddl, postgresql_schema, selects
from connectors.warehouse.by_column import ReadsByColumn
from connectors.warehouse.ddl import names, quoted
from connectors.warehouse.postgresql_related import related
from connectors.warehouse.postgresql_server import Connection, Server, first_line, parse_url, server
from connectors.warehouse.postgresql_types import copied
from connectors.warehouse.sql import is_reading, numbered, only_one_select
from schemas.records import Link, Member, Metric, Record, Sketch
from schemas.tables import TABLE_OF, TABLES, Table, arrow_fields

R = TypeVar("R", bound=Record)
ATTEMPTS = 6
RACES = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)


class PostgreSQLWarehouse(ReadsByColumn):
    """See ``connectors.warehouse.Warehouse``. Thread-safe; pickles as its URL."""

    def __init__(self, url: str, read_only: bool = False):
        self.url = url
        self.read_only = read_only
        self._server: Server = server(parse_url(url))
        self._shown = self._server.location.shown

    def __reduce__(self) -> tuple[Any, ...]:
        return PostgreSQLWarehouse, (self.url, self.read_only)

    def __repr__(self) -> str:
        return f"PostgreSQLWarehouse({self._shown!r}, read_only={self.read_only})"

    # -- life --

    def migrate(self, migrations: tuple[ddl.Migration, ...] = ddl.MIGRATIONS) -> list[str]:
        self._refuse_read_only()
        if self._server.read(lambda c: postgresql_schema.is_complete(c, migrations)):
            return []
        schema = self._server.location.schema
        with self._server.hold() as writer, self._server.writing:
            with writer.transaction():
                done = postgresql_schema.migrate(writer, schema, migrations, self._shown)
            self._server.checked = True
        return done

    def version(self) -> int | None:
        return self._server.read(postgresql_schema.version_of)

    def problems(self) -> list[str]:
        return self._server.read(postgresql_schema.problems)

    def maintain(self, now: datetime) -> dict[str, int]:
        """Nothing: autovacuum is the server's."""
        self._refuse_read_only()
        return {}

    @contextlib.contextmanager
    def hold(self) -> Iterator[PostgreSQLWarehouse]:
        """To write: the schema's lock. To read only: all that this thread reads is of one moment."""
        with self._server.snapshot() if self.read_only else self._server.hold():
            yield self

    def check(self) -> None:
        """Raise ``WarehouseError`` if there is nothing here that this wiredesk can read."""
        self._read(lambda connection: None)

    def close(self) -> None:
        """Close this process's connections that nobody uses, other warehouses' of this URL too."""
        self._server.close()

    # -- writing --

    def apply(self, records: Iterable[Record]) -> None:
        self._refuse_read_only()
        batch = arrow.Batch.of(records)
        with self._server.hold() as writer, self._server.writing:
            self._check(writer)
            attempts = Retrying(
                retry=retry_if_exception_type(RACES),
                wait=wait_random_exponential(0.02, max=1),
                stop=stop_after_attempt(ATTEMPTS),
                reraise=True,
            )
            try:
                attempts(_write, writer, batch)
            except RACES as e:
                raise WarehouseFailed(f"{self._shown}: other writers are in the way: {first_line(e)}") from e

    # -- reading: the pipeline's history --

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        return self._read(lambda connection: related(connection, sketches, horizon)) if sketches else []

    # -- reading: commands --

    def scan(self, record: type[R], rows: int) -> Iterator[list[R]]:
        key: tuple[Any, ...] = ()
        while True:
            sql = ddl.page(record, bool(key), lambda n: f"${n}")
            found = arrow.from_rows(record, self._fetch(sql, [*key, rows]))
            if not found:
                return
            yield found
            key = tuple(getattr(found[-1], name) for name in TABLE_OF[record].key)

    def rows(
        self,
        record: type[R],
        where: str = "",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> list[R]:
        sql = selects.rows(record, where, order, limit)
        return arrow.from_rows(record, self._fetch(numbered(sql), parameters))

    def count(self, table: str, where: str = "", parameters: Sequence[Any] = ()) -> int:
        return int(self.query(selects.count(TABLES[table].name, where), parameters)[0][0])

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if not is_reading(sql):
            raise only_one_select(sql)
        try:
            return self._fetch(numbered(sql), parameters)
        except WarehouseFailed as e:
            several = isinstance(e.__cause__, errors.SyntaxError) and "multiple commands" in str(e)
            raise (only_one_select(sql) if several else e) from e.__cause__
        except WarehouseError as e:
            if isinstance(e.__cause__, errors.ReadOnlySqlTransaction):
                raise only_one_select(sql) from e
            raise

    def snapshot(self, path: str, now: datetime) -> None:
        raise WarehouseError(f"{self._shown} needs no copy: readers read the database itself, while it is written too")

    # -- inside --

    def _check(self, connection: Connection) -> None:
        if not self._server.checked:
            postgresql_schema.check(connection, self._shown)
            self._server.checked = True

    def _read(self, work: Any) -> Any:
        """What ``work`` gives on a connection to a schema that this version of wiredesk knows."""

        def checked(connection: Connection) -> Any:
            self._check(connection)
            return work(connection)

        return self._server.read(checked)

    def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        asked = [arrow.parameter(p) for p in parameters]
        found: list[tuple[Any, ...]] = self._read(lambda c: c.execute(sql, asked, binary=True).fetchall())
        return found

    def _having(self, record: type[R], **wanted: Sequence[str]) -> list[R]:
        """Rows in which one of the columns has one of its values."""
        asked = {column: list(values) for column, values in wanted.items() if values}
        if not asked:
            return []
        table = quoted("articles" if record is Member else TABLE_OF[record].name)
        columns = selects.MEMBER if record is Member else names(arrow_fields(record))
        where = " OR ".join(f"{quoted(column)} = ANY (${n}::text[])" for n, column in enumerate(asked, 1))
        sql = f"SELECT {columns} FROM {table} WHERE ({where}) AND {ddl.filled(record)}"
        return arrow.from_rows(record, self._fetch(sql, list(asked.values())))

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise WarehouseError(f"{self._shown} was opened for reading only")


# -- a batch, as one transaction --


_BY_KEY = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""Nobody has counted the staged rows for the planner. Taking them for many, it would read whole tables for each batch;
looking each of them up by its key is right for few and for many."""


def _write(writer: Connection, batch: arrow.Batch) -> None:
    with writer.transaction():
        _stage(writer, batch)
        if Link in batch.rows and Metric in batch.rows:
            _move_metrics(writer, _staging(Metric))  # so that a row is written once, and a repeated batch writes none
        for replaced in batch.replaced:
            _remove_absent(writer, replaced)
        writer.execute(_BY_KEY)
        for table in TABLES.values():
            for cls in table.records:
                if cls in batch.rows:
                    _put(writer, table, cls)
        if Link in batch.rows:
            _move_metrics(writer, "metrics")


def _staging(cls: type[Record]) -> str:
    """The temporary table that takes a batch's records of this type."""
    return quoted(f"incoming_{cls.__name__.lower()}")


def _stage(writer: Connection, batch: arrow.Batch) -> None:
    """Bring the batch's rows to the server, into tables that are emptied with the transaction."""
    dialect = ddl.postgresql(writer.info.server_version)
    needed = [*batch.rows, *(r.table.records[0] for r in batch.replaced)]
    made = "; ".join(
        f"CREATE TEMP TABLE IF NOT EXISTS {_staging(cls)} "
        f"({', '.join(dialect.column(*field) for field in arrow_fields(cls).items())}) ON COMMIT DELETE ROWS"
        for cls in dict.fromkeys(needed)
    )
    if made:
        writer.execute(made)
    with writer.cursor() as cursor:
        for cls, rows in batch.rows.items():
            _copy(cursor, cls, rows)


def _copy(cursor: Any, cls: type[Record], rows: pa.Table) -> None:
    with cursor.copy(f"COPY {_staging(cls)} ({names(rows.column_names)}) FROM STDIN (FORMAT binary)") as copy:
        for chunk in copied(rows):
            copy.write(chunk)


def _remove_absent(writer: Connection, replaced: arrow.Replacement) -> None:
    table = replaced.table
    same_key = " AND ".join(f"k.{quoted(c)} = t.{quoted(c)}" for c in table.key)
    writer.execute(
        f"DELETE FROM {quoted(table.name)} t WHERE t.{quoted(table.group or '')} = ANY ($1::text[]) "
        f"AND NOT EXISTS (SELECT 1 FROM {_staging(table.records[0])} k WHERE {same_key})",
        [list(replaced.groups)],
    )


def _put(writer: Connection, table: Table, cls: type[Record]) -> None:
    """Upsert the staged rows where they differ, in the order of the key."""
    name, key = quoted(table.name), table.key
    columns = tuple(arrow_fields(cls))
    values = [c for c in columns if c not in key]
    if cls is not table.records[0]:
        _refuse_parts_without_row(writer, table, cls)
    writer.execute(
        f"INSERT INTO {name} ({names(columns)}) SELECT {names(columns, 'b')} FROM {_staging(cls)} b "
        f"LEFT JOIN {name} t ON {' AND '.join(f't.{quoted(c)} = b.{quoted(c)}' for c in key)} "
        f"WHERE t.{quoted(key[0])} IS NULL OR ({names(values, 't')}) IS DISTINCT FROM ({names(values, 'b')}) "
        f"ORDER BY {names(key, 'b')} "
        f"ON CONFLICT ({names(key)}) DO UPDATE SET {', '.join(f'{quoted(c)} = excluded.{quoted(c)}' for c in values)}"
    )


def _refuse_parts_without_row(writer: Connection, table: Table, cls: type[Record]) -> None:
    key = table.key
    same_key = " AND ".join(f"t.{quoted(c)} = b.{quoted(c)}" for c in key)
    found = writer.execute(
        f"SELECT {quoted(key[0])} FROM {_staging(cls)} b "
        f"WHERE NOT EXISTS (SELECT 1 FROM {quoted(table.name)} t WHERE {same_key}) LIMIT 3"
    ).fetchall()
    if found:
        told = ", ".join(str(row[0]) for row in found)
        raise ValueError(f"{cls.__name__} records for rows that {table.name} does not have: {told}, ...")


def _move_metrics(writer: Connection, metrics: str) -> None:
    """Metrics are of the story that their article's link says."""
    writer.execute(
        f"UPDATE {metrics} AS t SET story_id = i.story_id FROM {_staging(Link)} i "
        "WHERE t.article_id = i.article_id AND t.story_id IS DISTINCT FROM i.story_id"
    )
