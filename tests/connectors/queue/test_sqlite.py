"""The embedded queue's own: limits, the file, its URL."""

import pathlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from spawned import spawned

from connectors.queue import Outgoing, QueueFull, open_queue
from connectors.queue.sqlite import Limits, SQLiteQueue, parse_url

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def messages(count: int, size: int = 1000) -> list[Outgoing]:
    # Headers and key take part in the size: "{}" and no key.
    return [Outgoing("", bytes(size - 2)) for _ in range(count)]


def offsets(queue) -> list[int]:
    return [m.offset for m in queue.read({0: 0}, 10_000, 10**9, 0)]


@pytest.fixture
def limited(tmp_path):
    queue = SQLiteQueue(f"sqlite:///{tmp_path}/q.db?max_bytes=10kB&max_messages=8&retention=1d", clock=lambda: NOW)
    yield queue
    queue.close()


def test_a_full_queue_refuses_the_whole_batch(limited):
    limited.append(messages(7))
    with pytest.raises(QueueFull, match="7 messages that are not processed"):
        limited.append(messages(2))
    assert offsets(limited) == [0, 1, 2, 3, 4, 5, 6]
    limited.append(messages(1))


def test_bytes_count_too(limited):
    limited.append(messages(2, 4000))
    with pytest.raises(QueueFull):
        limited.append(messages(1, 4000))
    limited.append(messages(1, 2000))


def test_a_commit_makes_room_before_the_retention_is_over_but_no_more_than_needed(limited):
    limited.append(messages(8))
    limited.commit("stream", {0: 5})
    limited.append(messages(3))
    assert offsets(limited) == [3, 4, 5, 6, 7, 8, 9, 10]
    assert limited.start() == {0: 3}


def test_the_slowest_group_decides(limited):
    limited.append(messages(8))
    limited.commit("fast", {0: 8})
    limited.commit("slow", {0: 1})
    limited.append(messages(1))
    with pytest.raises(QueueFull):
        limited.append(messages(1))


def test_a_batch_larger_than_the_queue_fits_when_nothing_waits(limited):
    limited.append(messages(1, 50_000))
    with pytest.raises(QueueFull):
        limited.append(messages(1))
    limited.commit("stream", {0: 1})
    limited.append(messages(1, 60_000))
    assert offsets(limited) == [1]


def test_a_commit_beyond_the_end_does_not_harm_what_comes(limited):
    limited.append(messages(1))
    limited.commit("stream", {0: 100})
    limited.trim(NOW + timedelta(days=2))
    limited.append(messages(2))
    assert offsets(limited) == [1, 2]


def test_a_full_disk_is_a_full_queue(tmp_path):
    queue = SQLiteQueue(f"sqlite:///{tmp_path}/q.db")
    queue.append(messages(3))
    pages = queue._db.execute("PRAGMA page_count").fetchall()[0][0]
    queue._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite can't grow past, as on a full disk
    with pytest.raises(QueueFull, match="no room on the disk"):
        queue.append(messages(50, 10_000))
    assert offsets(queue) == [0, 1, 2]
    queue.close()


def test_trim_drops_what_is_consumed_and_old_and_gives_the_space_back(tmp_path):
    times = iter([NOW, NOW + timedelta(days=3)])
    queue = SQLiteQueue(f"sqlite:///{tmp_path}/q.db?retention=2d", clock=lambda: next(times))
    queue.append(messages(5000, 4000))
    queue.append(messages(2))
    before = pathlib.Path(queue.path).stat().st_size
    queue.commit("stream", {0: 5002})
    assert queue.trim(NOW + timedelta(days=3)) == 5000
    assert queue.start() == {0: 5000}
    assert offsets(queue) == [5000, 5001]
    assert pathlib.Path(queue.path).stat().st_size < before / 10
    queue.close()


def test_offsets_are_not_given_twice_after_all_was_trimmed(tmp_path):
    url = f"sqlite:///{tmp_path}/q.db?retention=1s"
    queue = open_queue(url)
    queue.commit("stream", queue.append(messages(3)))
    assert queue.trim(datetime.now(UTC) + timedelta(minutes=1)) == 3
    queue.close()
    queue = open_queue(url)
    assert queue.start() == queue.end() == {0: 3}
    assert queue.append(messages(1)) == {0: 4}
    queue.close()


def test_a_queue_made_anew_is_another_channel(tmp_path):
    url = f"sqlite:///{tmp_path}/q.db"
    first = open_queue(url)
    first.close()
    pathlib.Path(first.path).unlink()
    second = open_queue(url)
    assert second.channel != first.channel
    second.close()


def test_every_append_is_synced_to_the_disk(tmp_path):
    queue = SQLiteQueue(f"sqlite:///{tmp_path}/q.db")
    assert queue._db.execute("PRAGMA synchronous").fetchall() == [(2,)]
    assert queue._db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    queue.close()


def test_no_drafts_are_left(tmp_path):
    open_queue(f"sqlite:///{tmp_path}/q.db").close()
    assert [p.name for p in tmp_path.iterdir()] == ["q.db"]


def test_options_are_read():
    path, limits = parse_url("sqlite:////var/q.db?max_bytes=3GiB&max_messages=5&retention=36h")
    assert path == "/var/q.db"
    assert limits == Limits(3 * 2**30, 5, timedelta(hours=36))
    assert parse_url("sqlite:///q.db") == (str(pathlib.Path.cwd() / "q.db"), Limits())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://q.db", "use sqlite:///path"),
        ("sqlite:///", "names no file"),
        ("sqlite:///var/", "names no file"),
        ("sqlite:///q.db?colour=red", "known are max_bytes, max_messages, retention"),
        ("sqlite:///q.db?max_bytes=lots", "as in 2GB"),
        ("sqlite:///q.db?max_bytes=0", "as in 2GB"),
        ("sqlite:///q.db?max_bytes=2gigs", "as in 2GB"),
        ("sqlite:///q.db?max_messages=-1", "above 0"),
        ("sqlite:///q.db?retention=1 week", "as in 7d"),
        ("sqlite:///no/such/folder/q.db", "there is no folder"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says) as caught:
        open_queue(url)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_queue_are_refused_and_left_alone(tmp_path):
    (tmp_path / "text.db").write_text("not a database " * 100)
    (tmp_path / "empty.db").write_bytes(b"")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    newer = SQLiteQueue(f"sqlite:///{tmp_path}/newer.db")
    newer._db.execute("PRAGMA user_version = 9")
    newer.close()
    for name, says in {
        "text.db": "can't be read as a queue",
        "empty.db": "no wiredesk queue",
        "other.db": "no wiredesk queue",
        "newer.db": "upgrade wiredesk",
    }.items():
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=says):
            open_queue(f"sqlite:///{tmp_path}/{name}")
        assert (tmp_path / name).read_bytes() == before


KILLED = """
import sys
from connectors.queue import Outgoing, open_queue
queue = open_queue(sys.argv[1])
while True:
    queue.append([Outgoing("k", str(part).encode()) for part in range(5)])
    print(flush=True)
"""


def test_a_killed_appender_leaves_whole_batches(tmp_path):
    url = f"sqlite:///{tmp_path}/q.db"
    with spawned([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
    queue = open_queue(url)
    assert len(offsets(queue)) % 5 == 0
    queue.close()
