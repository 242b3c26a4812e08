"""What keeps tables readable after many batches: fewer files, fewer snapshots, no files that nothing needs.

Batches fold small files into theirs as they go (``writer.FOLD_FILES``); this does the rest. It runs by itself every
``EVERY`` batches, and with ``wiredesk warehouse maintain``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from pyarrow import fs
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot

from connectors.warehouse import arrow
from connectors.warehouse.iceberg import commits, files, ledger
from connectors.warehouse.iceberg.lake import Lake
from schemas.tables import TABLES

log = structlog.get_logger()
EVERY = 100
"""Batches from one maintenance to the next."""
KEEP = timedelta(hours=1)
"""How long a state that has been replaced can still be read, and an unknown file may belong to a batch under way."""


def now_and_then(lake: Lake) -> None:
    """Maintain if it is time to, by the time of the last batch. What goes wrong comes again next time."""
    if lake.pin.batch % EVERY:
        return
    written = lake.table(ledger.LEDGER).metadata.last_updated_ms
    try:
        done = maintain(lake, arrow.EPOCH + timedelta(milliseconds=written), KEEP)
        log.info("warehouse maintained", **done)
    except CommitFailedException as e:
        log.warning("warehouse not maintained: another process wrote to it", error=str(e))


def maintain(lake: Lake, now: datetime, keep: timedelta) -> dict[str, int]:
    """Compact, expire, delete; gives how many files were put together, snapshots forgotten, files deleted. The caller
    holds the lake for writing."""
    done = {"files_folded": compact(lake), "snapshots_expired": 0, "files_deleted": 0}
    oldest = now - keep
    needed = _needed(lake, oldest)
    for name in TABLES:
        table = lake.load(name)
        done["snapshots_expired"] += _expire(table, needed.get(name, set()), oldest)
        done["files_deleted"] += _delete_unreachable(table, oldest)
    return done


def compact(lake: Lake) -> int:
    """Write the small files of each table as few; brings tables back to where the ledger says. Returns how many."""
    pin, snapshots, folded = lake.pin, dict(lake.pin.snapshots), 0
    for name in TABLES:
        base = lake.base(pin, name)
        table, stored = lake.table(name), lake.read(pin, name, base)
        small = [n for n, file in enumerate(stored.files) if file.file_size_in_bytes < files.SMALL_BYTES]
        if name == ledger.LEDGER or (len(small) < 2 and base == table.metadata.current_snapshot_id):
            continue
        new = commits.rewritten(table, stored, commits.Change(stored.schema.empty_table()), small)
        snapshots[name] = commits.commit(table, base, new, {}, logical=base is None)
        lake.remember(name, snapshots[name], new.kept)
        folded += len(new.removed)
    if snapshots != pin.snapshots:
        base, after = lake.base(pin, ledger.LEDGER), ledger.Pin(pin.batch + 1, snapshots)
        stored = lake.read(pin, ledger.LEDGER, base)
        nothing = commits.NewFiles((), (), stored.files)
        snapshots[ledger.LEDGER] = commits.commit(lake.table(ledger.LEDGER), base, nothing, after.summary())
        lake.remember(ledger.LEDGER, snapshots[ledger.LEDGER], stored.files)
        lake.pin = after
    return folded


def _needed(lake: Lake, oldest: datetime) -> dict[str, set[int]]:
    """The snapshots of each table that belong to a state read since ``oldest``."""
    needed: dict[str, set[int]] = {}
    metadata = lake.load(ledger.LEDGER).metadata
    for snapshot in ledger.ancestors(metadata, metadata.current_snapshot_id):
        for name, snapshot_id in ledger.named(snapshot).items():
            needed.setdefault(name, set()).add(snapshot_id)
        if _before(snapshot, oldest):
            break
    return needed


def _expire(table: IcebergTable, needed: set[int], oldest: datetime) -> int:
    """Forget the table's snapshots that are older and not needed."""
    heads = {ref.snapshot_id for ref in table.metadata.refs.values()}
    old = [s.snapshot_id for s in table.metadata.snapshots if _before(s, oldest)]
    old = [snapshot_id for snapshot_id in old if snapshot_id not in needed | heads]
    if old:
        table.maintenance.expire_snapshots().by_ids(old).commit()
    return len(old)


def _delete_unreachable(table: IcebergTable, oldest: datetime) -> int:
    """Delete the files in the table's folder that no snapshot has and that are older."""
    reachable = {files.decoded(path) for path in _reachable(table)}
    scheme, netloc, root = files.location(table.location())
    system = files.file_system(table.io, scheme, netloc)
    deleted = 0
    for folder in ("data", "metadata"):
        for found in system.get_file_info(fs.FileSelector(f"{root}/{folder}", allow_not_found=True, recursive=True)):
            if found.is_file and found.path not in reachable and found.mtime and found.mtime < oldest:
                system.delete_file(found.path)
                deleted += 1
    return deleted


def _reachable(table: IcebergTable) -> Iterator[str]:
    yield table.metadata_location
    yield from (entry.metadata_file for entry in table.metadata.metadata_log)
    yield from (found.statistics_path for found in table.metadata.statistics)
    manifests = {}
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        manifests.update({m.manifest_path: m for m in snapshot.manifests(table.io)})
    for path, manifest in manifests.items():
        yield path
        yield from (
            entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        )


def _before(snapshot: Snapshot, time: datetime) -> bool:
    return snapshot.timestamp_ms < (time - arrow.EPOCH) // timedelta(milliseconds=1)
