"""kill -9 of the poller and the stream under load: nothing lost, nothing twice, the audit balances.

``python bench/kills.py`` does the same fifty times.
"""

import importlib.util
import pathlib

import pytest

BENCH = pathlib.Path(__file__).parents[1] / "bench" / "kills.py"


@pytest.mark.slow
def test_kills_at_random_points_lose_and_double_nothing(tmp_path):
    spec = importlib.util.spec_from_file_location("kills", BENCH)
    kills = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)
    figures = kills.run(kills=4, outlets=4, articles=20, seed=7, folder=tmp_path)
    assert figures["ok"], figures
    assert figures["articles"] == figures["published"] == 80
