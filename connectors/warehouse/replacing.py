"""A new DuckDB file in the place of an old one, at once."""

from __future__ import annotations

import os
from datetime import datetime

import duckdb

from connectors.warehouse.ddl import literal


def put_in_place(draft: str, path: str, now: datetime) -> None:
    """Note in the draft when it was made and let it replace what is at ``path``."""
    with duckdb.connect(draft) as copy:
        taken_at = f"TIMESTAMPTZ {literal(now.isoformat())}"
        copy.execute(f"CREATE OR REPLACE TABLE wiredesk_snapshot AS SELECT {taken_at} AS taken_at")
    durable(draft)
    os.replace(draft, path)
    durable(os.path.dirname(path) or ".")


def durable(path: str) -> None:
    """Have the system write the file, or the folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
