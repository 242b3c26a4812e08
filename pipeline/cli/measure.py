"""``wiredesk measure``: the numbers of texts as JSON, one line an article."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import click
import msgspec

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack

LONGEST_LINE = 16 * 2**20
"""Bytes."""


class BadLine(ValueError):
    """A line that is not an article; the message says what is wrong with it."""


@click.command()
@click.argument("file", type=click.File("rb"), default="-", metavar="[FILE]")
def measure(file: BinaryIO) -> None:
    """Measure texts: every number in them, what it is of and who said it.

    FILE (or standard input) holds a JSON object a line with "text" and "id" or "doc", optionally "title",
    "published_at" (ISO 8601) and "language" (BCP 47, default en). A line {"id": ..., "metrics": [...]} comes out for
    each. Spans are character offsets into "text". A bad line is told on standard error; then the exit status is 1.

    \b
    Example:
        echo '{"id": 1, "text": "About 7,000 people marched, police said."}' | wiredesk measure
    """
    bad = 0
    for number, line in enumerate(_lines(file), start=1):
        if line is not None and not line.strip():
            continue
        try:
            if line is None:
                raise BadLine(f"longer than {LONGEST_LINE:,} bytes")
            answer = measured(line)
        except BadLine as e:
            bad += 1
            click.echo(json.dumps({"error": str(e), "line": number}), err=True)
            continue
        click.echo(json.dumps(answer, ensure_ascii=False))
    if bad:
        sys.exit(1)


def _lines(file: BinaryIO) -> Iterator[str | None]:
    """The lines, bytes that are no UTF-8 replaced; None for one that is too long, which is never held whole."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
            yield line.decode("utf-8", "replace")
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield None


def measured(line: str) -> dict[str, Any]:
    """The answer to one line. Raises ``BadLine``."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise BadLine(f"not JSON: {e}") from e
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise BadLine('needs an object with "text"')
    key = next((k for k in ("id", "doc") if k in row), None)
    if key is None:
        raise BadLine('needs "id" or "doc"')
    language = row.get("language") or "en"
    if not isinstance(language, str):
        raise BadLine('"language" is not a string')
    pack = load_pack(language)
    if pack is None:
        return {key: row[key], "metrics": [], "note": f"no language pack for {language}"}
    found = measure_text(row["text"], pack, published=_date(row.get("published_at")))
    return {key: row[key], "metrics": [_fields(m) for m in found]}


def _fields(metric: Any) -> dict[str, Any]:
    """All fields that say something without a warehouse; ``start`` and ``end`` are the span."""
    fields = {
        f: getattr(metric, f) for f in metric.__struct_fields__ if f not in ("metric_id", "article_id", "story_id")
    }
    start, end = fields.pop("span_start"), fields.pop("span_end")
    return {"start": start, "end": end, **msgspec.to_builtins(fields)}


def _date(raw: object) -> datetime.date | None:
    if raw is None or raw == "":
        return None
    try:
        return datetime.datetime.fromisoformat(str(raw)).date()
    except ValueError as e:
        raise BadLine(f'"published_at" is not an ISO 8601 date: {raw!r}') from e
