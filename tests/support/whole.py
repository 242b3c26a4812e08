"""Whole tables, to compare: what is a function of the items alone, in a fixed order."""

from __future__ import annotations

from connectors.warehouse import Warehouse
from schemas.tables import PROCESSING_TIMES, TABLES

# The log of what happened in which order, and how far each channel is.
LOGS = ("story_events", "progress")


def whole_tables(warehouse: Warehouse) -> dict[str, list[tuple]]:
    """Table -> all rows in the order of the key, without times of processing and superseded stories."""
    found = {}
    for name, table in TABLES.items():
        if name in LOGS:
            continue
        columns = [c for c in table.columns if c not in PROCESSING_TIMES.get(name, ())]
        where = "WHERE superseded_by IS NULL" if name == "stories" else ""
        names = ", ".join(f'"{c}"' for c in columns)
        key = ", ".join(f'"{c}"' for c in table.key)
        found[name] = warehouse.query(f"SELECT {names} FROM {name} {where} ORDER BY {key}")
    return found


def every_row(warehouse: Warehouse) -> dict[str, list[tuple]]:
    """Table -> all rows, whole, in the order of the key."""
    found = {}
    for name, table in TABLES.items():
        columns, key = (", ".join(f'"{c}"' for c in names) for names in (table.columns, table.key))
        found[name] = warehouse.query(f"SELECT {columns} FROM {name} ORDER BY {key}")
    return found


def differences(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> list[str]:
    """The rows that are in only one of the two, a line each, for a readable failure."""
    lines = []
    for name in one:
        left, right = {repr(r) for r in one[name]}, {repr(r) for r in other[name]}
        lines += [f"{name}: only in the first: {r[:300]}" for r in sorted(left - right)]
        lines += [f"{name}: only in the second: {r[:300]}" for r in sorted(right - left)]
    return lines
