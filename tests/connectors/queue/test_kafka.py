"""The Kafka queue's own: the topic, its partitions, dead letters, brokers that go away."""

import threading

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

from connectors.queue import DeadLetter, Outgoing, QueueError, QueueFull, QueueUnavailable, open_queue
from connectors.queue.kafka import KafkaQueue, parse_url
from connectors.queue.kafka.address import Credentials
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Failure, Fetched

pytestmark = pytest.mark.engines

MB = 10**6


def outgoing(*values: str, key: str = "herald.example") -> list[Outgoing]:
    return [Outgoing(key, v.encode(), {"source": "herald"}) for v in values]


def values(messages) -> list[str]:
    return [m.value.decode() for m in messages]


def read_on(queue, positions: dict[int, int]) -> list[str]:
    """What is there from these positions on, which move along."""
    found = []
    while messages := queue.read(positions, 1000, 10 * MB, 0):
        found += values(messages)
        for m in messages:
            positions[m.partition] = m.offset + 1
    return found


@pytest.fixture
def queue(kafka_url):
    door = open_queue(kafka_url)
    yield door
    door.close()


def settings_of(admin, topic: str) -> dict[str, str]:
    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    return {name: entry["value"] for name, entry in found["topic"][topic].items()}


def test_the_topic_is_made_with_what_the_promises_need(kafka_broker, kafka_topic, admin):
    open_queue(f"kafka://{kafka_broker}/{kafka_topic}?partitions=2&retention=14d").close()
    found = settings_of(admin, kafka_topic)
    assert found["retention.ms"] == str(14 * 86_400_000)
    assert found["message.timestamp.type"] == "LogAppendTime"
    assert found["flush.messages"] == "1"
    (topic,) = admin.describe_topics([kafka_topic])
    assert len(topic["partitions"]) == 2


def test_a_topic_of_others_is_used_and_what_does_not_suit_is_told(kafka_broker, kafka_topic, admin):
    admin.create_topics([NewTopic(kafka_topic, 1, 1, topic_configs={"retention.ms": "60000"})])
    queue = open_queue(f"kafka://{kafka_broker}/{kafka_topic}")
    assert any("retention.ms=60000 is shorter" in line for line in queue.warnings)
    queue.append(outgoing("a"))
    assert values(queue.read({}, 10, MB, 0)) == ["a"]
    queue.close()


def test_a_topic_that_must_be_there_is_not_made(kafka_url, kafka_topic, admin):
    with pytest.raises(QueueError, match="there is no topic"):
        open_queue(kafka_url, create=False)
    assert kafka_topic not in admin.list_topics()


