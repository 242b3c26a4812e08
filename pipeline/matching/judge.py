"""Judge pairs of articles by their sketches alone, and edges of a graph in their surroundings.

In: the sketches that may have to do with each other. Out: for an article or section its *pairs*, the earlier articles
that are alike enough to matter, as they are stored; and for pairs in a graph the probability that both tell one story.
Pure: the same sketches give the same judgements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import numpy as np

from pipeline.matching import copies
from pipeline.matching.boilerplate import Boilerplate
from pipeline.matching.features import FEATURES, Comparer
from pipeline.matching.forest import trained
from pipeline.matching.pool import Pool
from pipeline.matching.rarities import Rarities
from pipeline.matching.surroundings import FLOOR, SURROUNDINGS, Graph, surroundings
from schemas.records import Pair, Sketch


@dataclass(frozen=True)
class Matching:
    """The options of matching."""

    horizon: timedelta = timedelta(days=7)
    """An article comes from one published at most so much earlier."""
    threshold: float = 0.37
    """The least mean probability between the articles of one story."""
    section_threshold: float = 0.65
    """The least probability of a section's link: a section is short, and has nobody but its parent to vouch for it."""
    candidates: int = 64
    """With at most so many earlier articles one is compared: a bound on what a flood under one headline costs."""
    crowd: int = 256
    """An article is found by a key only from the next so many that hold it: a bound on what a hot topic costs."""
    boilerplate: Boilerplate = field(default_factory=Boilerplate)
    """What matching does not read."""
    rarities: Rarities = field(default_factory=Rarities)
    """How rare words are in the languages where that was learned."""


MOST_PAIRS = 40
"""An article has so many pairs with earlier ones at most: the copies, then the likeliest, of equals the earliest."""
AT_ONCE = 2000
"""The pairs of so many articles are judged side by side: some 30 MB of features."""
_UNKNOWN = range(MOST_PAIRS)
"""Stands for pairs of which nothing is known."""


def pool_of(sketches: Iterable[Sketch], config: Matching) -> Pool:
    """The pool of these sketches."""
    return Pool(list(sketches), config.horizon, config.candidates, config.crowd)


