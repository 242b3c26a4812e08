"""Group articles into stories by average linkage, and say within each which article came from which.

In: nodes in the order of time and the probability of each edge. Out: groups, and parents within them. Two groups are
joined while the mean probability between their members reaches the threshold, the surest first (UPGMA: Sokal and
Michener 1958); a pair without an edge counts as 0. One strong edge can't join two stories whose other members have
nothing to do with each other. The outcome depends on the connected edges alone, never on their order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MOST_PARTNERS = 32
"""An article has so many partners at most in the mean: a large story's members are not compared with all others."""


class Edge(NamedTuple):
    """Two nodes, ``earlier`` < ``later``, and the probability that both tell one story."""

    later: int
    earlier: int
    probability: float


def stories(edges: Iterable[Edge], threshold: float) -> list[list[int]]:
    """The groups of two or more nodes, each ascending."""
    sums: dict[int, dict[int, float]] = {}
    for later, earlier, probability in edges:
        sums.setdefault(later, {})[earlier] = probability
        sums.setdefault(earlier, {})[later] = probability
    members = {node: [node] for node in sums}
    heap = [
        (-p, earlier, later, 1, 1)
        for later, found in sums.items()
        for earlier, p in found.items()
        if earlier < later and p >= threshold
    ]
    heapq.heapify(heap)
    while heap:
        _, a, b, size_a, size_b = heapq.heappop(heap)
        if len(members.get(a, ())) != size_a or len(members.get(b, ())) != size_b:
            continue  # One of them has grown or is gone.
        members[a].extend(members.pop(b))
        for other, total in sums.pop(b).items():
            del sums[other][b]
            if other != a:
                sums[a][other] = sums[other][a] = sums[a].get(other, 0.0) + total
        size = len(members[a])
        for other, total in sums[a].items():
            mean = _mean(total, size, len(members[other]))
            if mean >= threshold:
                first, second = min(a, other), max(a, other)
                heapq.heappush(heap, (-mean, first, second, len(members[first]), len(members[second])))
    return [sorted(group) for group in members.values() if len(group) > 1]


def _mean(total: float, a: int, b: int) -> float:
    return total / min(a * b, MOST_PARTNERS * min(a, b))


def trees(edges: Sequence[Edge], threshold: float) -> dict[int, tuple[int, float]]:
    """Node -> (parent, probability) of all nodes that are in a story and not its first."""
    story = {node: group[0] for group in stories(edges, threshold) for node in group}
    inside: dict[int, list[Edge]] = {}
    for edge in edges:
        if story.get(edge.later, -1) == story.get(edge.earlier, -2):
            inside.setdefault(story[edge.later], []).append(edge)
    found = {}
    for of_story in inside.values():
        found.update(_parents(of_story))
    return found


def _parents(edges: Sequence[Edge]) -> dict[int, tuple[int, float]]:
    """Within one story: the likeliest earlier member, of equals the earliest. One that no edge ties to an earlier member
    came from the first, as surely as the best way through one other member."""
    ties: dict[int, dict[int, float]] = {}
    for later, earlier, probability in edges:
        ties.setdefault(later, {})[earlier] = probability
        ties.setdefault(earlier, {})[later] = probability
    first, *rest = sorted(ties)
    found = {}
    for node in rest:
        earlier_ones = [(-p, other) for other, p in ties[node].items() if other < node]
        if earlier_ones:
            p, parent = min(earlier_ones)
            found[node] = (parent, -p)
        else:
            through = [min(p, ties[other].get(first, 0.0)) for other, p in ties[node].items()]
            found[node] = (first, max(through, default=0.0))
    return found
