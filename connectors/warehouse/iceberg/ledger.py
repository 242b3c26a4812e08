"""What makes a batch visible: the ledger in the snapshots of the table ``progress``.

An Iceberg commit is of one table. So a batch commits its tables one after the other, and ``progress`` last: the summary
of that snapshot names the snapshot of every table that belongs to it. Who reads through wiredesk reads those snapshots
and nothing else. What a killed writer, or one that lost, committed beyond them is not there; the next batch puts its
tables on top of the named snapshots again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot

LEDGER = "progress"
"""The table whose snapshots are the ledger."""
BATCH, SNAPSHOTS = "wiredesk.batch", "wiredesk.snapshots"
"""Names in a snapshot's summary."""


@dataclass(frozen=True)
class Pin:
    """One state of the warehouse: how many batches made it, and the snapshot of each table (those not there are
    empty)."""

    batch: int = 0
    snapshots: Mapping[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, str]:
        """What the ledger's snapshot says of it; that snapshot itself is not named."""
        named = {name: i for name, i in self.snapshots.items() if name != LEDGER}
        return {BATCH: str(self.batch), SNAPSHOTS: msgspec.json.encode(named, order="deterministic").decode()}


def read(metadata: TableMetadata) -> Pin:
    """The newest state that the ledger's metadata has."""
    for snapshot in ancestors(metadata, metadata.current_snapshot_id):
        found = named(snapshot)
        if found and snapshot.summary is not None:
            return Pin(int(snapshot.summary[BATCH] or 0), found)
    return Pin()


def named(snapshot: Snapshot) -> dict[str, int]:
    """Table -> the snapshot that the ledger's snapshot names, itself among them; empty if it is none of ours."""
    said = snapshot.summary.get(SNAPSHOTS) if snapshot.summary is not None else None
    if said is None:
        return {}
    return {**msgspec.json.decode(said, type=dict[str, int]), LEDGER: snapshot.snapshot_id}


def standing(metadata: TableMetadata, snapshot_id: int | None) -> bool:
    """Whether the table is where the ledger says: its current snapshot is the one named, or only rewrites its files
    (as compaction by another engine does)."""
    for snapshot in ancestors(metadata, metadata.current_snapshot_id):
        if snapshot.snapshot_id == snapshot_id:
            return True
        if snapshot.summary is None or snapshot.summary.operation != Operation.REPLACE:
            return False
    return snapshot_id is None


def ancestors(metadata: TableMetadata, snapshot_id: int | None) -> Iterator[Snapshot]:
    """The snapshot, its parent, and so on."""
    while snapshot_id is not None:
        snapshot = metadata.snapshot_by_id(snapshot_id)
        if snapshot is None:
            return
        yield snapshot
        snapshot_id = snapshot.parent_snapshot_id
