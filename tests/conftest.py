"""Fixtures that more than one folder needs."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid

import hypothesis
import psycopg
import pytest
from engines import postgresql
from filelock import FileLock

from connectors.warehouse import OpenWarehouse, open_warehouse

pytest_plugins = ("lake_engines",)

# The same examples every time, so that a run says something about the change it tests; `make fuzz` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.register_profile("fuzz", print_blob=True)
hypothesis.settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits for it at the end."""
    items.sort(key=lambda item: "slow" not in item.keywords)


def shared_folder(tmp_path_factory) -> pathlib.Path:
    """A folder of this test run that all its workers share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that this run's tests shared, once all workers are done."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    factory = getattr(config, "_tmp_path_factory", None)
    told = factory.getbasetemp() / "postgresql.folder" if factory else None
    if told is not None and told.is_file():
        postgresql.stop(told.read_text())
        shutil.rmtree(told.read_text(), ignore_errors=True)
        told.unlink()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory) -> str:
    """The URL of a real PostgreSQL; one serves all workers and is stopped with the run. Its data are not safe from a
    power cut: so tests take a third of the time."""
    shared = shared_folder(tmp_path_factory)
    told = shared / "postgresql.folder"
    with FileLock(shared / "postgresql.lock"):
        if not told.exists():
            # Not below pytest's folder, which is its user's alone: as root, PostgreSQL runs as somebody else.
            folder = tempfile.mkdtemp(prefix="wiredesk-postgresql-")
            told.write_text(folder)
            postgresql.start(folder, settings=["fsync = off", "full_page_writes = off"])
        return postgresql.start(told.read_text())


@pytest.fixture
def postgresql_url(postgresql_server):
    """The URL of a warehouse that does not exist yet: a schema of its own, dropped after the test."""
    schema = f"test_{uuid.uuid4().hex}"
    url = f"{postgresql_server}?schema={schema}"
    yield url
    open_warehouse(url).close()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> tuple[pathlib.Path, subprocess.CompletedProcess]:
    """The folder of a demo that ran as a user would run it, and what it printed; one run serves all workers."""
    shared = shared_folder(tmp_path_factory)
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
