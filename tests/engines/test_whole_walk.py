"""Kafka, Flink and PostgreSQL give the tables that one batch into DuckDB gives, whatever is killed on the way."""

import random
import time
from datetime import UTC, datetime

import pytest
from whole import demo_items, differences, whole_tables

from connectors.queue import Outgoing, open_queue
from connectors.warehouse import OpenWarehouse
from pipeline.channel import Item
from pipeline.cli import main
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
