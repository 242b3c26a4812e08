"""Work that hangs, dies or swallows memory costs itself alone."""

import os
import pkgutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from spawned import spawned

from pipeline.extraction import killable
from pipeline.extraction.killable import Job, Killed, Limits

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
    with pytest.raises(Killed, match=r"more than 5 s by the clock") as caught:
        hung.result()
    assert caught.value.timed_out
    assert [job.result() for job in others] == [1, 2, 4, 8, 16]


def test_time_is_the_processors():
    asleep, at_work = Job(LIMITS, time.sleep, (1,), 0.5), Job(LIMITS, pow, (7, 10**9), 0.5)
    assert asleep.result() is None
    with pytest.raises(Killed, match=r"more than 0\.5 s$") as caught:
        at_work.result()  # in the midst of one operation of the interpreter
    assert caught.value.timed_out


def test_what_all_work_needs_is_at_no_works_cost():
    Job(LIMITS, pow, (2, 3), 30).result()  # the server of workers has begun without the module
    limits = Limits(workers=1, preload=("slow_to_import",))
    assert Job(limits, pkgutil.resolve_name, ("slow_to_import:SECONDS",), 0.5).result() == 1


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
    with spawned([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    _, alive = psutil.wait_procs([worker], timeout=20)
    assert alive == []
