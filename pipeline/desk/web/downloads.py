"""Tables to take along: CSV and Parquet, streamed a part at a time, so that a table of any size needs little memory.

A spreadsheet takes a text that begins with = + - @ or a control character for a formula, and article text is a
stranger's: in CSV such a text gets an apostrophe before it (OWASP, CSV Injection). Parquet has every value as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from connectors.warehouse import Warehouse
from connectors.warehouse.ddl import names, quoted
from pipeline.desk.read import numbers, stories
from pipeline.desk.web import pages
from schemas.publish import column_texts
from schemas.tables import TABLES, Table

ROWS = 10_000
"""Rows read at a time."""
INTERNAL = ("sketches", "pairs")
"""What matching keeps for itself; the desk's copy does not follow them."""
OFFERED = {name: column_texts()[name]["_"] for name in TABLES if name not in INTERNAL}
"""Table -> what it holds."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Any) -> Any:
    """A value as CSV has it: lists and dicts as JSON, no text that a spreadsheet would run."""
    if isinstance(value, bytes):
        return ""
    if isinstance(value, list | tuple | dict):
        value = msgspec.json.encode(value).decode()
    elif hasattr(value, "isoformat"):
        value = value.isoformat()
    if isinstance(value, str) and value.lstrip(" '").startswith(_FORMULA):
        return "'" + value
    return value


def as_csv(columns: Sequence[str], rows: Iterable[Iterable[Sequence[Any]]]) -> Iterator[bytes]:
    """CSV (RFC 4180, UTF-8), a piece for each part of the rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for part in rows:
        writer.writerows([cell(value) for value in row] for row in part)
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def as_parquet(table: Table, rows: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """One Parquet file, in pieces as its row groups are done."""
    schema = pa.schema(list(table.columns.items()))
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for part in rows:
            columns = list(zip(*part, strict=True))
            writer.write_table(
                pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
            )
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A file that gives away what was written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._parts.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def all_rows(warehouse: Warehouse, table: Table, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of the table in the order of its key, a part at a time; rows written meanwhile may come along or not."""
    key = table.key
    places = [columns.index(c) for c in key]
    after: tuple[Any, ...] = ()
    while True:
        beyond = f"WHERE ({names(key)}) > ({', '.join('?' * len(key))})" if after else ""
        found = warehouse.query(
            f"SELECT {names(columns)} FROM {quoted(table.name)} {beyond} ORDER BY {names(key)} LIMIT {ROWS}", after
        )
        if not found:
            return
        yield found
        after = tuple(found[-1][n] for n in places)


def download(request: Request) -> Response:
    name, _, kind = request.path_params["file"].rpartition(".")
    if name not in OFFERED or kind not in ("csv", "parquet"):
        raise HTTPException(404, "There is no such table to download.")
    table, warehouse = TABLES[name], pages.desk_of(request).warehouse
    if kind == "parquet":
        return _file(as_parquet(table, all_rows(warehouse, table, list(table.columns))), f"{name}.parquet")
    columns = [c for c, kind_of in table.columns.items() if not pa.types.is_binary(kind_of)]
    return _file(as_csv(columns, all_rows(warehouse, table, columns)), f"{name}.csv")


def numbers_csv(request: Request) -> Response:
    found = numbers.numbers(pages.desk_of(request).warehouse, pages.wanted_numbers(request), 10_000)
    return _file(_as_list(numbers.Number, found), "numbers.csv")


def conflicts_csv(request: Request) -> Response:
    return _file(
        _as_list(stories.Conflict, stories.conflicts(pages.desk_of(request).warehouse, 10_000)), "conflicts.csv"
    )


def _as_list(kind: type[Any], found: Sequence[Any]) -> Iterator[bytes]:
    columns = list(kind.__dataclass_fields__)
    return as_csv(columns, [[[getattr(row, c) for c in columns] for row in found]])


def _file(pieces: Iterator[bytes], name: str) -> Response:
    kind = "text/csv; charset=utf-8" if name.endswith(".csv") else "application/vnd.apache.parquet"
    return StreamingResponse(pieces, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ROUTES = [
    Route("/download/{file}", download),
    Route("/numbers.csv", numbers_csv),
    Route("/conflicts.csv", conflicts_csv),
]
