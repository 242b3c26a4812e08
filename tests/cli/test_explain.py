"""Explain finds an item by its URL or by the beginning of any id, and says when that is not clear."""

from datetime import UTC, datetime

import pytest
from families import families

from connectors.warehouse import OpenWarehouse, open_warehouse
from pipeline.channel import Item
from pipeline.cli.batches import Batches
from pipeline.cli.errors import UserError
from pipeline.cli.explain import collect, tell
from pipeline.graph import Steps
from pipeline.match import Matching, match
from schemas.fetched import fetched
from schemas.records import Article, Entry, Failure, Figure, Metric, Receipt, Reject

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def item(n: int):
    text = f"Bridge {n} was closed on Monday after {n + 40} lorries had crossed it, the county said. " * 4
    entry = Entry(title=f"Bridge {n}", content=text, content_type="text/plain", language="en")
    return fetched(source="s", url=f"https://s.example/{n}", fetched_at=NOW, entry=entry)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    opener = OpenWarehouse(f"duckdb:///{tmp_path_factory.mktemp('explain')}/w.duckdb")
    opener().migrate()
    bad = fetched(source="s", url="https://s.example/bad", fetched_at=NOW, failure=Failure(reason="gone", detail="410"))
    items = [Item(found, n) for n, found in enumerate([*map(item, range(20)), bad], 1)]
    Batches(opener, "c", Steps(), lambda: NOW).run(items)
    with opener().hold() as warehouse:
        yield warehouse


@pytest.mark.parametrize(
    ("record", "key"),
    [
        (Article, "article_id"),
        (Receipt, "fetch_id"),
        (Reject, "reject_id"),
        (Metric, "metric_id"),
        (Figure, "figure_id"),
    ],
)
def test_an_item_is_found_by_the_beginning_of_each_of_its_ids(record, key, warehouse):
    for row in warehouse.rows(record, limit=3):
        assert collect(warehouse, getattr(row, key)[:14]), key


def test_an_item_is_found_by_its_url(warehouse):
    assert collect(warehouse, "https://s.example/3?utm_source=x").article.url == "https://s.example/3"
    assert collect(warehouse, "https://s.example/bad").rejects[0].reason == "gone"
    assert collect(warehouse, "https://s.example/none") is None


def test_a_beginning_that_many_ids_have_is_refused(warehouse):
    begins = [row.article_id[0] for row in warehouse.rows(Article)]
    shared = next(first for first in begins if begins.count(first) > 1)
    with pytest.raises(UserError, match="give more of it"):
        collect(warehouse, shared)


def test_a_link_is_told_with_its_evidence_its_runner_up_and_the_lookalike_kept_apart():
    articles = [m.article for family in families() for m in family.members]
    warehouse = open_warehouse("duckdb:///:memory:")
    warehouse.migrate()
    with warehouse.hold():
        matched = match(articles, warehouse, Matching(), NOW)
        warehouse.apply([*articles, *matched.records, *matched.links])
        told = "\n".join(tell(collect(warehouse, "https://golden.example/01-wells/translation"), warehouse, Matching()))
        apart = "\n".join(tell(collect(warehouse, "https://golden.example/01-wells/scoop"), warehouse, Matching()))
    warehouse.close()
    assert "rewrite of" in told
    assert "alike, as far as the two alone say" in told
    assert "shared rare words: " in told
    assert "shared names: " in told
    assert "beside that, " in told
    assert "of the same story" in told
    assert "kept apart: " in told + apart
