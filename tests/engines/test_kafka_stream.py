"""The stream on a real Kafka: the same tables as with the embedded queue, and nothing stops it."""

import threading
from datetime import UTC, datetime

import pytest
from kafka import TopicPartition
from kafka.admin import NewPartitions
from whole import demo_items, differences, whole_tables

from connectors.queue import Outgoing, QueueError, QueueUnavailable, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.cli import main
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.settings import StreamSettings
from pipeline.cli.stream import run_stream
from pipeline.graph import Steps
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Claim, Failure, Reject

pytestmark = pytest.mark.engines

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MB = 10**6


def an_item(n: int) -> Outgoing:
    """One that ends as a reject: quick."""
    item = fetched(source="s", url=f"https://s{n % 7}.example/{n}", failure=Failure(reason="timeout"))
    return Outgoing(f"s{n % 7}.example", wire.encode(item), {"source": "s", "version": "1"})


@pytest.fixture
def warehouse(tmp_path):
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    return opener


def stream(queue, warehouse, once: bool = True, stop: threading.Event | None = None, items: int = 200):
    batches = Batches(warehouse, queue.channel, Steps(), lambda: NOW)
    settings = StreamSettings(batch_items=items, wait_seconds=0.2)
    stop = stop or threading.Event()
    return run_stream(queue, warehouse, batches, settings, stop, once=once, clock=lambda: NOW)


def dead_letters(url: str) -> list:
    base, _, _ = url.partition("?")
    queue = open_queue(f"{base}.dead", create=False)
    try:
        return queue.read({}, 1000, 100 * MB, 0)
    finally:
        queue.close()


@pytest.mark.slow
def test_the_demos_items_give_the_tables_that_the_embedded_queue_gives(kafka_url, tmp_path):
    items = demo_items(NOW)
    found = {}
    for name, url in (("kafka", f"{kafka_url}&blobs=file://{tmp_path}/blobs&claim_from=2kB"), ("sqlite", None)):
        url = url or f"sqlite:///{tmp_path}/queue.db"
        warehouse = f"duckdb:///{tmp_path}/{name}.duckdb"
        queue = open_queue(url)
        queue.append([Outgoing(item.source, wire.encode(item), {"source": item.source}) for item in items])
        queue.append([Outgoing(item.source, wire.encode(item)) for item in items[::5]])  # some come twice
        queue.close()
        assert main(["stream", "--queue", url, "--warehouse", warehouse, "--once"]) == 0
        assert main(["audit", "--queue", url, "--warehouse", warehouse]) == 0
        with OpenWarehouse(warehouse, read_only=True)().hold() as held:
            found[name] = whole_tables(held)
    assert len(found["kafka"]["articles"]) > 60
    assert not differences(found["sqlite"], found["kafka"])


def test_poison_ends_as_rejects_and_dead_letters_and_the_stream_goes_on(kafka_url, tmp_path, warehouse):
    url = f"{kafka_url}&blobs=file://{tmp_path}/blobs&claim_from=1kB"
    queue = open_queue(url)
    bare = open_queue(kafka_url)
    good = an_item(1)
    missing, huge = (Claim(url="file:///x", size=size, sha256="ab" * 32) for size in (5000, 51 * MB))
    poison = {
        b"\xff\x00 garbage": "bad_message",
        good.value[:2] + b"\x63" + good.value[3:]: "bad_message",  # a newer version of the format
        good.value[:-3]: "bad_message",
        b"": "bad_message",
        wire.encode(missing): "claim_missing",
        wire.encode(huge): "claim_too_large",
    }
    bare.append([good, *(Outgoing("k", value) for value in poison), an_item(2)])
    queue.append([an_item(n) for n in range(3, 9)])
    assert stream(queue, warehouse).items == 14
    with warehouse().hold() as held:
        report = check(held, queue)
        assert report.balances, report.wrong
        assert report.outcomes == {"reject": 14}
        rejects = [(r.reason, wire.decode(r.payload).body) for r in held.rows(Reject) if r.stage == "queue"]
    assert sorted(rejects) == sorted((reason, value) for value, reason in poison.items())
    letters = dead_letters(kafka_url)
    assert {m.value: m.headers["dead-reason"] for m in letters} == poison
    assert len({m.headers["dead-position"] for m in letters}) == len(poison)
    assert stream(queue, warehouse).items == 0
    assert len(dead_letters(kafka_url)) == len(poison)
    queue.close()
    bare.close()


def test_letters_that_a_killed_stream_did_not_bury_are_buried_at_the_next_start(kafka_url, warehouse):
    queue = open_queue(kafka_url)
    queue.append([an_item(1), Outgoing("k", b"bad"), an_item(2)])

    class Killed(Exception):
        pass

    class Dying:
        def bury(self, letters):
            raise Killed

        def __getattr__(self, name):
            return getattr(queue, name)

    with pytest.raises(Killed):
        stream(Dying(), warehouse)
    with pytest.raises(QueueError, match="no topic"):
        dead_letters(kafka_url)
    assert stream(queue, warehouse).items == 0
    assert [m.value for m in dead_letters(kafka_url)] == [b"bad"]
    queue.close()


