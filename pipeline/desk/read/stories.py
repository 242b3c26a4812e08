"""Stories as lists: the front page's, ranked; all of them, newest first; and what changed since a moment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.warehouse import Warehouse
from pipeline.desk.read.lists import EARLIEST, LEAD, marks

WINDOW = timedelta(days=7)
"""The front page looks back so far from the latest story."""
HALF_LIFE = timedelta(hours=12)
"""A story's weight is halved so often since its last article."""
CANDIDATES = 300
"""The front page ranks so many of the best supported and so many of the latest stories."""


@dataclass(frozen=True)
class StoryLine:
    """A story in a list. ``conflicts`` and ``damaged``: figures of it with that status."""

    story_id: str
    title: str
    first_published_at: datetime | None
    last_published_at: datetime | None
    article_count: int
    source_count: int
    independent_count: int
    lead: str = ""
    language: str | None = None
    sources: tuple[str, ...] = ()
    conflicts: int = 0
    damaged: int = 0


_STORY = (
    "story_id, coalesce(title, ''), first_published_at, last_published_at, article_count, source_count, "
    "independent_count"
)


@dataclass(frozen=True)
class Conflict:
    """A figure about which articles disagree."""

    figure_id: str
    story_id: str
    story_title: str
    measure: str
    unit: str | None
    low: float | None
    """The lowest and"""
    high: float | None
    """the highest value that was said."""
    status: str
    note: str
    independent_count: int
    at: datetime | None
    """When the story's last article was published."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a story."""

    event: str
    story_id: str
    story_title: str
    article_id: str
    article_title: str
    source: str
    other_story_id: str | None
    cause: str
    at: datetime


def weight(story: StoryLine, now: datetime) -> float:
    """What ranks a story: independent texts first, then sources, halved every ``HALF_LIFE`` since its last article."""
    support = math.log2(1 + story.independent_count) + 0.3 * math.log2(1 + story.source_count)
    age = max(timedelta(), now - (story.last_published_at or EARLIEST))
    return support * 0.5 ** min(60.0, age / HALF_LIFE)


def front(warehouse: Warehouse, now: datetime, limit: int) -> list[StoryLine]:
    """The stories that matter now, best first; "now" is the latest story's time where nothing is newer."""
    newest = warehouse.query(
        "SELECT max(last_published_at) FROM stories WHERE superseded_by IS NULL AND last_published_at <= ?", [now]
    )[0][0]
    if newest is None:
        return complete(warehouse, newest_first(warehouse, limit))
    base = f"SELECT {_STORY} FROM stories WHERE superseded_by IS NULL AND last_published_at BETWEEN ? AND ?"
    window = [newest - WINDOW, now]
    supported = warehouse.query(
        f"{base} ORDER BY independent_count DESC, last_published_at DESC, story_id LIMIT {CANDIDATES}", window
    )
    latest = warehouse.query(f"{base} ORDER BY last_published_at DESC, story_id LIMIT {CANDIDATES}", window)
    found = {row[0]: StoryLine(*row) for row in (*supported, *latest)}
    ranked = sorted(found.values(), key=lambda s: (-weight(s, newest), s.story_id))
    return complete(warehouse, ranked[:limit])


def newest_first(warehouse: Warehouse, limit: int, after: tuple[datetime, str] | None = None) -> list[StoryLine]:
    """Stories by their last article; ``after``: the time and id that the page before ended with."""
    where, values = "", []
    if after:
        where = "AND (last_published_at < ? OR (last_published_at = ? AND story_id > ?))"
        values = [after[0], after[0], after[1]]
    rows = warehouse.query(
        f"SELECT {_STORY} FROM stories WHERE superseded_by IS NULL AND last_published_at IS NOT NULL {where} "
        f"ORDER BY last_published_at DESC, story_id LIMIT {int(limit)}",
        values,
    )
    return [StoryLine(*row) for row in rows]


def by_ids(warehouse: Warehouse, story_ids: Sequence[str]) -> list[StoryLine]:
    """Those of the stories that stand, in the order given."""
    if not story_ids:
        return []
    rows = warehouse.query(
        f"SELECT {_STORY} FROM stories WHERE superseded_by IS NULL AND story_id IN ({marks(story_ids)})", story_ids
    )
    found = {row[0]: StoryLine(*row) for row in rows}
    return [found[key] for key in dict.fromkeys(story_ids) if key in found]


def complete(warehouse: Warehouse, stories: Sequence[StoryLine]) -> list[StoryLine]:
    """The stories with what lies in other tables: lead, language, sources, what disagrees."""
    ids = [s.story_id for s in stories]
    if not ids:
        return []
    leads = {
        key: (lead, language)
        for key, lead, language in warehouse.query(
            f"SELECT article_id, substr(text, 1, {LEAD}), language FROM articles WHERE article_id IN ({marks(ids)})",
            ids,
        )
    }
    sources: dict[str, list[str]] = {}
    for story_id, source in warehouse.query(
        f"SELECT DISTINCT story_id, source FROM articles WHERE story_id IN ({marks(ids)}) ORDER BY story_id, source",
        ids,
    ):
        sources.setdefault(story_id, []).append(source)
    # Without a condition on the status, which would have DuckDB read the column of all figures.
    odd: dict[tuple[str, str], int] = {}
    for key in warehouse.query(f"SELECT story_id, status FROM figures WHERE story_id IN ({marks(ids)})", ids):
        odd[key] = odd.get(key, 0) + 1
    return [
        replace(
            s,
            lead=leads.get(s.story_id, ("", None))[0],
            language=leads.get(s.story_id, ("", None))[1],
            sources=tuple(sources.get(s.story_id, ())),
            conflicts=odd.get((s.story_id, "conflict"), 0),
            damaged=odd.get((s.story_id, "damaged"), 0),
        )
        for s in stories
    ]


