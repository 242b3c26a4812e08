"""The web of pairs around what a batch changed: loads it, judges its edges, groups its articles.

In: the pairs of articles that were judged anew, and the past. Out: what each article and section in the parts of the
web that a change can reach came from.

An article that copies an earlier one is no node of the graph; it belongs where its original does. Nor is a digest of
several stories; it belongs where its largest section does. The other articles' edges are their pairs. What an edge is
worth depends on those neighbours of both its ends that are much like them, so a change of a pair that tells of others
reaches the edges of both its ends, and with them the whole groups that strong edges hold together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

import numpy as np

from pipeline.history import History, Nothing
from pipeline.matching import copies, linkage
from pipeline.matching.judge import Judge, Matching, calibrated, probabilities
from pipeline.matching.linkage import Edge
from pipeline.matching.pool import order
from pipeline.matching.provenance import AGENCYS_OWN, RELATED, agencies_own, credit_rank, kind
from pipeline.matching.sketch import IS_DIGEST, unpack
from pipeline.matching.surroundings import FLOOR, TELLS, crowding, graph, is_faint
from schemas.records import CopyKind, Pair, Sketch

PIECE = 0.25
"""A section that shares so much of its text with an article was made from it, whoever tells the same more clearly."""
ALIKE = 0.1
"""A section and its parent are alike so much by themselves: neighbours alone say too little of a short text."""
OF_DIGEST = 0.8
"""The least probability of a section's link to an article that has sections itself: it speaks of several things."""


class Tie(NamedTuple):
    """What an article or a section came from."""

    parent_id: str | None = None
    relation: str = "original"
    similarity: float | None = None
    copy_group: str | None = None
    copy_kind: CopyKind | None = None


class Strand:
    """A pair in the web, and what it is worth as an edge in its surroundings: None while that isn't known."""

    __slots__ = ("earlier", "later", "likeness", "pair", "worth")

    def __init__(self, pair: Pair):
        self.pair = pair
        self.later, self.earlier, self.likeness = pair.article_id, pair.earlier_id, pair.likeness
        self.worth: float | None = None


