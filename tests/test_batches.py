"""Batches: what breaks a step is refused alone, what is wrong with the warehouse is raised."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from connectors.warehouse import OpenWarehouse, WarehouseFailed
from pipeline import settle
from pipeline.channel import Item, NoMore
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.graph import Steps
from schemas.fetched import fetched
from schemas.records import Article, Entry, Fetched, Reject

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Broken:
    """Options that can't be read where an article's language is unknown: stands for a mistake in a step."""

    @property
    def default_language(self) -> str:
        raise RuntimeError("a mistake in a step")


def item(n: int) -> Fetched:
    entry = Entry(title=f"Story {n}", content=f"Bridge {n} was closed on Monday. " * 5, content_type="text/plain")
    return fetched(source="s", url=f"https://s.example/{n}", fetched_at=NOW, entry=entry)


@pytest.fixture
def opener(tmp_path) -> Callable:
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    return opener


@dataclass(frozen=True)
class Refusing:
    """Opens a warehouse whose disk is full."""

    url: str
    calls: list = field(default_factory=list)

    def __call__(self):
        warehouse = OpenWarehouse(self.url)()
        return _Full(warehouse)


class _Full:
    def __init__(self, warehouse):
        self._warehouse = warehouse

    def __getattr__(self, name):
        return getattr(self._warehouse, name)

    @contextmanager
    def hold(self):
        with self._warehouse.hold():
            yield self

    def apply(self, records):
        """There is room for a few bytes only: for a reject, but not for an article."""
        records = list(records)
        if any(isinstance(record, Article) for record in records):
            raise WarehouseFailed("No space left on device")
        self._warehouse.apply(records)


def test_the_end_of_a_partition_is_recorded(opener):
    assert Batches(opener, "c", Steps(), lambda: NOW).run([NoMore()]).items == 0
    with opener().hold() as warehouse:
        (progress,) = warehouse.progress("c")
        assert (progress.position, progress.records, progress.done) == (0, 0, True)


def test_the_end_of_a_partition_is_recorded_after_what_it_ends_where_the_batch_is_halved(opener, monkeypatch):
    whole = settle.settle

    def one_at_a_time(drafts, *rest):
        if len(drafts) > 1:
            raise ValueError("too many")
        return whole(drafts, *rest)

    monkeypatch.setattr(settle, "settle", one_at_a_time)
    Batches(opener, "c", Steps(), lambda: NOW).run([Item(item(1), 1), Item(item(2), 2), NoMore()])
    with opener().hold() as warehouse:
        (progress,) = warehouse.progress("c")
        assert (progress.position, progress.records, progress.done) == (2, 2, True)


def test_repeats_are_counted_apart(opener):
    batches = Batches(opener, "c", Steps(), lambda: NOW)
    outcome = batches.run([Item(item(1), 1), Item(item(1), 2), Item(item(2), 3)])
    assert (outcome.items, outcome.new) == (3, 2)
    assert batches.run([Item(item(2), 4)]).new == 0
    with opener().hold() as warehouse:
        (progress,) = warehouse.progress("c")
        assert (progress.position, progress.records, progress.receipts, progress.repeats) == (4, 4, 2, 2)


def test_a_full_disk_is_raised_and_nothing_is_refused(opener):
    batches = Batches(Refusing(opener.url), "c", Steps(), lambda: NOW)
    with pytest.raises(WarehouseFailed, match=r"^No space left on device$"):
        batches.run([Item(item(n), n) for n in range(3)])
    with opener().hold() as warehouse:
        assert warehouse.count("rejects") == 0
        assert warehouse.progress("c") == []


def test_an_item_that_breaks_a_step_is_refused_and_the_others_are_articles(opener):
    steps = Steps(measuring=Broken())
    spanish = Entry(
        title="Uno", content="El puente se cerró el lunes por la tarde. " * 5, content_type="text/plain", language="es"
    )
    good = fetched(source="s", url="https://s.example/es", fetched_at=NOW, entry=spanish)
    unknown = Entry(title="?", content="Zxq wvb kkj prt. " * 8, content_type="text/plain")
    bad = fetched(source="s", url="https://s.example/und", fetched_at=NOW, entry=unknown)
    outcome = Batches(opener, "c", steps, lambda: NOW).run([Item(good, 1), Item(bad, 2)])
    assert outcome.refused == 1
    with opener().hold() as warehouse:
        assert [r.url for r in warehouse.rows(Reject)] == ["https://s.example/und"]
        assert warehouse.rows(Reject)[0].reason == "pipeline_error"
        assert warehouse.count("articles") == 1
        assert check(warehouse).balances
