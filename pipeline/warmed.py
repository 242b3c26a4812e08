"""Whoever imports this has all tables in memory that drafting reads: language model, month names, patterns.

For the server that workers are forked from: it loads them once, workers begin with them, and a worker that replaces
another costs nothing.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from pipeline.channel import Item
from pipeline.draft import Drafting, draft
from pipeline.extraction.revision import extract_or_explain
from pipeline.garbage import look_seldom
from schemas.records import Fetched

WORDS = "The council of Port Ellery voted on Tuesday 14 to 6 to close the old bridge to lorries, its chair said. "


def _draft_one() -> None:
    page = f"<html><title>x</title><body><p>{WORDS * 3}</p><time datetime='3 mei 2020'>"
    fetched = Fetched(fetch_id="", source="", url="https://a.example/b", body=page.encode())
    now = datetime.now(UTC)
    draft(Item(fetched, 1), extract_or_explain(fetched, now), Drafting(), now)


with contextlib.suppress(OSError):  # no room for a temporary file: the first item says so, where it is dealt with
    _draft_one()
look_seldom()
