"""Fixtures that more than one folder needs."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator

import hypothesis
import psycopg
import pytest
from engines import postgresql
from filelock import FileLock

from connectors.warehouse import OpenWarehouse, open_warehouse
from pipeline.cli.warehouse import copy_all

pytest_plugins = ("kafka_broker", "flink_cluster", "lake_engines", "browser")

# The same examples every time, so that a run says something about the change it tests; `make fuzz` looks for new ones.
hypothesis.settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("fuzz", print_blob=True)
hypothesis.settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no core waits for it at the end."""
    items.sort(key=lambda item: "slow" not in item.keywords)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each engine that this machine can't run, what was skipped and how to get it."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if "engines" in r.keywords]
    for why in sorted({str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}):
        count = sum(report.longrepr[2] == why for report in skipped)
        terminalreporter.write_line(f"{count} tests of engines skipped: {why.removeprefix('Skipped: ')}")


def shared_folder(tmp_path_factory) -> pathlib.Path:
    """A folder of this test run that all its workers share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


ENDS_WITH_THE_RUN = """
import os, shutil, sys, time
from engines import postgresql
while os.path.exists(f"/proc/{sys.argv[1]}"):
    time.sleep(0.5)
postgresql.stop(sys.argv[2])
shutil.rmtree(sys.argv[2], ignore_errors=True)
"""
"""Stops the server that all workers share, however the run ends."""


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
            run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
            subprocess.Popen(
                [sys.executable, "-c", ENDS_WITH_THE_RUN, str(run), folder],
                env=os.environ | {"PYTHONPATH": str(pathlib.Path(postgresql.__file__).parents[1])},
                start_new_session=True,
            )
        return postgresql.start(told.read_text())


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[tuple[str, str]]:
    """The folder and the URL of a server that a test may stop and start (``engines.postgresql``)."""
    folder = tempfile.mkdtemp(prefix="wiredesk-postgresql-")
    yield folder, postgresql.start(folder, settings=["fsync = off"])
    postgresql.stop(folder)
    shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(postgresql_server) -> Iterator[str]:
    """The URL of a warehouse that does not exist yet: a schema of its own, dropped after the test."""
    schema = f"test_{uuid.uuid4().hex}"
    url = f"{postgresql_server}?schema={schema}"
    yield url
    open_warehouse(url).close()
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '60s'")
        try:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        except psycopg.errors.LockNotAvailable:
            others = connection.execute("SELECT * FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
            pytest.fail(f"somebody keeps the tables of the test locked, one of {others}")


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory) -> tuple[pathlib.Path, subprocess.CompletedProcess]:
    """The folder of a demo that ran as a user would run it, and what it printed; one run serves all workers."""
    shared = shared_folder(tmp_path_factory)
    folder, told = shared / "demo", shared / "demo.json"
    command = [sys.executable, "-m", "pipeline", "demo", "--folder", str(folder)]
    with FileLock(shared / "demo.lock"):
        if not told.exists():
            run = subprocess.run(command, capture_output=True, text=True, timeout=900)
            told.write_text(json.dumps([run.returncode, run.stdout, run.stderr]))
    return folder, subprocess.CompletedProcess(command, *json.loads(told.read_text()))


@pytest.fixture(scope="session")
def demo_duckdb(demo_run):
    """The demo's warehouse, to look at."""
    folder, run = demo_run
    assert run.returncode == 0, run.stdout + run.stderr
    return OpenWarehouse(f"duckdb:///{folder}/warehouse.duckdb", read_only=True)()


def copied(demo, url: str, lock: pathlib.Path):
    """The demo's warehouse in another of that URL; one copy serves all workers."""
    with FileLock(lock), demo.hold():
        goal = open_warehouse(url)
        goal.migrate()
        copy_all(demo, goal, lambda table, rows: None)
    return OpenWarehouse(url, read_only=True)()


@pytest.fixture(scope="session")
def demo_postgresql(demo_duckdb, postgresql_server, tmp_path_factory):
    return copied(demo_duckdb, f"{postgresql_server}?schema=demo", shared_folder(tmp_path_factory) / "postgresql.copy")


@pytest.fixture(scope="session")
def demo_iceberg(demo_duckdb, tmp_path_factory):
    shared = shared_folder(tmp_path_factory)
    return copied(demo_duckdb, f"iceberg:///{shared}/demo-lake", shared / "iceberg.copy")


@pytest.fixture(scope="session")
def demo_bigquery(demo_duckdb, bigquery_server, tmp_path_factory):
    url = f"bigquery://wiredesk/demo?endpoint={bigquery_server}"
    return copied(demo_duckdb, url, shared_folder(tmp_path_factory) / "bigquery.copy")


@pytest.fixture(
    scope="session", params=["duckdb", "postgresql", "iceberg", pytest.param("bigquery", marks=pytest.mark.engines)]
)
def demo_warehouse(request):
    """What the demo leaves, in a warehouse of each kind."""
    return request.getfixturevalue(f"demo_{request.param}")
