"""Which articles are measured, and as what language."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.measure.step import Measuring, measure_article, unmeasured
from schemas.records import Article


def article(text: str, **fields) -> Article:
    filled = {"language": "en", "published_at": datetime(2026, 3, 2, tzinfo=UTC), **fields}
    url = "https://paper.example/a"
    return Article(
        article_id="a",
        fetch_id="f",
        url=url,
        canonical_url=url,
        source="paper",
        text=text,
        text_hash="t",
        word_count=1,
        **filled,
    )


def test_an_article_has_its_metrics_and_no_story_yet():
    found = measure_article(article("40 ships left."), Measuring())
    assert [(m.article_id, m.value, m.story_id) for m in found] == [("a", 40.0, None)]


def test_an_article_in_a_language_without_a_pack_has_none_and_says_why():
    german = article("40 Schiffe sind fort.", language="de")
    assert measure_article(german, Measuring()) == []
    assert "de" in (unmeasured(german, Measuring()) or "")
    assert unmeasured(article("x"), Measuring()) is None


def test_an_unknown_language_is_taken_for_the_default_one_if_there_is_one():
    unknown = article("40 ships left.", language=None)
    assert len(measure_article(unknown, Measuring())) == 1
    assert measure_article(unknown, Measuring(default_language=None)) == []


def test_the_same_article_has_the_same_metric_ids():
    assert measure_article(article("40 ships left."), Measuring()) == measure_article(
        article("40 ships left."), Measuring()
    )