def test_a_dead_letter_topic_that_may_not_be_made_stops_nobody(kafka_url, warehouse):
    queue = open_queue(kafka_url)
    queue.append([Outgoing("k", b"bad"), an_item(1)])

    class Forbidden:
        def bury(self, letters):
            raise QueueError("this user may not do that")

        def __getattr__(self, name):
            return getattr(queue, name)

    assert stream(Forbidden(), warehouse).items == 2
    assert queue.committed("stream") == queue.end()
    queue.close()


def test_partitions_added_while_the_stream_runs_are_read(kafka_url, kafka_topic, admin, warehouse):
    queue, other = open_queue(kafka_url), open_queue(kafka_url)
    other.append([an_item(n) for n in range(10)])

    class Growing:
        """Has the topic grow after the first batch."""

        grown = False

        def commit(self, group, positions):
            queue.commit(group, positions)
            if not self.grown:
                self.grown = True
                admin.create_partitions({kafka_topic: NewPartitions(9)})
                door = open_queue(kafka_url)
                door.append([an_item(n) for n in range(10, 40)])
                door.close()

        def __getattr__(self, name):
            return getattr(queue, name)

    assert stream(Growing(), warehouse).items == 40
    with warehouse().hold() as held:
        assert len(held.progress(queue.channel)) > 3
        assert check(held, queue).balances
        assert held.count("receipts") == 40
    queue.close()
    other.close()


def test_the_audit_finds_what_the_brokers_dropped_unread(kafka_url, kafka_topic, admin, warehouse):
    queue = open_queue(kafka_url)
    queue.append([an_item(0)])
    stream(queue, warehouse)
    queue.append([an_item(7), an_item(14)])
    (partition,) = {p for p, end in queue.end().items() if end}
    admin.delete_records({TopicPartition(kafka_topic, partition): 2})
    with warehouse().hold() as held:
        (wrong,) = check(held, queue).wrong
    assert "begins at 2, the warehouse is at 1" in wrong.samples[0]
    queue.close()


@pytest.mark.slow
def test_a_broker_killed_under_a_stream_is_waited_for_and_nothing_is_lost(own_broker, warehouse):
    url = f"kafka://{own_broker.address}/stream?partitions=3&timeout=2s"
    queue, writer = open_queue(url), open_queue(url)
    stop = threading.Event()
    running = threading.Thread(target=lambda: stream(queue, warehouse, once=False, stop=stop, items=20))
    running.start()
    for kill in range(3):
        while True:
            try:
                writer.append([an_item(n) for n in range(kill * 40, kill * 40 + 40)])
                break
            except QueueUnavailable:
                continue
        if kill < 2:
            own_broker.kill()
            own_broker.start()
    while sum(writer.committed("stream").values()) < sum(writer.end().values()):
        assert running.is_alive()
    stop.set()
    running.join()
    with warehouse().hold() as held:
        assert check(held, writer).balances
        assert held.count("receipts") == 120
    queue.close()
    writer.close()


def test_a_stream_that_is_to_end_does_not_wait_for_brokers(kafka_url, warehouse):
    queue = open_queue(kafka_url)

    class Away:
        def read(self, *arguments):
            raise QueueUnavailable("no Kafka answers")

        def __getattr__(self, name):
            return getattr(queue, name)

    with pytest.raises(QueueUnavailable):
        stream(Away(), warehouse)
    queue.close()


def test_mistakes_are_one_line(kafka_broker, kafka_topic, capsys, tmp_path):
    url = f"kafka://{kafka_broker}/{kafka_topic}"
    for command, code, says in (
        (["queue", "status", "--queue", url], 2, "there is no topic"),
        (["queue", "status", "--queue", "kafka://127.0.0.1:9/x?timeout=1s"], 1, "no Kafka answers at 127.0.0.1:9"),
        (["stream", "--queue", f"kafka://desk:hidden@{kafka_broker}/x"], 2, "holds no user and password"),
        (["audit", "--queue", f"{url}?security=sasl_ssl", "--warehouse", f"duckdb:///{tmp_path}/w"], 2, "no warehouse"),
    ):
        assert main(command) == code
        err = capsys.readouterr().err
        assert says in err
        assert err.count("\n") == 1
        assert "hidden" not in err


def test_a_password_is_in_no_log(kafka_broker, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("WIREDESK_KAFKA__USERNAME", "desk")
    monkeypatch.setenv("WIREDESK_KAFKA__PASSWORD", "hidden")
    url = f"kafka://{kafka_broker}/x?security=sasl_plaintext&mechanism=PLAIN&timeout=1s"
    assert main(["--log-level", "debug", "queue", "status", "--queue", url]) == 1
    out, err = capfd.readouterr()
    assert "hidden" not in out + err
    assert "no Kafka answers" in err
