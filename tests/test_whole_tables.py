"""The tables are a function of the set of items: any order, split and repetition gives the same rows.

The items are the demo's articles in all their wordings, as full-text entries, a few pages, and items that end as
rejects: story families with scoops, agency versions, copies, digests, look-alikes, revisions, late arrivals.
"""

from __future__ import annotations

import itertools
import pathlib
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from whole import demo_items, differences, whole_tables

from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.graph import Steps
from schemas.records import Fetched

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
numbers = itertools.count()


ITEMS = demo_items(NOW)


def tables_of(batches: Sequence[Sequence[Fetched]], url: str | None = None) -> dict[str, list[tuple]]:
    """The tables after these batches, in a warehouse of their own; its audit must balance."""
    opener = OpenWarehouse(url or f"duckdb:///:memory:whole{next(numbers)}")
    warehouse = opener()
    with warehouse.hold():
        warehouse.migrate()
        runner = Batches(opener, "test", Steps(), lambda: NOW)
        position = itertools.count(1)
        for batch in batches:
            runner.run([Item(item, next(position)) for item in batch])
        report = check(warehouse)
        assert report.balances, report
        found = whole_tables(warehouse)
    warehouse.close()
    return found


@pytest.fixture(scope="module")
def at_once() -> dict[str, list[tuple]]:
    return tables_of([ITEMS])


def test_the_items_fill_every_table(at_once):
    assert [name for name, rows in at_once.items() if not rows] == ["denials"]
    assert len(at_once["articles"]) > 60
    assert len(at_once["article_versions"]) > len(at_once["articles"])


def test_one_after_the_other_in_the_order_of_fetching(at_once):
    ordered = sorted(ITEMS, key=lambda item: (item.fetched_at or NOW, item.fetch_id))
    batches = [ordered[i : i + 7] for i in range(0, len(ordered), 7)]
    assert not differences(at_once, tables_of(batches))


def test_newest_first_so_that_every_story_gets_new_roots(at_once):
    ordered = sorted(ITEMS, key=lambda item: (item.fetched_at or NOW, item.fetch_id), reverse=True)
    batches = [ordered[i : i + 12] for i in range(0, len(ordered), 12)]
    assert not differences(at_once, tables_of(batches))


def test_a_second_delivery_changes_nothing(at_once):
    assert not differences(at_once, tables_of([ITEMS, ITEMS]))


def cuts(items: Sequence[Fetched], size: int) -> list[Sequence[Fetched]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


@pytest.mark.parametrize(
    "kind",
    [
        "iceberg",
        pytest.param("iceberg_rest", marks=[pytest.mark.engines, pytest.mark.slow]),
        pytest.param("bigquery", marks=[pytest.mark.engines, pytest.mark.slow]),
    ],
)
def test_lakes_have_the_same_tables_as_duckdb(at_once, kind, request, tmp_path):
    url = f"iceberg:///{tmp_path}/lake" if kind == "iceberg" else request.getfixturevalue(f"{kind}_url")
    newest_first = sorted(ITEMS, key=lambda item: (item.fetched_at or NOW, item.fetch_id), reverse=True)
    assert not differences(at_once, tables_of([*cuts(newest_first, 40), ITEMS[:9]], url))


KILLED = """
import itertools, os, signal, sys
sys.path[:0] = sys.argv[3:]
from connectors.warehouse.iceberg import commits
from test_whole_tables import ITEMS, cuts, tables_of
real, left = commits.commit, itertools.count(int(sys.argv[2]), -1)
def commit(*arguments, **options):
    if next(left) == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
commits.commit = commit
tables_of(cuts(ITEMS, 30), sys.argv[1])
"""


@pytest.mark.slow
def test_a_lake_whose_writer_is_killed_between_tables_ends_up_the_same(at_once, tmp_path):
    """kill -9 again and again, each time after some more commits of tables; what came before is delivered again."""
    url, here = f"iceberg:///{tmp_path}/lake", pathlib.Path(__file__).parent
    for commits in (3, 14, 17):
        command = [sys.executable, "-c", KILLED, url, str(commits), str(here), str(here / "support")]
        killed = subprocess.run(command, cwd=here.parent, capture_output=True, text=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not differences(at_once, tables_of(cuts(ITEMS, 30), url))


@pytest.mark.parametrize("size", [len(ITEMS), 17])
def test_postgresql_has_the_same_tables_as_duckdb(at_once, postgresql_url, size):
    newest_first = sorted(ITEMS, key=lambda item: (item.fetched_at or NOW, item.fetch_id), reverse=True)
    assert not differences(at_once, tables_of([*cuts(newest_first, size), ITEMS[:9]], postgresql_url))


@st.composite
def deliveries(draw) -> list[list[int]]:
    """The items' numbers in any order, some of them twice, cut into up to five batches."""
    everything = list(range(len(ITEMS)))
    twice = draw(st.lists(st.sampled_from(everything), max_size=15))
    order = draw(st.permutations([*everything, *twice]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [list(order[a:b]) for a, b in itertools.pairwise([0, *cuts, len(order)])]


@pytest.mark.slow
@given(deliveries())
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),  # an example takes seconds: a failure is told with its differences, not shrunk
    suppress_health_check=list(HealthCheck),
)
def test_any_order_split_and_repetition(at_once, batches):
    assert not differences(at_once, tables_of([[ITEMS[n] for n in batch] for batch in batches]))
