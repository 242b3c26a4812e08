"""PostgreSQL's binary format: Arrow tables for COPY, and the types that are read and asked for other than psycopg does.

The format is that of COPY's documentation ("Binary Format"): a header, then for each row the number of fields (16 bits)
and each field as its length (32 bits, -1 for null) and its bytes; all numbers big-endian.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i")
_NUMBER = struct.Struct(">q")
_ARRAY = struct.Struct(">iiiii")
"""Dimensions, whether there are nulls, the type of the items, how many, the first one's number."""
_BIGINT, _TEXT = 20, 25
"""The types' numbers, in PostgreSQL's catalog."""
_NO_ITEMS = struct.Struct(">iii")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_US = (_EPOCH - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
CHUNK_BYTES = 2**20


def copied(table: pa.Table) -> Iterator[bytes]:
    """The table as COPY ... FROM STDIN (FORMAT binary) wants it, in chunks."""
    columns = [_fields(column.combine_chunks()) for column in table.columns]
    count = struct.pack(">h", len(columns))
    parts, size = [HEADER], 0
    for row in zip(*columns, strict=True):
        parts.append(count)
        parts += row
        size += sum(map(len, row))
        if size >= CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    parts.append(END)
    yield b"".join(parts)


def _fields(column: pa.Array) -> list[bytes]:
    """The column's values as fields, lengths included."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return [_NULL if v is None else _LENGTH.pack(len(v)) + v for v in column.cast(pa.binary()).to_pylist()]
    if pa.types.is_timestamp(kind):
        counts = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) - _EPOCH_US
        return _fixed(counts, ">i8", column)
    if pa.types.is_int64(kind):
        return _fixed(column.fill_null(0).to_numpy(zero_copy_only=False), ">i8", column)
    if pa.types.is_float64(kind):
        return _fixed(column.fill_null(0.0).to_numpy(zero_copy_only=False), ">f8", column)
    if pa.types.is_boolean(kind):
        return _fixed(column.fill_null(False).to_numpy(zero_copy_only=False), ">i1", column)
    if pa.types.is_list(kind):
        return _lists(column)
    raise TypeError(f"no binary format for {kind}")


def _fixed(numbers: np.ndarray, dtype: str, column: pa.Array) -> list[bytes]:
    """Fields of numbers of one size; null where the column is."""
    flat, size = _with_lengths(numbers, dtype)
    fields = [flat[i : i + size] for i in range(0, len(flat), size)]
    if column.null_count:
        for i in np.flatnonzero(~column.is_valid().to_numpy(zero_copy_only=False)).tolist():
            fields[i] = _NULL
    return fields


def _with_lengths(numbers: np.ndarray, dtype: str) -> tuple[bytes, int]:
    """Each number behind its length, one after the other, and the bytes of one."""
    record = np.dtype([("length", ">i4"), ("value", dtype)])
    found = np.empty(len(numbers), record)
    found["length"], found["value"] = np.dtype(dtype).itemsize, numbers
    return found.tobytes(), record.itemsize


def _lists(column: pa.Array) -> list[bytes]:
    items, ends = column.values, column.offsets.to_numpy(zero_copy_only=False).tolist()
    valid = column.is_valid().to_numpy(zero_copy_only=False).tolist()
    if pa.types.is_int64(items.type):
        flat, size = _with_lengths(items.to_numpy(zero_copy_only=False), ">i8")
        bodies = [flat[a * size : b * size] for a, b in itertools.pairwise(ends)]
        oid = _BIGINT
    else:
        texts = _fields(items)
        bodies = [b"".join(texts[a:b]) for a, b in itertools.pairwise(ends)]
        oid = _TEXT
    counts = [b - a for a, b in itertools.pairwise(ends)]
    fields = []
    for body, count, ok in zip(bodies, counts, valid, strict=True):
        array = _array(body, count, oid)
        fields.append(_LENGTH.pack(len(array)) + array if ok else _NULL)
    return fields


def _array(body: bytes, count: int, oid: int) -> bytes:
    return _ARRAY.pack(1, 0, oid, count, 1) + body if count else _NO_ITEMS.pack(0, 0, oid)


class _Bigints(Dumper):
    """A numpy array of int64 as bigint[]: psycopg's own way takes a step of Python a number."""

    format = Format.BINARY
    oid = 1016

    def dump(self, obj: np.ndarray) -> Buffer:
        return _array(_with_lengths(obj, ">i8")[0], len(obj), _BIGINT)


class _Time(Loader):
    """timestamptz as a datetime whose zone is ``datetime.UTC``."""

    format = Format.BINARY

    def load(self, data: Buffer) -> datetime:
        return _EPOCH + timedelta(microseconds=_NUMBER.unpack(data)[0])


def register(connection: psycopg.Connection[Any]) -> None:
    """Have this connection use the types above."""
    connection.adapters.register_dumper(np.ndarray, _Bigints)
    connection.adapters.register_loader("timestamptz", _Time)
