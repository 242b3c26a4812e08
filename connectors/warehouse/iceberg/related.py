"""Stored sketches that share a key with new ones (see ``Warehouse.related``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.types import TimestamptzType

from connectors.warehouse import arrow
from connectors.warehouse.iceberg.files import TableFiles
from schemas.records import Sketch

COLUMNS = ("language", "at", "keys")


def related(
    stored: TableFiles,
    sketches: Sequence[Sketch],
    horizon: timedelta,
    time_field: int,
    cursor: duckdb.DuckDBPyConnection,
) -> list[Sketch]:
    """``time_field``: the field id of the column ``at``; files whose times are all too far away are not read.
    ``cursor`` is a DuckDB connection to work in."""
    times = [s.at for s in sketches if s.at]
    span = (min(times) - horizon, max(times) + horizon) if times and len(times) == len(sketches) else None
    near = [n for n, file in enumerate(stored.files) if span is None or _may_have(file, time_field, *span)]
    if not sketches or not near:
        return []
    parts = [pa.table(stored.columns(stored.files[n], COLUMNS)) for n in near]
    starts = np.cumsum([0, *(part.num_rows for part in parts)])
    table = pa.concat_tables(parts)
    table = table.append_column("r", pa.array(np.arange(table.num_rows)))
    cursor.register("wanted", arrow.to_arrow(Sketch, sketches, COLUMNS))
    cursor.register("sketches", table)
    found = cursor.sql(
        """
        WITH sought AS (SELECT DISTINCT language, epoch_us("at") AS us, unnest(keys) AS key FROM wanted),
        stored AS (
            SELECT r, language, epoch_us("at") AS us, unnest(keys) AS key FROM sketches
            WHERE language IN (SELECT language FROM wanted)
        )
        SELECT DISTINCT stored.r FROM stored JOIN sought USING (language, key)
        WHERE stored.us IS NULL OR sought.us IS NULL OR abs(stored.us - sought.us) <= $horizon
        ORDER BY stored.r
        """,
        params={"horizon": horizon // timedelta(microseconds=1)},
    ).to_arrow_table()
    rows = found.column("r").to_numpy()
    which = np.searchsorted(starts, rows, side="right") - 1
    places = {near[int(i)]: rows[which == i] - starts[i] for i in np.unique(which)}
    return arrow.from_arrow(Sketch, stored.take(places, stored.schema.names))


def _may_have(file: DataFile, time_field: int, earliest: datetime, latest: datetime) -> bool:
    """Whether the file may hold a row of that span, or one without a time."""
    lower, upper = file.lower_bounds.get(time_field), file.upper_bounds.get(time_field)
    if lower is None or upper is None or file.null_value_counts.get(time_field, 1):
        return True
    first, last = (int(from_bytes(TimestamptzType(), bound)) for bound in (lower, upper))
    return first <= _micros(latest) and last >= _micros(earliest)


def _micros(time: datetime) -> int:
    return (time - arrow.EPOCH) // timedelta(microseconds=1)
