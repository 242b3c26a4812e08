"""Data files: which columns and rows of them are read, and how rows become new ones.

A data file never changes, so what was once read of it stays true: the columns that rows are looked up by are kept in
memory, up to ``CACHE_BYTES``. A lookup then costs reading the files that came since the last one.
"""

from __future__ import annotations

import threading
import urllib.parse
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO, _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table.metadata import TableMetadata

CACHE_BYTES = 256 * 2**20
FILE_BYTES = 64 * 2**20
"""Of rows in memory; on disk a file has about a third of it. A changed row costs writing its file again."""
SMALL_BYTES = 4 * 2**20
"""Of a file on disk: one that is smaller is put together with others when there are many."""

Rows = np.ndarray
"""Numbers of rows in a file, ascending."""


class Columns:
    """The columns last used, of any data file. Thread-safe."""

    def __init__(self, capacity: int = CACHE_BYTES):
        self.capacity = capacity
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], pa.Array] = OrderedDict()
        self._bytes = 0

    def get(self, path: str, name: str) -> pa.Array | None:
        with self._lock:
            found = self._kept.get((path, name))
            if found is not None:
                self._kept.move_to_end((path, name))
            return found

    def put(self, path: str, name: str, column: pa.Array) -> None:
        with self._lock:
            if (path, name) not in self._kept:
                self._kept[path, name] = column
                self._bytes += column.nbytes
            while self._bytes > self.capacity and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


@dataclass(frozen=True)
class TableFiles:
    """The data files of a table as one snapshot has them, in the order they came."""

    schema: pa.Schema
    io: FileIO
    files: tuple[DataFile, ...]
    cache: Columns

    # -- looking rows up --

    def find(self, wanted: Mapping[str, Sequence[str]]) -> dict[int, Rows]:
        """Number of the file -> the rows in which one of the columns has one of its values."""
        sought = {name: pa.array(values, pa.string()) for name, values in wanted.items() if values}
        if not sought:
            return {}
        found: dict[int, Rows] = {}
        for number, file in enumerate(self.files):
            columns = self.columns(file, tuple(sought))
            masks = [pc.is_in(columns[n], value_set=v).to_numpy(zero_copy_only=False) for n, v in sought.items()]
            rows = np.flatnonzero(np.logical_or.reduce(masks))
            if len(rows):
                found[number] = rows
        return found

    def take(self, found: Mapping[int, Rows], names: Sequence[str]) -> pa.Table:
        """These columns of the rows found."""
        parts = [self._rows(self.files[number], rows, names) for number, rows in found.items()]
        schema = pa.schema([self.schema.field(n) for n in names])
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def columns(self, file: DataFile, names: Sequence[str]) -> dict[str, pa.Array]:
        """Whole columns of a file, kept for the next time."""
        found = {name: self.cache.get(file.file_path, name) for name in names}
        absent = [name for name, column in found.items() if column is None]
        if absent:
            read = self._read(file, absent)
            for name in absent:
                found[name] = column = _one(read.column(name))
                self.cache.put(file.file_path, name, column)
        return {name: column for name, column in found.items() if column is not None}

    def remember(self, file: DataFile, rows: pa.Table) -> None:
        """Keep of a new file what would be looked up in it."""
        for name in rows.column_names:
            if name.endswith("_id"):
                self.cache.put(file.file_path, name, _one(rows.column(name)))

    def whole(self, file: DataFile) -> pa.Table:
        return self._read(file, self.schema.names)

    def dataset(self) -> pds.Dataset | pa.Table:
        """All rows, read when and as far as they are asked for."""
        if not self.files:
            return self.schema.empty_table()
        paths = [location(file.file_path)[2] for file in self.files]
        scheme, netloc, _ = location(self.files[0].file_path)
        return pds.dataset(paths, schema=self.schema, filesystem=file_system(self.io, scheme, netloc), format="parquet")

    def _rows(self, file: DataFile, rows: Rows, names: Sequence[str]) -> pa.Table:
        kept = {name: self.cache.get(file.file_path, name) for name in names}
        if all(column is not None for column in kept.values()):
            return pa.table(kept).take(pa.array(rows)).cast(pa.schema([self.schema.field(n) for n in names]))
        with pq.ParquetFile(self.io.new_input(file.file_path).open()) as source:
            counts = [source.metadata.row_group(i).num_rows for i in range(source.num_row_groups)]
            ends = np.cumsum(counts)
            groups = np.unique(np.searchsorted(ends, rows, side="right"))
            present = [n for n in names if n in source.schema_arrow.names]
            read = source.read_row_groups([int(g) for g in groups], columns=present)
        starts = ends - counts
        before = np.concatenate([[0], np.cumsum([counts[g] for g in groups])])[:-1]
        slot = np.searchsorted(groups, np.searchsorted(ends, rows, side="right"))
        return _fitted(read.take(pa.array(before[slot] + rows - starts[groups][slot])), names, self.schema)

    def _read(self, file: DataFile, names: Sequence[str]) -> pa.Table:
        with pq.ParquetFile(self.io.new_input(file.file_path).open()) as source:
            present = [n for n in names if n in source.schema_arrow.names]
            return _fitted(source.read(columns=present), names, self.schema)


# -- writing --


def write(metadata: TableMetadata, io: FileIO, rows: pa.Table) -> list[tuple[DataFile, pa.Table]]:
    """New data files with these rows, of about ``FILE_BYTES`` each, and what is in each. Nothing knows of them before
    they are committed."""
    size = max(1, int(rows.num_rows * FILE_BYTES / max(rows.nbytes, 1)))
    written = []
    for start in range(0, rows.num_rows, size):
        part = rows.slice(start, size).combine_chunks()
        for file in _dataframe_to_data_files(metadata, part, io):
            file.spec_id = metadata.default_spec_id  # as one that was read from a manifest has it
            written.append((file, part))
    return written


def without(rows: pa.Table, dropped: Rows) -> pa.Table:
    """The table's rows but those with these numbers."""
    mask = np.ones(rows.num_rows, dtype=bool)
    mask[dropped] = False
    return rows.filter(pa.array(mask))


# -- where files are --


def location(path: str) -> tuple[str, str, str]:
    """Scheme, host or bucket, and the path as PyArrow's file systems want it."""
    return PyArrowFileIO.parse_location(path)


def file_system(io: FileIO, scheme: str, netloc: str) -> pa.fs.FileSystem:
    if not isinstance(io, PyArrowFileIO):
        raise TypeError(f"files are read with PyArrow: py-io-impl can't be {type(io).__name__}")
    return io.fs_by_scheme(scheme, netloc)


def decoded(path: str) -> str:
    """A file's path without a scheme, to compare what a listing and a manifest say of one file."""
    return urllib.parse.unquote(location(path)[2])


def _fitted(read: pa.Table, names: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The columns in this order and of our types; one that the file is too old to have is null."""
    columns = [
        read.column(n).cast(schema.field(n).type) if n in read.column_names else _nulls(read.num_rows, schema.field(n))
        for n in names
    ]
    return pa.table(columns, pa.schema([schema.field(n) for n in names]))


def _nulls(count: int, field: pa.Field) -> pa.Array:
    return pa.nulls(count, field.type)


def _one(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
