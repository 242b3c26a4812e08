"""A desk over the small world of tests/support/desk_world.py, in each kind of warehouse that a desk is fast on."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from desk_world import NOW, world
from starlette.testclient import TestClient

from connectors.warehouse import open_warehouse
from pipeline.desk.follower import Follower
from pipeline.desk.web.app import make_app
from pipeline.desk.web.desk import Desk


@pytest.fixture(scope="session", params=["duckdb", "postgresql"])
def standing(request, tmp_path_factory) -> Iterator[TestClient]:
    """A desk that nothing changes, over each kind of warehouse."""
    folder = tmp_path_factory.mktemp("desk")
    url = f"duckdb:///{folder}/w.duckdb"
    if request.param == "postgresql":
        url = f"{request.getfixturevalue('postgresql_server')}?schema=desk_{uuid.uuid4().hex[:12]}"
    with open_warehouse(url).hold() as warehouse:
        warehouse.migrate()
        warehouse.apply(world())
    follower = Follower(url, folder / "desk", lambda: NOW)
    follower.index_all()
    yield desk_client(follower)
    follower.close()


@pytest.fixture
def duckdb_url(tmp_path) -> str:
    url = f"duckdb:///{tmp_path}/w.duckdb"
    open_warehouse(url).migrate()
    open_warehouse(url).apply(world())
    return url


@pytest.fixture
def followed(tmp_path) -> Iterator[Callable[[str], Follower]]:
    """Makes followers, whole indexes and all; the test says when they look again."""
    made: list[Follower] = []

    def make(url: str) -> Follower:
        follower = Follower(url, tmp_path / "desk", lambda: NOW)
        made.append(follower)
        follower.index_all()
        follower.follow()
        return follower

    yield make
    for follower in made:
        follower.close()


def desk_client(follower: Follower, **options) -> TestClient:
    app = make_app(Desk(follower, lambda: NOW, "shown"), **options)
    return TestClient(app, base_url="http://127.0.0.1:8080", follow_redirects=False)


@pytest.fixture
def client_of() -> Callable[..., TestClient]:
    return desk_client


@pytest.fixture
def client(standing) -> TestClient:
    """One that has never been here."""
    standing.cookies.clear()
    return standing


@pytest.fixture
def one_client(duckdb_url, followed) -> TestClient:
    """A desk where the kind of warehouse makes no difference."""
    return desk_client(followed(duckdb_url))