class Judge:
    """Finds the pairs of articles and sections of a pool, into which others may come while it works."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self._comparer = Comparer(pool)
        self._known: dict[tuple[str, str], np.ndarray] = {}
        """The features of pairs (later, earlier) that were compared already."""

    def pairs(self, name: str) -> list[Pair]:
        """Of the article or section of this id with its candidates, those that are alike or copies."""
        return self.pairs_of([name])[name]

    def pairs_of(
        self, names: Sequence[str], known: Mapping[str, Sequence[Pair]] = MappingProxyType({})
    ) -> dict[str, list[Pair]]:
        """Those of each of these, except where they are those ``known``: those of sketches that are as they were when
        they were judged last."""
        pairs = {}
        for first in range(0, len(names), AT_ONCE):
            pairs.update(self._pairs_of(names[first : first + AT_ONCE], known))
        return pairs

    def _pairs_of(self, names: Sequence[str], known: Mapping[str, Sequence[Pair]]) -> dict[str, list[Pair]]:
        position = self.pool.position
        slots = np.array([position[name] for name in names], np.int64)
        found = self.pool.candidates_of(slots)
        counts = np.diff(found.starts)
        # Of those that have as many pairs as they may, some may have been left out.
        anew = np.array([len(known.get(name, _UNKNOWN)) >= MOST_PAIRS for name in names], np.bool_)
        compared = np.repeat(anew, counts) | found.new
        of = np.repeat(np.arange(len(names)), counts)[compared]
        alike = self._alike(names, slots, of, found.slots[compared])
        self.pool.note(slots, found)
        pairs = {}
        for n, name in enumerate(names):
            before = known.get(name)
            judged = alike.get(n, [])
            if not anew[n] and before:
                of_it = slice(found.starts[n], found.starts[n + 1])
                left = set(found.slots[of_it][~compared[of_it]].tolist())
                judged = [*(pair for pair in before if position.get(pair.earlier_id) in left), *judged]
            judged = self._most(judged)
            if before is None or set(judged) != set(before):
                pairs[name] = judged
        return pairs

    def _alike(
        self, names: Sequence[str], slots: np.ndarray, of: np.ndarray, others: np.ndarray
    ) -> dict[int, list[Pair]]:
        """Of the pairs of the ``of``-th name and the other those that are alike or copies, by the number of the name.
        ``of`` ascends."""
        if not len(others):
            return {}
        starts = np.searchsorted(of, np.arange(len(names) + 1))
        features = self._comparer.features_of(slots, starts, others)
        likeness = trained("likeness", FEATURES).probability(features)
        contained = self._comparer.containment(slots[of], others, features)
        kept = np.flatnonzero((likeness >= FLOOR) | (contained >= copies.SAME))
        sketches = self.pool.sketches
        found: dict[int, list[Pair]] = {}
        values = (of[kept].tolist(), others[kept].tolist(), likeness[kept].tolist(), contained[kept].tolist())
        for n, other, p, share, row in zip(*values, features[kept], strict=True):
            earlier = sketches[other].article_id
            self._known[names[n], earlier] = row
            pair = Pair(article_id=names[n], earlier_id=earlier, likeness=p, containment=share)
            found.setdefault(n, []).append(pair)
        return found

    def _most(self, pairs: list[Pair]) -> list[Pair]:
        """Of these, as many as an article may have."""
        if len(pairs) <= MOST_PAIRS:
            return pairs
        position, label = self.pool.position, self.pool.label

        def rank(pair: Pair) -> tuple[bool, float, int]:
            return pair.containment < copies.SAME, -pair.likeness, int(label[position[pair.earlier_id]])

        return sorted(pairs, key=rank)[:MOST_PAIRS]

    def features(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Of these pairs (later, earlier), one row each."""
        wanted: dict[str, list[str]] = {}
        for later, earlier in pairs:
            if (later, earlier) not in self._known:
                wanted.setdefault(later, []).append(earlier)
        if wanted:
            position = self.pool.position
            starts = np.cumsum([0, *(len(others) for others in wanted.values())])
            rows = self._comparer.features_of(
                np.array([position[later] for later in wanted], np.int64),
                starts,
                np.array([position[name] for others in wanted.values() for name in others], np.int64),
            )
            self._known.update(zip(((a, b) for a, others in wanted.items() for b in others), rows, strict=True))
        return np.stack([self._known[pair] for pair in pairs])

    def containment(self, later: str, earlier: str) -> float:
        """The share of the shorter article's text that the other has."""
        return float(self.features([(later, earlier)])[0, FEATURES.index("containment")])

    def compare(self, a: str, b: str) -> Pair:
        """Two articles of the pool, whether or not they are each other's candidates."""
        earlier, later = sorted((self.pool.position[a], self.pool.position[b]), key=self.pool.label.__getitem__)
        features = self._comparer.features(later, np.array([earlier]))
        return Pair(
            article_id=self.pool.sketches[later].article_id,
            earlier_id=self.pool.sketches[earlier].article_id,
            likeness=float(trained("likeness", FEATURES).probability(features)[0]),
            containment=self._comparer.share(later, earlier),
        )


def probabilities(edges: Sequence[Pair], around: Graph, names: Sequence[str], own: np.ndarray) -> list[float]:
    """Of each edge of a graph, that both ends tell one story. ``names``: of the graph's nodes, in order. ``own``: the
    features of each edge by itself (``Judge.features``)."""
    number = {name: n for n, name in enumerate(names)}
    later = np.array([number[p.article_id] for p in edges], np.int64)
    earlier = np.array([number[p.earlier_id] for p in edges], np.int64)
    likeness = np.array([p.likeness for p in edges])
    rows = np.hstack((surroundings(later, earlier, likeness, around), own))
    return trained("links", (*SURROUNDINGS, *FEATURES)).probability(rows).tolist()


def calibrated(probability: float) -> float:
    """How sure a link of this probability is: the share of such links that were right on held-out folds."""
    return trained("links", (*SURROUNDINGS, *FEATURES)).calibrated(probability)
