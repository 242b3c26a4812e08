"""Linkage: stories from edges, whatever their order; what came from what within them."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.matching.linkage import Edge, stories, trees

edges_of = st.dictionaries(
    st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda pair: pair[0] > pair[1]),
    st.integers(0, 64).map(lambda n: n / 64),
    max_size=60,
).map(lambda found: [Edge(later, earlier, p) for (later, earlier), p in found.items()])


def test_one_strong_edge_does_not_join_two_stories():
    first = [Edge(b, a, 0.9) for a, b in itertools.combinations(range(3), 2)]
    second = [Edge(b, a, 0.9) for a, b in itertools.combinations(range(3, 6), 2)]
    assert sorted(stories([*first, *second, Edge(3, 2, 0.8)], 0.45)) == [[0, 1, 2], [3, 4, 5]]


def test_a_few_strong_edges_do_not_join_two_large_stories():
    first = [Edge(b, a, 0.9) for a, b in itertools.combinations(range(40), 2)]
    second = [Edge(b, a, 0.9) for a, b in itertools.combinations(range(40, 80), 2)]
    few = [Edge(40 + n, n, 0.9) for n in range(10)]
    assert sorted(stories([*first, *second, *few], 0.45)) == [list(range(40)), list(range(40, 80))]


def test_many_middling_edges_join_what_no_single_one_would():
    assert stories([Edge(b, a, 0.5) for a, b in itertools.combinations(range(5), 2)], 0.45) == [[0, 1, 2, 3, 4]]
    assert stories([Edge(1, 0, 0.44)], 0.45) == []


def test_a_large_story_needs_no_edge_between_all_of_its_members():
    many, compared = 400, 64
    found = [Edge(n, m, 0.95) for n in range(many) for m in range(max(0, n - compared), n)]
    assert stories(found, 0.45) == [list(range(many))]


@given(edges_of, st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_matter(edges: list[Edge], rng: random.Random):
    shuffled = rng.sample(edges, len(edges))
    assert sorted(stories(shuffled, 0.45)) == sorted(stories(edges, 0.45))
    assert trees(shuffled, 0.45) == trees(edges, 0.45)


@given(edges_of)
def test_every_member_but_the_first_has_an_earlier_parent_in_its_story(edges: list[Edge]):
    groups = stories(edges, 0.45)
    found = trees(edges, 0.45)
    assert sorted(n for group in groups for n in group[1:]) == sorted(found)
    for group in groups:
        assert group == sorted(set(group))
        for node in group[1:]:
            parent, probability = found[node]
            assert parent in group
            assert parent < node
            assert 0 <= probability <= 1


def test_the_parent_is_the_likeliest_earlier_member_and_of_equals_the_earliest():
    found = trees([Edge(1, 0, 0.6), Edge(2, 0, 0.7), Edge(2, 1, 0.9), Edge(3, 0, 0.8), Edge(3, 1, 0.8)], 0.3)
    assert found == {1: (0, 0.6), 2: (1, 0.9), 3: (0, 0.8)}


def test_one_without_an_edge_to_an_earlier_member_came_from_the_first_by_way_of_another():
    assert trees([Edge(2, 0, 0.9), Edge(2, 1, 0.95)], 0.4) == {1: (0, 0.9), 2: (1, 0.95)}
