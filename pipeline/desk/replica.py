"""A copy of a warehouse in a DuckDB file, kept beside it for readers and up to date by ``changes``.

A DuckDB file is open to one writer or to readers, never to both, and a stream has it for as long as a batch takes. A
page can't wait for that, so the desk reads a copy of its own: the file copied once, at the start, then the rows that
changed. The copy has indexes that the warehouse does without, since a desk looks up single stories.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from importlib import resources
from pathlib import Path

import duckdb

from connectors.warehouse import Warehouse, open_warehouse
from connectors.warehouse.ddl import quoted
from pipeline.desk.changes import Changes, Cursor, records, start


def is_needed(url: str) -> bool:
    """Whether readers of this warehouse would have to wait for its writers."""
    return url.startswith("duckdb:///") and not url.startswith("duckdb:///:memory:")


class Replica:
    """The copy in ``folder``; ``warehouse`` reads it, as long as it is open."""

    def __init__(self, folder: Path, source: Callable[[], Warehouse], memory_limit: str):
        old = [int(file.stem.partition("-")[2]) for file in folder.glob("replica-*.duckdb")]
        self._path = folder / f"replica-{max(old, default=0) % 1000 + 1}.duckdb"
        self._source = source
        self._held = ExitStack()
        self._url = f"duckdb:///{self._path}?memory_limit={memory_limit}"
        self.warehouse: Warehouse = open_warehouse(self._url)

    def copy(self, now: datetime) -> Cursor:
        """Copy the warehouse anew, and return how far the copy is. Call it before the replica is opened."""
        self._source().snapshot(str(self._path), now)
        with duckdb.connect(self._path) as connection:
            connection.execute("SET preserve_insertion_order = false")
            for statement in _indexes():
                connection.execute(statement)
            connection.execute("CHECKPOINT")
        return start(self.warehouse)

    def open(self) -> None:
        """Keep it open; it must have been made by ``copy``."""
        self._held.enter_context(self.warehouse.hold())

    def close(self) -> None:
        """Close and remove it."""
        self._held.close()
        remove(self._path)

    def follow(self, source: Warehouse, changes: Changes) -> None:
        """Bring what changed into the copy. ``source``: the warehouse, held open."""
        for part in records(source, changes):
            self.warehouse.apply(part)

    def has_all(self, source: Warehouse) -> bool:
        """Whether as many articles are here as there: what was removed there is found so."""
        return self.warehouse.count("articles") == source.count("articles")


def remove_all(folder: Path) -> None:
    """Remove all copies in the folder."""
    for path in folder.glob("replica-*.duckdb"):
        remove(path)


def remove(path: Path) -> None:
    """Remove a copy and what lies beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def _indexes() -> list[str]:
    text = resources.files("pipeline.desk").joinpath("replica.toml").read_text("utf-8")
    return [
        f"CREATE INDEX {quoted(f'desk_{table}_{column}')} ON {quoted(table)} ({quoted(column)})"
        for table, columns in tomllib.loads(text).items()
        for column in columns
    ]
