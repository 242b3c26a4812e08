"""The SELECTs that warehouses share, as text."""

from __future__ import annotations

import duckdb

from connectors.warehouse import ddl
from connectors.warehouse.ddl import names, quoted
from connectors.warehouse.sql import only_one_select
from schemas.records import Member, Record
from schemas.tables import TABLE_OF, arrow_fields

MEMBER = names(c for c in arrow_fields(Member) if c != "at") + ', coalesce(published_at, first_seen_at) AS "at"'
"""The columns of a ``Member``, from ``articles``."""


def rows(record: type[Record], where: str = "", order: str = "", limit: int | None = None) -> str:
    """See ``Warehouse.rows``."""
    sql = f"SELECT {names(arrow_fields(record))} FROM {quoted(TABLE_OF[record].name)}"
    sql += f" WHERE {ddl.filled(record)}" + (f" AND ({where})" if where else "")
    sql += f" ORDER BY {ddl.order_by(order)}" if order else ""
    return sql + (f" LIMIT {int(limit)}" if limit is not None else "")


def count(table: str, where: str = "") -> str:
    return f"SELECT count(*) FROM {quoted(table)}" + (f" WHERE {where}" if where else "")


_SELECTS: dict[str, None] = {}
_MOST_SELECTS = 1000


def refuse_all_but_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise ``ValueError`` if this is anything but one SELECT. What was looked at is remembered: to parse it takes as
    long as to find a row."""
    if sql in _SELECTS:
        return
    if {s.type for s in connection.extract_statements(sql)} != {duckdb.StatementType.SELECT}:
        raise only_one_select(sql)
    if len(_SELECTS) >= _MOST_SELECTS:
        _SELECTS.clear()
    _SELECTS[sql] = None
