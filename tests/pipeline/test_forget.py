"""What is left after articles were removed is what there would be without them, and they do not come back."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from whole import demo_items, differences, every_row, whole_tables

from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.forget import find, remove
from pipeline.extraction.urls import ids_of
from pipeline.forget import forget
from pipeline.graph import Steps
from schemas.fetched import fetched
from schemas.records import Entry, Failure, Fetched, Reject

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ITEMS = demo_items(NOW)
SETTLING = Steps().settling
numbers = itertools.count()
TEXT = "Fifty people were hurt when a bridge fell at Ashby on Monday, the council said. " * 6


def filled(items, url=None):
    """A warehouse with these items."""
    opener = OpenWarehouse(url or f"duckdb:///:memory:forget{next(numbers)}")
    warehouse = opener()
    warehouse.migrate()
    deliver(warehouse, items)
    return warehouse


def deliver(warehouse, items, at=0):
    runner = Batches(OpenWarehouse(warehouse.url), "test", Steps(), lambda: NOW)
    with warehouse.hold():
        runner.run([Item(item, at + n) for n, item in enumerate(items, 1)])


def content(warehouse):
    """The tables without what tells of fetches: those of forgotten articles keep a receipt."""
    found = whole_tables(warehouse)
    return {name: rows for name, rows in found.items() if name not in ("receipts", "rejects", "denials")}


def article_of(item: Fetched) -> set[str]:
    return ids_of(item.url)


@pytest.fixture(scope="module")
def articles():
    warehouse = filled(ITEMS)
    with warehouse.hold():
        yield warehouse.query("SELECT article_id, story_id, parent_id, relation, source FROM articles ORDER BY 1")


def roots(rows):
    """Articles that a story of several is named after."""
    stories = [row[1] for row in rows]
    return [row[0] for row in rows if row[0] == row[1] and stories.count(row[1]) > 2]


CHOICES = {
    "a story's first article": lambda rows: roots(rows)[:1],
    "the first of every story": lambda rows: roots(rows),
    "copies": lambda rows: [row[0] for row in rows if row[3] == "copy"][:3],
    "a whole story": lambda rows: [row[0] for row in rows if row[1] == roots(rows)[1]],
    "every third": lambda rows: [row[0] for row in rows][::3],
}


@pytest.mark.parametrize("choice", CHOICES)
def test_what_is_left_is_what_there_would_be_without(choice, articles):
    removed = set(CHOICES[choice](articles))
    assert removed
    warehouse = filled(ITEMS)
    with warehouse.hold():
        warehouse.apply(forget(sorted(removed), warehouse, SETTLING, NOW))
        without = filled([item for item in ITEMS if not article_of(item) & removed])
        with without.hold():
            assert not differences(content(without), content(warehouse))
        assert check(warehouse).balances, check(warehouse).wrong


def test_one_after_the_other_or_together_is_the_same(articles):
    removed = roots(articles)[:3]
    one, other = filled(ITEMS), filled(ITEMS)
    with one.hold(), other.hold():
        one.apply(forget(removed, one, SETTLING, NOW))
        for article in reversed(removed):
            other.apply(forget([article], other, SETTLING, NOW))
        assert not differences(content(one), content(other))


def test_no_table_holds_a_word_or_an_address_of_it(articles):
    warehouse = filled(ITEMS)
    with warehouse.hold():
        target = find(warehouse, roots(articles)[0])
        (article,) = warehouse.articles(target.articles)
        remove(warehouse, target, SETTLING, "asked for", NOW)
        left = repr(every_row(warehouse))
        assert article.url not in left
        assert article.text[:60] not in left
        assert article.title not in left or article.title in repr(warehouse.query("SELECT title FROM articles"))


def item(url="https://herald.example/1", source="Herald", text=TEXT, at=NOW, **fields):
    entry = Entry(title="A bridge fell", content=text, content_type="text/plain")
    return fetched(**{"source": source, "url": url, "fetched_at": at, "entry": entry, **fields})


URLS = ["duckdb", "postgresql", "iceberg"]


@pytest.fixture(params=URLS)
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"{request.param}:///{tmp_path}/w" + (".duckdb" if request.param == "duckdb" else "")


def test_it_is_kept_out_of_every_kind_of_warehouse(url):
    """As an article, a revision, a reject, under its address with a tracking parameter."""
    other = item("https://herald.example/2", text="Forty goats were counted at Birk on Sunday, a farmer said. " * 6)
    failed = item(entry=None, failure=Failure(reason="timeout"), at=NOW - timedelta(hours=1))
    warehouse = filled([item(), other, failed], url)
    with warehouse.hold():
        remove(warehouse, find(warehouse, "https://herald.example/1"), SETTLING, "", NOW)
        before = every_row(warehouse)
        assert len(before["articles"]) == 1
        assert "herald.example/1" not in repr(before)
    again = [item(), item(text=TEXT + "More is known."), item(at=NOW + timedelta(hours=1), entry=None, failure=Failure(
        reason="gone")), item("https://herald.example/1?utm_source=x", at=NOW + timedelta(hours=2))]  # fmt: skip
    deliver(warehouse, again, at=3)
    with warehouse.hold():
        after = every_row(warehouse)
        assert "herald.example/1" not in repr(after)
        assert after["articles"] == before["articles"]
        assert {r.reason for r in warehouse.rows(Reject)} == {"forgotten"}
        assert check(warehouse).balances
    warehouse.close()


def test_a_source_goes_with_all_it_brought_and_is_kept_out():
    mine = [item(f"https://herald.example/{n}", text=TEXT + f"There were {n} more.") for n in range(3)]
    failed = item("https://herald.example/9", entry=None, failure=Failure(reason="timeout"))
    other = item("https://courier.example/1", source="Courier")
    warehouse = filled([*mine, failed, other])
    with warehouse.hold():
        remove(warehouse, find(warehouse, "Herald"), SETTLING, "", NOW)
        assert warehouse.query("SELECT source FROM articles") == [("Courier",)]
        assert "herald.example" not in repr(every_row(warehouse))
    deliver(warehouse, [item("https://herald.example/new"), other], at=5)
    with warehouse.hold():
        assert warehouse.query("SELECT source FROM articles") == [("Courier",)]
        assert check(warehouse).balances


def test_what_never_came_is_kept_out_too():
    warehouse = filled([])
    with warehouse.hold():
        remove(warehouse, find(warehouse, "https://herald.example/1"), SETTLING, "", NOW)
    deliver(warehouse, [item()])
    with warehouse.hold():
        assert warehouse.count("articles") == 0
        assert [r.reason for r in warehouse.rows(Reject)] == ["forgotten"]


def test_a_second_time_changes_nothing(articles):
    warehouse = filled(ITEMS)
    with warehouse.hold():
        article = roots(articles)[0]
        warehouse.apply(forget([article], warehouse, SETTLING, NOW))
        before = every_row(warehouse)
        assert forget([article], warehouse, SETTLING, NOW) == []
        assert every_row(warehouse) == before


def test_a_stream_that_keeps_the_horizon_in_memory_sees_that_somebody_removed_of_it():
    """Its later batches give what they would in a warehouse that never had the article."""
    half = len(ITEMS) // 2
    early = [item for n, item in enumerate(ITEMS) if n % 2]
    late = [item for n, item in enumerate(ITEMS) if not n % 2]
    warehouse = filled([])
    deliver(warehouse, early[: half // 2])
    deliver(warehouse, early[half // 2 :], at=500)  # from the second batch on the horizon is kept
    with warehouse.hold():
        removed = set(roots(warehouse.query("SELECT article_id, story_id, parent_id FROM articles ORDER BY 1"))[:2])
        before = warehouse.generation()
        warehouse.apply(forget(sorted(removed), warehouse, SETTLING, NOW))
        assert warehouse.generation() != before
    left = [item for item in late if not article_of(item) & removed]
    deliver(warehouse, left, at=1000)
    without = filled([item for item in [*early, *late] if not article_of(item) & removed])
    with warehouse.hold(), without.hold():
        assert removed
        assert not differences(content(without), content(warehouse))
