"""Work that hangs, dies or swallows memory costs itself alone; pages that do so become rejects."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import apache_beam as beam
import psutil
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline.channel import Item
from pipeline.draft import Drafting, Extraction
from pipeline.draft_articles import DraftArticles
from pipeline.extraction import killable
from pipeline.extraction.killable import Job, Killed, Limits
from schemas.fetched import fetched

LIMITS = Limits(workers=2, max_memory=2**30)


@pytest.fixture(scope="module", autouse=True)
def _workers():
    yield
    killable.close()


def test_results_come_back():
    jobs = [Job(LIMITS, pow, (2, n), 30) for n in range(20)]
    assert [job.result() for job in jobs] == [2**n for n in range(20)]


def test_work_that_hangs_is_killed_and_the_rest_goes_on():
    hung = Job(LIMITS, signal.pause, (), 0.5)
    others = [Job(LIMITS, pow, (2, n), 30) for n in range(5)]
    with pytest.raises(Killed, match=r"more than 0\.5 s") as caught:
        hung.result()
    assert caught.value.timed_out
    assert [job.result() for job in others] == [1, 2, 4, 8, 16]


def test_work_that_kills_its_worker_is_told_and_the_rest_goes_on():
    dying = Job(LIMITS, os._exit, (7,), 30)
    others = [Job(LIMITS, pow, (2, n), 30) for n in range(5)]
    with pytest.raises(Killed, match="exit code 7") as caught:
        dying.result()
    assert not caught.value.timed_out
    assert [job.result() for job in others] == [1, 2, 4, 8, 16]


def test_exception_of_the_work_is_raised():
    with pytest.raises(ZeroDivisionError):
        Job(LIMITS, divmod, (1, 0), 30).result()


def test_memory_has_an_end():
    with pytest.raises(MemoryError):
        Job(LIMITS, bytearray, (2**32,), 30).result()


def test_worker_is_replaced_after_its_tasks():
    limits = Limits(workers=1, max_tasks=2)
    pids = [Job(limits, os.getpid, (), 30).result() for _ in range(4)]
    assert len(set(pids)) == 2
    assert os.getpid() not in pids


def test_pools_are_made_anew_after_close():
    before = Job(LIMITS, os.getpid, (), 30).result()
    killable.close()
    assert not psutil.pid_exists(before)
    assert Job(LIMITS, pow, (2, 3), 30).result() == 8


def test_workers_end_with_a_killed_parent():
    code = (
        "import os, signal\n"
        "from pipeline.extraction.killable import Job, Limits\n"
        "if __name__ == '__main__':\n"
        "    print(Job(Limits(workers=1), os.getpid, (), 30).result(), flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([worker], timeout=20)
    assert alive == []


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = (
    b"<html><title>Bridge closed</title><body><p>" + b"The council voted on Tuesday to close the bridge. " * 9 + b"</p>"
)
# Half a minute of work for the extractor.
SLOW = b"<html><title>Links</title><body>" + b"<li><a href='/x'>Foo bar baz</a></li>" * 100_000


@pytest.mark.filterwarnings("ignore")
def test_page_that_takes_too_long_is_a_reject_and_the_others_are_articles():
    bodies = [GOOD, SLOW, GOOD, GOOD]
    items = [
        fetched(source="desk", url=f"https://x.example/{n}", fetched_at=NOW, content_type="text/html", body=body)
        for n, body in enumerate(bodies)
    ]
    with beam.Pipeline() as pipeline:
        drafts = (
            pipeline
            | beam.Create([Item(item, n) for n, item in enumerate(items, 1)])
            | DraftArticles(Drafting(Extraction(timeout=2, workers=2)))
        )
        found = drafts | beam.Map(lambda d: (d.position, d.outcome.url, getattr(d.outcome, "reason", "")))
        expected = [(n + 1, f"https://x.example/{n}", "extract_timeout" if n == 1 else "") for n in range(4)]
        assert_that(found, equal_to(expected))
