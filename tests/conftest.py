"""Fixtures that more than one folder needs."""

import pathlib
import subprocess
import sys

import pytest

from connectors.warehouse import OpenWarehouse


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits for it at the end."""
    items.sort(key=lambda item: ("slow" not in item.keywords, "demo_warehouse" not in item.fixturenames))


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> tuple[pathlib.Path, subprocess.CompletedProcess]:
    """The folder of a demo that ran as a user would run it, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "pipeline", "demo", "--folder", str(folder)]
    return folder, subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def demo_warehouse(demo_run):
    """The demo's warehouse, to look at."""
    folder, run = demo_run
    assert run.returncode == 0, run.stdout + run.stderr
    return OpenWarehouse(f"duckdb:///{folder}/warehouse.duckdb", read_only=True)()
