"""The web of pairs: what a batch changed is told from what it left alone."""

from __future__ import annotations

from pipeline.history import Nothing
from pipeline.matching.surroundings import FLOOR, TELLS
from pipeline.matching.web import Web
from schemas.records import Pair

FAINT = (FLOOR + TELLS) / 2


def pair(later: str, earlier: str, likeness: float = FAINT) -> Pair:
    return Pair(article_id=later, earlier_id=earlier, likeness=likeness, containment=0.0)


def web(**judged: list[Pair]) -> Web:
    made = Web()
    made.open(Nothing())
    made.take(judged, frozenset())
    made.load(judged)
    return made


def test_faint_pairs_are_counted_with_earlier_ones_and_with_later_ones():
    made = web(a=[], b=[pair("b", "a")], c=[pair("c", "a", TELLS), pair("c", "b")], d=[pair("d", "b", FLOOR / 2)])
    assert [made.faint(name) for name in "abcd"] == [1, 2, 1, 0]


def test_faint_pairs_that_come_and_go_are_counted_anew():
    made = web(a=[], b=[pair("b", "a")], c=[pair("c", "a")])
    assert made.faint("a") == 2
    made.take({"c": [pair("c", "b")], "d": [pair("d", "a")]}, frozenset("b"))
    assert [made.faint(name) for name in "acd"] == [1, 1, 1]


def test_only_those_whose_faint_pairs_have_doubled_are_crowded_otherwise():
    laters = {name: [pair(name, "a"), *([pair(name, "b")] if name < "g" else [])] for name in "cdefgh"}
    made = web(a=[], b=[], **laters)
    assert (made.faint("a"), made.faint("b")) == (6, 4)
    assert made.crowded({"a": 3, "b": 1}) == set()
    assert made.crowded({"a": 4, "b": 2}) == {"a", "b"}
    assert made.crowded({"a": 0, "b": -2}) == set()
    assert made.crowded({"a": -1}) == {"a"}
