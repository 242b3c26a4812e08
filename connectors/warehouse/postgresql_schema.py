"""The tables in PostgreSQL: made, brought up to date, compared with what they should be."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg

from connectors.warehouse import WarehouseError, ddl
from connectors.warehouse.ddl import literal, quoted

Connection = psycopg.Connection[tuple[Any, ...]]

STORAGE = {"sketches": "toast_tuple_target = 8160"}
"""A sketch has some 2 KB, just what PostgreSQL would move out of the row, and is always read whole."""


@dataclass(frozen=True)
class Index:
    """An index of ``indexes.toml``. ``columns``: SQL, from USING or the bracket on."""

    table: str
    columns: str
    serves: str

    @property
    def name(self) -> str:
        """Says what is indexed, and by a hash how: another definition is another index."""
        words = "_".join(re.findall(r"[a-z_]+", self.columns.removeprefix("USING").lower()))
        return f"{self.table}_{words[:40]}_{hashlib.sha256(self.columns.encode()).hexdigest()[:6]}"

    def create(self) -> list[str]:
        return [
            f"CREATE INDEX {quoted(self.name)} ON {quoted(self.table)} {self.columns}",
            f"COMMENT ON INDEX {quoted(self.name)} IS {literal(self.serves)}",
        ]


@functools.cache
def indexes() -> tuple[Index, ...]:
    found = tomllib.loads(resources.files("connectors.warehouse").joinpath("indexes.toml").read_text("utf-8"))
    return tuple(Index(table, columns, serves) for table, wanted in found.items() for columns, serves in wanted.items())


def existing(connection: Connection) -> dict[str, dict[str, str]]:
    """Table -> column -> type, of the schema that is searched."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p') "
        "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
    ):
        found.setdefault(table, {})[column] = kind
    return found


def columns_of(tables: Mapping[str, Mapping[str, str]]) -> dict[str, set[str]]:
    return {name: set(columns) for name, columns in tables.items()}


def version_of(connection: Connection) -> int | None:
    """The version of the tables, None when there are none."""
    if connection.execute(f"SELECT to_regclass('{ddl.VERSION_TABLE}')").fetchall() == [(None,)]:
        return None
    ((version,),) = connection.execute(f"SELECT max(version) FROM {ddl.VERSION_TABLE}").fetchall()
    return int(version)


def primary_keys(connection: Connection) -> dict[str, tuple[str, ...]]:
    return {
        table: tuple(columns)
        for table, columns in connection.execute(
            "SELECT c.relname, array_agg(a.attname::text ORDER BY k.position) FROM pg_constraint p "
            "JOIN pg_class c ON c.oid = p.conrelid "
            "CROSS JOIN unnest(p.conkey) WITH ORDINALITY AS k(number, position) "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number "
            "WHERE p.contype = 'p' AND c.relnamespace = to_regnamespace(quote_ident(current_schema())) "
            "GROUP BY c.relname"
        )
    }


def valid_indexes(connection: Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indisvalid AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))"
        )
    }


def migrate(connection: Connection, schema: str, migrations: tuple[ddl.Migration, ...], shown: str) -> list[str]:
    """Make or bring up to date all tables and indexes in the transaction that is open; returns what was done."""
    done = []
    if connection.execute("SELECT to_regnamespace(quote_ident($1)) IS NULL", [schema]).fetchall() == [(True,)]:
        connection.execute(f"CREATE SCHEMA {quoted(schema)}")
        done.append(f"schema {schema}")
    version = version_of(connection)
    check_version(version, migrations, shown)
    if version is None:
        connection.execute(f"CREATE TABLE {ddl.VERSION_TABLE} (version bigint PRIMARY KEY, why text)")
    for migration in ddl.pending(version or 0, migrations):
        for statement in migration.statements if version is not None else ():
            connection.execute(statement)
        connection.execute(f"INSERT INTO {ddl.VERSION_TABLE} VALUES ($1, $2)", [migration.version, migration.why])
        done.append(f"version {migration.version}: {migration.why}")
    here = columns_of(existing(connection))
    statements = ddl.additions(here, ddl.postgresql(connection.info.server_version))
    statements += [f"ALTER TABLE {quoted(name)} SET ({how})" for name, how in STORAGE.items() if name not in here]
    done += ddl.told(here)
    present = valid_indexes(connection)
    for index in indexes():
        if index.name not in present:
            statements += index.create()
            done.append(f"index {index.name}")
    for statement in statements:
        connection.execute(statement)
    return done


def problems(connection: Connection) -> list[str]:
    """See ``Warehouse.problems``."""
    dialect = ddl.postgresql(connection.info.server_version)
    found = ddl.unlike(existing(connection), primary_keys(connection), dialect)
    present = valid_indexes(connection)
    return found + [
        f"the index {index.name} is missing ({index.serves})" for index in indexes() if index.name not in present
    ]


def check_version(version: int | None, migrations: tuple[ddl.Migration, ...], shown: str) -> None:
    newest = migrations[-1].version
    if version is not None and version > newest:
        raise WarehouseError(
            f"{shown} has schema {version}, this wiredesk knows up to {newest}: upgrade wiredesk, or use another schema"
        )


def check(connection: Connection, shown: str) -> None:
    """Raise ``WarehouseError`` if this is no warehouse that this wiredesk can use."""
    version = version_of(connection)
    if version is None:
        raise WarehouseError(f"{shown} holds no wiredesk tables: check the URL, or fill one first")
    check_version(version, ddl.MIGRATIONS, shown)
    if is_older(connection, version):
        raise WarehouseError(
            f"{shown} has the tables of an older wiredesk: any command that writes brings them up to date"
        )


def is_older(connection: Connection, version: int, migrations: tuple[ddl.Migration, ...] = ddl.MIGRATIONS) -> bool:
    """Whether ``migrate`` has tables or columns to change."""
    return bool(ddl.pending(version, migrations) or ddl.missing(columns_of(existing(connection))))


def is_complete(connection: Connection, migrations: tuple[ddl.Migration, ...]) -> bool:
    """Whether ``migrate`` has nothing to do."""
    version = version_of(connection)
    if version is None or version > migrations[-1].version or is_older(connection, version, migrations):
        return False
    return all(index.name in valid_indexes(connection) for index in indexes())
