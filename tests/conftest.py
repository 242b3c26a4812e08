"""Fixtures that more than one folder needs."""

import json
import os
import pathlib
import subprocess
import sys

import hypothesis
import pytest
from filelock import FileLock

from connectors.warehouse import OpenWarehouse

pytest_plugins = ("flink_cluster",)

# The same examples every time, so that a run says something about the change it tests; `make fuzz` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.register_profile("fuzz", print_blob=True)
hypothesis.settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits for it at the end."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> tuple[pathlib.Path, subprocess.CompletedProcess]:
    """The folder of a demo that ran as a user would run it, and what it printed; one run serves all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, told = shared / "demo", shared / "demo.json"
    command = [sys.executable, "-m", "pipeline", "demo", "--folder", str(folder)]
    with FileLock(shared / "demo.lock"):
        if not told.exists():
            run = subprocess.run(command, capture_output=True, text=True, timeout=300)
            told.write_text(json.dumps([run.returncode, run.stdout, run.stderr]))
    return folder, subprocess.CompletedProcess(command, *json.loads(told.read_text()))


@pytest.fixture(scope="session")
def demo_warehouse(demo_run):
    """The demo's warehouse, to look at."""
    folder, run = demo_run
    assert run.returncode == 0, run.stdout + run.stderr
    return OpenWarehouse(f"duckdb:///{folder}/warehouse.duckdb", read_only=True)()