def conflicts(warehouse: Warehouse, limit: int, story_ids: Sequence[str] | None = None) -> list[Conflict]:
    """Figures on which articles disagree, those of the latest stories first; or those of these stories.

    Looked for in ever longer times before the latest story: all conflicts of a large warehouse are many to sort."""
    if story_ids is not None:
        return _conflicts(warehouse, limit, f"s.story_id IN ({marks(story_ids)})", story_ids) if story_ids else []
    newest = warehouse.query("SELECT max(last_published_at) FROM stories WHERE superseded_by IS NULL")[0][0]
    if newest is not None:
        for days in (3, 30):
            found = _conflicts(warehouse, limit, "s.last_published_at >= ?", [newest - timedelta(days=days)])
            if len(found) == limit:
                return found
    return _conflicts(warehouse, limit, "1 = 1", [])


def _conflicts(warehouse: Warehouse, limit: int, where: str, values: Sequence[Any]) -> list[Conflict]:
    ids = [
        row[0]
        for row in warehouse.query(
            "SELECT f.figure_id FROM figures f JOIN stories s ON s.story_id = f.story_id "
            f"WHERE f.status = 'conflict' AND s.superseded_by IS NULL AND {where} "
            f"ORDER BY s.last_published_at DESC NULLS LAST, f.figure_id LIMIT {int(limit)}",
            values,
        )
    ]
    if not ids:
        return []
    rows = warehouse.query(
        "SELECT figure_id, story_id, coalesce(measure, unit, ''), unit, status, coalesce(note, ''), "
        f"independent_count, metric_ids FROM figures WHERE figure_id IN ({marks(ids)})",
        ids,
    )
    of = {s.story_id: s for s in by_ids(warehouse, list({row[1] for row in rows}))}
    said = _values(warehouse, [key for row in rows for key in row[7] or ()])
    found = {}
    for figure_id, story_id, measure, unit, status, note, independent, metric_ids in rows:
        if story := of.get(story_id):
            values_here = [said[key] for key in metric_ids or () if key in said]
            found[figure_id] = Conflict(
                figure_id,
                story_id,
                story.title,
                measure,
                unit,
                min(values_here, default=None),
                max(values_here, default=None),
                status,
                note,
                independent,
                story.last_published_at,
            )
    return [found[key] for key in ids if key in found]


def _values(warehouse: Warehouse, metric_ids: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for n in range(0, len(metric_ids), 400):
        part = metric_ids[n : n + 400]
        sql = f"SELECT metric_id, coalesce(value, low, high) FROM metrics WHERE metric_id IN ({marks(part)})"
        found |= {key: value for key, value in warehouse.query(sql, part) if value is not None}
    return found


def events(warehouse: Warehouse, since: datetime | None, limit: int) -> list[Event]:
    """What happened to stories, the latest first."""
    where, values = ('WHERE e."at" > ?', [since]) if since else ("", [])
    rows = warehouse.query(
        "SELECT e.event, e.story_id, coalesce(s.title, ''), e.article_id, coalesce(a.title, ''), "
        "coalesce(a.source, ''), e.other_story_id, e.cause, e.\"at\" "
        f'FROM (SELECT * FROM story_events e {where} ORDER BY e."at" DESC, e.event_id LIMIT {int(limit)}) e '
        "LEFT JOIN stories s ON s.story_id = e.story_id LEFT JOIN articles a ON a.article_id = e.article_id "
        'ORDER BY e."at" DESC, e.event_id',
        values,
    )
    return [Event(*row) for row in rows]


@dataclass(frozen=True)
class Since:
    """What happened to the stories of a list since a moment."""

    new: frozenset[str] = field(default_factory=frozenset)
    grown: dict[str, int] = field(default_factory=dict)
    """Story -> articles that joined it."""

    def said(self, story_id: str) -> str | None:
        joined = self.grown.get(story_id, 0)
        if story_id in self.new:
            return "new"
        return f"+{joined}" if joined else None


def since(warehouse: Warehouse, moment: datetime, story_ids: Iterable[str]) -> Since:
    """What happened to these stories after the moment (the pipeline's time, not the articles')."""
    ids = list(story_ids)
    if not ids:
        return Since()
    rows = warehouse.query(
        f'SELECT story_id, event, count(*) FROM story_events WHERE "at" > ? AND story_id IN ({marks(ids)}) '
        "GROUP BY story_id, event",
        [moment, *ids],
    )
    return Since(
        frozenset(story for story, event, _ in rows if event in ("created", "split")),
        {story: count for story, event, count in rows if event == "joined"},
    )
