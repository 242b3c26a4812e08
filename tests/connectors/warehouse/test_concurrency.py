"""What every warehouse promises to those who use it at once, and to those who are killed."""

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from spawned import spawned

from connectors.warehouse import OpenWarehouse, open_warehouse
from schemas.records import Article, Receipt, Sketch

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
HOUR = timedelta(hours=1)


def article(article_id: str) -> Article:
    rest = {"fetch_id": "f", "url": "u", "canonical_url": "c", "source": "s", "text": "t", "text_hash": "h"}
    return Article(article_id=article_id, word_count=1, **rest)


def sketch(article_id: str, keys) -> Sketch:
    return Sketch(article_id=article_id, text_hash="h", language="en", at=NOW, keys=tuple(keys))


def test_the_opener_travels_and_opens_the_same_warehouse(warehouse, warehouse_url):
    opener = pickle.loads(pickle.dumps(OpenWarehouse(warehouse_url)))
    warehouse.apply([article("a")])
    assert opener().articles(["a"]) == [article("a")]
    assert pickle.loads(pickle.dumps(warehouse)).count("articles") == 1


def test_many_threads_read_at_once(warehouse, warehouse_url):
    warehouse.apply([*(article(f"a{n}") for n in range(50)), *(sketch(f"a{n}", [n % 5]) for n in range(50))])
    opener = OpenWarehouse(warehouse_url)

    def look(n: int) -> tuple[int, int]:
        history = opener()
        return len(history.articles([f"a{i}" for i in range(n)])), len(history.related([sketch("x", [n % 5])], HOUR))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(1, 41))) == [(n, 10) for n in range(1, 41)]


def test_threads_see_whole_batches_while_one_writes(warehouse, warehouse_url):
    stop = threading.Event()
    seen: list[tuple[int, int]] = []

    def read() -> None:
        history = OpenWarehouse(warehouse_url)()
        while not stop.is_set():
            seen.append(history.query("SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM receipts)")[0])

    reading = threading.Thread(target=read)
    reading.start()
    for n in range(20):
        warehouse.apply([article(f"a{n}"), Receipt(fetch_id=f"f{n}", outcome="article", at=NOW)])
    stop.set()
    reading.join()
    assert all(articles == receipts for articles, receipts in seen)


WRITER = """
import sys
from datetime import UTC, datetime
from connectors.warehouse import open_warehouse
from schemas.records import Article, Metric, Progress, Replaced
warehouse = open_warehouse(sys.argv[1])
warehouse.migrate()
for n in range(int(sys.argv[2])):
    with warehouse.hold():
        articles = [
            Article(article_id=f"{i}", fetch_id="f", url="u", canonical_url="c", source="s", title=str(n),
                    authors=("a",), text="word " * 500, text_hash=str(n), word_count=500)
            for i in range(n, n + 20)
        ]
        metrics = [Metric(metric_id=f"{n}-{i}", article_id="x", span_start=0, span_end=1, surface="", sentence="")
                   for i in range(5)]
        warehouse.apply([*articles, Replaced(table="metrics", group="x"), *metrics,
                         Progress(channel="q", position=n + 1, at=datetime.now(UTC))])
    print(n + 1, flush=True)
"""


def test_a_killed_writer_leaves_the_last_acknowledged_batch_whole(warehouse_url):
    command = [sys.executable, "-c", WRITER, warehouse_url, "100000"]
    for _ in range(3):
        with spawned(command, stdout=subprocess.PIPE, text=True) as process:
            acknowledged = [int(process.stdout.readline()) for _ in range(6)][-1]
            process.kill()
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        with open_warehouse(warehouse_url).hold() as warehouse:
            (progress,) = warehouse.progress("q")
            assert progress.position in (acknowledged, acknowledged + 1)
            last = progress.position - 1
            newest = warehouse.articles([str(i) for i in range(last, last + 20)])
            assert [a.title for a in newest] == [str(last)] * 20
            assert sorted(m.metric_id for m in warehouse.metrics(["x"])) == [f"{last}-{i}" for i in range(5)]
            assert warehouse.count("articles") >= last + 20


def test_a_reader_gets_its_turn_while_another_process_writes(warehouse_url):
    open_warehouse(warehouse_url).migrate()
    with spawned([sys.executable, "-c", WRITER, warehouse_url, "12"], stdout=subprocess.PIPE, text=True) as writer:
        writer.stdout.readline()
        seen = []
        while writer.poll() is None:
            with open_warehouse(warehouse_url, read_only=True).hold() as warehouse:
                position = warehouse.progress("q")[0].position
                # BigQuery's emulator shows the past as it was between two statements of a transaction.
                if not warehouse_url.startswith("bigquery:"):
                    assert warehouse.count("articles") == position + 19
                seen.append(position)
        assert writer.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 1
