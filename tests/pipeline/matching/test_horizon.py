"""What is kept of a warehouse between batches changes no row, and is right or forgotten."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from families import families

from connectors.warehouse import Warehouse, open_warehouse
from pipeline.match import Matching, match
from pipeline.matching.horizon import Kept
from schemas.records import Article, ArticleSection, Link, Pair, Progress

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def crowded() -> list[Article]:
    """The articles of some families, each from the same day on: many are a little like one of another family."""
    found = []
    for family in families()[:23]:
        articles = [m.article for m in family.members]
        first = min((a.published_at for a in articles if a.published_at), default=NOW)
        shift = datetime(2026, 5, 1, tzinfo=UTC) - first
        found += [msgspec.structs.replace(a, published_at=a.published_at and a.published_at + shift) for a in articles]
    return found


ARTICLES = crowded()
SHUFFLED = random.Random(5).sample(ARTICLES, len(ARTICLES))


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    found = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    found.migrate()
    return found


def settle(warehouse: Warehouse, batch: Sequence[Article], kept: Kept, token: str) -> None:
    with warehouse.hold() as held, kept.batch(held) as of_batch:
        matched = match(batch, held, Matching(), NOW, around=of_batch.around)
        progress = Progress(channel="q", position=1, token=token, at=NOW)
        held.apply([*batch, *matched.records, *matched.links, progress])
        of_batch.keep(matched.horizon)


def tables(warehouse: Warehouse) -> list[list[object]]:
    with warehouse.hold() as held:
        return [
            held.rows(Link, order="article_id"),
            held.rows(Pair, order="article_id, earlier_id"),
            held.rows(ArticleSection, order="section_id"),
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[list[object]]:
    """The tables of one batch of all."""
    one = open_warehouse(f"duckdb:///{tmp_path_factory.mktemp('whole')}/w.duckdb")
    one.migrate()
    settle(one, ARTICLES, Kept(Matching()), "all")
    return tables(one)


def test_batches_with_a_kept_horizon_give_the_rows_of_one_batch(warehouse, whole):
    kept = Kept(Matching())
    for n, start in enumerate(range(0, len(SHUFFLED), 9)):
        settle(warehouse, SHUFFLED[start : start + 9], kept, str(n))
    settle(warehouse, SHUFFLED[:9], kept, "again")
    assert tables(warehouse) == whole


def test_a_crowd_that_gathers_later_is_counted(warehouse, whole):
    """Of the pairs of earlier articles none changes, only how many others are a little like one of the two."""
    in_time = sorted(ARTICLES, key=lambda a: (a.published_at or NOW, a.article_id))
    kept, third = Kept(Matching()), len(in_time) // 3 + 1
    for n in range(3):
        settle(warehouse, in_time[n * third : (n + 1) * third], kept, str(n))
    assert tables(warehouse) == whole


def test_what_another_process_wrote_is_seen(warehouse, whole):
    mine, others = Kept(Matching()), Kept(Matching())
    for n, start in enumerate(range(0, len(SHUFFLED), 12)):
        settle(warehouse, SHUFFLED[start : start + 12], others if n % 3 == 2 else mine, str(n))
    assert tables(warehouse) == whole


def test_a_batch_that_failed_is_forgotten(warehouse, whole):
    kept = Kept(Matching())
    settle(warehouse, SHUFFLED[:20], kept, "1")
    settle(warehouse, SHUFFLED[20:40], kept, "2")

    def fail() -> None:
        with warehouse.hold() as held, kept.batch(held) as of_batch:
            match(SHUFFLED[40:60], held, Matching(), NOW, around=of_batch.around)
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    settle(warehouse, SHUFFLED[60:], kept, "3")
    settle(warehouse, SHUFFLED[40:60], kept, "4")
    assert tables(warehouse) == whole
