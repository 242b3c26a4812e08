"""Surroundings: what the neighbours of both ends say of an edge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching.surroundings import FLOOR, SURROUNDINGS, TELLS, crowding, graph, is_faint, surroundings


def of(
    pairs: dict[tuple[int, int], float],
    days: list[float],
    sections: frozenset[int] = frozenset(),
    faint: Sequence[int] = (),
):
    """One dict of features an edge."""
    later, earlier = (np.array(ends, np.int64) for ends in zip(*pairs, strict=True))
    likeness = np.array(list(pairs.values()))
    section = np.array([n in sections for n in range(len(days))])
    around = graph(later, earlier, likeness, np.array(days), section, faint or [0] * len(days))
    rows = surroundings(later, earlier, likeness, around)
    return {edge: dict(zip(SURROUNDINGS, row.tolist(), strict=True)) for edge, row in zip(pairs, rows, strict=True)}


def test_a_pair_alone_has_no_rivals_and_no_company():
    found = of({(1, 0): 0.5}, [10.0, 11.0])[1, 0]
    assert found["likeness"] == 0
    assert found["rival"] == found["other_rival"] == found["company"] == found["common"] == 0
    assert found["margin"] == 0.5
    assert found["inferred_gap"] == 1


def test_common_neighbours_and_strangers_are_told_apart():
    triangle = {(1, 0): 0.5, (2, 0): 0.75, (2, 1): 0.75}
    found = of({**triangle, (3, 1): 0.5}, [1.0] * 4)[1, 0]
    assert found["common"] == found["common_best"] == 0.75
    assert found["common_strong"] == 1
    assert found["stranger"] == 0.5
    assert found["other_stranger"] == 0.1875
    assert (found["rank"], found["other_rank"]) == (1, 1)


def test_the_day_of_an_undated_article_is_that_of_its_neighbours():
    found = of({(1, 0): 0.25, (2, 0): 0.75}, [float("nan"), 10.0, 14.0])[1, 0]
    assert found["inferred_gap"] == 4
    assert of({(1, 0): 0.25}, [float("nan"), 10.0])[1, 0]["inferred_gap"] == -1


def test_a_section_is_no_neighbour_of_others():
    pairs = {(1, 0): 0.5, (2, 0): 0.75}
    assert of(pairs, [1.0] * 3)[1, 0]["other_company"] == 0.75
    assert of(pairs, [1.0] * 3, frozenset({2}))[1, 0]["other_company"] == 0
    assert of(pairs, [1.0] * 3, frozenset({2}))[2, 0]["other_company"] == 0.5


def test_faint_pairs_count_in_powers_of_two_and_tell_nothing_else():
    found = of({(1, 0): 0.5}, [1.0, 1.0], faint=[7, 2])[1, 0]
    assert (found["crowd"], found["other_crowd"]) == (1, 3)
    assert [crowding(n) for n in (0, 1, 2, 3, 6, 7, 14, 15)] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert [is_faint(x) for x in (FLOOR - 0.01, FLOOR, TELLS - 0.01, TELLS)] == [False, True, True, False]
    pairs = {(1, 0): 0.5, (2, 0): TELLS - 0.01, (2, 1): TELLS - 0.01}
    assert of(pairs, [1.0] * 3)[1, 0] == of({(1, 0): 0.5}, [1.0, 1.0])[1, 0]


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] > pair[1]),
        st.integers(1, 4096).map(lambda n: n / 4096),
        min_size=1,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_features_depend_on_the_edges_and_not_on_their_order(pairs, rng):
    shuffled = dict(rng.sample(list(pairs.items()), len(pairs)))
    assert of(shuffled, [1.0] * 10) == of(pairs, [1.0] * 10)