class Web:
    """See the module's docstring. What it has loaded it keeps from batch to batch. Each batch begins with ``open``, and
    then has the pairs of the past until it takes in others (``take``)."""

    def __init__(self) -> None:
        self._history: History = Nothing()
        self._new: frozenset[str] = frozenset()
        self._of: dict[str, dict[str, Strand]] = {}
        self._to: dict[str, dict[str, Strand]] = defaultdict(dict)
        self._loaded: set[str] = set()
        self._nodes: dict[str, bool] = {}
        self._faint: dict[str, int] = {}
        self._copied: dict[str, set[str]] = defaultdict(set)

    def open(self, history: History, unheard: AbstractSet[str] = frozenset()) -> None:
        """Begin a batch. ``unheard``: articles and sections of which the past knows nothing."""
        self._history = history
        self._new = frozenset()
        self._loaded |= unheard

    def take(self, judged: Mapping[str, Sequence[Pair]], gone: frozenset[str]) -> dict[str, list[Pair]]:
        """Of these articles and sections, and of those that are no more, forget the pairs with earlier ones, and take
        those that were judged. Returns what was forgotten."""
        self.load([*judged, *gone])
        self._new = gone | judged.keys()
        before = {}
        for name in self._new:
            before[name] = self._of.pop(name, {})
            for earlier in before[name]:
                self._to[earlier].pop(name, None)
                self._faint.pop(earlier, None)
                self._copied[earlier].discard(name)
                self._copied[name].discard(earlier)
            self._nodes.pop(name, None)
            self._faint.pop(name, None)
        for name, found in judged.items():
            self._of[name] = {}
            for pair in found:
                known = before[name].get(pair.earlier_id)
                self._add(known if known and known.pair == pair else Strand(pair))
        return {name: [s.pair for s in strands.values()] for name, strands in before.items() if strands}

    def __len__(self) -> int:
        """How many articles and sections are loaded."""
        return len(self._loaded)

    def _add(self, strand: Strand) -> None:
        later, earlier = strand.later, strand.earlier
        self._of.setdefault(later, {})[earlier] = strand
        self._nodes.pop(later, None)
        self._faint.pop(later, None)
        self._faint.pop(earlier, None)
        if earlier != later:
            self._to[earlier][later] = strand
        if is_copy(strand.pair):
            self._copied[later].add(earlier)
            self._copied[earlier].add(later)

    def load(self, names: Iterable[str]) -> None:
        """Have all pairs of these articles and sections, with earlier ones and with later ones."""
        missing = sorted(set(names) - self._loaded)
        if not missing:
            return
        self._loaded.update(missing)
        for pair in self._history.pairs(missing):
            if pair.article_id not in self._new and pair.earlier_id not in self._of.get(pair.article_id, ()):
                self._add(Strand(pair))

    def revalue(self, names: Iterable[str]) -> None:
        """Forget what the edges at these are worth; their pairs are loaded."""
        for name in names:
            for strand in self.strands(name):
                strand.worth = None

    def earlier(self, name: str) -> Iterable[Strand]:
        """Its pairs with earlier articles."""
        return self._of.get(name, {}).values()

    def partners(self, name: str) -> set[str]:
        """All that it has a pair with."""
        return (self._of.get(name, {}).keys() | self._to[name].keys()) - {name}

    def strands(self, name: str) -> list[Strand]:
        """Its pairs, with earlier articles and with later ones."""
        return [*self._of.get(name, {}).values(), *self._to[name].values()]

    def copied(self, name: str) -> list[str]:
        """The articles with which it shares its text."""
        return sorted(self._copied[name])

    def telling(self, name: str) -> set[str]:
        """All that are so much like it that they tell of it."""
        found = {s.earlier for s in self._of.get(name, {}).values() if s.likeness >= TELLS}
        return found | {s.later for s in self._to[name].values() if s.likeness >= TELLS}

    def faint(self, name: str) -> int:
        """How many pairs it has that only crowd it; all its pairs are loaded."""
        count = self._faint.get(name)
        if count is None:
            count = self._faint[name] = sum(is_faint(s.likeness) for s in self.strands(name))
        return count

    def crowded(self, more: Mapping[str, int]) -> set[str]:
        """Of those that have so many more such pairs than before the batch, or fewer, those whose crowding that
        changed."""
        self.load(name for name, n in more.items() if n)
        return {name for name, n in more.items() if n and crowding(self.faint(name)) != crowding(self.faint(name) - n)}

    def may_attach(self, name: str) -> list[str]:
        """The later ones that may have it as their parent if they are sections of digests."""
        return [s.later for s in self._to[name].values() if s.likeness >= ALIKE or is_copy(s.pair)]

    def of_their_stories(self, names: Iterable[str]) -> set[str]:
        """All that were of one story with one of these."""
        links = self._history.links(article_ids=sorted(names))
        return {member.article_id for member in self._history.members(sorted({link.story_id for link in links}))}

    def around(self, names: Iterable[str]) -> set[str]:
        """All that one of these has a pair with."""
        self.load(names)
        return {other for name in names for other in self.partners(name)}

    def is_node(self, name: str) -> bool:
        """Whether it is a node of the graph."""
        found = self._nodes.get(name)
        if found is None:
            found = self._nodes[name] = is_node((s.pair for s in self.earlier(name)), name)
        return found


def is_node(pairs: Iterable[Pair], name: str) -> bool:
    """Whether an article with these pairs is a node of the graph: no copy, and no digest of several stories."""
    return not any(is_copy(pair) or pair.earlier_id == name for pair in pairs)


def is_copy(pair: Pair) -> bool:
    """Whether the later one copies the earlier."""
    return pair.containment >= copies.SAME


class Sketches(Protocol):
    """All sketches that a settlement has loaded."""

    @property
    def known(self) -> Mapping[str, Sketch]: ...

    @property
    def judge(self) -> Judge:
        """Compares those in ``known``."""

    def load(self, names: Iterable[str]) -> None:
        """Have those of these articles and sections in ``known``."""

    def is_section(self, name: str) -> bool: ...


