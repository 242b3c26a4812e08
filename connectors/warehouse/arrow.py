"""Records to Arrow tables and back: what every warehouse is given and gives."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from schemas.records import Record, Replaced
from schemas.tables import TABLE_OF, TABLES, Table, arrow_fields

R = TypeVar("R", bound=Record)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Replacement:
    """All the groups of one table that a batch replaces."""

    table: Table
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """What one ``apply`` writes: the rows of each record type, keys unique, and what is replaced."""

    rows: dict[type[Record], pa.Table]
    replaced: tuple[Replacement, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Batch:
        """Sort the records by type; of several with one key, the last is kept."""
        kept: dict[type[Record], dict[tuple[Any, ...], Record]] = {}
        groups: dict[str, dict[str, None]] = {}
        for record in records:
            if isinstance(record, Replaced):
                groups.setdefault(record.table, {})[record.group] = None
                continue
            key = tuple(getattr(record, name) for name in TABLE_OF[type(record)].key)
            kept.setdefault(type(record), {})[key] = record
        for table in groups:
            if table not in TABLES or TABLES[table].group is None:
                raise ValueError(f"rows of {table!r} are not replaced by group")
        return cls(
            {kind: to_arrow(kind, list(by_key.values())) for kind, by_key in kept.items()},
            tuple(Replacement(TABLES[table], tuple(found)) for table, found in groups.items()),
        )


def to_arrow(cls: type[Record], records: Sequence[Record], columns: Sequence[str] = ()) -> pa.Table:
    """The records' fields (or those named) as columns; dicts become JSON text."""
    types = arrow_fields(cls)
    chosen = columns or tuple(types)
    return pa.table({name: _column([getattr(r, name) for r in records], types[name]) for name in chosen})


def from_arrow(cls: type[R], table: pa.Table) -> list[R]:
    """The records in a table that has a column for each of their fields; nulls in fields that can't be null take the
    default."""
    columns = [values(table.column(name), convert) for name, convert in _readers(cls).items()]
    return _records(cls, zip(*columns, strict=True))


def pages(cls: type[R], batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[list[R]]:
    """The records of all batches, at most ``rows`` at a time."""
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield from_arrow(cls, pa.table(batch.slice(start, rows)))


def from_rows(cls: type[R], rows: Iterable[Sequence[Any]]) -> list[R]:
    """The same from rows of plain values, in the order of the fields: lists, JSON text, aware times."""
    converted = [(n, convert) for n, convert in enumerate(_readers(cls).values()) if convert is not None]
    if not converted:
        return _records(cls, rows)
    found = []
    for row in rows:
        values = list(row)
        for n, convert in converted:
            if values[n] is not None:
                values[n] = convert(values[n])
        found.append(values)
    return _records(cls, found)


def _records(cls: type[R], rows: Iterable[Sequence[Any]]) -> list[R]:
    names = tuple(_readers(cls))
    return [cls(**{n: v for n, v in zip(names, row, strict=True) if v is not None}) for row in rows]


def values(column: pa.ChunkedArray, convert: Callable[[Any], Any] | None = None) -> list[Any]:
    """The column as Python values; times are aware and UTC."""
    if pa.types.is_timestamp(column.type):
        # Much faster than to_pylist(), which looks the zone up for every value.
        counts = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
        return [None if n is None else EPOCH + timedelta(microseconds=n) for n in counts]
    found = _lists(column) if _is_plain_list(column) else column.to_pylist()
    return found if convert is None else [None if v is None else convert(v) for v in found]


def clean(text: str) -> str:
    """The text with what a warehouse can't hold as U+FFFD: lone surrogates (UTF-8 has none) and NUL (PostgreSQL's text
    has none). Its length and all offsets into it stay."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def parameter(value: Any) -> Any:
    """A value to ask for, as it would have been written."""
    return clean(value) if isinstance(value, str) else value


def _column(found: list[Any], kind: pa.DataType) -> pa.Array:
    if isinstance(next((v for v in found if v is not None), None), dict):
        found = [v if v is None else _json(v) for v in found]
    try:
        column = pa.array(found, kind)
    except UnicodeEncodeError:
        return pa.array([_cleaned(v) for v in found], kind)
    text = column.flatten() if pa.types.is_list(kind) else column
    if pa.types.is_string(text.type) and (data := text.buffers()[2]) is not None and b"\0" in data.to_pybytes():
        return pa.array([_cleaned(v) for v in found], kind)
    return column


def _json(value: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_cleaned(value), order="deterministic").decode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_cleaned(k): _cleaned(v) for k, v in value.items()}
    return tuple(_cleaned(v) for v in value) if isinstance(value, tuple) else value


def _is_plain_list(column: pa.ChunkedArray) -> bool:
    return pa.types.is_list(column.type) and pa.types.is_int64(column.type.value_type)


def _lists(column: pa.ChunkedArray) -> list[Any]:
    """Lists of integers, several times as fast as ``to_pylist``: sketches have many keys."""
    found: list[Any] = []
    for chunk in column.chunks:
        flat, ends = chunk.values.to_numpy(zero_copy_only=False).tolist(), chunk.offsets.to_pylist()
        present = chunk.is_valid().to_pylist()
        found += [flat[a:b] if ok else None for a, b, ok in zip(ends[:-1], ends[1:], present, strict=True)]
    return found


@functools.cache
def _readers(cls: type[Record]) -> Mapping[str, Callable[[Any], Any] | None]:
    """Field -> what makes its value of a column's value."""
    hints = typing.get_type_hints(cls)
    makers: dict[Any, Callable[[Any], Any]] = {dict: msgspec.json.decode, tuple: tuple}
    return {name: makers.get(typing.get_origin(hints[name])) for name in cls.__struct_fields__}
