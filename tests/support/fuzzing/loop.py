"""The loop: change an input, run the door, keep what reached something new, tell what must not be.

A finding is an exception that the door does not promise, an input that takes longer than the door may, or (seen by
``bench/fuzz.py``, which watches from outside) one that ends the process or never comes back. What was reached is lines
of our own modules, by ``sys.settrace``: functions of which every line was reached are not traced any more, so that the
loop becomes faster as it learns.
"""

from __future__ import annotations

import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from fuzzing.door import Door
from fuzzing.mutate import mutated

HARD = 20.0
"""Seconds of processor time after which Python code is interrupted."""


class TooLong(BaseException):
    """Not an ``Exception``, so that no door takes it for damage of its input."""


@dataclass(frozen=True)
class Finding:
    """``kind``: raised or slow. ``where``: what tells it from others: the exception and the line of ours it came from,
    or the door alone."""

    kind: str
    where: str
    detail: str
    data: bytes


@dataclass
class Report:
    """What came of a run. ``states``: how many inputs ended in each; ``slowest``: seconds of processor time."""

    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    kept: int = 0
    states: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Finding] = field(default_factory=dict)
    lines: int = 0
    of_lines: int = 0


def run(
    door: Door,
    seed: int,
    *,
    seconds: float = float("inf"),
    inputs: int | None = None,
    guided: bool = True,
    before: Callable[[bytes], None] = lambda data: None,
    patience: float | None = None,
) -> Report:
    """Run the door on its samples and on changes of them for so much processor time, or so many inputs.

    Without ``guided`` only samples are changed, nothing is traced, and the inputs depend on the seed alone. ``before``
    is called with each input. ``patience``: instead of the door's own, in seconds."""
    rng, report = random.Random(seed), Report()
    corpus = list(door.samples())
    limit = door.patience if patience is None else patience
    reached = Reached(door.modules) if guided else None
    began = time.process_time()
    queue = list(corpus)
    while (time.process_time() - began < seconds) and (inputs is None or report.inputs < inputs):
        if queue:
            data = queue.pop()
        else:  # what was found last has most to give
            base = corpus[-1 - int(len(corpus) * rng.random() ** 2)] if rng.random() < 0.5 else rng.choice(corpus)
            data = mutated(rng, base, corpus, door.tokens, door.changes)
        before(data)
        report.inputs += 1
        found, state, took = attempt(door, data, reached)
        report.slowest = max(report.slowest, took)
        if found is None and took > limit:
            # Tracing takes time of its own, and the first call loads what the later ones have.
            found, state, took = attempt(door, data, None)
            if found is None and took > limit:
                found = Finding("slow", door.name, f"{took:.1f} s, {limit:g} are allowed", data)
        if found is not None:
            report.findings.setdefault(found.where, found)
        else:
            report.states[state] += 1
        if reached is not None and reached.more() and found is None:
            corpus.append(data)
            report.kept += 1
    report.seconds = time.process_time() - began
    if reached is not None:
        report.lines, report.of_lines = reached.counts()
    return report


def attempt(door: Door, data: bytes, reached: Reached | None) -> tuple[Finding | None, str, float]:
    """What is wrong, the state that the input ends in, and seconds of processor time."""
    began = time.process_time()
    found, state = None, ""
    with _interrupted(HARD):
        try:
            if reached is None:
                state = door.run(data)
            else:
                with reached:
                    state = door.run(data)
        except TooLong:
            trace = "".join(traceback.format_exc()[-3000:])
            found = Finding("slow", f"{door.name} never", f"interrupted after {HARD:g} s\n{trace}", data)
        except (Exception, RecursionError) as e:  # noqa: BLE001 - whatever it is, it is a finding
            found = Finding("raised", _place(e), "".join(traceback.format_exception(e))[-4000:], data)
    return found, state, time.process_time() - began


def smaller(door: Door, finding: Finding, seconds: float = 30.0) -> bytes:
    """A smaller input that raises the same at the same place, as small as it gets in so much processor time."""
    data, deadline = finding.data, time.process_time() + seconds
    size = max(1, len(data) // 2)
    while size >= 1 and time.process_time() < deadline:
        at, shrank = 0, False
        while at < len(data) and time.process_time() < deadline:
            less = data[:at] + data[at + size :]
            again, _, _ = attempt(door, less, None)
            if again is not None and again.where == finding.where:
                data, shrank = less, True
            else:
                at += size
        if size == 1 and not shrank:
            break
        size = max(1, size // 2) if not shrank or size > 1 else 1
    return data


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if any(f"/{top}/" in f.filename for top in ("schemas", "connectors", "pipeline"))]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} at {'/'.join(last.filename.split('/')[-3:])}:{last.name}"


class _interrupted:
    """Raises ``TooLong`` inside the block after so much processor time, if this is the main thread."""

    def __init__(self, seconds: float):
        self._seconds = seconds

    def __enter__(self) -> None:
        def ring(number: int, frame: FrameType | None) -> None:
            raise TooLong

        self._before = signal.signal(signal.SIGPROF, ring)
        signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)


class Reached:
    """Which lines of functions in some modules were run inside the block. Reentered for each input."""

    def __init__(self, modules: tuple[str, ...]):
        self._left: dict[CodeType, set[int]] = {}
        self._all = 0
        files: set[str] = set()
        for name in modules:
            module = __import__(name, fromlist=["_"])
            files.add(str(module.__file__))
            with open(str(module.__file__), encoding="utf-8") as source:
                for code in _functions(compile(source.read(), str(module.__file__), "exec")):
                    lines = {line for _, _, line in code.co_lines() if line is not None} - {code.co_firstlineno}
                    self._left[code] = lines
                    self._all += len(lines)
        self._had = self._all
        self._files = frozenset(files)
        self._by_id: dict[int, set[int] | None] = {}

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def more(self) -> bool:
        """Whether a line was reached for the first time since the last question."""
        left = sum(map(len, self._left.values()))
        more, self._had = left < self._had, left
        return more

    def counts(self) -> tuple[int, int]:
        """Lines that were reached, and lines that there are."""
        return self._all - self._had, self._all

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        try:
            left = self._by_id[id(code)]
        except KeyError:
            # Equal code objects are one key, whoever compiled them; ids stay, since modules keep their functions.
            left = self._by_id[id(code)] = self._left.get(code) if code.co_filename in self._files else None
        if not left:
            return None

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            left.discard(frame.f_lineno)
            return line

        left.discard(frame.f_lineno)
        return line


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _functions(constant)
