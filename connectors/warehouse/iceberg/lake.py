"""The catalog and its tables as one process sees them: which state is read, who writes, what is committed.

All warehouses of one URL in a process share one ``Lake``: the pinned state, the tables' metadata, the columns read.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import requests
import structlog
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
)
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from sqlalchemy.exc import SQLAlchemyError

from connectors.warehouse import WarehouseBusy, WarehouseError, WarehouseFailed, ddl
from connectors.warehouse.iceberg import files, ledger, schema
from connectors.warehouse.iceberg.location import CATALOG_FILE, Location
from connectors.warehouse.iceberg.turns import Turns
from schemas.tables import TABLES

log = structlog.get_logger()
VERSION = "wiredesk.schema"
"""Property of the ledger's table: the version of the tables (``ddl.MIGRATIONS``)."""
_SPILL = os.path.join(tempfile.gettempdir(), "wiredesk-duckdb")
"""Where DuckDB sorts what does not fit into memory."""
STATES_KEPT = 64
"""How many lists of data files are remembered."""


class Lake:
    def __init__(self, location: Location):
        self.location = location
        self.columns = files.Columns()
        self.writing = threading.RLock()
        """Held by whoever changes tables."""
        self.pin = ledger.Pin()
        """The state that is read. Replaced as a whole; never changed."""
        self.engine = duckdb.connect(config={"autoinstall_known_extensions": False, "temp_directory": _SPILL})
        """What runs SQL here; it holds no data. Used through cursors (``cursor``)."""
        self.depth = 0
        """How many blocks of this process use the pinned state."""
        self._changed = threading.RLock()
        self._pinned = False
        self._catalog: Catalog | None = None
        self._tables: dict[str, IcebergTable] = {}
        self._lists: OrderedDict[tuple[str, int], tuple[DataFile, ...]] = OrderedDict()
        self.checked = False
        """Whether the tables were found to be right."""
        self._turns = Turns(
            os.path.join(location.folder, f"{location.namespace}.writer") if location.folder else None,
            location.patience,
        )

    # -- life --

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, with tables of its own, to close after use."""
        cursor = self.engine.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @contextlib.contextmanager
    def hold(self, write: bool, must_exist: bool = True) -> Iterator[None]:
        """Inside it the pinned state stays, and, with ``write``, no other process of this machine writes (where the
        catalog is a file here). Raises ``WarehouseBusy``, ``WarehouseError``, and ``WarehouseFailed`` for what catalog
        or storage could not do in the block."""
        if must_exist:
            self._require(self.location.folder or "")
        else:
            self._make_folder()
        with failures(self.location), contextlib.ExitStack() as stack:
            first_writer = stack.enter_context(self._turns.turn()) if write else False
            with self._changed:
                if self.depth == 0 or first_writer or not self._pinned:
                    self._pinned = (must_exist or not self.absent) and self.refresh(must_exist)
                self.depth += 1
            try:
                yield
            finally:
                with self._changed:
                    self.depth -= 1

    def refresh(self, must_exist: bool = True) -> bool:
        """Pin the newest state; gives whether there is one. Raises ``WarehouseError`` where there are no tables that
        this wiredesk can read; not without ``must_exist``: then they may be made or brought up to date yet."""
        try:
            table = self.load(ledger.LEDGER)
        except NoSuchTableError as e:
            if not must_exist:
                return False
            raise WarehouseError(
                f"catalog {self.location.catalog!r} holds no wiredesk tables in namespace "
                f"{self.location.namespace!r}: check the URL, or fill one first"
            ) from e
        if not self.checked:
            try:
                self.check(table)
            except WarehouseError:
                if not must_exist:
                    return False
                raise
            self.checked = True
        self.pin = ledger.read(table.metadata)
        return True

    def check(self, table: IcebergTable) -> None:
        """Raise ``WarehouseError`` unless the tables are those of this wiredesk; ``table`` is the ledger's."""
        refuse_newer(version_of(table), ddl.MIGRATIONS, self.location)
        if ddl.pending(version_of(table)) or ddl.missing(self.existing()):
            raise WarehouseError(
                f"namespace {self.location.namespace!r} has the tables of an older wiredesk: any command that writes "
                "brings them up to date"
            )

    @contextlib.contextmanager
    def change_schema(self) -> Iterator[Catalog]:
        """The catalog, made if it is not there, in a block in which no other process of this machine writes."""
        self._make_folder()
        with failures(self.location), self._turns.turn(), self._changed:
            if self._catalog is None:
                self._catalog = self._open()
            yield self._catalog

    def existing(self) -> dict[str, set[str]]:
        """Table -> columns of this namespace."""
        namespace = self.location.namespace
        try:
            here = {name[-1] for name in self.catalog.list_tables(namespace)}
        except NoSuchNamespaceError:
            return {}
        return {name: {f.name for f in self.load(name).schema().fields} for name in here & TABLES.keys()}

    # -- reading --

    @property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            self._require(os.path.join(self.location.folder or "", CATALOG_FILE))
            self._catalog = self._open()
        return self._catalog

    @property
    def absent(self) -> bool:
        """Whether there is surely nothing: the catalog would be a file here, and is not."""
        return self.location.folder is not None and not os.path.exists(os.path.join(self.location.folder, CATALOG_FILE))

    def _require(self, path: str) -> None:
        if self.location.folder is not None and not os.path.exists(path):
            raise WarehouseError(f"there is no warehouse at {self.location.folder}: check the URL, or fill one first")

    def _open(self) -> Catalog:
        try:
            return load_catalog(self.location.catalog, **self.location.properties)
        except ValueError as e:
            raise WarehouseError(
                f"catalog {self.location.catalog!r}: {e}; say ?uri=... in the URL or in .pyiceberg.yaml"
            ) from e

    def _make_folder(self) -> None:
        folder = self.location.folder
        if folder is not None and not os.path.isdir(folder):
            if not os.path.isdir(os.path.dirname(folder)):
                raise WarehouseError(
                    f"there is no folder {os.path.dirname(folder)}: make it, or check the URL "
                    "(iceberg:///name is in the working directory, iceberg:////name is absolute)"
                )
            os.makedirs(folder, exist_ok=True)

    def load(self, name: str) -> IcebergTable:
        """The table as it is now."""
        self._tables[name] = table = self.catalog.load_table(f"{self.location.namespace}.{name}")
        return table

    def table(self, name: str, snapshot_id: int | None = None) -> IcebergTable:
        """The table as this process knows it, at least as new as the snapshot."""
        table = self._tables.get(name)
        if table is None or (snapshot_id is not None and table.metadata.snapshot_by_id(snapshot_id) is None):
            table = self.load(name)
        return table

    def base(self, pin: ledger.Pin, name: str) -> int | None:
        """The snapshot to write on: the one that the state names, or a later one that has the same rows."""
        named = pin.snapshots.get(name)
        metadata = self.table(name, named).metadata
        return metadata.current_snapshot_id if ledger.standing(metadata, named) else named

    def read(self, pin: ledger.Pin, name: str, base: int | None = None) -> files.TableFiles:
        """The table's files in that state (or at another snapshot of the same rows)."""
        snapshot_id = base if base is not None else pin.snapshots.get(name)
        table = self.table(name, snapshot_id)
        return files.TableFiles(
            schema.arrow_schema(TABLES[name]), table.io, self.files(table, name, snapshot_id), self.columns
        )

    def files(self, table: IcebergTable, name: str, snapshot_id: int | None) -> tuple[DataFile, ...]:
        if snapshot_id is None:
            return ()
        found = self._lists.get((name, snapshot_id))
        if found is None:
            if table.metadata.snapshot_by_id(snapshot_id) is None:
                raise WarehouseFailed(f"{name}: snapshot {snapshot_id} is gone (expired while it was read): try again")
            tasks = list(table.scan(snapshot_id=snapshot_id).plan_files())
            if any(task.delete_files for task in tasks):
                raise WarehouseError(
                    f"another engine wrote delete files to {name}: rewrite its data files there (copy-on-write)"
                )
            found = tuple(task.file for task in tasks)
            self.remember(name, snapshot_id, found)
        return found

    def forget(self) -> None:
        """Load every table again when it is next asked for."""
        self._tables.clear()

    def remember(self, name: str, snapshot_id: int, found: tuple[DataFile, ...]) -> None:
        self._lists[name, snapshot_id] = found
        while len(self._lists) > STATES_KEPT:
            self._lists.popitem(last=False)


