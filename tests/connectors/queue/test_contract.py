"""What every queue promises (``connectors.queue.Queue``), shown on real ones."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from spawned import spawned

from connectors.queue import Message, Outgoing, open_queue, read_fetched
from schemas import wire
from schemas.fetched import fetched

MB = 10**6


def outgoing(*values: str, key: str = "herald.example") -> list[Outgoing]:
    return [Outgoing(key, v.encode(), {"source": "herald"}) for v in values]


def read_all(queue, positions=None, limit=10_000) -> list[Message]:
    return queue.read(positions or queue.start(), limit, 100 * MB, 0)


def values(messages) -> list[str]:
    return [m.value.decode() for m in messages]


def test_messages_come_back_as_they_went_in_and_in_order(queue):
    message = Outgoing("клуч", b"\x00\xff", {"source": "ünï", "version": "1"})
    queue.append([message])
    (first,) = read_all(queue)
    queue.append(outgoing("a", "b"))
    rest = [m for m in read_all(queue) if m.key != message.key]
    assert (first.key, first.value, dict(first.headers)) == (message.key, message.value, message.headers)
    assert first.appended_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - first.appended_at) < timedelta(minutes=1)
    assert values(rest) == ["a", "b"]


def test_a_new_queue_is_empty(queue):
    assert queue.start() == queue.end()
    assert read_all(queue) == []
    assert queue.groups() == []
    assert queue.committed("stream") == {}


def test_append_returns_the_end_and_offsets_grow(queue):
    ends = queue.append(outgoing("a", "b"))
    assert ends == queue.end()
    queue.append(outgoing("c"))
    found = read_all(queue)
    offsets = [m.offset for m in found]
    assert offsets == sorted(set(offsets))
    assert queue.end()[found[-1].partition] == offsets[-1] + 1


def test_appending_nothing_is_allowed(queue):
    assert queue.append([]) == queue.end()


def test_reading_goes_on_from_a_position(queue):
    queue.append(outgoing("a", "b", "c"))
    first = read_all(queue, limit=1)
    assert values(first) == ["a"]
    assert values(read_all(queue, {first[0].partition: first[0].offset + 1})) == ["b", "c"]


def test_reading_does_not_consume(queue):
    queue.append(outgoing("a"))
    assert values(read_all(queue)) == values(read_all(queue)) == ["a"]


def test_a_read_is_bounded_by_bytes_but_gives_at_least_one_message(queue):
    queue.append(outgoing("x" * 1000, "y" * 1000, "z" * 1000))
    start = queue.start()
    assert len(queue.read(start, 10, 1, 0)) == 1
    assert len(queue.read(start, 10, 2500, 0)) == 2
    assert len(queue.read(start, 2, MB, 0)) == 2


def test_a_read_waits_for_the_first_message(queue, queue_url):
    other = open_queue(queue_url)
    appending = threading.Thread(target=lambda: other.append(outgoing("late")))
    appending.start()
    assert values(queue.read(queue.start(), 10, MB, 30)) == ["late"]
    appending.join()
    other.close()


def test_commits_are_kept_a_group_and_never_move_backwards(queue, queue_url):
    end = queue.append(outgoing("a", "b", "c"))
    (partition,) = {m.partition for m in read_all(queue)}
    queue.commit("stream", {partition: end[partition]})
    queue.commit("stream", {partition: end[partition] - 2})
    queue.commit("desk", {partition: end[partition] - 2})
    queue.commit("desk", {})
    again = open_queue(queue_url)
    assert again.committed("stream") == {partition: end[partition]}
    assert again.committed("desk")[partition] == end[partition] - 2
    assert again.groups() == ["desk", "stream"]
    again.close()


def test_a_queue_keeps_its_name_and_messages_when_opened_again(queue, queue_url):
    queue.append(outgoing("a"))
    again = open_queue(queue_url)
    assert again.channel == queue.channel
    assert values(read_all(again)) == ["a"]
    again.close()


def test_trim_keeps_what_some_group_still_needs(queue):
    end = queue.append(outgoing("a", "b", "c"))
    (partition,) = {m.partition for m in read_all(queue)}
    later = datetime.now(UTC) + timedelta(days=10_000)
    assert queue.trim(later) == 0
    queue.commit("fast", end)
    queue.commit("slow", {partition: end[partition] - 1})
    queue.trim(later)
    assert values(read_all(queue))[-1] == "c"
    assert read_all(queue, {partition: end[partition] - 1}) != []


def test_trim_keeps_what_is_younger_than_the_retention(queue):
    queue.commit("stream", queue.append(outgoing("a")))
    assert queue.trim(datetime.now(UTC)) == 0
    assert values(read_all(queue)) == ["a"]


APPENDER = """
import sys
from connectors.queue import Outgoing, open_queue
queue = open_queue(sys.argv[1])
for n in range(50):
    queue.append([Outgoing("k", f"{sys.argv[2]} {n} {part}".encode()) for part in range(3)])
