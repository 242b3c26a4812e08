"""Where the queues to test are. Another kind of queue joins the contract's tests by a parameter here."""

import pytest

from connectors.queue import open_queue


@pytest.fixture(params=["sqlite", "claims", pytest.param("kafka", marks=pytest.mark.engines)])
def queue_url(request, tmp_path):
    """The URL of a queue that does not exist yet. "claims": with every body kept apart."""
    if request.param == "kafka":
        return request.getfixturevalue("kafka_url")
    claims = f"?blobs=file:///{tmp_path}/blobs&claim_from=1" if request.param == "claims" else ""
    return f"sqlite:///{tmp_path}/queue.db{claims}"


@pytest.fixture
def queue(queue_url):
    door = open_queue(queue_url)
    yield door
    door.close()