def version_of(ledger_table: IcebergTable) -> int:
    """The version of the tables; 0 if making them was not finished."""
    return int(ledger_table.properties.get(VERSION, "0"))


def refuse_newer(version: int, migrations: tuple[ddl.Migration, ...], location: Location) -> None:
    newest = migrations[-1].version
    if version > newest:
        raise WarehouseError(
            f"namespace {location.namespace!r} has schema {version}, this wiredesk knows up to {newest}: "
            "upgrade wiredesk, or use another namespace"
        )


@contextlib.contextmanager
def failures(location: Location) -> Iterator[None]:
    """What catalog and storage raise, as the contract's errors with one line each."""
    try:
        yield
    except CommitFailedException as e:
        raise WarehouseBusy(f"another process writes to namespace {location.namespace!r}: stop it ({_line(e)})") from e
    except (RESTError, CommitStateUnknownException, SQLAlchemyError, requests.RequestException, pa.ArrowException) as e:
        raise WarehouseFailed(f"catalog {location.catalog!r}: {type(e).__name__}: {_line(e)}") from e
    except OSError as e:
        raise WarehouseFailed(f"storage of catalog {location.catalog!r}: {_line(e)}") from e


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


@dataclass(frozen=True)
class _Registry:
    """The lakes somebody in this process still refers to."""

    lakes: weakref.WeakValueDictionary[object, Lake] = field(default_factory=weakref.WeakValueDictionary)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, location: Location) -> Lake:
        with self.lock:
            found = self.lakes.get(location.key)
            if found is None:
                self.lakes[location.key] = found = Lake(location)
            return found


_registry = _Registry()


def lake(location: Location) -> Lake:
    """This process's one ``Lake`` of the location."""
    return _registry.get(location)
