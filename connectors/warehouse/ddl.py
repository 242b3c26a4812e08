"""From ``schemas.tables`` to a database's tables: DDL, column comments, and the versions a schema goes through.

A change that only adds tables or columns needs no entry here: ``missing`` finds it by comparing. Any other change is a
``Migration`` at the end of ``MIGRATIONS``. A database of a higher version than the last one is refused by older code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

import pyarrow as pa

from schemas.publish import column_texts
from schemas.tables import TABLES, Table

VERSION_TABLE = "wiredesk_schema"


@dataclass(frozen=True)
class Migration:
    """What brings a database from ``version - 1`` to ``version``: statements in the dialect all our databases share."""

    version: int
    why: str
    statements: tuple[str, ...] = ()


MIGRATIONS: tuple[Migration, ...] = (Migration(1, "the first tables"),)


@dataclass(frozen=True)
class Dialect:
    """How a database names Arrow's types. ``list_of`` is a format with ``{}`` for the type of an item."""

    types: Mapping[pa.DataType, str]
    list_of: str = "{}[]"

    def type_of(self, arrow: pa.DataType) -> str:
        if pa.types.is_list(arrow):
            return self.list_of.format(self.type_of(arrow.value_type))
        return self.types[arrow]


DUCKDB = Dialect(
    {
        pa.string(): "VARCHAR",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.bool_(): "BOOLEAN",
        pa.binary(): "BLOB",
        pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    }
)


def quoted(name: str) -> str:
    """The name as an SQL identifier; ``at`` and others of ours are reserved words."""
    return '"' + name.replace('"', '""') + '"'


def names(columns: Iterable[str], table: str = "") -> str:
    """The columns as an SQL list, each of ``table`` if one is given."""
    prefix = f"{table}." if table else ""
    return ", ".join(prefix + quoted(c) for c in columns)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def create_table(table: Table, dialect: Dialect) -> str:
    """The CREATE TABLE statement; key columns are the primary key."""
    columns = [f"{quoted(name)} {dialect.type_of(arrow)}" for name, arrow in table.columns.items()]
    return f"CREATE TABLE {quoted(table.name)} ({', '.join(columns)}, PRIMARY KEY ({names(table.key)}))"


def missing(existing: Mapping[str, Set[str]]) -> list[tuple[Table, tuple[str, ...]]]:
    """The tables that lack columns, each with those columns (all of them: the table itself is missing)."""
    found = []
    for table in TABLES.values():
        absent = tuple(c for c in table.columns if c not in existing.get(table.name, ()))
        if absent:
            found.append((table, absent))
    return found


def additions(existing: Mapping[str, Set[str]], dialect: Dialect) -> list[str]:
    """Statements that add what ``existing`` (table -> columns) lacks, with comments."""
    statements = []
    for table, absent in missing(existing):
        said = column_texts()[table.name]
        if table.name in existing:
            for name in absent:
                kind = dialect.type_of(table.columns[name])
                statements.append(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(name)} {kind}")
        else:
            statements.append(create_table(table, dialect))
            statements.append(f"COMMENT ON TABLE {quoted(table.name)} IS {literal(said['_'])}")
        for name in absent:
            column = f"{quoted(table.name)}.{quoted(name)}"
            statements.append(f"COMMENT ON COLUMN {column} IS {literal(said[name])}")
    return statements


def pending(version: int, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[Migration]:
    """The migrations that a database of this version still needs, in order."""
    return [m for m in migrations if m.version > version]
