"""Whole tables, to compare: what is a function of the items alone, in a fixed order."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.warehouse import Warehouse
from pipeline.demo.material import load_material
from schemas.fetched import fetched
from schemas.records import DateClue, Entry, Failure, Fetched
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


def demo_items(now: datetime) -> list[Fetched]:
    """Every wording of every article of the demo, and some that become rejects."""
    material = load_material(now)
    items = []
    for article in material.articles:
        for wording in article.wordings:
            sections = ["\n\n".join((section.title, *section.paragraphs)) for section in wording.sections]
            text = "\n\n".join([*wording.paragraphs, *sections])
            entry = Entry(
                title=wording.title,
                content=text,
                content_type="text/plain",
                authors=article.by,
                language=material.outlets[article.outlet].language,
                dates=(DateClue(raw=article.wordings[0].at.isoformat(), origin="feed"),),
            )
            items.append(
                fetched(
                    source=article.outlet,
                    url=f"https://{article.outlet}.example/news/{article.slug}",
                    fetched_at=wording.at + timedelta(minutes=10),
                    entry=entry,
                )
            )
    for reason in ("timeout", "robots", "bad_line"):
        items.append(fetched(source="trouble", url=f"https://t.example/{reason}", failure=Failure(reason=reason)))
    items.append(
        fetched(
            source="page",
            url="https://page.example/2026/05/30/ferry?utm_source=x",
            fetched_at=now - timedelta(days=1),
            content_type="text/html",
            body=b"<html lang=en><head><title>Ferry</title></head><body><article><h1>Ferry to Northhaven stops</h1>"
            + b"<p>The ferry to Northhaven stops on Friday for 3 weeks, the harbour office said on Saturday.</p>" * 5
            + b"</article></body></html>",
        )
    )
    return items
