"""The warehouse as a BigQuery dataset.

A batch is loaded into staging tables (Parquet, one a record type), then merged by one script in one transaction, which
first looks whether the last batch is still the one that this process knows.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa
from google.cloud import bigquery

from connectors.warehouse import WarehouseBusy, WarehouseError, arrow, ddl, selects
from connectors.warehouse.bigquery import migrations as migrations_of
from connectors.warehouse.bigquery import schema, sql
from connectors.warehouse.bigquery.location import parse_url
from connectors.warehouse.bigquery.service import Conflict, Service, service
from connectors.warehouse.by_column import ReadsByColumn
from schemas.records import Link, Member, Record, Sketch
from schemas.tables import TABLE_OF, TABLES, arrow_fields

R = TypeVar("R", bound=Record)
ATTEMPTS = 5
KEYS = 50_000
"""How many keys of sketches are asked for at once: a request is at most 10 MB."""
KEEP = timedelta(days=1)
"""How old a staging table must be for ``maintain`` to drop it."""
GROUPS = {"table_name": pa.string(), "group_value": pa.string()}


class BigQueryWarehouse(ReadsByColumn):
    """See ``connectors.warehouse.Warehouse``. Thread-safe; pickles as its URL."""

    def __init__(self, url: str, read_only: bool = False):
        self.url = url
        self.read_only = read_only
        self._service: Service = service(parse_url(url))
        self._as_of: datetime | None = None
        """Of what is held to read: all its queries see the tables as they were then."""

    def __reduce__(self) -> tuple[Any, ...]:
        return BigQueryWarehouse, (self.url, self.read_only)

    # -- life --

    def migrate(self, migrations: tuple[ddl.Migration, ...] = ddl.MIGRATIONS) -> list[str]:
        self._refuse_read_only()
        done = migrations_of.migrate(self._service, migrations, self.url)
        self._service.checked = True
        return done

    def version(self) -> int | None:
        return migrations_of.version(self._service)

    def problems(self) -> list[str]:
        return migrations_of.problems(self._service)

    @contextlib.contextmanager
    def hold(self) -> Iterator[BigQueryWarehouse]:
        if self.read_only:
            self.check()
            pinned = BigQueryWarehouse(self.url, read_only=True)
            pinned._as_of = self._as_of or self._service.now()
            yield pinned
        else:
            with contextlib.suppress(WarehouseError):  # nothing here yet: migrate may come
                self.check()
            with self._service.hold():
                yield self

    def check(self) -> None:
        """Raise ``WarehouseError`` if there is nothing here that this wiredesk can read."""
        if not self._service.checked:
            migrations_of.check(self._service, self.url)
            self._service.checked = True

    def close(self) -> None:
        """Nothing is open outside ``hold``."""

    def maintain(self, now: datetime, keep: timedelta = KEEP) -> dict[str, int]:
        """Drop the staging tables that killed writers left."""
        self._refuse_read_only()
        old = self._service.leftovers(schema.STAGED, now - keep)
        self._service.drop(old)
        return {"staging_tables_dropped": len(old)}

    # -- writing --

    def apply(self, records: Iterable[Record]) -> None:
        self._refuse_read_only()
        batch = arrow.Batch.of(records)
        if not batch.rows and not batch.replaced:
            return
        self.check()
        with self.hold(), self._service.writing:
            token = secrets.token_hex(8)
            staged = {cls: f"{schema.STAGED}{cls.__name__.lower()}_{token}" for cls in batch.rows}
            tables: dict[str, tuple[pa.Table, Mapping[str, pa.DataType]]] = {
                staged[cls]: (rows, arrow_fields(cls)) for cls, rows in batch.rows.items()
            }
            groups = f"{schema.STAGED}groups_{token}" if batch.replaced else None
            if groups:
                tables[groups] = (_groups(batch.replaced), GROUPS)
            try:
                self._service.load(tables, token)
                self._refuse_parts_without_row(staged)
                self._commit(staged, groups, {r.table.name: r.table.records[0] for r in batch.replaced})
            finally:
                self._service.drop(tables)

    def _commit(self, staged: sql.Staged, groups: str | None, replaced: Mapping[str, type[Record]]) -> None:
        bigquery_service, alone = self._service, self._service.depth == 1
        for _ in range(ATTEMPTS):
            try:
                bigquery_service.run(sql.transaction(staged, groups, replaced, bigquery_service.batches))
                bigquery_service.batches += 1
                return
            except Conflict as e:
                known = bigquery_service.batches
                bigquery_service.refresh()
                if not alone and bigquery_service.batches != known:
                    raise WarehouseBusy(
                        f"another process wrote a batch to {self.url} meanwhile: one writer at a time; this batch "
                        "comes again"
                    ) from e
        raise WarehouseBusy(f"another process keeps writing to {self.url}: stop it")

    def _refuse_parts_without_row(self, staged: sql.Staged) -> None:
        for cls in staged:
            if cls is not TABLE_OF[cls].records[0]:
                found = self._service.run(sql.parts_without_row(staged, cls)).column(0).to_pylist()
                if found:
                    raise ValueError(
                        f"{cls.__name__} records for rows that {TABLE_OF[cls].name} does not have: "
                        f"{', '.join(found)}, ..."
                    )

    # -- reading: the pipeline's history --

    def related(self, sketches: Sequence[Sketch], horizon: timedelta) -> list[Sketch]:
        found: dict[str, Sketch] = {}
        for some in _in_parts([s for s in sketches if s.keys]):
            asked, bounded = _sought(some, horizon)
            table = self._run(sql.as_of(sql.related(bounded), self._as_of), asked)
            found.update({s.article_id: s for s in arrow.from_arrow(Sketch, table)})
        return list(found.values())

    # -- reading: commands --

    def scan(self, record: type[R], rows: int) -> Iterator[list[R]]:
        self.check()
        statement, _ = sql.translated(ddl.whole(record), self._as_of)
        yield from arrow.pages(record, self._service.stream(statement, rows), rows)

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
            "readers of BigQuery need no copy; for a DuckDB file, wiredesk warehouse copy FROM duckdb:///path"
        )

    # -- inside --

    def _select(self, text: str, parameters: Sequence[Any]) -> pa.Table:
        statement, asked = sql.translated(text, self._as_of)
        named = {f"p{n}": arrow.parameter(value) for n, value in enumerate(parameters, 1)}
        return self._run(statement, [_parameter(name, named[name]) for name in asked])

    def _having(self, record: type[R], **wanted: Sequence[str]) -> list[R]:
        asked = {column: list(values) for column, values in wanted.items() if values}
        if not asked:
            return []
        member = record is Member
        fields = {c: None for c in arrow_fields(record) if not (member and c == "at")}
        columns = sql.columns(fields) + (", COALESCE(published_at, first_seen_at) AS `at`" if member else "")
        statement = sql.having("articles" if member else TABLE_OF[record].name, columns, asked)
        if record is Link:
            statement = f"SELECT * FROM ({statement}) WHERE story_id IS NOT NULL"
        parameters = [bigquery.ArrayQueryParameter(c, "STRING", values) for c, values in asked.items()]
        return arrow.from_arrow(record, self._run(sql.as_of(statement, self._as_of), parameters))

    def _run(self, statement: str, parameters: Sequence[Any]) -> pa.Table:
        self.check()
        return self._service.run(statement, parameters)

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise WarehouseError(f"{self.url} was opened for reading only")


def _groups(replaced: Sequence[arrow.Replacement]) -> pa.Table:
    rows = [(r.table.name, group) for r in replaced for group in r.groups]
    return pa.table({name: [row[n] for row in rows] for n, name in enumerate(GROUPS)}, pa.schema(list(GROUPS.items())))


def _in_parts(sketches: Sequence[Sketch]) -> Iterator[list[Sketch]]:
    """The sketches in parts of at most about ``KEYS`` keys."""
    part: list[Sketch] = []
    for sketch in sketches:
        part.append(sketch)
        if sum(len(s.keys) for s in part) >= KEYS:
            yield part
            part = []
    if part:
        yield part


def _sought(sketches: Sequence[Sketch], horizon: timedelta) -> tuple[list[Any], bool]:
    """The parameters of ``sql.related``, and whether it is bounded in time."""
    array, scalar = bigquery.ArrayQueryParameter, bigquery.ScalarQueryParameter
    times = [s.at for s in sketches if s.at]
    micros = [(s.at - arrow.EPOCH) // timedelta(microseconds=1) if s.at else sql.NO_TIME for s in sketches]
    parameters: list[Any] = [
        array("keys", "INT64", [k for s in sketches for k in s.keys]),
        array("owners", "INT64", [n for n, s in enumerate(sketches) for _ in s.keys]),
        array("languages", "STRING", [s.language for s in sketches]),
        array("times", "INT64", micros),
        scalar("horizon", "INT64", horizon // timedelta(microseconds=1)),
    ]
    bounded = len(times) == len(sketches)
    if bounded:
        parameters.append(scalar("earliest", "TIMESTAMP", min(times) - horizon))
        parameters.append(scalar("latest", "TIMESTAMP", max(times) + horizon))
    return parameters, bounded


def _parameter(name: str, value: Any) -> bigquery.ScalarQueryParameter:
    kinds = {bool: "BOOL", int: "INT64", float: "FLOAT64", bytes: "BYTES", datetime: "TIMESTAMP"}
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
    return bigquery.ScalarQueryParameter(name, kinds.get(type(value), "STRING"), value)
