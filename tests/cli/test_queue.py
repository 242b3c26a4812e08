"""`wiredesk queue`: how full it is, who is how far, and reading again from an earlier place."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.cli import main
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.queue import look, where
from pipeline.cli.settings import StreamSettings
from pipeline.cli.stream import run_stream, start_positions
from pipeline.graph import Steps
from schemas import wire
from schemas.fetched import fetched
from schemas.records import Failure

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.engines)])
def queue_url(request, tmp_path) -> str:
    if request.param == "kafka":
        return request.getfixturevalue("kafka_url")
    return f"sqlite:///{tmp_path}/queue.db"


@pytest.fixture
def queue(queue_url):
    door = open_queue(queue_url)
    yield door
    door.close()


@pytest.fixture
def warehouse(tmp_path):
    opener = OpenWarehouse(f"duckdb:///{tmp_path}/w.duckdb")
    opener().migrate()
    return opener


def append(queue, *numbers: int) -> None:
    """Items that end as rejects: quick ones."""
    for n in numbers:
        item = fetched(source="s", url=f"https://s{n % 5}.example/{n}", failure=Failure(reason="timeout"))
        queue.append([Outgoing(f"s{n % 5}.example", wire.encode(item))])


def stream(queue, warehouse, **settings) -> int:
    """Run a stream to the queue's end; how many items it read."""
    batches = Batches(warehouse, queue.channel, Steps(), lambda: NOW)
    options = StreamSettings(**{"batch_items": 10, "wait_seconds": 0.1} | settings)
    return run_stream(queue, warehouse, batches, options, threading.Event(), once=True, clock=lambda: NOW).items


def sums(warehouse, queue) -> tuple[int, int, int]:
    """Records, receipts, repeats of all partitions; the audit must balance."""
    with warehouse().hold() as held:
        assert check(held, queue).balances
        rows = held.progress(queue.channel)
    return sum(r.records for r in rows), sum(r.receipts for r in rows), sum(r.repeats for r in rows)


# -- status --


def test_status_tells_what_waits_and_since_when(queue):
    append(queue, *range(12))
    first = queue.read({}, 1, 10**6, 0)[0]
    queue.commit("stream", queue.end())
    queue.commit("desk", {first.partition: first.offset + 1})
    append(queue, 100)
    found = look(queue, {first.partition: first.offset})
    waiting = {}
    for reader in found.readers:
        waiting[reader.name] = waiting.get(reader.name, 0) + reader.waiting
    assert waiting == {"warehouse": 13, "desk": 12, "stream": 1}
    assert found.channel == queue.channel
    assert found.bytes > 0
    assert sum(p.end - p.start for p in found.partitions) == 13
    for reader in found.readers:
        assert (reader.waiting_since is None) == (reader.waiting == 0)
    (oldest,) = [p.since for p in found.partitions if p.partition == first.partition]
    assert oldest == first.appended_at


