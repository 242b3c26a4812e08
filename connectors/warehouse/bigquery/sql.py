"""The statements: merging what was staged, and the common dialect as BigQuery's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlglot
from sqlglot import exp

from connectors.warehouse.bigquery.schema import BATCHES
from connectors.warehouse.sql import numbered, only_one_select
from schemas.records import Link, Record
from schemas.tables import TABLE_OF, TABLES, Table, arrow_fields

SUPERSEDED = "wiredesk: another writer has committed a batch"
NO_TIME = -(2**62)
"""Stands for no time among microseconds: far from all times, and differences with it don't overflow."""

Staged = Mapping[type[Record], str]
"""Where the rows of each record type of a batch are."""


def transaction(staged: Staged, groups: str | None, replaced: Mapping[str, type[Record]], batches: int) -> str:
    """The script that brings a batch in, all of it or nothing.

    ``groups``: the table of (table name, group) to replace; ``replaced``: those tables' names and record types;
    ``batches``: how many there must have been before."""
    steps = [f"SELECT IF((SELECT max(batches) FROM {BATCHES}) = {batches}, 0, ERROR('{SUPERSEDED}'))"]
    for name, cls in replaced.items():
        steps.append(_remove_absent(TABLES[name], groups or "", staged.get(cls)))
    for table in TABLES.values():
        for cls in table.records:
            if cls in staged:
                steps.append(_merge(table, cls, staged[cls]))
    if Link in staged:
        steps.append(
            f"UPDATE metrics t SET story_id = s.story_id FROM {staged[Link]} s "
            "WHERE t.article_id = s.article_id AND (t.story_id IS NULL OR t.story_id <> s.story_id)"
        )
    steps.append(f"UPDATE {BATCHES} SET batches = {batches + 1} WHERE true")
    return ";\n".join(["BEGIN TRANSACTION", *steps, "COMMIT TRANSACTION"])


def parts_without_row(staged: Staged, cls: type[Record]) -> str:
    """Keys of staged parts of rows that are neither stored nor staged."""
    table = TABLE_OF[cls]
    (key,) = table.key
    first = staged.get(table.records[0])
    also = f" AND s.{key} NOT IN (SELECT {key} FROM {first})" if first else ""
    return (
        f"SELECT s.{key} FROM {staged[cls]} s LEFT JOIN {table.name} t ON t.{key} = s.{key} "
        f"WHERE t.{key} IS NULL{also} ORDER BY 1 LIMIT 3"
    )


def having(name: str, columns: str, wanted: Mapping[str, object]) -> str:
    """Rows in which one of the columns has one of the values, which are array parameters of the columns' names."""
    return f"SELECT {columns} FROM {name} WHERE " + " OR ".join(f"{_q(c)} IN UNNEST(@{c})" for c in wanted)


def related(bounded: bool) -> str:
    """See ``Warehouse.related``. Parameters: ``keys``, and for each the number of its sketch in ``owners``;
    ``languages`` and ``times`` (microseconds) of the sketches; ``horizon`` (microseconds); ``earliest``, ``latest``
    if bounded."""
    near = "AND (t.`at` IS NULL OR t.`at` BETWEEN @earliest AND @latest)" if bounded else ""
    return f"""
        WITH sought AS (
            SELECT DISTINCT sought_key, language, us FROM UNNEST(@keys) AS sought_key WITH OFFSET AS k
            JOIN UNNEST(@owners) AS owner WITH OFFSET AS o ON o = k
            JOIN UNNEST(@languages) AS language WITH OFFSET AS l ON l = owner
            JOIN UNNEST(@times) AS us WITH OFFSET AS u ON u = owner
        ),
        stored AS (
            SELECT t.article_id, t.language, UNIX_MICROS(t.`at`) AS us, stored_key
            FROM sketches AS t CROSS JOIN UNNEST(t.`keys`) AS stored_key
            WHERE t.language IN UNNEST(@languages) {near}
        ),
        near AS (
            SELECT DISTINCT stored.article_id FROM stored
            JOIN sought ON sought.sought_key = stored.stored_key AND sought.language = stored.language
            WHERE stored.us IS NULL OR sought.us = {NO_TIME} OR ABS(stored.us - sought.us) <= @horizon
        )
        SELECT {columns(arrow_fields(TABLES["sketches"].records[0]))} FROM sketches
        WHERE article_id IN (SELECT article_id FROM near)
    """


