"""Families of articles: tests/golden/families, and bench/training/families to train on.

Each file is a family: ``about``, and articles with ``story`` (those of one value tell one story), ``relation`` and, for
copies and rewrites, ``parent``, the earlier articles that it may have come from. A digest names its sections' stories.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from schemas.ids import article_id, text_hash
from schemas.records import Article

FOLDER = Path(__file__).parents[1] / "golden" / "families"


@dataclass(frozen=True)
class Expected:
    """What is right for one article."""

    article: Article
    story: str
    relation: str
    parents: frozenset[str]
    """Ids of articles."""
    sections: tuple[str, ...]
    """The story of each section of a digest."""


@dataclass(frozen=True)
class Family:
    name: str
    about: str
    members: tuple[Expected, ...]


@functools.cache
def families(folder: Path = FOLDER) -> tuple[Family, ...]:
    """All families of a folder, in the order of their files."""
    return tuple(_family(path) for path in sorted(folder.glob("*.toml")))


def _family(path: Path) -> Family:
    table = tomllib.loads(path.read_text("utf-8"))
    return Family(path.stem, table["about"], tuple(_expected(path.stem, row) for row in table["article"]))


def _expected(family: str, row: dict[str, Any]) -> Expected:
    return Expected(
        article=golden_article(family, row),
        story=f"{family} {row['story']}",
        relation=row["relation"],
        parents=frozenset(article_id(_url(family, name)) for name in row.get("parent", ())),
        sections=tuple(f"{family} {s['story']}" for s in row.get("sections", ())),
    )


def golden_article(family: str, row: dict[str, Any]) -> Article:
    """The article of a row with id, outlet, at, title, text and perhaps language."""
    title, text = row["title"], row["text"].strip()
    url = _url(family, row["id"])
    at = row.get("at")
    return Article(
        article_id=article_id(url),
        fetch_id=row["id"],
        url=url,
        canonical_url=url,
        source=row["outlet"],
        title=title,
        language=row.get("language", "en"),
        published_at=at.astimezone(UTC) if at else None,
        text=text,
        text_hash=text_hash(title, text),
        word_count=len(text.split()),
    )


def _url(family: str, name: str) -> str:
    return f"https://golden.example/{family}/{name}"
