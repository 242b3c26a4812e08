"""One table's commit: data files leave, others come, on top of the snapshot that the ledger names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pyiceberg.avro.codecs import AvroCompressionCodec
from pyiceberg.exceptions import CommitStateUnknownException
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, AssertTableUUID, SetSnapshotRefUpdate

from connectors.warehouse.iceberg import files

COMPRESSION: AvroCompressionCodec = "deflate"
MANIFESTS = 20
"""So many manifests of a table are put together into one."""


@dataclass(frozen=True)
class Change:
    """What a batch makes of a table: the rows that leave, by number of the file, and those that come."""

    rows: pa.Table
    dropped: Mapping[int, files.Rows] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.dropped and not self.rows.num_rows


@dataclass(frozen=True)
class NewFiles:
    """What a change does to a table's files. ``kept`` is what the table has after it."""

    removed: tuple[DataFile, ...]
    added: tuple[DataFile, ...]
    kept: tuple[DataFile, ...]


def rewritten(table: IcebergTable, stored: files.TableFiles, change: Change, fold: Sequence[int] = ()) -> NewFiles:
    """Write the files that the change needs: a file that loses rows is written again without them; what remains of
    small ones, and of those to ``fold``, comes into one file with the new rows."""
    touched = sorted({*change.dropped, *fold})
    together, added = [], []
    for number in touched:
        rest = stored.whole(stored.files[number])
        if number in change.dropped:
            rest = files.without(rest, change.dropped[number])
        if not rest.num_rows:
            continue
        if number in fold or stored.files[number].file_size_in_bytes < files.SMALL_BYTES:
            together.append(rest)
        else:
            added += files.write(table.metadata, table.io, rest)
    rows = pa.concat_tables([*together, change.rows.select(stored.schema.names).cast(stored.schema)])
    if rows.num_rows:
        added += files.write(table.metadata, table.io, rows)
    for file, part in added:
        stored.remember(file, part)
    gone = set(touched)
    return NewFiles(
        tuple(stored.files[n] for n in touched),
        tuple(file for file, _ in added),
        tuple(f for n, f in enumerate(stored.files) if n not in gone) + tuple(file for file, _ in added),
    )


def commit(
    table: IcebergTable, base: int | None, new: NewFiles, summary: Mapping[str, str], *, logical: bool = True
) -> int:
    """Commit a snapshot whose parent is ``base`` and give its id. ``base`` is a snapshot of the table, or None for a
    table without rows; what was committed after it, by whomever, is not in the new snapshot. ``logical``: whether the
    rows change (else only the files do). ``table`` is up to date afterwards. Raises ``CommitFailedException`` if the
    table's current snapshot is no longer the one that ``table`` knows.

    PyIceberg's own transaction copies the table's metadata a dozen times a commit and looks for the files to remove in
    all manifests; the snapshot is put together here from its parts, as the specification has it.
    """
    metadata, io = table.metadata, table.io
    parent = metadata.snapshot_by_id(base) if base is not None else None
    snapshot_id, commit_id = metadata.new_snapshot_id(), uuid.uuid4()
    folder = table.location_provider()
    kept, carried = _manifests(parent, io, {f.file_path for f in new.removed})
    if carried or new.added:
        path = folder.new_metadata_location(f"{commit_id}-m0.avro")
        with write_manifest(
            metadata.format_version, metadata.spec(), metadata.schema(), io.new_output(path), snapshot_id, COMPRESSION
        ) as writer:
            for file in new.added:
                writer.add(_entry(snapshot_id, file))
            for entry, stays in carried:
                writer.existing(entry) if stays else writer.delete(entry)
        kept = [writer.to_manifest_file(), *kept]
    sequence_number = metadata.next_sequence_number()
    path = folder.new_metadata_location(f"snap-{snapshot_id}-0-{commit_id}.avro")
    with write_manifest_list(
        metadata.format_version, io.new_output(path), snapshot_id, base, sequence_number, COMPRESSION
    ) as manifest_list:
        manifest_list.add_manifests(kept)
    operation = Operation.REPLACE if not logical else Operation.OVERWRITE if new.removed else Operation.APPEND
    snapshot = Snapshot(
        snapshot_id=snapshot_id,
        parent_snapshot_id=base,
        manifest_list=path,
        sequence_number=sequence_number,
        summary=Summary(operation, **_totals(new), **summary),
        schema_id=metadata.current_schema_id,
    )
    try:
        table._do_commit(
            (
                AddSnapshotUpdate(snapshot=snapshot),
                SetSnapshotRefUpdate.model_validate(
                    {"ref-name": MAIN_BRANCH, "type": SnapshotRefType.BRANCH, "snapshot-id": snapshot_id}
                ),
            ),
            (
                AssertTableUUID(uuid=metadata.table_uuid),
                AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=metadata.current_snapshot_id),
            ),
        )
    except CommitStateUnknownException:
        table.refresh()
        if table.metadata.snapshot_by_id(snapshot_id) is None:
            raise
    return snapshot_id


def _manifests(
    parent: Snapshot | None, io: FileIO, removed: set[str]
) -> tuple[list[ManifestFile], list[tuple[ManifestEntry, bool]]]:
    """The parent's manifests that stay as they are, and the entries of the others, each with whether its file stays.
    Others are those with a removed file, and all when there are many."""
    live = [m for m in (parent.manifests(io) if parent else ()) if m.has_added_files() or m.has_existing_files()]
    kept, carried = [], []
    for manifest in live:
        entries = manifest.fetch_manifest_entry(io) if removed or len(live) >= MANIFESTS else []
        if len(live) >= MANIFESTS or any(entry.data_file.file_path in removed for entry in entries):
            carried += [(entry, entry.data_file.file_path not in removed) for entry in entries]
        else:
            kept.append(manifest)
    missing = removed - {entry.data_file.file_path for entry, stays in carried if not stays}
    if missing:
        raise ValueError(f"files to remove are not in the snapshot: {sorted(missing)[:3]}")
    return kept, carried


def _entry(snapshot_id: int, file: DataFile) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.ADDED,
        snapshot_id=snapshot_id,
        sequence_number=None,
        file_sequence_number=None,
        data_file=file,
    )


def _totals(new: NewFiles) -> dict[str, str]:
    """What a snapshot's summary says of its files (the specification's optional fields)."""
    found = {}
    for name, some in (("added", new.added), ("deleted", new.removed), ("total", new.kept)):
        found[f"{name}-data-files"] = str(len(some))
        found[f"{name}-records"] = str(sum(f.record_count for f in some))
    return found


def dropped_rows(file_numbers: pa.Array, row_numbers: pa.Array) -> dict[int, files.Rows]:
    """The pairs of file and row, a sorted array of rows a file."""
    numbers, rows = file_numbers.to_numpy(), row_numbers.to_numpy()
    return {int(n): np.sort(rows[numbers == n]) for n in np.unique(numbers)}
