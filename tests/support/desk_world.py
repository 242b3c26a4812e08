"""A small warehouse for the desk's tests: a story with rewrites, copies and disputed numbers, and hostile content."""

import hashlib
from datetime import UTC, datetime, timedelta

from schemas import wire
from schemas.fetched import fetched
from schemas.records import (
    Article,
    ArticleSection,
    ArticleVersion,
    Denial,
    Failure,
    Figure,
    Link,
    Metric,
    Progress,
    Receipt,
    Record,
    Reject,
    Story,
    StoryEvent,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def hours(n: float) -> datetime:
    return NOW - timedelta(hours=n)


def article(name: str, at: datetime, **fields: object) -> Article:
    text = str(fields.get("text", f"Text of {name}."))
    defaults = {
        "article_id": key(name),
        "fetch_id": key(f"fetch {name}"),
        "url": f"https://{name}.example/1",
        "canonical_url": f"https://{name}.example/1",
        "source": name,
        "title": f"Headline of {name}",
        "language": "en",
        "published_at": at,
        "published_raw": "Wed, 04 Mar 2026",
        "published_from": "feed",
        "first_seen_at": at,
        "fetched_at": at,
        "text": text,
        "text_hash": key(f"text {text}"),
        "word_count": len(text.split()),
        "provenance": {"connector": "feed"},
    }
    return Article(**(defaults | fields))


def metric(owner: Article, surface: str, value: float, speaker: str | None = None, **fields: object) -> Metric:
    start = owner.text.index(surface)
    said = owner.text.index(speaker) if speaker else None
    return Metric(
        **{
            "metric_id": key(f"metric {owner.article_id} {surface}"),
            "article_id": owner.article_id,
            "story_id": key("herald"),
            "span_start": start,
            "span_end": start + len(surface),
            "surface": surface,
            "sentence": owner.text.split("\n")[0],
            "value": value,
            "unit": "person",
            "measure": "deaths",
            "period": "2026-03-04",
            "attribution": speaker,
            "attribution_start": said,
            "attribution_end": said + len(speaker) if speaker and said is not None else None,
            "confidence": 0.9,
        }
        | fields
    )


HERALD = article("herald", hours(5), text="The harbour fire killed 12 people, the mayor said.\nIt began at night.")
COURIER = article("courier", hours(4), text="At least 14 people died in the harbour fire.\nNobody knows why it began.")
WIRE = [article(f"wire{n}", hours(3 - n / 10), text=HERALD.text, wire_credit="PPA") for n in range(4)]
HOSTILE = article(
    "hostile",
    hours(2),
    source=FORMULA,
    title=SCRIPT,
    text=f"{SCRIPT} and {IMAGE} about 7 people.\n{SCRIPT}",
    canonical_url="javascript:alert(1)",
    url="https://hostile.example/1",
    authors=(IMAGE,),
    language='en"><script>',
    published_raw=SCRIPT,
    rights=IMAGE,
    provenance={SCRIPT: IMAGE},
)
KYOTO = article("kyoto", hours(30), text="京都の橋が閉鎖された。", title="橋の閉鎖", language="ja")
DIGEST = article("digest", hours(1), text="Morning news.\nThe harbour fire: twelve dead.")

METRICS = [
    metric(HERALD, "12", 12, "the mayor"),
    metric(COURIER, "14", 14, bound="at_least"),
    metric(HOSTILE, "7", 7, story_id=key("hostile"), measure=SCRIPT, attribution=IMAGE, sentence=HOSTILE.text),
]
REJECTED = fetched(
    source="gazette", url="https://gazette.example/x", body=f"<html>{SCRIPT}</html>".encode(), status=200,
    content_type="text/html", failure=Failure(reason="bot_wall", detail=SCRIPT),
)  # fmt: skip


def world() -> list[Record]:
    articles = [HERALD, COURIER, *WIRE, HOSTILE, KYOTO, DIGEST]
    story = key("herald")
    links = [
        Link(article_id=HERALD.article_id, story_id=story, copy_group=story),
        Link(article_id=COURIER.article_id, story_id=story, parent_id=story, relation="rewrite", similarity=0.91),
        *(
            Link(
                article_id=a.article_id, story_id=story, parent_id=story, relation="copy", similarity=1.0,
                copy_group=story, copy_kind="exact",
            )
            for a in WIRE
        ),
        *(Link(article_id=a.article_id, story_id=a.article_id) for a in (HOSTILE, KYOTO, DIGEST)),
    ]  # fmt: skip
    stories = [
        Story(
            story_id=story, title=HERALD.title, first_published_at=hours(5), last_published_at=hours(2.7),
            article_count=6, source_count=6, independent_count=2,
        ),
        *(
            Story(
                story_id=a.article_id, title=a.title, first_published_at=a.published_at,
                last_published_at=a.published_at, article_count=1, source_count=1, independent_count=1,
            )
            for a in (HOSTILE, KYOTO, DIGEST)
        ),
        Story(story_id=key("gone"), title="An older root", superseded_by=story),
    ]  # fmt: skip
    figures = [
        Figure(
            figure_id=key("figure"), story_id=story, measure="deaths", unit="person", status="conflict",
            article_count=2, independent_count=2, note="12 against 14", period="2026-03-04",
            metric_ids=(METRICS[0].metric_id, METRICS[1].metric_id),
        ),
        Figure(
            figure_id=key("hostile figure"), story_id=HOSTILE.article_id, measure=SCRIPT, unit=IMAGE, note=SCRIPT,
            status="conflict", metric_ids=(METRICS[2].metric_id,), value=7,
        ),
    ]  # fmt: skip
    events = [
        StoryEvent(event_id=key(f"event {a.article_id}"), story_id=story, event=event, article_id=a.article_id,
                   cause=SCRIPT, at=hours(1))
        for a, event in ((HERALD, "created"), (COURIER, "joined"))
    ]  # fmt: skip
    return [
        *articles,
        *links,
        *stories,
        *figures,
        *METRICS,
        *events,
        *(ArticleVersion(article_id=a.article_id, text_hash=a.text_hash, title=a.title, text=a.text,
                         fetched_at=a.fetched_at) for a in articles),
        ArticleVersion(article_id=HERALD.article_id, text_hash=key("old"), title="Fire at the harbour",
                       text="The harbour fire killed 11 people.\nIt began at night.", fetched_at=hours(6)),
        ArticleSection(section_id=key("section"), article_id=DIGEST.article_id, story_id=story, parent_id=story,
                       relation="rewrite", similarity=0.8, title="The harbour fire", span_start=14, span_end=44),
        *(Receipt(fetch_id=a.fetch_id, source=a.source, url=a.url, outcome="article", article_id=a.article_id,
                  fetched_at=a.fetched_at, at=hours(1)) for a in articles),
        Receipt(fetch_id=REJECTED.fetch_id, source="gazette", url=REJECTED.url, outcome="reject",
                reject_id=key("reject"), at=hours(1)),
        Reject(reject_id=key("reject"), stage="extract", reason="bot_wall", detail=SCRIPT, url=REJECTED.url,
               source="gazette", at=hours(1), payload=wire.encode(REJECTED)),
        Progress(channel="queue", position=10, records=10, receipts=10, at=hours(1)),
        Denial(what="article", name=key("denied"), why="=1+1", at=hours(1)),
    ]  # fmt: skip
