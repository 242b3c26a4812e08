"""One record of each kind, for the tests of the wire format and the tables."""

from datetime import UTC, datetime

from schemas import records
from schemas.fetched import fetched

WHEN = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)

# One record of each kind. A golden file holds the bytes that version 1 wrote for it; the files never change.
SAMPLES: dict[str, records.Record] = {
    "Fetched": fetched(
        source="herald",
        url="https://herald.example/a?utm_source=x",
        final_url="https://herald.example/a",
        fetched_at=WHEN,
        status=200,
        content_type="text/html; charset=utf-8",
        headers={"last-modified": "Wed, 04 Mar 2026 05:00:00 GMT"},
        body="<p>Ünïcode</p>".encode() * 400,
        entry=records.Entry(
            guid="g1",
            title="A title",
            content="full",
            authors=("A. Writer",),
            dates=(records.DateClue(raw="Wed, 04 Mar 2026", origin="feed"),),
        ),
        position="https://herald.example/feed",
        provenance={"connector": "feed"},
    ),
    "Revision": records.Revision(
        fetch_id="f1",
        article_id="a1",
        source="herald",
        url="u",
        canonical_url="c",
        text="t",
        text_hash="h",
        word_count=1,
    ),
    "Article": records.Article(
        article_id="a1",
        fetch_id="f1",
        url="u",
        canonical_url="c",
        source="herald",
        published_at=WHEN,
        authors=("A", "B"),
        text="t",
        text_hash="h",
        word_count=1,
        provenance={"k": "v"},
    ),
    "ArticleVersion": records.ArticleVersion(article_id="a1", text_hash="h", text="t", fetched_at=WHEN),
    "Link": records.Link(
        article_id="a2", story_id="a1", parent_id="a1", relation="copy", similarity=0.75, copy_group="a1"
    ),
    "Sketch": records.Sketch(
        article_id="a1", text_hash="h", language="en", at=WHEN, keys=(-(2**63), 7), evidence=b"\x01\xff"
    ),
    "Pair": records.Pair(article_id="a2", earlier_id="a1", likeness=0.75, containment=0.5),
    "Member": records.Member(article_id="a1", story_id="a1", title="T", source="herald", published_at=WHEN, at=WHEN),
    "Story": records.Story(story_id="a1", title="T", first_published_at=WHEN, article_count=2, superseded_by="a0"),
    "StoryEvent": records.StoryEvent(
        event_id="e1", story_id="a1", event="re-rooted", article_id="a0", cause="c", at=WHEN
    ),
    "ArticleSection": records.ArticleSection(section_id="s1", article_id="a1", title="T", span_start=1, span_end=9),
    "Metric": records.Metric(
        metric_id="m1",
        article_id="a1",
        span_start=0,
        span_end=3,
        surface="7 %",
        sentence="7 %.",
        value=7.0,
        unit="percent",
    ),
    "Figure": records.Figure(
        figure_id="g1", story_id="a1", measure="jobs", value=7000.0, status="damaged", metric_ids=("m1",)
    ),
    "Reject": records.Reject(reject_id="r1", stage="extract", reason="no_text", at=WHEN, payload=b"\x00\x01"),
    "Receipt": records.Receipt(fetch_id="f1", outcome="article", article_id="a1", at=WHEN),
    "Progress": records.Progress(channel="q", position=7, records=7, receipts=6, repeats=1, at=WHEN),
    "Denial": records.Denial(what="article", name="a1", why="asked for", at=WHEN),
    "Claim": records.Claim(url="s3://bucket/queue/ab", size=1_000_000, sha256="ab" * 32),
    "Replaced": records.Replaced(table="metrics", group="a1"),
}
