"""The labelled sets that matching is trained and measured on: articles as JSON lines, stories as url,story CSV."""

from __future__ import annotations

import csv
import json
import lzma
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from families import families

from schemas.ids import article_id, text_hash
from schemas.records import Article

STORIES = ("neus", "ecb", "fnc")
"""Sets with gold stories. The background set has none; nearly all its articles stand alone."""


def articles(folder: Path, name: str) -> list[Article]:
    """All articles of a set, in the order of the file."""
    packed = folder / f"{name}.jsonl.xz"
    with lzma.open(packed, "rt") if packed.exists() else (folder / f"{name}.jsonl").open() as lines:
        return [_article(json.loads(line)) for line in lines]


def training_families() -> tuple[list[Article], dict[str, str]]:
    """The articles of bench/training/families and the story of each; tests/golden/families is never trained on."""
    members = [m for family in families(Path(__file__).parent / "training" / "families") for m in family.members]
    return [m.article for m in members], {m.article.article_id: m.story for m in members}


def gold(folder: Path, name: str) -> dict[str, str]:
    """Article id -> story."""
    with (folder / f"{name}.gold.csv").open(newline="") as rows:
        return {article_id(row["url"]): row["story"] for row in csv.DictReader(rows)}


def copy_pairs(folder: Path, name: str) -> dict[tuple[str, str], float]:
    """Pair of article ids, sorted -> containment of the shorter text, by exhaustive comparison."""
    with (folder / f"{name}.pairs.csv").open(newline="") as rows:
        return {
            tuple(sorted((article_id(row["url_a"]), article_id(row["url_b"])))): float(row["containment"])
            for row in csv.DictReader(rows)
        }


def _article(row: dict[str, str]) -> Article:
    title = row.get("title") or None
    return Article(
        article_id=article_id(row["url"]),
        fetch_id="",
        url=row["url"],
        canonical_url=row["url"],
        source=row.get("source") or row["url"].split("/")[2],
        title=title,
        language="en",
        published_at=_date(row.get("published_at")),
        text=row["text"],
        text_hash=text_hash(title, row["text"]),
        word_count=len(row["text"].split()),
    )


def _date(raw: str | None) -> datetime | None:
    if not raw:
        return None
    found = datetime.fromisoformat(raw)
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC) if 1990 <= found.year < 2030 else None
