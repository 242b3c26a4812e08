"""From ``schemas.tables`` to Iceberg tables: schemas, comments, properties."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DoubleType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from schemas.publish import column_texts
from schemas.tables import Table

TYPES: Mapping[pa.DataType, IcebergType] = {
    pa.string(): StringType(),
    pa.int64(): LongType(),
    pa.float64(): DoubleType(),
    pa.bool_(): BooleanType(),
    pa.binary(): BinaryType(),
    pa.timestamp("us", "UTC"): TimestamptzType(),
}

PROPERTIES: Mapping[str, str] = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Small groups: rows are looked up by key, and only the groups that have them are read whole.
    "write.parquet.row-group-limit": "4096",
    # Files are cut before they are written (``files.FILE_BYTES``).
    "write.target-file-size-bytes": str(2**40),
}


def iceberg_schema(table: Table) -> Schema:
    """The table's schema; key columns are required and identify a row."""
    ids = itertools.count(1)
    said = column_texts()[table.name]
    fields = [
        NestedField(next(ids), name, _iceberg_type(arrow, ids), required=name in table.key, doc=said[name])
        for name, arrow in table.columns.items()
    ]
    return Schema(*fields, identifier_field_ids=[f.field_id for f in fields if f.name in table.key])


def arrow_schema(table: Table) -> pa.Schema:
    """What is read of the table and written to it."""
    return pa.schema([pa.field(name, arrow, name not in table.key) for name, arrow in table.columns.items()])


def properties(table: Table) -> dict[str, str]:
    return {**PROPERTIES, "comment": column_texts()[table.name]["_"]}


def _iceberg_type(arrow: pa.DataType, ids: Iterator[int]) -> IcebergType:
    if pa.types.is_list(arrow):
        return ListType(next(ids), _iceberg_type(arrow.value_type, ids), element_required=False)
    return TYPES[arrow]