"""


def test_several_processes_append_at_once_and_nothing_is_lost_or_mixed(queue, queue_url):
    names = ["one", "two", "three"]
    processes = [subprocess.Popen([sys.executable, "-c", APPENDER, queue_url, name]) for name in names]
    found: list[Message] = []
    positions = dict(queue.start())
    while len(found) < 450:
        batch = queue.read(positions, 100, MB, 30)
        assert batch, "nothing came for 30 s"
        found += batch
        for m in batch:
            positions[m.partition] = m.offset + 1
    assert [p.wait() for p in processes] == [0, 0, 0]
    for name in names:
        own = [v for v in values(found) if v.startswith(name + " ")]
        assert own == [f"{name} {n} {part}" for n in range(50) for part in range(3)]


KILLED = """
import sys
from connectors.queue import Outgoing, open_queue
queue = open_queue(sys.argv[1])
n = 0
while True:
    queue.append([Outgoing("k", f"{n} {part}".encode()) for part in range(5)])
    print(n, flush=True)
    n += 1
"""


def test_a_killed_appender_leaves_all_that_was_acknowledged_in_order(queue, queue_url):
    with spawned([sys.executable, "-c", KILLED, queue_url], stdout=subprocess.PIPE, text=True) as process:
        acknowledged = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
    found = values(read_all(queue))
    assert acknowledged * 5 + 5 <= len(found) <= acknowledged * 5 + 10
    assert found == [f"{n} {part}" for n in range(acknowledged + 2) for part in range(5)][: len(found)]
    queue.append(outgoing("after"))
    assert values(read_all(queue))[-1] == "after"


def test_an_item_is_read_from_its_message(queue):
    item = fetched(source="herald", url="https://herald.example/a", body=b"<p>")
    queue.append([Outgoing("herald.example", wire.encode(item))])
    (message,) = read_all(queue)
    assert read_fetched(message, queue.channel) == item


def test_a_message_that_is_no_item_is_a_failed_item_that_keeps_the_bytes(queue):
    queue.append([Outgoing("k", b"\xff garbage"), Outgoing("k", b"WD\x63\x01\x00")])
    garbage, newer = [read_fetched(m, queue.channel) for m in read_all(queue)]
    assert garbage.failure.reason == newer.failure.reason == "bad_message"
    assert garbage.body == b"\xff garbage"
    assert garbage.source == "queue"
    (first, _) = read_all(queue)
    assert garbage.position == f"{queue.channel}/{first.partition}:0"
    assert "upgrade" in newer.failure.detail
    assert garbage.fetch_id != newer.fetch_id


def test_a_read_may_be_of_some_partitions_only(queue):
    end = queue.append([Outgoing(f"site-{n}.example", b"x") for n in range(20)])
    found = [m for p in end for m in queue.read({}, 100, MB, 0, [p])]
    assert len(found) == 20
    for p, last in end.items():
        assert [m.offset for m in queue.read({}, 100, MB, 0, [p])] == list(range(last))
    assert queue.read({}, 100, MB, 0, []) == []
    assert len(read_all(queue)) == 20


def test_positions_of_a_time_lead_to_what_was_appended_since(queue):
    before = datetime.now(UTC) - timedelta(minutes=1)
    assert queue.positions_at(before) == queue.end()
    queue.append(outgoing("a", "b"))
    assert values(read_all(queue, queue.positions_at(before))) == ["a", "b"]
    assert queue.positions_at(datetime.now(UTC) + timedelta(minutes=1)) == queue.end()


def test_a_group_is_moved_back_and_goes_on_from_there(queue):
    end = queue.append(outgoing("a", "b", "c"))
    (partition,) = {m.partition for m in read_all(queue)}
    queue.rewind("nobody", {partition: 1})
    assert queue.groups() == []
    queue.commit("stream", {partition: end[partition]})
    queue.rewind("stream", {partition: 1})
    assert queue.committed("stream") == {partition: 1}
    queue.commit("stream", {partition: 2})
    assert queue.committed("stream") == {partition: 2}


def test_what_is_held_is_told_in_bytes(queue):
    empty = queue.held_bytes()
    queue.append(outgoing("x" * 1000))
    assert queue.held_bytes() > empty


def test_an_emptied_read_starts_again_where_it_is_told(queue):
    queue.append(outgoing(*map(str, range(50))))
    start = queue.start()
    assert len(queue.read(start, 7, MB, 0)) == 7
    assert values(read_all(queue)) == [str(n) for n in range(50)]
    (partition,) = {m.partition for m in read_all(queue)}
    assert values(read_all(queue, {partition: 48})) == ["48", "49"]
    assert values(queue.read({partition: 3}, 2, MB, 0)) == ["3", "4"]


def test_a_position_beyond_the_end_gives_nothing_until_the_queue_gets_there(queue):
    queue.append(outgoing("a"))
    ((partition, offset),) = {(m.partition, m.offset) for m in read_all(queue)}
    assert queue.read({partition: offset + 3}, 10, MB, 0) == []
    queue.append(outgoing("b", "c", "d"))
    assert values(queue.read({partition: offset + 3}, 10, MB, 0)) == ["d"]


@pytest.mark.parametrize("url", ["rabbit://x", "queue.db", ""])
def test_an_unknown_url_is_refused_in_one_line(url):
    with pytest.raises(ValueError, match="use sqlite:///path") as caught:
        open_queue(url)
    assert "\n" not in str(caught.value)
