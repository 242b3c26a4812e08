"""The warehouse as Iceberg tables: on a local folder or in object storage, in a catalog file here or behind REST.

A batch becomes visible to wiredesk at once, when the table ``progress`` is committed (see ``ledger``). Rows are looked
up by columns kept in memory (``files``); a batch is merged with the rows it touches in this process (``writer``).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from connectors.warehouse import WarehouseError, arrow, ddl, selects
from connectors.warehouse.by_column import ReadsByColumn
from connectors.warehouse.iceberg import maintenance, writer
from connectors.warehouse.iceberg.lake import Lake, lake
from connectors.warehouse.iceberg.location import parse_url
from connectors.warehouse.iceberg.migrations import migrate, problems, version_here
from connectors.warehouse.iceberg.related import related
from schemas.records import Link, Member, Record, Sketch
from schemas.tables import TABLE_OF, TABLES, arrow_fields

R = TypeVar("R", bound=Record)


class IcebergWarehouse(ReadsByColumn):
    """See ``connectors.warehouse.Warehouse``. Thread-safe; pickles as its URL."""

    def __init__(self, url: str, read_only: bool = False):
        self.url = url
        self.read_only = read_only
        self._lake: Lake = lake(parse_url(url))

    def __reduce__(self) -> tuple[Any, ...]:
        return IcebergWarehouse, (self.url, self.read_only)

    # -- life --

    def migrate(self, migrations: tuple[ddl.Migration, ...] = ddl.MIGRATIONS) -> list[str]:
        self._refuse_read_only()
        return migrate(self._lake, migrations)

    def version(self) -> int | None:
        return version_here(self._lake)

    def problems(self) -> list[str]:
        return problems(self._lake)

    @contextlib.contextmanager
    def hold(self) -> Iterator[IcebergWarehouse]:
        with self._lake.hold(write=not self.read_only, must_exist=self.read_only):
            yield self

    def check(self) -> None:
        """Raise ``WarehouseError`` if there is nothing here that this wiredesk can read."""
        with self._lake.hold(write=False):
            pass

    def close(self) -> None:
        """Nothing is open outside ``hold``."""

    def maintain(self, now: datetime, keep: timedelta = maintenance.KEEP) -> dict[str, int]:
        """Put small files together, forget snapshots older than ``keep``, delete files that nothing needs any more.
        Gives how many of each."""
        self._refuse_read_only()
        with self._lake.hold(write=True), self._lake.writing:
            return maintenance.maintain(self._lake, now, keep)

    # -- writing --

    def apply(self, records: Iterable[Record]) -> None:
        self._refuse_read_only()
        batch = arrow.Batch.of(records)
        with self._lake.hold(write=True), self._lake.writing:
            if writer.write(self._lake, batch, alone=self._lake.depth == 1):
                maintenance.now_and_then(self._lake)

    # -- reading: the pipeline's history --

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        with self._lake.hold(write=False):
            stored = self._lake.read(self._lake.pin, "sketches")
            time = self._lake.table("sketches").schema().find_field("at")
            with contextlib.closing(self._lake.cursor()) as cursor:
                return related(stored, sketches, horizon, time.field_id, cursor)

    # -- reading: commands --

    def scan(self, record: type[R], rows: int) -> Iterator[list[R]]:
        name = TABLE_OF[record].name
        with self._lake.hold(write=False), contextlib.closing(self._lake.cursor()) as cursor:
            cursor.register(name, self._lake.read(self._lake.pin, name).dataset())
            # One pass, sorted on disk where it does not fit into memory.
            yield from arrow.pages(record, cursor.sql(ddl.whole(record)).to_arrow_reader(rows), rows)

    def rows(
        self,
        record: type[R],
        where: str = "",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> list[R]:
        return arrow.from_arrow(record, self._select(selects.rows(record, where, order, limit), parameters))

    def count(self, table: str, where: str = "", parameters: Sequence[Any] = ()) -> int:
        return int(self.query(selects.count(TABLES[table].name, where), parameters)[0][0])

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found = self._select(sql, parameters)
        return list(zip(*(arrow.values(column) for column in found.columns), strict=True))

    def snapshot(self, path: str, now: datetime) -> None:
        raise WarehouseError(
            "readers of Iceberg tables need no copy: they read a snapshot anyway; for a DuckDB file, "
            "wiredesk warehouse copy FROM duckdb:///path"
        )

    # -- inside --

    def _select(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        """The result of one SELECT, by DuckDB over the data files: it reads the columns and row groups it needs."""
        with self._lake.hold(write=False), contextlib.closing(self._lake.cursor()) as connection:
            selects.refuse_all_but_select(connection, sql)
            pin, words = self._lake.pin, set(re.findall(r"\w+", sql.lower()))
            for name in TABLES:
                if name in words:
                    connection.register(name, self._lake.read(pin, name).dataset())
            return connection.sql(sql, params=[arrow.parameter(p) for p in parameters]).to_arrow_table()

    def _having(self, record: type[R], **wanted: Sequence[str]) -> list[R]:
        """Rows in which one of the columns has one of its values."""
        if not any(wanted.values()):
            return []
        table = "articles" if record is Member else TABLE_OF[record].name
        with self._lake.hold(write=False):
            stored = self._lake.read(self._lake.pin, table)
            columns = [c for c in arrow_fields(record) if c in stored.schema.names]
            more = ["first_seen_at"] if record is Member else []
            found = stored.take(stored.find(wanted), [*columns, *more])
        if record is Link:
            found = found.filter(pc.is_valid(found.column("story_id")))
        if record is Member:
            times = pc.coalesce(found.column("published_at"), found.column("first_seen_at"))
            found = found.append_column("at", times)
        return arrow.from_arrow(record, found)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise WarehouseError(f"{self.url} was opened for reading only")