def test_the_command_shows_it_as_a_table_and_as_json(queue, queue_url, capsys):
    append(queue, 1)
    assert main(["queue", "status", "--queue", queue_url]) == 0
    assert "(no reader yet)" in capsys.readouterr().out
    queue.commit("stream", queue.end())
    assert main(["queue", "status", "--queue", queue_url, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {r["name"] for r in found["readers"]} == {"stream"}
    assert sum(r["waiting"] for r in found["readers"]) == 0
    assert sum(p["end"] for p in found["partitions"]) == 1


# -- replay --


def test_a_replay_reads_again_and_nothing_is_lost_or_doubled(queue, queue_url, warehouse, capsys):
    append(queue, *range(12))
    assert stream(queue, warehouse) == 12
    command = ["queue", "replay", "--queue", queue_url, "--warehouse", warehouse.url, "--from"]
    assert main([*command, "start"]) == 0
    assert "stream reads again from" in capsys.readouterr().out
    assert sums(warehouse, queue) == (12, 12, 0)  # it balances before what is read again has been
    assert queue.committed("stream") == queue.start()
    append(queue, 100)
    assert stream(queue, warehouse) == 13
    assert sums(warehouse, queue) == (25, 13, 12)
    with warehouse().hold() as held:
        assert held.count("receipts") == held.count("rejects") == 13
    assert queue.committed("stream") == queue.end()


def test_a_replay_from_a_time_reads_what_came_since(queue, queue_url, warehouse, capsys):
    append(queue, *range(6))
    stream(queue, warehouse)
    command = ["queue", "replay", "--queue", queue_url, "--warehouse", warehouse.url, "--from"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert main([*command, tomorrow]) == 2
    assert "nothing to read again" in capsys.readouterr().err
    assert main([*command, "2020-01-01T00:00Z"]) == 0
    assert stream(queue, warehouse) == 6
    assert sums(warehouse, queue) == (12, 6, 6)


def test_a_replay_never_goes_forward(queue, queue_url, warehouse, capsys):
    append(queue, *range(6))
    stream(queue, warehouse)
    append(queue, *range(6, 12))
    partition, end = next((p, end) for p, end in queue.end().items() if end)
    command = ["queue", "replay", "--queue", queue_url, "--warehouse", warehouse.url, "--from"]
    assert main([*command, f"{partition}:{end}"]) == 2
    assert main([*command, f"{partition}:{end + 1000}"]) == 2
    assert "nothing to read again" in capsys.readouterr().err
    assert stream(queue, warehouse) == 6


def test_another_group_is_moved_without_the_warehouse(queue, queue_url, warehouse, capsys):
    append(queue, *range(6))
    stream(queue, warehouse)
    queue.commit("desk", queue.end())
    command = ["queue", "replay", "--queue", queue_url, "--warehouse", warehouse.url, "--from", "start", "--group"]
    assert main([*command, "desk"]) == 0
    assert set(queue.committed("desk").values()) == {0}
    assert stream(queue, warehouse) == 0
    assert main([*command, "nobody"]) == 2
    assert "no group nobody has read from here (known: desk, stream)" in capsys.readouterr().err


def test_a_running_stream_goes_on_from_the_replayed_position(queue, queue_url, warehouse):
    """The stream is asked between its batches, as a command in another process would do it."""
    append(queue, *range(12))
    other = open_queue(queue_url)

    class Meddling:
        """Has a replay come in after the stream's first batch."""

        def __init__(self):
            self.reads = 0

        def read(self, *arguments):
            self.reads += 1
            if self.reads == 2:
                command = ["queue", "replay", "--from", "start", "--queue", queue_url, "--warehouse", warehouse.url]
                assert main(command) == 0
                append(other, 100)
            return queue.read(*arguments)

        def __getattr__(self, name):
            return getattr(queue, name)

    meddling = Meddling()
    read = stream(meddling, warehouse)
    assert read == 10 + 13
    assert sums(warehouse, queue) == (23, 13, 10)
    other.close()


def test_an_idle_stream_notices_a_replay(queue, queue_url, warehouse, monkeypatch):
    monkeypatch.setattr("pipeline.cli.stream.LOOK_SECONDS", 0.0)
    append(queue, *range(4))
    batches = Batches(warehouse, queue.channel, Steps(), lambda: NOW)
    stop, trims = threading.Event(), []

    class Idle:
        """Replays when the stream has nothing to do, and stops it when it has nothing to do again."""

        def trim(self, now):
            trims.append(now)
            if len(trims) == 1:
                command = ["queue", "replay", "--from", "start", "--queue", queue_url, "--warehouse", warehouse.url]
                assert main(command) == 0
            elif start_positions(warehouse(), queue) == queue.end():
                stop.set()
            return queue.trim(now)

        def __getattr__(self, name):
            return getattr(queue, name)

    settings = StreamSettings(wait_seconds=0.01)
    total = run_stream(Idle(), warehouse, batches, settings, stop, once=False, clock=lambda: NOW)
    assert total.items == 8
    assert sums(warehouse, queue) == (8, 4, 4)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("yesterday", "give start, a time as 2026-03-01T06:00Z"),
        ("9:1", "there is no partition 9"),
        ("0:x", "give start, a time"),
        ("", "give start, a time"),
    ],
)
def test_a_place_that_is_none_is_refused_in_one_line(queue, queue_url, warehouse, capsys, place, says):
    command = ["queue", "replay", "--queue", queue_url, "--warehouse", warehouse.url, "--from", place]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_places_are_read(queue):
    append(queue, *range(5))
    assert where("start", queue) == queue.start()
    assert where("0:3", queue) == {0: 3}
    assert where("2020-01-01", queue) == where("2020-01-01T00:00:00+01:00", queue) == queue.start()


@pytest.mark.engines
def test_an_offset_alone_is_for_a_queue_of_one_partition(tmp_path, kafka_url):
    file, topic = open_queue(f"sqlite:///{tmp_path}/q.db"), open_queue(kafka_url)
    assert where("7", file) == {0: 7}
    with pytest.raises(Exception, match="the queue has 3 partitions"):
        where("7", topic)
    file.close()
    topic.close()
