"""What is new in a warehouse since a moment, found by the times at which the pipeline worked.

Every item leaves a receipt and every change of a story an event, both with their time; so the rows that may differ are
those of the receipts' articles and of the stories that the events name. A batch becomes visible some time after the
time that its rows say, so each look goes back by ``OVERLAP`` and leaves out the receipts that it had before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connectors.warehouse import Warehouse
from schemas.records import (
    ArticleSection,
    ArticleVersion,
    Figure,
    Progress,
    Record,
    Reject,
    Replaced,
    Story,
    StoryEvent,
)

T = TypeVar("T")
OVERLAP = timedelta(minutes=2)
MOST = 10_000
"""Receipts looked at a time."""
AT_ONCE = 400
"""Values in one IN (...)."""


@dataclass(frozen=True)
class Cursor:
    """How far the warehouse was read: the time of the latest receipt, and the receipts not long before it."""

    at: datetime | None = None
    seen: dict[str, datetime] = field(default_factory=dict)

    @property
    def since(self) -> datetime | None:
        return None if self.at is None else self.at - OVERLAP


@dataclass(frozen=True)
class Changes:
    """What came after a cursor. ``more``: there is more to be read at once."""

    cursor: Cursor
    fetch_ids: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()
    story_ids: tuple[str, ...] = ()
    """Those that may have changed, gone ones too."""
    more: bool = False


def start(warehouse: Warehouse) -> Cursor:
    """The cursor of one who has all that is there."""
    latest = warehouse.query('SELECT max("at") FROM receipts')[0][0]
    if latest is None:
        return Cursor()
    rows = warehouse.query('SELECT fetch_id, "at" FROM receipts WHERE "at" >= ?', [latest - OVERLAP])
    return Cursor(latest, dict(rows))


def read(warehouse: Warehouse, cursor: Cursor, most: int = MOST) -> Changes:
    """What is new since the cursor, at most about ``most`` receipts of it."""
    where, values = ('WHERE "at" >= ?', [cursor.since]) if cursor.since else ("", [])
    while True:
        rows = warehouse.query(
            f'SELECT fetch_id, article_id, "at" FROM receipts {where} ORDER BY "at", fetch_id LIMIT {most}', values
        )
        new = [row for row in rows if row[0] not in cursor.seen]
        if new or len(rows) < most:
            break
        most *= 4  # all of them were seen before: look further
    if not new:
        return Changes(cursor)
    latest = max(rows[-1][2], cursor.at or rows[-1][2])
    seen = cursor.seen | {fetch_id: at for fetch_id, _, at in new}
    after = Cursor(latest, {fetch_id: at for fetch_id, at in seen.items() if at >= latest - OVERLAP})
    article_ids = tuple(dict.fromkeys(row[1] for row in new if row[1]))
    first = min(row[2] for row in new)
    return Changes(
        after, tuple(row[0] for row in new), article_ids, _stories(warehouse, article_ids, first), len(rows) == most
    )


def _stories(warehouse: Warehouse, article_ids: Sequence[str], since: datetime) -> tuple[str, ...]:
    found: dict[str | None, None] = {}
    for part in parts(article_ids):
        found |= dict.fromkeys(link.story_id for link in warehouse.links(article_ids=part))
    for story, other in warehouse.query(
        'SELECT story_id, other_story_id FROM story_events WHERE "at" >= ?', [since - OVERLAP]
    ):
        found |= {story: None, other: None}
    return tuple(story for story in found if story)


def records(warehouse: Warehouse, changes: Changes) -> Iterator[list[Record]]:
    """The rows that the changes are about, in parts that can be applied one after the other to a copy of the warehouse;
    the receipts come last, so that a copy whose writing was stopped is read again from where it was."""
    for part in parts(changes.article_ids):
        held, values = _in("article_id", part)
        members = warehouse.rows(ArticleSection, held, values)
        yield [
            *warehouse.articles(part),
            *warehouse.rows(ArticleVersion, held, values),
            *(Replaced(table="metrics", group=article_id) for article_id in part),
            *warehouse.metrics(part),
            *(Replaced(table="article_sections", group=article_id) for article_id in part),
            *members,
        ]
    for part in parts(changes.story_ids):
        held, values = _in("story_id", part)
        ids = [row[0] for row in warehouse.query(f"SELECT article_id FROM articles WHERE {held}", values)]
        yield [
            *(link for some in parts(ids) for link in warehouse.links(article_ids=some)),
            *warehouse.rows(ArticleSection, held, values),
            *warehouse.rows(Story, held, values),
            *warehouse.rows(StoryEvent, held, values),
            *(Replaced(table="figures", group=story_id) for story_id in part),
            *warehouse.rows(Figure, held, values),
        ]
    for part in parts(changes.fetch_ids):
        receipts = warehouse.receipts(fetch_ids=part)
        rejects = [r.reject_id for r in receipts if r.reject_id]
        held, values = _in("reject_id", rejects)
        yield [*(warehouse.rows(Reject, held, values) if rejects else ()), *receipts]
    yield [*warehouse.rows(Progress)]


def parts(values: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The values, ``size`` at a time."""
    for n in range(0, len(values), size):
        yield values[n : n + size]


def _in(column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    return f"{column} IN ({', '.join('?' * len(values))})", list(values)
