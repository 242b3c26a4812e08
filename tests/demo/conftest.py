from datetime import UTC, datetime

import pytest

from connectors.warehouse import OpenWarehouse
from pipeline.demo.material import load_material

NOW = datetime(2024, 2, 28, 0, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def material():
    return load_material(NOW)


@pytest.fixture(params=["duckdb", "postgresql"])
def warehouse(request, tmp_path):
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    opened = OpenWarehouse(url or f"duckdb:///{tmp_path}/demo.duckdb")()
    opened.migrate()
    with opened.hold() as held:
        yield held
