"""Measure each article: its numbers as metrics.

In: articles. Out: (article id, its metrics in the order of the text), also for an article without any. Nothing is
dropped; an article in a language without a pack has no metrics, and ``unmeasured`` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.measure.measure import measure_text
from pipeline.measure.pack import load_pack
from schemas.records import Article, Metric


@dataclass(frozen=True)
class Measuring:
    """``default_language``: taken for articles whose language is not known; None to leave those unmeasured."""

    default_language: str | None = "en"


def measure_article(article: Article, config: Measuring) -> list[Metric]:
    """The metrics of one article, ``story_id`` not yet known."""
    pack = load_pack(article.language or config.default_language)
    if pack is None:
        return []
    return measure_text(
        article.text,
        pack,
        published=article.published_at.date() if article.published_at else None,
        country=article.provenance.get("country"),
        article_id=article.article_id,
        text_hash=article.text_hash,
    )


def unmeasured(article: Article, config: Measuring) -> str | None:
    """Why an article was not measured, in words; None when it was."""
    language = article.language or config.default_language
    if load_pack(language) is not None:
        return None
    return (
        f"numbers are not read in {language}: wiredesk has no language pack for it"
        if language
        else "the language is not known"
    )
