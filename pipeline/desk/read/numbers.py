"""Numbers across stories: what was measured, by whom it was said, for which period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.warehouse import Warehouse
from pipeline.desk.read.lists import marks

RECENT = 400
"""Without a measure, unit or speaker the numbers of so many of the latest articles are looked at."""


@dataclass(frozen=True)
class WantedNumbers:
    """What is browsed; empty means any. Measure and unit whole, the speaker by a part of the phrase, the period by its
    beginning (2026, 2026-03)."""

    measure: str = ""
    unit: str = ""
    speaker: str = ""
    period: str = ""

    @property
    def narrow(self) -> bool:
        return bool(self.measure or self.unit or self.speaker or self.period)


@dataclass(frozen=True)
class Number:
    """A metric with the article it stands in."""

    metric_id: str
    article_id: str
    story_id: str | None
    title: str
    source: str
    at: datetime | None
    surface: str
    sentence: str
    value: float | None
    low: float | None
    high: float | None
    unit: str | None
    per: str | None
    measure: str | None
    form: str
    kind: str
    period: str | None
    speaker: str | None
    confidence: float | None

    @property
    def number(self) -> float | None:
        return self.value if self.value is not None else self.low if self.low is not None else self.high


def numbers(warehouse: Warehouse, wanted: WantedNumbers, limit: int) -> list[Number]:
    """The latest numbers that match, newest first."""
    where, values = _where(wanted)
    if not wanted.narrow:
        ids = _recent(warehouse)
        if not ids:
            return []
        where, values = f"m.article_id IN ({marks(ids)})", ids
    rows = warehouse.query(
        "SELECT m.metric_id, m.article_id, a.story_id, coalesce(a.title, ''), a.source, "
        "coalesce(a.published_at, a.first_seen_at), m.surface, m.sentence, m.value, m.low, m.high, m.unit, m.per, "
        "m.measure, m.form, m.kind, m.period, m.attribution, m.confidence "
        f"FROM metrics m JOIN articles a ON a.article_id = m.article_id WHERE {where} "
        f"ORDER BY coalesce(a.published_at, a.first_seen_at) DESC NULLS LAST, m.metric_id LIMIT {int(limit)}",
        values,
    )
    return [Number(*row) for row in rows]


def _where(wanted: WantedNumbers) -> tuple[str, list[Any]]:
    parts = {
        "m.measure = ?": wanted.measure,
        "m.unit = ?": wanted.unit,
        "starts_with(m.period, ?)": wanted.period,
        "lower(m.attribution) LIKE ?": f"%{_literally(wanted.speaker.lower())}%" if wanted.speaker else "",
    }
    chosen = {sql: value for sql, value in parts.items() if value}
    return " AND ".join(chosen), list(chosen.values())


def _literally(text: str) -> str:
    """Without the signs that LIKE reads as wild cards: any sign stands for them."""
    return text.replace("\\", "_").replace("%", "_")


def _recent(warehouse: Warehouse) -> list[str]:
    return [
        row[0]
        for row in warehouse.query(
            "SELECT article_id FROM articles WHERE published_at IS NOT NULL "
            f"ORDER BY published_at DESC, article_id LIMIT {RECENT}"
        )
    ]


@dataclass(frozen=True)
class Choices:
    """What the latest articles have, most frequent first: (value, how often)."""

    measures: tuple[tuple[str, int], ...] = ()
    units: tuple[tuple[str, int], ...] = ()
    speakers: tuple[tuple[str, int], ...] = ()
    periods: tuple[tuple[str, int], ...] = ()


def choices(warehouse: Warehouse, limit: int) -> Choices:
    ids = _recent(warehouse)
    if not ids:
        return Choices()
    return Choices(
        *(_counted(warehouse, column, ids, limit) for column in ("measure", "unit", "attribution", "period"))
    )


def _counted(warehouse: Warehouse, column: str, ids: Sequence[str], limit: int) -> tuple[tuple[str, int], ...]:
    rows = warehouse.query(
        f"SELECT {column}, count(*) FROM metrics WHERE article_id IN ({marks(ids)}) AND {column} IS NOT NULL "
        f"GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT {int(limit)}",
        ids,
    )
    return tuple((value, count) for value, count in rows)
