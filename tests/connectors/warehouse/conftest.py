"""Where the warehouses to test are. Another kind of warehouse joins the contract's tests by a parameter here."""

import shutil

import pytest

from connectors.warehouse import open_warehouse


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse_url(request, tmp_path):
    """The URL of a warehouse that does not exist yet."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"duckdb:///{tmp_path}/w.duckdb"


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
