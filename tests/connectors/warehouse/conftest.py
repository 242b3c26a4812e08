"""Where the warehouses to test are. Another kind of warehouse joins the contract's tests by a parameter here."""

import shutil

import pytest

from connectors.warehouse import open_warehouse

ENGINES = pytest.mark.engines


@pytest.fixture(
    params=[
        "duckdb",
        "postgresql",
        "iceberg",
        pytest.param("iceberg_rest", marks=ENGINES),
        pytest.param("bigquery", marks=ENGINES),
    ]
)
def warehouse_url(request, tmp_path):
    """The URL of a warehouse that does not exist yet."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path}/w.duckdb"
    if request.param == "iceberg":
        return f"iceberg:///{tmp_path}/lake"
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def empty_duckdb(tmp_path_factory):
    """A file with empty tables, to copy: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "w.duckdb"
    open_warehouse(f"duckdb:///{path}").migrate()
    return path


@pytest.fixture
def warehouse(warehouse_url, empty_duckdb):
    """An empty warehouse, held open by the test."""
    if warehouse_url.startswith("duckdb:"):
        shutil.copyfile(empty_duckdb, warehouse_url.removeprefix("duckdb:///"))
    door = open_warehouse(warehouse_url)
    door.migrate()
    with door.hold():
        yield door