def translated(text: str, time: datetime | None = None) -> tuple[str, list[str]]:
    """A SELECT of the common dialect as BigQuery's, reading the tables as they were at a time, and the names of its
    parameters (``p1``, ``p2``, ...). Raises ``ValueError`` for anything but one SELECT."""
    found = [statement for statement in sqlglot.parse(numbered(text), read="duckdb") if statement is not None]
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise only_one_select(text)
    asked: dict[str, None] = {}

    def named(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            asked[f"p{node.name}"] = None
            return exp.Parameter(this=exp.Var(this=f"p{node.name}"))
        return node

    statement = _with_own_names(found[0].transform(named))
    return at_time(statement, time).sql(dialect="bigquery", identify=True), list(asked)


def _with_own_names(statement: exp.Expr) -> exp.Expr:
    """``unnest(list) AS u(x)`` with names that no column has: BigQuery knows no ``u.x``, only ``x``."""
    renamed: dict[tuple[str, str], str] = {}
    for unnest in statement.find_all(exp.Unnest):
        for name in unnest.alias_column_names:
            renamed[unnest.alias, name] = f"{unnest.alias}_{name}_item"
        for identifier in unnest.args["alias"].columns if unnest.alias else ():
            identifier.set("this", renamed[unnest.alias, identifier.name])
    for column in statement.find_all(exp.Column):
        if (column.table, column.name) in renamed:
            column.set("this", exp.to_identifier(renamed[column.table, column.name]))
    return statement


def as_of(text: str, time: datetime | None) -> str:
    """A statement in BigQuery's dialect, reading the tables as they were at a time."""
    if time is None:
        return text
    return at_time(sqlglot.parse_one(text, read="bigquery"), time).sql(dialect="bigquery")


def at_time(statement: exp.Expr, time: datetime | None) -> exp.Expr:
    if time is None:
        return statement
    moment = exp.cast(exp.Literal.string(time.isoformat()), "timestamptz")

    def pin(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Table) and node.name in TABLES:
            node.set("version", exp.Version(this="TIMESTAMP", kind="AS OF", expression=moment.copy()))
        return node

    return statement.transform(pin)


def columns(names: Mapping[str, object], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{_q(name)}" for name in names)


def _merge(table: Table, cls: type[Record], staged: str) -> str:
    names = arrow_fields(cls)
    same = " AND ".join(f"t.{_q(c)} = s.{_q(c)}" for c in table.key)
    values = ", ".join(f"{_q(c)} = s.{_q(c)}" for c in names if c not in table.key)
    merge = f"MERGE {table.name} t USING {staged} s ON {same} WHEN MATCHED THEN UPDATE SET {values}"
    if cls is table.records[0]:
        merge += f" WHEN NOT MATCHED THEN INSERT ({columns(names)}) VALUES ({columns(names, 's.')})"
    return merge


def _remove_absent(table: Table, groups: str, staged: str | None) -> str:
    grouped = f"SELECT group_value FROM {groups} WHERE table_name = '{table.name}'"
    delete = f"DELETE FROM {table.name} t WHERE t.{_q(table.group or '')} IN ({grouped})"
    if staged is not None:
        same = " AND ".join(f"s.{_q(c)} = t.{_q(c)}" for c in table.key)
        delete += f" AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE {same})"
    return delete


_q: Callable[[str], str] = "`{}`".format
