"""Where the queues to test are. Another kind of queue joins the contract's tests by a parameter here."""

import pytest

from connectors.queue import open_queue


@pytest.fixture(params=["sqlite"])
def queue_url(request, tmp_path):
    """The URL of a queue that does not exist yet."""
    return {"sqlite": f"sqlite:///{tmp_path}/queue.db"}[request.param]


@pytest.fixture
def queue(queue_url):
    door = open_queue(queue_url)
    yield door
    door.close()
