"""From ``schemas.tables`` to a database's tables: DDL, column comments, and the versions a schema goes through.

A change that only adds tables or columns needs no entry here: ``missing`` finds it by comparing. Any other change is a
``Migration`` at the end of ``MIGRATIONS``. A database of a higher version than the last one is refused by older code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

import pyarrow as pa

from schemas.publish import column_texts
from schemas.records import Link, Record
from schemas.tables import TABLE_OF, TABLES, Table, arrow_fields

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
    """How a database names Arrow's types. ``list_of`` is a format with ``{}`` for the type of an item; ``collation``
    is added to columns of text where the database would not order them by code points by itself."""

    types: Mapping[pa.DataType, str]
    list_of: str = "{}[]"
    collation: str = ""

    def column(self, name: str, arrow: pa.DataType) -> str:
        """The column as CREATE TABLE and ADD COLUMN want it."""
        text = arrow.value_type if pa.types.is_list(arrow) else arrow
        collation = f" COLLATE {quoted(self.collation)}" if self.collation and pa.types.is_string(text) else ""
        return f"{quoted(name)} {self.type_of(arrow)}{collation}"

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


def postgresql(version: int) -> Dialect:
    """PostgreSQL of this ``server_version_num``. Text is ordered by code points, as in the other warehouses; from 17 on
    there is a collation that does so and still knows the upper case of every letter (for ILIKE)."""
    types = {
        pa.string(): "text",
        pa.int64(): "bigint",
        pa.float64(): "double precision",
        pa.bool_(): "boolean",
        pa.binary(): "bytea",
        pa.timestamp("us", "UTC"): "timestamp with time zone",
    }
    return Dialect(types, collation="pg_c_utf8" if version >= 170_000 else "C")


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
    columns = [dialect.column(name, arrow) for name, arrow in table.columns.items()]
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
                column = dialect.column(name, table.columns[name])
                statements.append(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {column}")
        else:
            statements.append(create_table(table, dialect))
            statements.append(f"COMMENT ON TABLE {quoted(table.name)} IS {literal(said['_'])}")
        for name in absent:
            column = f"{quoted(table.name)}.{quoted(name)}"
            statements.append(f"COMMENT ON COLUMN {column} IS {literal(said[name])}")
    return statements


def told(existing: Mapping[str, Set[str]]) -> list[str]:
    """What ``additions`` adds, in words, a line each."""
    found = []
    for table, absent in missing(existing):
        if table.name not in existing:
            found.append(f"table {table.name}")
        else:
            found += [f"column {table.name}.{name}" for name in absent]
    return found


def unlike(
    existing: Mapping[str, Mapping[str, str]], keys: Mapping[str, tuple[str, ...]], dialect: Dialect
) -> list[str]:
    """In what the tables here (table -> column -> type as ``dialect`` names it; table -> key) differ from ours, a line
    each."""
    found = [f"{what} is missing" for what in told({name: set(columns) for name, columns in existing.items()})]
    for table in TABLES.values():
        here = existing.get(table.name, {})
        for name, arrow in table.columns.items():
            wanted = dialect.type_of(arrow)
            if name in here and here[name].lower() != wanted.lower():
                found.append(f"column {table.name}.{name} is {here[name]}, not {wanted}")
        if here and keys.get(table.name) != table.key:
            has = ", ".join(keys.get(table.name, ())) or "none"
            found.append(f"the primary key of {table.name} is {has}, not {', '.join(table.key)}")
    return found


def order_by(terms: str) -> str:
    """``column [DESC] [NULLS FIRST], ...`` as SQL: columns quoted (``at`` is a reserved word), nulls last unless said
    otherwise (databases differ in where they put them)."""
    found = []
    for term in terms.split(","):
        column, *direction = term.split()
        if "NULLS" not in (word.upper() for word in direction):
            direction += ["NULLS", "LAST"]
        found.append(" ".join((quoted(column.strip('"')), *direction)))
    return ", ".join(found)


def filled(record: type[Record]) -> str:
    """The condition that a row has the record's part: an article is not linked before it is matched."""
    return "story_id IS NOT NULL" if record is Link else "true"


def whole(record: type[Record]) -> str:
    """The SELECT of a ``scan`` in one go."""
    table = TABLE_OF[record]
    return f"{_rows_of(record)} ORDER BY {names(table.key)}"


def page(record: type[Record], after: bool, mark: Callable[[int], str]) -> str:
    """The SELECT of the next rows of a ``scan``: keys beyond the ones given, if ``after``, then how many. ``mark``
    gives the n-th parameter's placeholder, from 1. For a database that finds the next key by an index."""
    key = TABLE_OF[record].key
    marks = [mark(n) for n in range(1, len(key) + 1)] if after else []
    beyond = f" AND ({names(key)}) > ({', '.join(marks)})" if after else ""
    return f"{_rows_of(record)}{beyond} ORDER BY {names(key)} LIMIT {mark(len(marks) + 1)}"


def _rows_of(record: type[Record]) -> str:
    columns = names(arrow_fields(record))
    return f"SELECT {columns} FROM {quoted(TABLE_OF[record].name)} WHERE {filled(record)}"


def pending(version: int, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[Migration]:
    """The migrations that a database of this version still needs, in order."""
    return [m for m in migrations if m.version > version]
