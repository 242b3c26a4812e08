"""A real Kafka for tests: one broker serves all workers of a run; a test has a topic, or a broker, of its own."""

from __future__ import annotations

import os
import pathlib
import uuid
from collections.abc import Iterator

import pytest
from engines import kafka as engine
from filelock import FileLock
from kafka import KafkaAdminClient

FOLDER = "kafka-broker"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the broker that this run's tests shared, once all workers are done."""
    factory = getattr(config, "_tmp_path_factory", None)
    if "PYTEST_XDIST_WORKER" not in os.environ and factory is not None:
        folder = factory.getbasetemp() / FOLDER
        if folder.is_dir():
            engine.stop(folder)


def skip_without_kafka() -> None:
    """Skip the test where no broker can run, with one line that says what is missing. Not in CI."""
    if (why := engine.missing()) is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory) -> str:
    """``host:port`` of the broker that all tests share: nobody stops it."""
    skip_without_kafka()
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(shared / "kafka.lock"):
        return engine.start(shared / FOLDER)


@pytest.fixture
def kafka_topic(kafka_broker) -> Iterator[str]:
    """The name of a topic that does not exist yet; it and its dead letters are deleted after the test."""
    topic = f"test-{uuid.uuid4().hex}"
    yield topic
    admin = KafkaAdminClient(bootstrap_servers=[kafka_broker])
    admin.delete_topics([t for t in admin.list_topics() if t.startswith(topic)], raise_errors=False)
    admin.close()


@pytest.fixture
def kafka_url(kafka_broker, kafka_topic) -> str:
    """The URL of a queue that does not exist yet."""
    return f"kafka://{kafka_broker}/{kafka_topic}?partitions=3"


class Broker:
    """A broker that a test may kill."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.address = engine.start(folder)

    def kill(self) -> None:
        engine.stop(self.folder, kill=True)

    def start(self) -> None:
        engine.start(self.folder)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory) -> Iterator[Broker]:
    """A broker of the module's own."""
    skip_without_kafka()
    broker = Broker(tmp_path_factory.mktemp("own-kafka"))
    yield broker
    engine.stop(broker.folder)


@pytest.fixture
def admin(kafka_broker) -> Iterator[KafkaAdminClient]:
    """What an operator would use beside wiredesk."""
    client = KafkaAdminClient(bootstrap_servers=[kafka_broker])
    yield client
    client.close()
