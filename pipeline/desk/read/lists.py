"""What several questions share: SQL lists, and articles and stories as lines of a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.warehouse import Warehouse

LEAD = 280
"""Characters of an article's text that a list shows at most."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that is not known."""


@dataclass(frozen=True)
class ArticleLine:
    """An article in a list."""

    article_id: str
    title: str
    source: str
    language: str | None
    url: str
    published_at: datetime | None
    first_seen_at: datetime | None
    story_id: str | None
    relation: str
    word_count: int
    lead: str

    @property
    def at(self) -> datetime | None:
        return self.published_at or self.first_seen_at


_LINE = (
    "article_id, coalesce(title, ''), source, language, canonical_url, published_at, first_seen_at, story_id, "
    f"coalesce(relation, 'original'), word_count, substr(text, 1, {LEAD})"
)


def marks(values: Sequence[Any]) -> str:
    """``?, ?, ?`` for an IN list."""
    return ", ".join("?" * len(values))


def article_lines(warehouse: Warehouse, article_ids: Iterable[str]) -> list[ArticleLine]:
    """The articles in the order given; those that are not there are left out."""
    wanted = list(dict.fromkeys(article_ids))
    if not wanted:
        return []
    rows = warehouse.query(f"SELECT {_LINE} FROM articles WHERE article_id IN ({marks(wanted)})", wanted)
    found = {row[0]: ArticleLine(*row) for row in rows}
    return [found[key] for key in wanted if key in found]


def texts(warehouse: Warehouse, article_ids: Sequence[str]) -> dict[str, str]:
    """Article id -> its whole text."""
    if not article_ids:
        return {}
    sql = f"SELECT article_id, text FROM articles WHERE article_id IN ({marks(article_ids)})"
    return dict(warehouse.query(sql, article_ids))


def latest_articles(warehouse: Warehouse, limit: int) -> list[ArticleLine]:
    """The articles published last."""
    rows = warehouse.query(
        "SELECT article_id FROM articles WHERE published_at IS NOT NULL "
        f"ORDER BY published_at DESC, article_id LIMIT {int(limit)}"
    )
    return article_lines(warehouse, [row[0] for row in rows])
