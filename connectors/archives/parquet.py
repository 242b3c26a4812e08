"""Parquet (parquet.apache.org), read by row group: only the columns that an item is made of, some rows at a time.

A position is a number of rows. A piece is one row group or several small ones; reading goes on in the row group that
holds the position. What a row may hold, see ``records``. A row that can't be used is an item that failed as
``bad_record``; a row group that can't be read costs its rows as one item, and the next is read on. A file without a
column for the URL, or without text and HTML, is one item that failed as ``bad_archive`` and names its columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.archives import PIECE_BYTES, Archived, Piece
from connectors.archives.files import File
from connectors.archives.records import BadRecord, Fields, Layout, failed, item_of, layout_of, to_fetched
from schemas.records import Fetched

MAGIC = b"PAR1"
ROWS = 256
"""Read at a time: pages of HTML are large."""
DAMAGE = (pa.ArrowException, UnicodeDecodeError)
"""What a damaged file raises; the names of its columns may be no UTF-8."""
UNREADABLE = (ValueError, OverflowError, LookupError)
"""What a value raises that Python can't hold; pytz raises a ``KeyError`` for a zone."""


@dataclass(frozen=True)
class ParquetArchive:
    """See ``connectors.archives.Archive``."""

    file: File
    channel: str
    fields: Fields = ()
    piece_bytes: int = PIECE_BYTES

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        return self.file.size

    def pieces(self) -> Sequence[Piece]:
        try:
            with self.file.open() as raw:
                groups = _groups(pq.ParquetFile(raw).metadata, self.size)
        except (*DAMAGE, OSError) as e:
            _raise_if_away(e)
            return [Piece(size=self.size)]
        pieces: list[Piece] = []
        start = size = 0
        for group in groups:
            size += group.size
            if size >= self.piece_bytes or group is groups[-1]:
                pieces.append(Piece(len(pieces), start, group.end, size))
                start, size = group.end, 0
        return pieces or [Piece(size=self.size)]

    def read(self, piece: Piece, position: int = 0) -> Iterator[Archived]:
        with self.file.open() as raw:
            try:
                file = pq.ParquetFile(raw)
                columns = _columns(file.schema_arrow, self.fields)
            except (*DAMAGE, OSError, BadRecord) as e:
                _raise_if_away(e)
                if position == 0:
                    yield Archived(1, self.size, self._failed("bad_archive", str(e), 0))
                return
            read = 0
            for group in _groups(file.metadata, self.size):
                if group.start < piece.start or (piece.end is not None and group.start >= piece.end):
                    continue
                if group.end > position:
                    yield from self._group(file, group, columns, position, read)
                read += group.size

    def _group(
        self, file: pq.ParquetFile, group: _Group, columns: list[str], position: int, read: int
    ) -> Iterator[Archived]:
        row = group.start
        try:
            for batch in file.iter_batches(ROWS, row_groups=[group.number], columns=columns):
                if row + len(batch) > position:
                    for record in _rows(batch):
                        row += 1
                        if row > position:
                            share = group.size * (row - group.start) // (group.end - group.start)
                            yield Archived(row, read + share, self._fetched(record, row - 1))
                else:
                    row += len(batch)
        except (*DAMAGE, OSError) as e:
            _raise_if_away(e)
            detail = f"rows {row:,} to {group.end - 1:,} can't be read: {e}"
            yield Archived(group.end, read + group.size, self._failed("bad_record", detail, row))

    def _fetched(self, record: Mapping[str, Any] | BadRecord, row: int) -> Fetched:
        if isinstance(record, BadRecord):
            return self._failed("bad_record", str(record), row)
        try:
            return to_fetched(item_of(record, self.fields), self.name, f"{self.name}:{row}")
        except BadRecord as e:
            url = record.get("url")
            return self._failed("bad_record", str(e), row, url if isinstance(url, str) else None)

    def _failed(self, reason: str, detail: str, row: int, url: str | None = None) -> Fetched:
        return failed(reason, detail, self.name, f"{self.name}:{row}", url=url)


@dataclass(frozen=True)
class _Group:
    """A row group: its number, its rows (from ``start``, before ``end``) and its share of the file's bytes."""

    number: int
    start: int
    end: int
    size: int


def _groups(metadata: pq.FileMetaData, stored: int) -> list[_Group]:
    """Those that have rows. What each takes as stored is only estimated, from what it unpacks to: the exact sizes are
    in the metadata of its columns, and pyarrow (25) ends the process over one that is damaged."""
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    rows = [max(0, group.num_rows) for group in groups]
    sizes = [max(1, group.total_byte_size) for group in groups]
    found, row = [], 0
    for n, count in enumerate(rows):
        if count:
            found.append(_Group(n, row, row + count, stored * sizes[n] // sum(sizes)))
        row += count
    return found


def _rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | BadRecord]:
    """The rows; in the place of one whose values Python can't hold (a time after the year 9999, a zone that is not
    known, text that is no UTF-8) why it can't be used."""
    try:
        yield from batch.to_pylist()
        return
    except UNREADABLE:
        pass
    for n in range(len(batch)):
        try:
            yield batch.slice(n, 1).to_pylist()[0]
        except UNREADABLE as e:
            yield BadRecord(f"a value can't be read: {e}")


def _columns(schema: pa.Schema, fields: Fields) -> list[str]:
    """The columns that an item is made of. Raises ``BadRecord`` if the schema has none for what every item needs."""
    shape = _shape(schema)
    layout = layout_of(shape)
    if not (_has(shape, layout, fields, "url") and (_has(shape, layout, fields, "text", "html"))):
        names = ", ".join(shape) or "none"
        raise BadRecord(f"no column for the url, or none for text or html; its columns are {names}: give --field")
    wanted = {key.partition(".")[0] for keys in layout.keys.values() for key in keys} | set(layout.has)
    wanted |= {part for _, key in fields for part in (key, key.partition(".")[0])}
    wanted |= {key.partition(".")[0] for key in layout.has}
    return [name for name in shape if name in wanted]


def _has(shape: Mapping[str, Any], layout: Layout, fields: Fields, *names: str) -> bool:
    keys = [key for name in names for key in layout.keys.get(name, ())] + [key for name, key in fields if name in names]
    return any(key in shape or key.partition(".")[0] in shape for key in keys)


def _shape(fields: Any) -> dict[str, Any]:
    """The schema as an object of its keys: what ``layout_of`` looks at."""
    return {f.name: _shape(f.type) if pa.types.is_struct(f.type) else None for f in fields}


def _raise_if_away(error: Exception) -> None:
    """What the storage says is not the file's fault: only Arrow's own errors, and those about content, are."""
    from connectors.archives.files import ArchiveAway

    if isinstance(error, ArchiveAway):
        raise error
    if isinstance(error, OSError) and error.errno is not None:
        raise error
