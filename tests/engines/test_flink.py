"""A stream on a real cluster, from Kafka to PostgreSQL: what is killed comes back, and nothing is lost or doubled."""

import threading
import time
import uuid

import noted
import psycopg
import pytest
from flink_cluster import stop_all
from kafka import KafkaAdminClient

from connectors.queue import Outgoing, open_queue
from pipeline.cli import main
from pipeline.cli.errors import Failed, UserError
from pipeline.cli.flink import Submission, replace

pytestmark = [pytest.mark.engines, pytest.mark.slow]
PATIENCE = 150.0
"""Seconds that a recovery may take; on an idle machine it takes a tenth."""

noted.ship(noted)


class Database:
    """The table of one test."""

    def __init__(self, url: str):
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(noted.TABLE)

    def values(self) -> list[str]:
        return sorted(value for (value,) in self._connection.execute("SELECT value FROM noted").fetchall())

    def written(self) -> list[tuple[str, int]]:
        return self._connection.execute("SELECT version, written FROM noted ORDER BY at").fetchall()

    def close(self) -> None:
        self._connection.close()


class Producer:
    """Appends numbered values, some at once or a few at a time while something else happens."""

    def __init__(self, queue):
        self.queue, self.values = queue, []
        self._stop = threading.Event()

    def append(self, count: int) -> None:
        new = [f"{len(self.values) + n:06d}" for n in range(count)]
        self.queue.append([Outgoing(f"site-{value}.example", value.encode()) for value in new])
        self.values += new

    def __enter__(self):
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(0.1):
            self.append(3)


def eventually(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def database(postgresql_server):
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        separator = "&" if "?" in postgresql_server else "?"
        found = Database(f"{postgresql_server}{separator}options=-csearch_path%3D{name}")
        yield found
        found.close()
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(scope="module")
def url(own_broker):
    return f"kafka://{own_broker.address}/stream?partitions=2"


@pytest.fixture(scope="module")
def producer(url):
    queue = open_queue(url)
    yield Producer(queue)
    queue.close()


def submission(flink_cluster, url, producer, database, options=(), **changes) -> Submission:
    stream = noted.Stream(url, producer.queue.channel, database.url, **changes)
    return Submission(flink_cluster.settings, stream, ["--job_name=noted", "--parallelism=2", *options])


@pytest.fixture(scope="module")
def job(flink_cluster, url, producer, database):
    """A job at work."""
    producer.append(100)
    with submission(flink_cluster, url, producer, database).packed() as packed:
        started = packed.start(flink_cluster.api)
    yield started
    stop_all(flink_cluster.api)


def arrived(database, producer) -> bool:
    return database.values() == producer.values


def test_a_backlog_is_read_once(job, database, producer):
    eventually(lambda: arrived(database, producer), "the backlog was not read")
    assert {times for _, times in database.written()} == {1}


def test_the_group_tells_how_far_the_job_is(job, database, producer):
    eventually(lambda: producer.queue.committed("stream") == producer.queue.end(), "nothing was committed")


def test_checkpoints_stay_as_small_as_they_begin(job, flink_cluster, producer):
    def sizes() -> list[int]:
        return flink_cluster.api.checkpoint_sizes(job.job_id)

    eventually(lambda: len(sizes()) >= 10, "no ten checkpoints")
    assert max(sizes()) < 1.1 * min(sizes())


def test_new_partitions_are_noticed(job, database, producer, own_broker):
    admin = KafkaAdminClient(bootstrap_servers=[own_broker.address])
    admin.create_partitions({"stream": 4})
    admin.close()
    eventually(lambda: len(producer.queue.end()) == 4, "Kafka has no new partitions")
    producer.append(100)
    eventually(lambda: arrived(database, producer), "the new partitions were not read")


def test_the_same_job_is_not_started_twice(job, flink_cluster, url, producer, database):
    again = submission(flink_cluster, url, producer, database)
    with again.packed() as packed, pytest.raises(UserError, match="is there already"):
        packed.start(flink_cluster.api)


@pytest.mark.parametrize("part", ["taskmanager", "pool", "jobmanager", "broker"])
def test_what_is_killed_comes_back_and_nothing_is_lost(part, job, flink_cluster, database, producer, own_broker):
    with producer:
        eventually(lambda: len(database.values()) > len(producer.values) - 30, "the job does not keep up")
        if part == "broker":
            own_broker.kill()
            own_broker.start()
        else:
            flink_cluster.kill(part)
            flink_cluster.start(part)
    producer.append(50)
    eventually(lambda: arrived(database, producer), f"rows are missing after kill -9 of the {part}")


def test_new_code_goes_on_where_the_old_one_stopped(job, flink_cluster, url, producer, database):
    producer.append(20)
    eventually(lambda: arrived(database, producer), "rows are missing")
    before = database.written()
    with submission(flink_cluster, url, producer, database, version="2").packed() as packed:
        _, savepoint, kept = replace(flink_cluster.api, running(flink_cluster), packed, replay=False)
    assert kept
    assert "savepoint" in savepoint
    producer.append(20)
    eventually(lambda: arrived(database, producer), "rows are missing after the upgrade")
    assert database.written() == [*before, *[("2", 1)] * 20]


def test_code_that_can_not_take_the_state_is_told_of_and_starts_from_the_warehouse(
    job, flink_cluster, url, producer, database
):
    before = database.written()
    with submission(flink_cluster, url, producer, database, version="3", source="ReadOtherwise").packed() as packed:
        with pytest.raises(Failed, match="can't go on from"):
            replace(flink_cluster.api, running(flink_cluster), packed, replay=False)
        producer.append(20)
        assert all(job.ended for job in flink_cluster.api.jobs())
        packed.start(flink_cluster.api)
    eventually(lambda: arrived(database, producer), "rows are missing after the new start")
    assert database.written() == [*before, *[("3", 1)] * 20]


def test_jobs_are_listed_and_stopped_by_command(job, flink_cluster, capsys):
    assert main(["jobs", "list", "--flink-master", flink_cluster.settings.master]) == 0
    assert "noted  RUNNING" in capsys.readouterr().out
    assert main(["jobs", "stop", "--savepoint", "--flink-master", flink_cluster.settings.master]) == 0
    assert "savepoint: file:" in capsys.readouterr().out
    assert main(["jobs", "stop", "--flink-master", flink_cluster.settings.master]) == 2
    assert "no jobs run" in capsys.readouterr().err


def test_a_checkpoint_in_the_first_bundle_does_not_stop_a_job(flink_cluster, url, producer, database):
    # Bundles as long as five checkpoints, so that the first is open when the first checkpoint comes.
    stop_all(flink_cluster.api)
    long_bundles = submission(flink_cluster, url, producer, database, ["--max_bundle_time_mills=5000"], version="4")
    with long_bundles.packed() as packed:
        packed.start(flink_cluster.api)
    producer.append(20)
    eventually(lambda: arrived(database, producer), "the job stands still")
    stop_all(flink_cluster.api)


def running(flink_cluster):
    (found,) = [job for job in flink_cluster.api.jobs() if not job.ended]
    return found
