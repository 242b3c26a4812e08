"""Group articles into stories by average linkage, and say within each which article came from which.

In: nodes in the order of time and the probability of each edge. Out: groups, and parents within them. Two groups are
joined while the mean probability between their members reaches the threshold, the surest first (UPGMA: Sokal and
Michener 1958); a pair without an edge counts as 0. One strong edge can't join two stories whose other members have
nothing to do with each other. The outcome depends on the connected edges alone, never on their order.

The members of a large story are not all compared with each other, the first and the last may be days apart. So between
large groups the mean is over those members only that have an edge to the other group, if these are enough.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ENOUGH = 16
"""Between groups of more members the mean is over so many partners of each member at least."""


class Edge(NamedTuple):
    """Two nodes, ``earlier`` < ``later``, and the probability that both tell one story."""

    later: int
    earlier: int
    probability: float


class _Groups:
    """Groups of nodes, named by their first, and what is between them."""

    def __init__(self, edges: Iterable[Edge]):
        self.members: dict[int, list[int]] = {}
        self.total: dict[int, dict[int, float]] = {}
        self.tied: dict[int, dict[int, set[int]]] = {}
        """tied[a][b]: the members of a that have an edge to b."""
        for later, earlier, probability in edges:
            for a, b in ((later, earlier), (earlier, later)):
                self.members.setdefault(a, [a])
                self.total.setdefault(a, {})[b] = probability
                self.tied.setdefault(a, {})[b] = {a}

    def join(self, a: int, b: int) -> None:
        """Take ``b`` into ``a``."""
        self.members[a].extend(self.members.pop(b))
        tied = self.tied.pop(b)
        for other, total in self.total.pop(b).items():
            del self.total[other][b]
            back = self.tied[other].pop(b)
            if other == a:
                continue
            self.total[a][other] = self.total[other][a] = self.total[a].get(other, 0.0) + total
            self.tied[a].setdefault(other, set()).update(tied[other])
            self.tied[other].setdefault(a, set()).update(back)

    def mean(self, a: int, b: int) -> float:
        """The mean probability between two groups."""
        size, other = len(self.members[a]), len(self.members[b])
        least = min(size * other, ENOUGH * min(size, other))
        return self.total[a][b] / max(least, len(self.tied[a][b]) * len(self.tied[b][a]))


def stories(edges: Iterable[Edge], threshold: float) -> list[list[int]]:
    """The groups of two or more nodes, each ascending."""
    edges = list(edges)
    # A mean is at most the largest of its edges: a node without one that reaches the threshold is never joined.
    likely = {node for e in edges if e.probability >= threshold for node in (e.later, e.earlier)}
    groups = _Groups(e for e in edges if e.later in likely and e.earlier in likely)
    heap = [(-e.probability, e.earlier, e.later, 1, 1) for e in edges if e.probability >= threshold]
    heapq.heapify(heap)
    while heap:
        _, a, b, size_a, size_b = heapq.heappop(heap)
        members = groups.members
        if len(members.get(a, ())) != size_a or len(members.get(b, ())) != size_b:
            continue  # One of them has grown or is gone.
        groups.join(a, b)
        for other in groups.total[a]:
            mean = groups.mean(a, other)
            if mean >= threshold:
                first, second = min(a, other), max(a, other)
                heapq.heappush(heap, (-mean, first, second, len(members[first]), len(members[second])))
    return [sorted(group) for group in groups.members.values() if len(group) > 1]


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
    """Within one story: the likeliest earlier member, of equals the earliest. One that no edge ties to an earlier
    member came from the first, as surely as the best way through one other member."""
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
