"""Publish the schemas: a JSON Schema of each record, and the reference of the tables.

``python -m schemas.publish docs`` writes docs/schemas/*.json and docs/tables-reference.md; a test keeps them current.
"""

from __future__ import annotations

import functools
import inspect
import json
import pathlib
import sys
import tomllib
from importlib import resources
from typing import Any

import msgspec

from schemas import wire
from schemas.tables import TABLES


@functools.cache
def column_texts() -> dict[str, dict[str, str]]:
    """Table -> column -> what it holds; the table itself is described under "_"."""
    return tomllib.loads(resources.files("schemas").joinpath("columns.toml").read_text("utf-8"))


def documents() -> dict[str, str]:
    """File name below docs/ -> its content."""
    files = {"tables-reference.md": _reference()}
    for kind, cls in wire.KINDS.items():
        schema = _without_indents(msgspec.json.schema(cls))
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$comment": f"wire format version {wire.VERSION}, record kind {kind}",
            **schema,
        }
        files[f"schemas/{cls.__name__}.json"] = json.dumps(schema, indent=2) + "\n"
    return files


def _without_indents(schema: Any) -> Any:
    """The schema with its descriptions as Python 3.13 and later have docstrings; earlier ones leave them indented."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _without_indents(value)
            for key, value in schema.items()
        }
    return [_without_indents(part) for part in schema] if isinstance(schema, list) else schema


def _reference() -> str:
    lines = [
        "# The tables, column by column",
        "",
        "Written by `make schemas` from `schemas/`. How to query them: [warehouse.md](warehouse.md).",
    ]
    for table in TABLES.values():
        texts = column_texts()[table.name]
        lines += ["", f"## {table.name}", "", texts["_"], "", f"Key: {', '.join(table.key)}.", ""]
        lines += ["| column | type | holds |", "|---|---|---|"]
        lines += [f"| {name} | {_type_name(str(kind))} | {texts[name]} |" for name, kind in table.columns.items()]
    return "\n".join(lines) + "\n"


def _type_name(arrow: str) -> str:
    names = {
        "string": "text",
        "int64": "integer",
        "double": "number",
        "bool": "true/false",
        "binary": "bytes",
        "timestamp[us, tz=UTC]": "time, UTC",
        "list<item: string>": "list of text",
        "list<item: int64>": "list of integers",
    }
    return names[arrow]


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for name, content in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path)
