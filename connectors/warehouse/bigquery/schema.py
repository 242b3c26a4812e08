"""From ``schemas.tables`` to BigQuery tables."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from google.cloud import bigquery

from connectors.warehouse import ddl
from schemas.publish import column_texts
from schemas.tables import Table

TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "STRING",
    pa.int64(): "INT64",
    pa.float64(): "FLOAT64",
    pa.bool_(): "BOOL",
    pa.binary(): "BYTES",
    pa.timestamp("us", "UTC"): "TIMESTAMP",
}
BATCHES = "wiredesk_batches"
"""The table with one row: how many batches made the tables what they are."""
STAGED = "wiredesk_staged_"
"""What the names of staging tables begin with."""


def fields(columns: Mapping[str, pa.DataType], said: Mapping[str, str] | None = None) -> list[bigquery.SchemaField]:
    """The columns; lists are REPEATED, and never null there."""
    return [_field(name, arrow, (said or {}).get(name, "")) for name, arrow in columns.items()]


def definition(table: Table, path: str) -> bigquery.Table:
    """The table to make at ``project.dataset``, clustered by its key."""
    said = column_texts()[table.name]
    made = bigquery.Table(f"{path}.{table.name}", schema=fields(table.columns, said))
    made.description = said["_"]
    made.clustering_fields = list(table.key)
    return made


def bookkeeping(path: str) -> list[bigquery.Table]:
    version = [bigquery.SchemaField("version", "INT64"), bigquery.SchemaField("why", "STRING")]
    return [
        bigquery.Table(f"{path}.{ddl.VERSION_TABLE}", schema=version),
        bigquery.Table(f"{path}.{BATCHES}", schema=[bigquery.SchemaField("batches", "INT64")]),
    ]


def type_name(field: bigquery.SchemaField) -> str:
    """The column's type as SQL has it; the API has older names for some."""
    name = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(field.field_type, field.field_type)
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def _field(name: str, arrow: pa.DataType, description: str) -> bigquery.SchemaField:
    if pa.types.is_list(arrow):
        return bigquery.SchemaField(name, TYPES[arrow.value_type], "REPEATED", description=description)
    return bigquery.SchemaField(name, TYPES[arrow], description=description)