def test_processes_that_start_together_make_one_topic(kafka_url):
    found = []
    threads = [threading.Thread(target=lambda: found.append(open_queue(kafka_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({queue.channel for queue in found}) == 1
    assert len(found) == 4
    for queue in found:
        queue.close()


def test_the_channel_is_the_topic_and_not_the_way_to_it(queue, kafka_broker, kafka_topic):
    port = kafka_broker.partition(":")[2]
    other = open_queue(f"kafka://localhost:{port},{kafka_broker}/{kafka_topic}")
    assert other.channel == queue.channel
    other.close()


def test_a_topic_made_anew_is_another_channel(queue, kafka_url, kafka_topic, admin):
    admin.delete_topics([kafka_topic])
    again = open_queue(kafka_url)
    assert again.channel != queue.channel
    again.close()


def test_messages_of_a_site_are_in_one_partition_the_one_that_javas_clients_take(queue):
    queue.append([Outgoing(f"site-{n}.example", b"x", {"source": f"s{n}", "version": "1"}) for n in range(9)] * 2)
    found = queue.read({}, 100, MB, 0)
    partitions = {m.key: set() for m in found}
    for m in found:
        partitions[m.key].add(m.partition)
    # As org.apache.kafka.common.utils.Utils.murmur2 gives it: programs beside ours agree on where a site is.
    assert [partitions[f"site-{n}.example"] for n in range(9)] == [{p} for p in (2, 2, 1, 2, 2, 1, 0, 1, 1)]
    assert {m.headers["source"] for m in found} == {f"s{n}" for n in range(9)}


def test_reading_in_parts_goes_on_where_it_was_and_gives_everything_once(queue):
    queue.append([Outgoing(f"site-{n % 7}.example", f"{n % 7} {n}".encode()) for n in range(700)])
    positions: dict[int, int] = {}
    found = []
    while messages := queue.read(positions, 37, 500, 0):
        assert len(messages) <= 37
        for m in messages:
            assert m.offset == positions.get(m.partition, 0)
            positions[m.partition] = m.offset + 1
        found += values(messages)
    assert len(found) == len(set(found)) == 700
    for site in range(7):
        own = [int(v.split()[1]) for v in found if v.startswith(f"{site} ")]
        assert own == sorted(own)


def test_a_topic_that_gets_more_partitions_is_read_whole(kafka_broker, kafka_topic, admin):
    url = f"kafka://{kafka_broker}/{kafka_topic}?partitions=1"
    writer, reader = open_queue(url), open_queue(url)
    positions: dict[int, int] = {}
    writer.append([Outgoing(f"site-{n}.example", b"before") for n in range(20)])
    assert len(read_on(reader, positions)) == 20
    admin.create_partitions({kafka_topic: NewPartitions(4)})
    other = open_queue(url)  # which knows of the new partitions at once
    other.append([Outgoing(f"site-{n}.example", f"after {n}".encode()) for n in range(20)])
    assert len([p for p, end in other.end().items() if end]) == 4
    assert sorted(read_on(reader, positions)) == sorted(f"after {n}" for n in range(20))
    assert positions == reader.end()
    for queue in (writer, reader, other):
        queue.close()


def test_what_the_brokers_dropped_is_passed(queue, kafka_topic, admin):
    queue.append(outgoing(*map(str, range(10))))
    (partition,) = {m.partition for m in queue.read({}, 1, MB, 0)}
    admin.delete_records({TopicPartition(kafka_topic, partition): 6})
    assert queue.start()[partition] == 6
    assert read_on(queue, {}) == ["6", "7", "8", "9"]
    assert read_on(queue, {partition: 3}) == ["6", "7", "8", "9"]
    admin.delete_records({TopicPartition(kafka_topic, partition): 10})
    assert read_on(queue, {partition: 3}) == []


def test_a_queue_with_a_bound_is_full_until_it_is_read(kafka_broker, kafka_topic):
    queue = open_queue(f"kafka://{kafka_broker}/{kafka_topic}?partitions=1&max_messages=5")
    queue.append(outgoing(*"abcdefg"))
    with pytest.raises(QueueFull, match="7 messages that are not processed"):
        queue.append(outgoing("h"))
    queue.commit("stream", {0: 4})
    queue.append(outgoing("h", "i"))
    with pytest.raises(QueueFull, match="max_messages=5"):
        queue.append(outgoing("j"))
    queue.close()


def test_dead_letters_are_copied_with_reason_and_place(queue, kafka_url, kafka_broker, kafka_topic):
    queue.append([Outgoing("k", b"\xff\x00bad", {"source": "ünï"})])
    (message,) = queue.read({}, 1, MB, 0)
    queue.bury([])
    queue.bury([DeadLetter(message, Failure(reason="bad_message", detail="no record"))])
    dead = open_queue(f"kafka://{kafka_broker}/{kafka_topic}.dead", create=False)
    (letter,) = dead.read({}, 10, MB, 0)
    assert (letter.key, letter.value) == ("k", b"\xff\x00bad")
    assert letter.headers["source"] == "ünï"
    assert letter.headers["dead-reason"] == "bad_message"
    assert letter.headers["dead-position"] == f"{queue.channel}/{message.partition}:{message.offset}"
    dead.close()


def test_an_item_too_large_for_the_topic_goes_without_its_body_and_says_so(kafka_broker, kafka_topic):
    import random

    queue = open_queue(f"kafka://{kafka_broker}/{kafka_topic}?max_message_bytes=200kB")
    item = fetched(source="herald", url="https://herald.example/a", body=random.Random(1).randbytes(300_000))
    queue.append([Outgoing("k", wire.encode(item))])
    (message,) = queue.read({}, 1, MB, 0)
    found = wire.decode_as(Fetched, message.value)
    assert (found.url, found.body) == (item.url, None)
    assert found.failure.reason == "message_too_large"
    queue.close()


def test_the_largest_message_that_is_said_to_fit_does(kafka_broker, kafka_topic):
    import random

    queue = open_queue(f"kafka://{kafka_broker}/{kafka_topic}?max_message_bytes=12MB")
    body = random.Random(2).randbytes(queue._queue.largest)
    queue.append([Outgoing("k", body), Outgoing("k", b"small")])
    (large,) = queue.read({}, 1, 100 * MB, 10)
    (small,) = queue.read({large.partition: large.offset + 1}, 1, 100 * MB, 10)
    assert large.value == body
    assert small.value == b"small"
    queue.close()


# -- brokers that go away --


@pytest.fixture
def alone(own_broker, request):
    """A URL at a broker that may be killed; it runs again afterwards."""
    yield f"kafka://{own_broker.address}/{request.node.name[:80]}?partitions=2&timeout=2s"
    own_broker.start()


@pytest.mark.slow
def test_without_a_broker_everything_is_to_be_tried_again(alone, own_broker):
    queue = open_queue(alone)
    queue.append(outgoing("a"))
    assert values(queue.read({}, 10, MB, 0)) == ["a"]
    positions = queue.end()
    own_broker.kill()
    calls = (
        lambda: queue.append(outgoing("b")),
        lambda: queue.read(positions, 10, MB, 0),
        queue.end,
        lambda: queue.commit("stream", positions),
        queue.groups,
        lambda: KafkaQueue(parse_url(alone), Credentials()),
    )
    for call in calls:
        with pytest.raises(QueueUnavailable) as caught:
            call()
        assert "\n" not in str(caught.value)
    own_broker.start()
    queue.append(outgoing("b"))
    assert "b" in values(queue.read(positions, 10, MB, 10))
    queue.commit("stream", positions)
    queue.close()


@pytest.mark.slow
def test_a_broker_killed_in_the_middle_loses_nothing(alone, own_broker):
    """Appends are repeated until they are acknowledged, reads until they come, through two kills."""
    told: list[str] = []
    stop = threading.Event()

    def append() -> None:
        queue = open_queue(alone)
        n = 0
        while not stop.is_set():
            batch = [f"{n} {part}" for part in range(20)]
            try:
                queue.append(outgoing(*batch))
            except QueueUnavailable:
                continue
            told.extend(batch)
            n += 1
        queue.close()

    appender = threading.Thread(target=append)
    reader = open_queue(alone)
    positions = dict(reader.start())
    found: list[str] = []
    offsets: list[tuple[int, int]] = []

    def read() -> None:
        try:
            messages = reader.read(positions, 100, MB, 0.2)
        except QueueUnavailable:
            return
        for m in messages:
            offsets.append((m.partition, m.offset))
            positions[m.partition] = m.offset + 1
        found.extend(values(messages))

    appender.start()
    for kill in (1, 2):
        while len(told) < 300 * kill or len(found) < 200 * kill:
            read()
        own_broker.kill()
        read()
        own_broker.start()
    stop.set()
    appender.join()
    while positions != reader.end():
        read()
    assert set(found) >= set(told)
    assert len(offsets) == len(set(offsets))  # what was read is not read again
    first_seen = list(dict.fromkeys(found))
    assert first_seen == sorted(first_seen, key=lambda v: [int(part) for part in v.split()])
    reader.close()
