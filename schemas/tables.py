"""The warehouse's tables: which records are their rows, and what identifies a row.

Column names and types follow from the records' fields, in the records' order; a warehouse derives its DDL from here.
"""

from __future__ import annotations

import datetime
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from schemas import records


@dataclass(frozen=True)
class Table:
    """A table. ``records``: the record types that fill its columns; with several, each fills its own part of a row.

    ``group``: rows with the same value of this column are replaced together (see ``records.Replaced``).
    """

    name: str
    key: tuple[str, ...]
    records: tuple[type[records.Record], ...]
    group: str | None = None

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """Column name -> Arrow type, all parts of the row together."""
        found: dict[str, pa.DataType] = {}
        for cls in self.records:
            found.update(arrow_fields(cls))
        return found


TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        Table("articles", ("article_id",), (records.Article, records.Link), group="article_id"),
        Table("article_versions", ("article_id", "text_hash"), (records.ArticleVersion,), group="article_id"),
        Table("article_sections", ("section_id",), (records.ArticleSection,), group="article_id"),
        Table("stories", ("story_id",), (records.Story,), group="story_id"),
        Table("story_events", ("event_id",), (records.StoryEvent,), group="article_id"),
        Table("metrics", ("metric_id",), (records.Metric,), group="article_id"),
        Table("figures", ("figure_id",), (records.Figure,), group="story_id"),
        Table("rejects", ("reject_id",), (records.Reject,)),
        Table("receipts", ("fetch_id",), (records.Receipt,)),
        Table("sketches", ("article_id",), (records.Sketch,), group="article_id"),
        Table("pairs", ("article_id", "earlier_id"), (records.Pair,), group="article_id"),
        Table("denials", ("what", "name"), (records.Denial,), group="name"),
        Table("progress", ("channel", "partition"), (records.Progress,)),
    )
}
TABLE_OF: dict[type[records.Record], Table] = {cls: t for t in TABLES.values() for cls in t.records}

# Columns that say when wiredesk did something; everything else is a function of the items alone.
PROCESSING_TIMES: dict[str, tuple[str, ...]] = {
    "rejects": ("at", "replayed_at"),
    "receipts": ("at",),
    "story_events": ("at",),
    "denials": ("at",),
    "progress": ("at",),
}


@functools.cache
def arrow_fields(cls: type[records.Record]) -> Mapping[str, pa.DataType]:
    """Column name -> Arrow type of the record's fields. A dict becomes JSON text."""
    hints = _hints(cls)
    return types.MappingProxyType({name: _arrow_type(hints[name]) for name in cls.__struct_fields__})


@functools.cache
def _hints(cls: type[records.Record]) -> Mapping[str, object]:
    return typing.get_type_hints(cls)


def to_row(record: records.Record) -> dict[str, object]:
    """The record as a row of its table: dicts as JSON text, tuples as lists."""
    row: dict[str, object] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, dict):
            value = msgspec.json.encode(value, order="deterministic").decode()
        elif isinstance(value, tuple):
            value = list(value)
        row[name] = value
    return row


def from_row(cls: type[records.Record], row: dict[str, object]) -> records.Record:
    """The record in a row of its table, other columns ignored; nulls in fields that can't be null take the default."""
    hints = _hints(cls)
    values: dict[str, object] = {}
    for name in cls.__struct_fields__:
        value = row.get(name)
        hint = hints[name]
        if value is None:
            continue
        if typing.get_origin(hint) is dict:
            value = msgspec.json.decode(str(value))
        elif typing.get_origin(hint) is tuple:
            value = tuple(typing.cast("list[object]", value))
        elif isinstance(value, datetime.datetime):
            value = value.astimezone(datetime.UTC)
        values[name] = value
    return cls(**values)


def _arrow_type(hint: object) -> pa.DataType:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [a for a in args if a is not type(None)]
        return _arrow_type(inner)
    if origin is typing.Literal:
        return pa.string()
    if origin is dict:
        return pa.string()
    if origin is tuple:
        return pa.list_(_arrow_type(args[0]))
    simple = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        bytes: pa.binary(),
        datetime.datetime: pa.timestamp("us", "UTC"),
    }
    return simple[typing.cast(type, hint)]
