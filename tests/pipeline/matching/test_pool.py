"""The pool: who is whose candidate, however large the crowd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.matching.pool import Pool
from pipeline.matching.sketch import IS_SECTION, Evidence, pack
from schemas.records import Sketch

DAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def sketch(name: str, keys: tuple[int, ...], hours: int | None = 0, part_of: str = "") -> Sketch:
    evidence = pack(Evidence(flags=IS_SECTION if part_of else 0, part_of=part_of))
    at = None if hours is None else DAY + timedelta(hours=hours)
    return Sketch(article_id=name, text_hash="h", language="en", at=at, keys=keys, evidence=evidence)


def candidates(pool: Pool, name: str) -> list[str]:
    return [pool.sketches[j].article_id for j in pool.candidates(pool.position[name])]


def in_order(pool: Pool) -> list[Sketch]:
    return sorted(pool, key=lambda s: pool.label[pool.position[s.article_id]])


def later(pool: Pool, name: str) -> set[str]:
    return {pool.sketches[j].article_id for j in pool.later(pool.position[name])}


def test_candidates_are_the_earlier_ones_that_share_a_key():
    pool = Pool([sketch("a", (2, 4)), sketch("b", (6,), 1), sketch("c", (4, 8), 2), sketch("d", (8,), 3)], WEEK, 9, 9)
    assert candidates(pool, "c") == ["a"]
    assert later(pool, "c") == {"d"}


def test_of_many_candidates_those_that_share_most_stay():
    crowd = [sketch(f"x{n}", (2,), n) for n in range(9)]
    pool = Pool([sketch("old", (2, 4, 6), 0), *crowd, sketch("new", (2, 4, 6), 50)], WEEK, 3, 99)
    assert candidates(pool, "new") == ["old", "x7", "x8"]


def test_in_a_crowd_only_the_nearest_in_time_are_found():
    pool = Pool([sketch(f"x{n}", (2,), n) for n in range(9)], WEEK, 99, 2)
    assert candidates(pool, "x5") == ["x3", "x4"]
    assert later(pool, "x5") == {"x6", "x7"}


def test_sections_take_no_place_in_a_crowd_and_are_nobodys_candidates():
    pool = Pool(
        [sketch("a", (2,), 0), sketch("s1", (2,), 1, "d"), sketch("s2", (2,), 1, "d"), sketch("b", (2,), 2)], WEEK, 9, 1
    )
    assert candidates(pool, "b") == ["a"]
    assert candidates(pool, "s1") == candidates(pool, "s2") == ["a"]
    assert later(pool, "a") == {"s1", "s2", "b"}


def test_an_article_without_a_time_comes_first_and_is_near_to_all():
    pool = Pool([sketch("dated", (2,), 0), sketch("none", (2,), None), sketch("late", (2,), 900)], WEEK, 9, 9)
    assert candidates(pool, "dated") == ["none"]
    assert candidates(pool, "late") == ["none"]


worlds = st.lists(
    st.tuples(
        st.sets(st.integers(0, 5).map(lambda k: 2 * k), min_size=1, max_size=3),
        st.one_of(st.none(), st.integers(0, 300)),
        st.booleans(),
    ),
    min_size=2,
    max_size=25,
)


@settings(max_examples=600, deadline=None)
@given(worlds, st.integers(1, 4), st.integers(1, 5), st.integers(0, 24))
def test_whoever_may_find_an_article_is_among_its_later_ones(world, crowd: int, most: int, taken: int):
    """What matching relies on: an article's coming changes the candidates of those only."""
    sketches = [
        sketch(f"a{n:02}", tuple(sorted(keys)), hours, f"d{n}" if section else "")
        for n, (keys, hours, section) in enumerate(world)
    ]
    gone = sketches[taken % len(sketches)].article_id
    whole = Pool(sketches, WEEK, most, crowd)
    without = Pool([s for s in sketches if s.article_id != gone], WEEK, most, crowd)
    changed = {
        s.article_id
        for s in sketches
        if s.article_id != gone and candidates(whole, s.article_id) != candidates(without, s.article_id)
    }
    assert changed <= later(whole, gone)


@settings(max_examples=300, deadline=None)
@given(worlds, worlds, st.sets(st.integers(0, 24)))
def test_a_pool_that_was_changed_is_the_one_that_would_be_made_anew(first, second, taken: set[int]):
    old = [
        sketch(f"a{n:02}", tuple(sorted(keys)), hours, f"d{n}" if section else "")
        for n, (keys, hours, section) in enumerate(first)
    ]
    new = [
        sketch(f"b{n:02}", tuple(sorted(keys)), hours, f"e{n}" if section else "")
        for n, (keys, hours, section) in enumerate(second)
    ]
    gone = {s.article_id for n, s in enumerate(old) if n in taken}
    changed = Pool(old, WEEK, 3, 2)
    changed.change([*gone, "not there"], new)
    anew = Pool([s for s in old if s.article_id not in gone] + new, WEEK, 3, 2)
    assert list(in_order(changed)) == list(in_order(anew))
    for a, b in zip(in_order(changed), in_order(anew), strict=True):
        i, j = changed.position[a.article_id], anew.position[b.article_id]
        for column in ("time", "section", "dated", "mass"):
            assert np.array_equal(getattr(changed, column)[i], getattr(anew, column)[j]), column
        assert np.array_equal(changed.keys.row(i), anew.keys.row(j))
        assert candidates(changed, a.article_id) == candidates(anew, a.article_id)
        assert later(changed, a.article_id) == later(anew, a.article_id)
