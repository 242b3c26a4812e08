"""One story: its articles and what each came from, its figures with everything that was said, what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.warehouse import Warehouse
from pipeline.desk.read.lists import EARLIEST, article_lines, marks
from schemas.records import Story, StoryEvent

MOST_ARTICLES = 600
MOST_FIGURES = 120
SHOWN = ("conflict", "damaged", "superseded", "agree", "single")
"""In this order."""


@dataclass(frozen=True)
class Told:
    """An article of the story, or a digest's section that tells it (then ``section_id`` is set)."""

    article_id: str
    title: str
    source: str
    language: str | None
    at: datetime | None
    parent_id: str | None
    relation: str
    similarity: float | None
    copy_kind: str | None
    copy_group: str | None
    wire_credit: str | None
    word_count: int
    section_id: str | None = None


@dataclass(frozen=True)
class Said:
    """A number as one article has it."""

    metric_id: str
    article_id: str
    source: str
    article_title: str
    at: datetime | None
    surface: str
    sentence: str
    value: float | None
    low: float | None
    high: float | None
    bound: str
    approx: bool
    speaker: str | None
    confidence: float | None

    @property
    def number(self) -> float | None:
        """One number to draw: the value, or a range's lower end."""
        return self.value if self.value is not None else self.low if self.low is not None else self.high


@dataclass(frozen=True)
class FigureLine:
    """A figure with all that was said of it, earliest first."""

    figure_id: str
    measure: str
    unit: str | None
    per: str | None
    kind: str
    period: str | None
    form: str
    value: float | None
    low: float | None
    high: float | None
    status: str
    article_count: int
    independent_count: int
    note: str | None
    said: tuple[Said, ...]

    @property
    def span(self) -> tuple[float | None, float | None]:
        """The lowest and the highest value that was said."""
        found = [s.number for s in self.said if s.number is not None]
        return (min(found), max(found)) if found else (self.low, self.high)


@dataclass(frozen=True)
class StoryPage:
    story: Story
    told: tuple[Told, ...]
    figures: tuple[FigureLine, ...]
    singles: int
    """Figures that only one article gives; ``figures`` has the first few of them."""
    events: tuple[StoryEvent, ...]


def story_page(warehouse: Warehouse, story_id: str) -> StoryPage | None:
    """All of a story; None when there is none of this id."""
    found = warehouse.rows(Story, "story_id = ?", [story_id])
    if not found:
        return None
    articles = tuple(told(warehouse, story_id))
    figures = _figures(warehouse, story_id, articles)
    return StoryPage(
        found[0],
        articles,
        tuple(figures),
        sum(f.status == "single" for f in figures),
        tuple(sorted(warehouse.rows(StoryEvent, "story_id = ?", [story_id]), key=lambda e: (e.at, e.event_id))[:200]),
    )


def told(warehouse: Warehouse, story_id: str) -> list[Told]:
    """The story's articles, earliest first, then the sections of digests that tell it."""
    # Sorted here: with ORDER BY and LIMIT DuckDB reads the whole column and not its index, 40 ms instead of 1.
    articles = warehouse.query(
        "SELECT article_id, coalesce(title, ''), source, language, coalesce(published_at, first_seen_at), parent_id, "
        "coalesce(relation, 'original'), similarity, copy_kind, copy_group, wire_credit, word_count FROM articles "
        "WHERE story_id = ?",
        [story_id],
    )
    articles = sorted(articles, key=lambda row: (row[4] is None, row[4] or EARLIEST, row[0]))[:MOST_ARTICLES]
    sections = warehouse.query(
        "SELECT article_id, coalesce(title, ''), parent_id, relation, similarity, copy_kind, section_id "
        "FROM article_sections WHERE story_id = ?",
        [story_id],
    )
    sections = sorted(sections, key=lambda row: row[6])[:MOST_ARTICLES]
    digests = {a.article_id: a for a in article_lines(warehouse, [row[0] for row in sections])}
    return [Told(*row) for row in articles] + [
        Told(
            digest.article_id,
            title or digest.title,
            digest.source,
            digest.language,
            digest.at,
            *(parent_id, relation, similarity, copy_kind),
            None,
            None,
            0,
            section_id,
        )
        for article_id, title, parent_id, relation, similarity, copy_kind, section_id in sections
        if (digest := digests.get(article_id))
    ]


def _figures(warehouse: Warehouse, story_id: str, articles: Sequence[Told]) -> list[FigureLine]:
    rows = warehouse.query(
        "SELECT figure_id, coalesce(measure, unit, ''), unit, per, kind, period, form, value, low, high, status, "
        "article_count, independent_count, note, metric_ids FROM figures WHERE story_id = ?",
        [story_id],
    )
    rows = sorted(rows, key=lambda row: (SHOWN.index(row[10]), -row[12], -row[11], row[0]))[:MOST_FIGURES]
    said = _voices(warehouse, [key for row in rows for key in row[14] or ()], articles)
    return [
        FigureLine(*[*row[:14], tuple(sorted((said[k] for k in row[14] or () if k in said), key=_order))])
        for row in rows
    ]


def _order(said: Said) -> tuple[bool, str, str]:
    return said.at is None, said.at.isoformat() if said.at else "", said.metric_id


def _voices(warehouse: Warehouse, metric_ids: Sequence[str], articles: Sequence[Told]) -> dict[str, Said]:
    """Metric id -> who said what, in which of the story's articles. No join: these articles were read already."""
    known = {t.article_id: t for t in reversed(articles)}
    found: dict[str, Said] = {}
    wanted = list(dict.fromkeys(metric_ids))
    for n in range(0, len(wanted), 400):
        part = wanted[n : n + 400]
        rows = warehouse.query(
            "SELECT metric_id, article_id, surface, sentence, value, low, high, bound, approx, attribution, confidence "
            f"FROM metrics WHERE metric_id IN ({marks(part)})",
            part,
        )
        for metric_id, article_id, *rest in rows:
            if article_id in known:
                t = known[article_id]
                found[metric_id] = Said(*[metric_id, article_id, t.source, t.title, t.at, *rest])
    return found
