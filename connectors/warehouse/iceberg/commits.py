"""One table's commit: data files leave, others come, on top of the snapshot that the ledger names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import ManageSnapshots, _ManifestMergeManager, _OverwriteFiles

from connectors.warehouse.iceberg import files

MANIFEST_BYTES = 8 * 2**20
MANIFESTS = 20
"""How many small manifests are put together."""


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
    """Commit a snapshot on top of ``base`` and give its id. ``logical``: whether the rows change (else only the
    files do). ``base`` must be a snapshot of the table; None takes what is there away, whoever wrote it. Raises
    ``CommitFailedException`` if the table's current snapshot is no longer that of ``table``."""
    transaction = table.transaction()
    removed = new.removed
    if base is None and table.metadata.current_snapshot_id is not None:
        removed = tuple(task.file for task in table.scan().plan_files())
    elif base is not None and base != table.metadata.current_snapshot_id:
        ManageSnapshots(transaction).set_current_snapshot(snapshot_id=base)
    operation = Operation.REPLACE if not logical else Operation.OVERWRITE if removed else Operation.APPEND
    producer = _Producer(operation, transaction, table.io, snapshot_properties=dict(summary))
    if removed:
        producer.delete_by_predicate(AlwaysTrue())
    for file in removed:
        producer.delete_data_file(file)
    for file in new.added:
        producer.append_data_file(file)
    producer.commit()
    try:
        transaction.commit_transaction()
    except CommitStateUnknownException:
        table.refresh()
        if table.metadata.snapshot_by_id(producer.snapshot_id) is None:
            raise
    if table.metadata.current_snapshot_id != producer.snapshot_id:
        raise CommitFailedException(f"{table.name()[-1]} was changed by another process right after")
    return producer.snapshot_id


class _Producer(_OverwriteFiles):
    """PyIceberg's overwrite, which also can say "replace", leaves out manifests of files long gone, and puts small
    manifests together."""

    def _summary(self, snapshot_properties: Mapping[str, str] = {}) -> Summary:
        said, self._operation = self._operation, Operation.OVERWRITE
        try:
            found = super()._summary(dict(snapshot_properties))
        finally:
            self._operation = said
        return Summary(said, **found.additional_properties)

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        live = [
            m
            for m in manifests
            if m.added_snapshot_id == self._snapshot_id or m.has_added_files() or m.has_existing_files()
        ]
        merging = _ManifestMergeManager(MANIFEST_BYTES, MANIFESTS, True, self)
        deletes = [m for m in live if m.content == ManifestContent.DELETES]
        return merging.merge_manifests([m for m in live if m.content == ManifestContent.DATA]) + deletes


def dropped_rows(file_numbers: pa.Array, row_numbers: pa.Array) -> dict[int, files.Rows]:
    """The pairs of file and row, a sorted array of rows a file."""
    numbers, rows = file_numbers.to_numpy(), row_numbers.to_numpy()
    return {int(n): np.sort(rows[numbers == n]) for n in np.unique(numbers)}
