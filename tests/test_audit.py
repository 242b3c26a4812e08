"""The audit balances where all is well, and each of its checks finds what it is for."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.queue import Outgoing, open_queue, read_fetched
from connectors.warehouse import open_warehouse
from pipeline.cli import main
from pipeline.cli.audit import QUEUE_POSITION, QUEUE_RECEIPTS, check, rules
from schemas import wire
from schemas.fetched import fetched
from schemas.records import (
    Article,
    ArticleSection,
    ArticleVersion,
    Figure,
    Link,
    Metric,
    Progress,
    Receipt,
    Record,
    Reject,
    Sketch,
    Story,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def article(
    name: str, hours: int, text: str = "A text: 7 jobs \N{GRINNING FACE} go, 9 stay.", **fields
) -> list[Record]:
    """An article with its version, sketch and receipt."""
    at = NOW + hours * HOUR
    row = Article(
        article_id=name,
        fetch_id=f"f-{name}",
        url=name,
        canonical_url=name,
        source=f"source {name}",
        published_at=at,
        fetched_at=at,
        text=text,
        text_hash=f"h-{name}",
        word_count=2,
        **fields,
    )
    return [
        row,
        ArticleVersion(article_id=name, text_hash=row.text_hash, text=text, fetched_at=at),
        Sketch(article_id=name, text_hash=row.text_hash, language="en", at=at),
        Receipt(fetch_id=row.fetch_id, outcome="article", article_id=name, text_hash=row.text_hash, at=NOW),
    ]


def metric(metric_id: str, start: int, surface: str, **fields) -> Metric:
    span = {"span_start": start, "span_end": start + len(surface)}
    return Metric(metric_id=metric_id, article_id="a", story_id="a", surface=surface, sentence="s", **span, **fields)


GOOD: list[Record] = [
    *article("a", 0),
    *article("b", 1),
    *article("c", 2),
    *article("d", 3),
    Receipt(fetch_id="f-again", outcome="duplicate", article_id="a", text_hash="h-a", at=NOW),
    Receipt(fetch_id="f-rejected", outcome="reject", reject_id="r", at=NOW),
    Reject(reject_id="r", stage="fetch", reason="timeout", at=NOW),
    Link(article_id="a", story_id="a", copy_group="a"),
    Link(article_id="b", story_id="a", parent_id="a", relation="copy", similarity=1.0, copy_group="a"),
    Link(article_id="c", story_id="a", parent_id="b", relation="rewrite", similarity=0.9),
    Link(article_id="d", story_id="d"),
    Story(
        story_id="a",
        article_count=3,
        source_count=3,
        independent_count=2,
        first_published_at=NOW,
        last_published_at=NOW + 2 * HOUR,
    ),
    Story(
        story_id="d",
        article_count=1,
        source_count=1,
        independent_count=1,
        first_published_at=NOW + 3 * HOUR,
        last_published_at=NOW + 3 * HOUR,
    ),
    Story(story_id="c", superseded_by="a"),
    metric("m1", 8, "7 jobs", attribution="A text", attribution_start=0, attribution_end=6),
    metric("m2", 21, "9"),
    Figure(figure_id="g", story_id="a", metric_ids=("m1", "m2"), status="conflict"),
    ArticleSection(section_id="s", article_id="d", story_id="a", parent_id="a", span_start=0, span_end=5),
    ArticleSection(section_id="t", article_id="d", span_start=5, span_end=9),
    Progress(channel="feed", position=5, records=5, receipts=4, repeats=1, at=NOW),
    Progress(channel="archive", position=2, records=2, receipts=2, at=NOW),
]


def of(kind: type, key: str) -> Record:
    """The good record of this kind with this id."""
    return next(r for r in GOOD if type(r) is kind and getattr(r, r.__struct_fields__[0]) == key)


def changed(kind: type, key: str, **fields) -> Record:
    return msgspec.structs.replace(of(kind, key), **fields)


def warehouse_at(path):
    warehouse = open_warehouse(f"duckdb:///{path}")
    warehouse.migrate()
    return warehouse


@pytest.fixture(scope="module")
def files_to_copy(tmp_path_factory):
    """An empty warehouse and the good one: making them takes longer than the tests."""
    folder = tmp_path_factory.mktemp("warehouses")
    warehouse_at(folder / "empty")
    warehouse_at(folder / "good").apply(GOOD)
    return folder


@pytest.fixture
def good(files_to_copy, tmp_path):
    return warehouse_at(shutil.copy(files_to_copy / "good", tmp_path / "good.duckdb"))


@pytest.fixture
def empty(files_to_copy, tmp_path):
    return warehouse_at(shutil.copy(files_to_copy / "empty", tmp_path / "empty.duckdb"))


def test_a_warehouse_in_order_balances(good):
    report = check(good)
    assert report.wrong == ()
    assert report.balances
    assert report.outcomes == {"article": 4, "duplicate": 1, "reject": 1}
    assert report.waiting is None
    assert [p.channel for p in report.channels] == ["archive", "feed"]


def test_an_empty_warehouse_balances(empty):
    assert check(empty).balances


# What is done to the good warehouse -> the rule that finds it, and the culprit it names.
WRONG = {
    "channel_sums": ([Progress(channel="feed", position=5, records=6, receipts=4, repeats=1, at=NOW)], "feed/0"),
    "all_receipts": (
        [Progress(channel="feed", position=5, records=6, receipts=5, repeats=1, at=NOW)],
        "progress says 7, there are 6",
    ),
    "receipt_has_article": ([changed(Receipt, "f-again", article_id="nobody")], "f-again"),
    "receipt_has_reject": ([changed(Receipt, "f-rejected", reject_id="nothing")], "f-rejected"),
    "article_has_receipt": ([changed(Receipt, "f-again", outcome="article")], "a"),
    "article_shows_a_fetch": ([changed(Article, "a", fetch_id="f-unheard")], "a"),
    "receipt_has_version": ([changed(Receipt, "f-again", text_hash="lost")], "f-again"),
    "version_has_receipt": ([ArticleVersion(article_id="a", text_hash="extra", text="t")], "a extra"),
    "article_has_story": ([changed(Link, "d", story_id="nowhere")], "d"),
    "story_counts": ([changed(Story, "a", independent_count=3)], "a"),
    "superseded_story": ([Story(story_id="c", superseded_by="nowhere")], "c"),
    "parent_is_there": ([changed(Link, "c", parent_id="d")], "c"),
    "parent_is_earlier": ([changed(Article, "b", published_at=NOW + 9 * HOUR)], "c"),
    "story_is_root": ([changed(Link, "b", parent_id="c", relation="rewrite")], "b"),
    "relation_fits": ([changed(Link, "c", relation="original")], "c"),
    "copy_groups": ([changed(Link, "d", copy_group="lonely")], "lonely"),
    "metric_spans": ([metric("m2", 20, "9")], "m2"),
    "attribution_spans": ([changed(Metric, "m1", attribution_end=999)], "m1"),
    "metric_story": ([changed(Metric, "m1", story_id="d")], "m1"),
    "section_spans": ([changed(ArticleSection, "s", span_end=999)], "s"),
    "figure_metrics": ([changed(Figure, "g", metric_ids=("m1", "m2", "m3"))], "g"),
    "metric_has_figure": ([changed(Figure, "g", metric_ids=("m1",))], "m2"),
    "sketches": ([changed(Sketch, "d", text_hash="old")], "d"),
}


def test_every_rule_has_its_case():
    assert set(WRONG) == {rule.name for rule in rules()}


@pytest.mark.parametrize("name", WRONG)
def test_each_rule_finds_what_it_is_for(name, good):
    records, culprit = WRONG[name]
    good.apply(records)
    report = check(good)
    found = {c.name: c for c in report.wrong}
    assert name in found, found
    assert culprit in found[name].samples
    assert found[name].wrong >= 1
    assert not report.balances


def test_samples_are_few_and_the_count_is_whole(good):
    good.apply([ArticleVersion(article_id="a", text_hash=str(n), text="t") for n in range(50)])
    (wrong,) = check(good).wrong
    assert (wrong.wrong, len(wrong.samples)) == (50, 5)


# -- with the queue --


@pytest.fixture
def queue(tmp_path):
    door = open_queue(f"sqlite:///{tmp_path}/queue.db")
    yield door
    door.close()


def through_the_queue(queue, count: int, *garbage: bytes) -> list[Record]:
    """Append ``count`` items and the garbage; the records of a warehouse that has read them all."""
    items = [fetched(source="s", url=str(n), failure=None) for n in range(count)]
    queue.append([*(Outgoing("s", wire.encode(item)) for item in items), *(Outgoing("s", g) for g in garbage)])
    messages = queue.read(queue.start(), 100, 10**9, 0)
    found = [read_fetched(m, queue.channel).fetch_id for m in messages]
    return [
        *(Receipt(fetch_id=i, outcome="reject", reject_id="r", at=NOW) for i in found),
        Reject(reject_id="r", stage="extract", reason="no_text", at=NOW),
        Progress(channel=queue.channel, position=len(found), records=len(found), receipts=len(found), at=NOW),
    ]


def test_messages_that_were_read_have_their_receipts_also_those_that_are_garbage(queue, empty):
    empty.apply(through_the_queue(queue, 5, b"garbage", b""))
    queue.append([Outgoing("s", b"later")] * 3)
    report = check(empty, queue)
    assert report.balances
    assert report.waiting == 3


def test_a_message_that_was_passed_without_a_receipt_is_found(queue, empty):
    records = through_the_queue(queue, 5)
    lost = records.pop(2)
    empty.apply(records)
    report = check(empty, queue)
    found = {c.name: c.samples for c in report.wrong}
    assert found[QUEUE_RECEIPTS] == (f"message 0:2 ({lost.fetch_id})",)


def test_a_warehouse_that_never_read_the_queue_waits_for_all_of_it(queue, empty):
    through_the_queue(queue, 5)
    report = check(empty, queue)
    assert report.balances
    assert report.waiting == 5


def test_a_queue_that_is_older_than_the_warehouse_is_found(queue, empty):
    records = through_the_queue(queue, 2)
    ahead = msgspec.structs.replace(records[-1], position=99)
    empty.apply([*records[:-1], ahead])
    report = check(empty, queue)
    assert [c.name for c in report.wrong] == [QUEUE_POSITION]
    assert "ends at 2, the warehouse is at 99" in report.wrong[0].samples[0]


def test_a_queue_that_dropped_what_was_not_read_is_found(tmp_path, empty):
    queue = open_queue(f"sqlite:///{tmp_path}/queue.db?retention=1s")
    records = through_the_queue(queue, 4)
    behind = msgspec.structs.replace(records[-1], position=2)
    queue.commit("somebody else", {0: 3})
    queue.trim(datetime.now(UTC) + HOUR)
    empty.apply([*records[:-1], behind])
    report = check(empty, queue)
    assert "begins at 3, the warehouse is at 2" in {c.name: c.samples for c in report.wrong}[QUEUE_POSITION][0]
    queue.close()


# -- the command --


@pytest.fixture
def urls(tmp_path, good, queue):
    """URLs of a queue and a warehouse that agree."""
    good.apply(through_the_queue(queue, 3))
    return f"sqlite:///{tmp_path}/queue.db", good.url


def test_the_command_says_that_it_balances(urls, capsys):
    queue_url, warehouse_url = urls
    assert main(["audit", "--queue", queue_url, "--warehouse", warehouse_url]) == 0
    out = capsys.readouterr().out
    assert "balanced" in out
    assert "0 messages wait" in out
    assert "9 receipts: 4 article, 1 duplicate, 4 reject" in out


def test_the_command_ends_with_1_and_names_what_is_wrong(good, capsys):
    good.apply([changed(Story, "a", source_count=9)])
    assert main(["audit", "--warehouse", good.url]) == 1
    out, err = capsys.readouterr()
    assert "story_counts" in out
    assert err.count("\n") == 1
    assert "story_counts" in err


def test_the_report_is_had_as_json(urls, capsys):
    queue_url, warehouse_url = urls
    assert main(["audit", "--json", "--queue", queue_url, "--warehouse", warehouse_url]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["waiting"] == 0
    assert len(report["checks"]) == len(rules()) + 2


def test_the_configured_queue_is_looked_at_if_it_is_there(urls, capsys, monkeypatch):
    queue_url, warehouse_url = urls
    monkeypatch.setenv("WIREDESK_WAREHOUSE", warehouse_url)
    monkeypatch.setenv("WIREDESK_QUEUE", queue_url)
    assert main(["audit"]) == 0
    assert "wait in the queue" in capsys.readouterr().out
    monkeypatch.setenv("WIREDESK_QUEUE", queue_url + ".missing")
    assert main(["audit"]) == 0
    assert "wait in the queue" not in capsys.readouterr().out