class Region:
    """The parts of a web that a change can reach. Use ``grow``, then ``ties`` and ``section_ties``."""

    def __init__(self, web: Web, sketches: Sketches, config: Matching):
        self._web = web
        self._sketches = sketches
        self._threshold = config.threshold
        self._section_threshold = config.section_threshold
        self.articles: set[str] = set()
        self._met: set[Strand] = set()
        self._edges: list[Strand] = []
        """Of the strands that were met those that are edges; what they are worth is known."""
        self._telling: dict[str, list[Strand]] = {}

    def grow(self, touched: Iterable[str]) -> set[str]:
        """Take in all articles whose group may change, and return the sections that may, when what tells of the touched
        has changed: their own edges are worth something else, and no others'.

        Groups are formed of what strong edges hold together. So beside the touched these can change: what a strong edge
        ties to them now, and what was of one story with them.
        """
        touched = set(touched)
        self._sketches.load(touched | self._web.around(touched))
        self._web.revalue(touched)
        sections = {name for name in touched if self._sketches.is_section(name)}
        for name in touched - sections:
            sections.update(s for s in self._web.may_attach(name) if self._sketches.is_section(s))
        articles = touched - sections
        self.take_in(articles | self._web.of_their_stories(articles))
        return sections

    def take_in(self, names: Iterable[str]) -> None:
        """Take in these articles, and all that strong edges and copies tie to them."""
        pending = set(names) - self.articles
        self._sketches.load(pending)
        while pending:
            self.articles |= pending
            self._load(pending)
            reached = {other for name in pending for other in self._copies(name)}
            for strand in self._judged(self._unmet_at(pending)):
                if self._ties(strand) and not self._sketches.is_section(strand.later):
                    reached.add(strand.later)
                    reached.add(strand.earlier)
            pending = reached - self.articles

    def _ties(self, strand: Strand) -> bool:
        return strand.worth is not None and strand.worth >= self._threshold

    def _load(self, names: Iterable[str]) -> None:
        """Load what it takes to know the edges at these articles and sections: the pairs of both ends."""
        names = set(names)
        near = names | self._web.around(names)
        self._web.load(near)
        self._sketches.load(near)

    def _unmet_at(self, names: Iterable[str]) -> list[Strand]:
        """All edges at these that were not met before; they are loaded."""
        found = []
        for name in sorted(names):
            for strand in self._web.strands(name):
                if strand not in self._met:
                    self._met.add(strand)
                    if self._is_edge(strand):
                        found.append(strand)
        self._edges.extend(found)
        return found

    def _telling_at(self, name: str) -> list[Strand]:
        """The edges at this that tell of others; they are loaded."""
        found = self._telling.get(name)
        if found is None:
            found = self._telling[name] = [
                s for s in self._web.strands(name) if s.likeness >= TELLS and self._is_edge(s)
            ]
        return found

    def _copies(self, name: str) -> list[str]:
        """The articles that share its text."""
        return [other for other in self._web.copied(name) if not self._sketches.is_section(other)]

    def _is_edge(self, strand: Strand) -> bool:
        if strand.likeness < FLOOR:
            return False
        is_node = self._web.is_node
        return is_node(strand.earlier) and (is_node(strand.later) or self._sketches.is_section(strand.later))

    def _judged(self, edges: list[Strand]) -> list[Strand]:
        """These, when it is known what each is worth in its surroundings."""
        unknown = [strand for strand in edges if strand.worth is None]
        if unknown:
            for strand, worth in zip(unknown, self._worth_of(unknown), strict=True):
                strand.worth = worth
        return edges

    def _worth_of(self, edges: Sequence[Strand]) -> list[float]:
        ends = {name for s in edges for name in (s.later, s.earlier)}
        self._load(ends)  # what an edge is worth depends on the edges at both its ends
        telling = list(set().union(*(self._telling_at(name) for name in ends)))
        names = sorted(ends.union((s.later for s in telling), (s.earlier for s in telling)), key=self._order)
        number = {name: n for n, name in enumerate(names)}
        at = [self._sketches.known[name].at for name in names]
        around = graph(
            np.array([number[s.later] for s in telling], np.int64),
            np.array([number[s.earlier] for s in telling], np.int64),
            np.array([s.likeness for s in telling]),
            np.array([t.timestamp() / 86_400 if t else np.nan for t in at]),
            np.array([self._sketches.is_section(name) for name in names], np.bool_),
            [self._web.faint(name) if name in ends else 0 for name in names],
        )
        own = self._sketches.judge.features([(s.later, s.earlier) for s in edges])
        return probabilities([s.pair for s in edges], around, names, own)

    def _order(self, name: str) -> tuple[object, ...]:
        return (*order(self._sketches.known[name]), name)

    def ties(self) -> dict[str, Tie]:
        """What each article of the region came from, sections left aside."""
        ties = dict.fromkeys(self.articles, Tie())
        nodes = sorted((name for name in self.articles if self._web.is_node(name)), key=self._order)
        number = {name: n for n, name in enumerate(nodes)}
        edges = [
            Edge(number[s.later], number[s.earlier], s.worth)
            for s in self._edges
            if s.worth is not None and s.worth >= FLOOR and s.later in number and s.earlier in number
        ]
        for node, (parent, p) in linkage.trees(edges, self._threshold).items():
            ties[nodes[node]] = Tie(nodes[parent], "rewrite", calibrated(p))
        self._tie_copies(ties)
        return ties

    def _tie_copies(self, ties: dict[str, Tie]) -> None:
        """Each article of a copy group but the first came from the earlier one that its credit or its words say."""
        edges = [(name, other) for name in self.articles for other in self._copies(name)]
        for found in copies.groups(edges):
            first, *rest = in_order = sorted(found, key=self._order)
            ties[first] = ties[first]._replace(copy_group=first)
            own = agencies_own(in_order, self._sketches.known)
            for name in rest:
                # A chain may lead over later copies only; then the group's first is what was copied.
                parent, share = self._copied_from(name, own) or (first, self._share(name, first))
                known = self._sketches.known
                ties[name] = Tie(parent, "copy", share, first, kind(known[name], known[parent]))

    def _copied_from(self, name: str, own: Mapping[str, str]) -> tuple[str, float] | None:
        """The earlier article whose copy it is, and the share of the text. ``own``: agency -> its own article."""
        known = self._sketches.known
        found = [
            (credit_rank(known[name], known[s.earlier]), -s.pair.containment, self._order(s.earlier))
            for s in self._web.earlier(name)
            if is_copy(s.pair)
        ]
        best = min(found, default=None)
        agencys = own.get(known[name].wire_credit or "")
        if agencys and self._order(agencys) < self._order(name) and (best is None or best[0] != AGENCYS_OWN):
            share = self._share(name, agencys)
            if share >= RELATED:
                return agencys, share
        return (str(best[-1][-1]), -best[1]) if best else None

    def _share(self, later: str, earlier: str) -> float:
        return self._sketches.judge.containment(later, earlier)

    def section_ties(self, names: Iterable[str]) -> dict[str, Tie]:
        """What each of these sections came from."""
        names = sorted(names)
        self._load(names)
        self._judged(self._unmet_at(names))
        ties = dict.fromkeys(names, Tie())

        def digest(name: str) -> bool:
            return bool(unpack(self._sketches.known[name].evidence).flags & IS_DIGEST)

        for name in names:
            likely = [
                (s.pair.containment < PIECE, -s.worth, self._order(s.earlier))
                for s in self._web.earlier(name)
                if s.likeness >= ALIKE and s.worth is not None and self._is_edge(s)
                if s.worth >= (OF_DIGEST if digest(s.earlier) else self._section_threshold)
            ]
            if (copied := self._copied_from(name, {})) is not None:
                ties[name] = Tie(copied[0], "copy", copied[1], copy_kind="embedded")
            elif likely:
                _, q, parent = min(likely)
                ties[name] = Tie(str(parent[-1]), "rewrite", calibrated(-q))
        return ties
