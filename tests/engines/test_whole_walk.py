"""Flink and PostgreSQL give the tables that one machine gives, from Kafka and from archives, whatever is killed on the
way."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from archived import DOORS
from whole import demo_items, differences, whole_tables

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli import flink, main
from pipeline.cli.audit import check
from pipeline.cli.batches import Batches
from pipeline.cli.doors import now
from pipeline.graph import Steps
from schemas import wire
from schemas.records import Receipt, Reject

pytestmark = [pytest.mark.engines, pytest.mark.slow]
PATIENCE = 240.0
"""Seconds until all rows must be there; on an idle machine it takes a tenth."""

ITEMS = demo_items(datetime(2026, 6, 1, 12, tzinfo=UTC))


def of_one_batch():
    """The tables of all items at once."""
    opener = OpenWarehouse("duckdb:///:memory:one-batch")
    with opener().hold() as warehouse:
        warehouse.migrate()
        Batches(opener, "test", Steps(), now).run([Item(item, n + 1) for n, item in enumerate(ITEMS)])
        return whole_tables(warehouse)


def test_the_stream_gives_the_tables_of_one_batch(flink_cluster, settings_file, kafka_url, postgresql_url, capsys):
    arguments = ["stream", "--runner", "FlinkRunner", "--queue", kafka_url, "--warehouse", postgresql_url]
    assert main(["--config", settings_file, *arguments, "--parallelism=2"]) == 0
    assert "is at work" in capsys.readouterr().out
    queue = open_queue(kafka_url)
    items = random.Random(1).sample(ITEMS, len(ITEMS))
    half = len(items) // 2
    for part, victim in ((items[:half], "taskmanager"), (items[half:], "pool"), (items[::5], None)):  # some come twice
        queue.append([Outgoing(item.source, wire.encode(item)) for item in part])
        if victim is not None:
            flink_cluster.kill(victim)
            flink_cluster.start(victim)
    expected = dict(queue.end())
    queue.close()
    warehouse = OpenWarehouse(postgresql_url)()
    deadline = time.monotonic() + PATIENCE
    while (reached := _positions(warehouse, queue.channel)) != {p: end for p, end in expected.items() if end}:
        assert time.monotonic() < deadline, f"reached {reached} of {expected}"
        time.sleep(0.2)
    with warehouse.hold():
        assert not differences(of_one_batch(), whole_tables(warehouse))
    assert check(warehouse).balances


def test_a_message_that_is_no_item_is_a_reject_and_a_dead_letter_and_the_stream_goes_on(
    flink_cluster, settings_file, kafka_url, postgresql_url
):
    queue = open_queue(kafka_url)
    queue.append([Outgoing("poison.example", b"\x00 no record"), Outgoing("good", wire.encode(ITEMS[0]))])
    arguments = ["stream", "--runner", "FlinkRunner", "--queue", kafka_url, "--warehouse", postgresql_url]
    assert main(["--config", settings_file, *arguments, "--parallelism=1"]) == 0
    warehouse = OpenWarehouse(postgresql_url)()
    deadline = time.monotonic() + PATIENCE
    while len(warehouse.rows(Receipt)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (reject,) = warehouse.rows(Reject)
    assert reject.reason == "bad_message"
    place, _, topic = kafka_url.partition("?")[0].rpartition("/")
    dead = open_queue(f"{place}/{topic}.dead", create=False)
    (letter,) = dead.read(dead.start(), 10, 10**6, 5)
    assert (letter.value, letter.headers["dead-reason"]) == (b"\x00 no record", "bad_message")
    dead.close()
    queue.close()


def _positions(warehouse, channel) -> dict[int, int]:
    with warehouse.hold():
        return {p.partition: p.position for p in warehouse.progress(channel)}


# -- archives --

TOWNS = ("Ashford", "Belmont", "Corvo", "Dunmore", "Elverum", "Fairhaven", "Galway", "Hartley")


def articles(start: int, count: int) -> list[dict]:
    """Every third is another outlet's version of the one before it."""
    found = []
    for n in range(start, start + count):
        event = n - 1 if n % 3 == 2 else n
        town, other = TOWNS[event % 8], TOWNS[(event // 8) % 8]
        said = "The mayor said" if n == event else "According to the mayor,"
        text = (
            f"{town} will spend {event + 100} million dollars on bridge number {event} to {other} over {event % 7 + 2} "
            f"years.\n{said} {event * 3 + 40} workers from {town} and {other} would be needed for bridge {event}.\n"
            f"A survey of {event * 2 + 500} people in district {event} found that {event % 60 + 20} percent were in "
            f"favour of the crossing, which the council of {other} had asked for since {1950 + event % 60}."
        )
        found.append(
            {
                "url": f"https://outlet-{n % 5}.example/story-{n}",
                "title": f"{town} plans bridge {event} to {other}",
                "text": text,
                "published_at": f"2026-05-{event % 28 + 1:02d}T{event % 24:02d}:00:00Z",
            }
        )
    return found


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    paths = []
    for n, door in enumerate(("warc.gz", "jsonl.gz", "parquet", "folder")):
        folder = tmp_path_factory.mktemp("archives")
        paths.append(str(DOORS[door](folder, articles(90 * n, 120))))  # each has 30 of the next
    return paths


@pytest.fixture(scope="module")
def here(archives, tmp_path_factory):
    """What a backfill on this machine makes of them: its warehouse, and how many items there were."""
    url = f"duckdb:///{tmp_path_factory.mktemp('here')}/w.duckdb"
    command = [sys.executable, "-m", "pipeline", "backfill", *archives, "--warehouse", url, "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return OpenWarehouse(url)(), told["items"]


@pytest.fixture
def command(archives, settings_file, postgresql_url):
    rest = ["--runner", "FlinkRunner", "--json", "--beam", "--parallelism=2"]
    return ["--config", settings_file, "backfill", *archives, "--warehouse", postgresql_url, *rest]


def rows(url: str) -> int:
    warehouse = OpenWarehouse(url)()
    return len(warehouse.rows(Receipt)) if warehouse.version() is not None else 0


def wait_for_rows(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while rows(url) == 0:
        assert time.monotonic() < deadline, "no row came"
        time.sleep(0.1)


def same(one, other) -> bool:
    with one.hold(), other.hold():
        found = differences(whole_tables(one), whole_tables(other))
    assert not found
    return True


def test_the_tables_are_those_of_a_backfill_here(command, here, flink_cluster, postgresql_url, capsys):
    def disturb() -> None:
        wait_for_rows(postgresql_url)
        flink_cluster.kill("taskmanager")
        flink_cluster.start("taskmanager")

    disturber = threading.Thread(target=disturb)
    disturber.start()
    assert main(command) == 0
    disturber.join()
    told = json.loads(capsys.readouterr().out)
    warehouse, items = here
    assert (told["done"], len(told["archives"])) == (True, 4)
    assert told["new"] == len(warehouse.rows(Receipt))
    assert told["items"] >= items  # what was under way when the TaskManager went came twice
    assert "rejects" not in told  # only the workers know
    assert same(warehouse, OpenWarehouse(postgresql_url)())
    assert check(OpenWarehouse(postgresql_url)()).balances
    assert all(job.ended or job.state == "CANCELLING" for job in flink_cluster.api.jobs())
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 0  # and no job was started for it


def test_one_that_is_stopped_ends_its_job_and_goes_on_later(command, here, flink_cluster, postgresql_url):
    process = subprocess.Popen([sys.executable, "-m", "pipeline", *command], stdout=subprocess.PIPE)
    try:
        wait_for_rows(postgresql_url)
        process.send_signal(signal.SIGINT)
        told = json.loads(process.communicate(timeout=PATIENCE)[0])
    finally:
        process.kill()
    assert process.returncode == 1
    assert not told["done"]
    assert all(job.ended or job.state == "CANCELLING" for job in flink_cluster.api.jobs())
    assert main(command) == 0
    assert same(here[0], OpenWarehouse(postgresql_url)())


def test_archives_that_workers_do_not_find_are_told_of(command, archives, tmp_path, flink_cluster, capsys, monkeypatch):
    monkeypatch.setattr(flink, "STALLED_SECONDS", 5.0)
    missing = tmp_path / "gone.jsonl"
    missing.write_text(json.dumps(articles(0, 1)[0]) + "\n")
    command[3 : 3 + len(archives)] = [str(missing)]
    remove = threading.Thread(target=lambda: _remove_once_packed(flink_cluster, missing))
    remove.start()
    assert main(command) == 1
    remove.join()
    assert "there is no archive file at" in capsys.readouterr().err


def _remove_once_packed(flink_cluster, path) -> None:
    deadline = time.monotonic() + PATIENCE
    while all(job.ended for job in flink_cluster.api.jobs()) and time.monotonic() < deadline:
        time.sleep(0.02)
    path.unlink()
