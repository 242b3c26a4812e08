"""Parts are started again, longer and longer after each other, and given up with the reason; their output is one."""

import json
import signal
import sys
import threading
import time
from itertools import count

import pytest

from pipeline.cli.supervision import GaveUp, Part, Patience, as_json, as_text, backoff, has_lasted, supervise

QUICK = Patience(stop=5, steady=1000, longest=0, tries=3)


def part(code: str, name: str = "part") -> Part:
    return Part(name, [sys.executable, "-c", code])


def run(parts, patience=QUICK, until=None):
    """What the supervisor returns and the lines that it passed on. It is stopped after a line that holds ``until``."""
    lines, stop = [], threading.Event()

    def write(name, line):
        lines.append((name, line))
        if until is not None and until in line:
            stop.set()

    ticks = count()
    return supervise(parts, stop, lambda: next(ticks), write, patience), lines


def test_a_part_that_does_not_stay_up_is_given_up_with_what_it_said_last():
    found, lines = run([part("print('no room on the disk'); raise SystemExit(1)")])
    assert found == GaveUp("part", 3, 1, "no room on the disk")
    assert "no room on the disk" in str(found)
    assert lines == [("part", "no room on the disk")] * 3


def test_when_one_is_given_up_the_others_are_stopped():
    other = part("import sys; print('here', flush=True); sys.stdin.read()", "other")
    found, _ = run([other, part("raise SystemExit(1)")])
    assert isinstance(found, GaveUp)
    assert other.process is None


def test_a_users_mistake_is_not_tried_again():
    found, lines = run([part("print('no such file'); raise SystemExit(2)")])
    assert found == 2
    assert lines == [("part", "no such file")]


def test_a_part_that_lasted_starts_again_at_once_however_often():
    patience = Patience(stop=5, steady=0, longest=1000, tries=2)
    found, lines = run([part("import time; print(time.monotonic())")], patience, until=".")
    assert found == 0
    assert lines


def test_what_does_not_stop_when_asked_is_killed():
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    stubborn = part(deaf)
    found, _ = run([stubborn], Patience(stop=0.1), until="deaf")
    assert found == 0
    assert stubborn.process is None


def test_a_killed_part_is_told_so():
    found, _ = run([part("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")])
    assert found == GaveUp("part", 3, -signal.SIGKILL, "")
    assert "signal 9" in str(found)
    assert "nothing." in str(found)


@pytest.mark.parametrize(
    ("code", "seconds", "lasted"),
    [
        (1, 59, False),
        (1, 60, True),
        (-signal.SIGSEGV, 59, False),
        (-signal.SIGKILL, 9, False),
        (-signal.SIGKILL, 10, True),
        (-signal.SIGTERM, 30, True),
        (0, 30, True),
    ],
)
def test_who_is_ended_by_others_past_its_start_has_lasted(code, seconds, lasted):
    assert has_lasted(code, seconds, Patience()) == lasted


def test_a_part_that_is_killed_again_and_again_is_not_given_up():
    killed = part("import os, signal; print('up', flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    patience = Patience(stop=5, steady=1000, begun=0, longest=1000, tries=2)
    ups = count(1)
    lines, stop = [], threading.Event()

    def write(name, line):
        lines.append(line)
        if next(ups) == 4:
            stop.set()

    assert supervise([killed], stop, time.monotonic, write, patience) == 0
    assert lines == ["up"] * 4


def test_backoff_doubles_to_its_bound():
    assert [backoff(n) for n in range(8)] == [0, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"event": "batch", "items": 3}', {"part": "stream", "event": "batch", "items": 3}),
        ("3 items read", {"part": "stream", "event": "3 items read", "level": "info"}),
        ("[1]", {"part": "stream", "event": "[1]", "level": "info"}),
        ('{"event": "ended", "part": "x"}', {"part": "x", "event": "ended"}),
    ],
)
def test_json_stays_json_and_names_the_part(line, event, capsys):
    as_json("stream", line)
    assert json.loads(capsys.readouterr().err) == event


def test_text_has_the_part_before_each_line(capsys):
    as_text(6)("poll", "new items=3")
    assert capsys.readouterr().err == "poll   | new items=3\n"
