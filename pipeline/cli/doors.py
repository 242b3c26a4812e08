"""Opening what the commands work on, with the user's mistakes told in one line."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime
from urllib.parse import urlsplit

from connectors.queue import Queue, open_queue
from connectors.warehouse import OpenWarehouse, Warehouse, WarehouseBusy
from pipeline.cli.errors import UserError, user_mistakes


def now() -> datetime:
    """The commands' clock."""
    return datetime.now(UTC)


def the_queue(url: str, *, must_exist: bool = False) -> Queue:
    """Open the queue, made if it is not there."""
    _check_folder(url, must_exist, "queue")
    with user_mistakes(ValueError):
        return open_queue(url)


def warehouse_opener(url: str) -> OpenWarehouse:
    """What opens the warehouse for writing, in this process and in Beam's workers; its tables are up to date."""
    _check_folder(url, False, "warehouse")
    with user_mistakes(ValueError, WarehouseBusy):
        opener = OpenWarehouse(url)
        opener().migrate()
    return opener


def warehouse_reader(url: str) -> Warehouse:
    """Open a warehouse that exists, to look at it."""
    _check_folder(url, True, "warehouse")
    with user_mistakes(ValueError, WarehouseBusy):
        return OpenWarehouse(url, read_only=True)()


def _check_folder(url: str, must_exist: bool, what: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("sqlite", "duckdb") or parts.path in ("/:memory:", ""):
        return
    path = pathlib.Path(parts.path[1:])
    if must_exist and not path.is_file():
        raise UserError(
            f"there is no {what} at {path}: give --{what} URL, or fill it first (wiredesk stream, backfill)"
        )
    if not must_exist:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise UserError(f"can't make the {what}'s folder {path.parent}: {e.strerror}") from e
