"""Opening what the commands work on."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog

from connectors.queue import Credentials, Queue, open_queue
from connectors.warehouse import OpenWarehouse, Warehouse, shown
from pipeline.cli.errors import UserError

log = structlog.get_logger()

FILLED_BY = {"queue": "wiredesk poll", "warehouse": "wiredesk stream, wiredesk backfill"}


def now() -> datetime:
    """The commands' clock."""
    return datetime.now(UTC)


def the_queue(url: str, credentials: Credentials | None = None, *, must_exist: bool = False) -> Queue:
    """Open the queue, made if it is not there. What does not suit of it is told."""
    _check_folder(url, must_exist, "queue")
    queue = open_queue(url, credentials, create=not must_exist)
    for line in queue.warnings:
        log.warning("the queue does not suit", detail=line)
    return queue


def warehouse_opener(url: str, *, must_exist: bool = False) -> OpenWarehouse:
    """What opens the warehouse for writing, in this process and in Beam's workers; its tables are up to date."""
    _check_folder(url, must_exist, "warehouse")
    opener = OpenWarehouse(url)
    warehouse = opener()
    if must_exist and warehouse.version() is None:
        raise UserError(f"{shown(url)} holds no wiredesk tables: fill it first ({FILLED_BY['warehouse']})")
    warehouse.migrate()
    return opener


def warehouse_reader(url: str) -> Warehouse:
    """Open a warehouse that exists, to look at it."""
    _check_folder(url, True, "warehouse")
    return OpenWarehouse(url, read_only=True)()


def make_folder(url: str, what: str = "warehouse", *, must_exist: bool = False) -> None:
    """See to it that a warehouse or a queue in a file can be made there, or is there. Raises ``UserError``."""
    _check_folder(url, must_exist, what)


def _check_folder(url: str, must_exist: bool, what: str) -> None:
    """What lies in a file must be there, or its folder; a server says by itself what it lacks."""
    if not url.startswith(("sqlite:", "duckdb:")):
        return
    parts = urlsplit(url)
    if parts.path in ("/:memory:", ""):
        return
    path = pathlib.Path(parts.path[1:])
    if must_exist and not path.is_file():
        raise UserError(f"there is no {what} at {path}: give --{what} URL, or fill one first ({FILLED_BY[what]})")
    if not must_exist:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise UserError(f"can't make the {what}'s folder {path.parent}: {e.strerror}") from e
