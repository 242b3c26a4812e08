"""The summary of a small warehouse, and how it looks (golden file: tests/golden/demo/summary.txt)."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.demo.summary import Summary, collect, excerpt, render
from schemas.records import Article, ArticleSection, Figure, Link, Metric, Receipt, Reject, Story

GOLDEN = Path(__file__).parents[1] / "golden" / "demo" / "summary.txt"
AT = datetime(2024, 2, 26, 9, 0, tzinfo=UTC)


def article(key: str, source: str, title: str, hours: int) -> Article:
    return Article(
        article_id=key,
        fetch_id=f"fetch-{key}",
        url=f"https://{source.lower()}.example/{key}",
        canonical_url=f"https://{source.lower()}.example/{key}",
        source=source,
        title=title,
        published_at=AT + timedelta(hours=hours),
        text="Some text.",
        text_hash=key,
        word_count=2,
    )


def metric(key: str, of: str, value: float, surface: str, sentence: str, attribution: str | None = None) -> Metric:
    return Metric(
        metric_id=key,
        article_id=of,
        story_id="scoop",
        span_start=0,
        span_end=1,
        surface=surface,
        sentence=sentence,
        value=value,
        attribution=attribution,
    )


@pytest.fixture
def filled(warehouse):
    sentence = "A march against the charge ended with {} arrests, and afterwards the crowd went home through the rain."
    warehouse.apply(
        [
            article("scoop", "Courier", "Twelve [arrested] in Castrelle", 0),
            article("wire", "Agency", "Fifteen held, organisers say", 1),
            article("copy", "Valley", "Protest over water", 2),
            article("digest", "Lantern", "The week", 30),
            article("alone", "Lantern", "A kiln", 3),
            Link(article_id="scoop", story_id="scoop"),
            Link(article_id="wire", story_id="scoop", parent_id="scoop", relation="rewrite", similarity=0.914),
            Link(
                article_id="copy", story_id="scoop", parent_id="wire", relation="copy", similarity=1, copy_group="wire"
            ),
            Link(article_id="digest", story_id="digest"),
            Link(article_id="alone", story_id="alone"),
            ArticleSection(
                section_id="s", article_id="digest", story_id="scoop", parent_id="wire", similarity=0.8,
                title="Water", span_start=0, span_end=5,
            ),
            Story(story_id="scoop", title="Twelve [arrested] in Castrelle", article_count=3, source_count=3),
            Story(story_id="digest", title="The week", article_count=1, source_count=1),
            Story(story_id="alone", title="A kiln", article_count=1, source_count=1),
            Story(story_id="old", title="What it was once", article_count=2, source_count=2, superseded_by="scoop"),
            metric("m1", "scoop", 12, "12", sentence.format(12), "the police"),
            metric("m2", "wire", 15, "15", sentence.format(15), "organisers"),
            metric("m3", "copy", 15, "15", sentence.format(15), "organisers"),
            metric("m4", "scoop", 3.2, "$3.20", "Water will cost $3.20."),
            metric("m5", "wire", 3.2, "$3.20", "The price is to be $3.20."),
            Figure(
                figure_id="f1", story_id="scoop", measure="arrests", status="conflict",
                article_count=3, independent_count=2, metric_ids=("m1", "m2", "m3"),
            ),
            Figure(
                figure_id="f2", story_id="scoop", measure="price of water", status="agree",
                article_count=2, independent_count=2, metric_ids=("m4", "m5"),
            ),
            Figure(figure_id="f3", story_id="scoop", measure="windows", status="single", metric_ids=("m9",)),
            Reject(reject_id="r1", stage="fetch", reason="gone", url="https://snag.example/feed", at=AT),
            Reject(reject_id="r2", stage="fetch", reason="gone", url="https://snag.example/sandwich", at=AT),
            Reject(reject_id="r3", stage="extract", reason="bot_wall", url="https://snag.example/robots", at=AT),
            *(Receipt(fetch_id=f"a{n}", outcome="article", at=AT) for n in range(5)),
            *(Receipt(fetch_id=f"r{n}", outcome="reject", at=AT) for n in range(3)),
        ]
    )  # fmt: skip
    return warehouse


def printed(summary: Summary, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    render(summary, console, {"wiredesk audit": "is every item accounted for?"})
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def test_a_story_is_told_from_its_first_article_on(filled):
    (story,) = collect(filled).stories
    assert [(t.source, t.relation) for t in story.told] == [
        ("Courier", "original"),
        ("Agency", "rewrite"),
        ("Valley", "copy"),
        ("Lantern", "section"),
    ]


def test_each_value_of_a_conflict_has_one_voice(filled):
    (story,) = collect(filled).stories
    conflict = next(f for f in story.figures if f.status == "conflict")
    assert [(v.surface, v.speaker) for v in conflict.voices] == [
        ("12", "the police, in Courier"),
        ("15", "organisers, in Agency"),
    ]


def test_the_rest_is_counted(filled):
    summary = collect(filled)
    assert summary.alone == 2
    assert summary.rejects == (("gone", 2, "https://snag.example/feed"), ("bot_wall", 1, "https://snag.example/robots"))
    assert summary.receipts == (("article", 5), ("reject", 3))


def test_an_empty_warehouse_has_a_summary(warehouse):
    assert "0 receipts" in printed(collect(warehouse))


def test_it_looks_as_it_should(filled):
    assert printed(collect(filled)) == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("width", [80, 50])
def test_no_line_is_too_long(filled, width):
    assert max(map(len, printed(collect(filled), width).splitlines())) <= width


def test_an_excerpt_holds_the_number():
    sentence = "word " * 60 + "12 arrests" + " word" * 60
    cut = excerpt(sentence, "12")
    assert "12 arrests" in cut
    assert cut.startswith("...")
    assert cut.endswith("...")
    assert len(cut) < 130
    assert excerpt("Short,  with 12.", "12") == "Short, with 12."
