"""kill -9 of the poller, the stream and a backfill under load: nothing lost, nothing twice, the audit balances.

``python bench/kills.py`` does the same fifty times, ``python bench/backfill_kills.py`` twenty.
"""

import importlib.util
import pathlib

import pytest

BENCH = pathlib.Path(__file__).parents[1] / "bench"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_kills_at_random_points_lose_and_double_nothing(tmp_path):
    kills = load("kills")
    figures = kills.run(kills=4, outlets=4, articles=20, seed=7, folder=tmp_path)
    assert figures["ok"], figures
    assert figures["articles"] == figures["published"] == 80


@pytest.mark.slow
def test_a_backfill_that_is_killed_ends_as_an_undisturbed_one(tmp_path):
    figures = load("backfill_kills").run(kills=3, count=120, batch=10, seed=5, folder=tmp_path)
    assert figures["ok"], figures
    assert figures["rejects"] == 2
