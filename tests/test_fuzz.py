"""A little of ``bench/fuzz.py``: the doors on their samples and on changes of them, the same ones every time."""

import pytest
from fuzzing import loop, mutate
from fuzzing.door import Door
from fuzzing.doors import DOORS

INPUTS = {"pages": 25, "numbers": 60, "fragments": 80, "feeds": 100}
"""Fewer where an input takes long."""


@pytest.mark.parametrize("name", DOORS)
def test_no_changed_input_breaks_a_door(name):
    report = loop.run(DOORS[name], seed=20, inputs=INPUTS.get(name, 150), guided=False)
    assert not report.findings, next(iter(report.findings.values())).detail
    assert len(report.states) > 1


def _fragile(data: bytes) -> str:
    if b"<b>" in data:
        raise KeyError("b")
    return "sound"


FRAGILE = Door("fragile", _fragile, lambda: [b"<a>1</a>", b"<c>2</c>"], (), (b"<b>",))


def test_what_breaks_a_door_is_found_and_made_small():
    report = loop.run(FRAGILE, seed=1, inputs=2000, guided=False)
    (finding,) = report.findings.values()
    assert finding.kind == "raised"
    assert finding.where.startswith("KeyError")
    assert loop.smaller(FRAGILE, finding) == b"<b>"


def test_what_takes_too_long_is_a_finding():
    report = loop.run(FRAGILE, seed=1, inputs=3, guided=False, patience=-1.0)
    assert report.findings["fragile"].kind == "slow"


def test_the_loop_keeps_what_reaches_new_lines():
    report = loop.run(DOORS["encodings"], seed=1, inputs=400)
    assert report.kept > 3
    assert 0 < report.lines <= report.of_lines


def test_inputs_depend_on_the_seed_alone():
    def inputs(seed):
        seen = []
        loop.run(DOORS["dates"], seed, inputs=60, guided=False, before=seen.append)
        return seen

    assert inputs(3) == inputs(3) != inputs(4)
    assert max(map(len, inputs(3))) <= mutate.LARGEST
