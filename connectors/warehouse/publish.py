"""A warehouse's tables as a DuckDB file that any reader may keep open (see ``Warehouse.snapshot``)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.warehouse.ddl import names, quoted
from connectors.warehouse.duckdb import DuckDBWarehouse
from connectors.warehouse.replacing import put_in_place
from schemas.tables import TABLES


def publish(tables: Iterable[tuple[str, Any]], path: str, now: datetime) -> None:
    """Write the tables (name, and anything of Arrow that DuckDB reads) to a new file and put it in place at once."""
    draft = f"{path}.{os.getpid()}.part"
    try:
        DuckDBWarehouse(f"duckdb:///{draft}").migrate()
        with duckdb.connect(draft) as copy:
            copy.execute("SET TimeZone = 'UTC'")
            for name, rows in tables:
                copy.register("rows_to_copy", rows)
                columns = names(TABLES[name].columns)
                copy.execute(f"INSERT INTO {quoted(name)} ({columns}) SELECT {columns} FROM rows_to_copy")
                copy.unregister("rows_to_copy")
        put_in_place(draft, path, now)
    finally:
        for left in (draft, draft + ".wal"):
            Path(left).unlink(missing_ok=True)
