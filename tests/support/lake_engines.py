"""Real engines of the lakehouse warehouses for tests: an Iceberg REST catalog with S3, a BigQuery emulator. One of each
serves all workers of a run; a test has a namespace or a dataset of its own."""

from __future__ import annotations

import os
import pathlib
import urllib.parse
import uuid
from types import ModuleType

import pytest
from engines import bigquery_emulator, iceberg_rest, s3
from filelock import FileLock

FOLDERS = {"lake-rest": iceberg_rest, "lake-s3": s3, "lake-bigquery": bigquery_emulator}


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run's tests shared, once all workers are done."""
    factory = getattr(config, "_tmp_path_factory", None)
    if "PYTEST_XDIST_WORKER" not in os.environ and factory is not None:
        for name, engine in FOLDERS.items():
            folder = factory.getbasetemp() / name
            if folder.is_dir():
                engine.stop(folder)


def _skip_without(engine: ModuleType) -> None:
    """Skip the test where the engine can't run, with one line that says what is missing. Not in CI."""
    if (why := engine.missing()) is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _shared(tmp_path_factory) -> pathlib.Path:
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def iceberg_rest_server(tmp_path_factory) -> tuple[str, str]:
    """The URLs of a REST catalog and of the S3 that its tables are in."""
    _skip_without(iceberg_rest)
    shared = _shared(tmp_path_factory)
    with FileLock(shared / "lake-rest.lock"):
        objects = s3.start(shared / "lake-s3")
        return iceberg_rest.start(shared / "lake-rest", s3=objects), objects


@pytest.fixture
def iceberg_rest_url(iceberg_rest_server) -> str:
    """The URL of a warehouse that does not exist yet: a namespace of its own."""
    catalog, objects = iceberg_rest_server
    properties = {"namespace": f"test_{uuid.uuid4().hex}", "type": "rest", "uri": catalog, "s3.endpoint": objects}
    return f"iceberg://rest?{urllib.parse.urlencode({**properties, **s3.KEYS})}"


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory) -> str:
    """The URL of a BigQuery emulator."""
    _skip_without(bigquery_emulator)
    shared = _shared(tmp_path_factory)
    with FileLock(shared / "lake-bigquery.lock"):
        return bigquery_emulator.start(shared / "lake-bigquery")


@pytest.fixture
def bigquery_url(bigquery_server) -> str:
    """The URL of a warehouse that does not exist yet: a dataset of its own."""
    return f"bigquery://{bigquery_emulator.PROJECT}/test_{uuid.uuid4().hex}?endpoint={bigquery_server}"
