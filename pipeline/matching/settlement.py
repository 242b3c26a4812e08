"""Find what a batch unsettles, load what that depends on, and settle it.

In: the sketches of a batch's new and changed articles and their sections, and the past. Out: what each article and
section that the batch may change came from, and the pairs to store.

An article's pairs are a function of the sketches that may be its candidates; what it came from is a function of the
pairs around it. So an article's pairs are judged anew when it, or one of its candidates, is of the batch; and where
pairs come, go or change, all groups that this can reach are formed anew. That makes the tables the same for any order,
repetition and cut into batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.history import History
from pipeline.matching.judge import Judge, Known, Matching
from pipeline.matching.pool import Pool, order
from pipeline.matching.sketch import IS_DIGEST, IS_SECTION, Evidence, unpack
from pipeline.matching.web import Region, Tie, Web, is_copy, is_node
from schemas.records import Pair, Record, Replaced, Sketch

TELLS = 0.5
"""A section tells what another article tells if they are so much alike."""
STRANGERS = 0.2
"""Two articles that are less alike tell different stories."""


class Settled(NamedTuple):
    """The ties of articles; of sections with the article that each is part of; and the pairs to store."""

    articles: dict[str, Tie]
    sections: dict[str, tuple[str, Tie]]
    pairs: tuple[Record, ...]


class Settlement:
    """See the module's docstring. Use ``settle``."""

    def __init__(self, fresh: Sequence[Sketch], history: History, config: Matching):
        self._fresh = {s.article_id: s for s in fresh}
        self._history = history
        self._config = config
        self.known: dict[str, Sketch] = {}
        self._evidence: dict[str, Evidence] = {}
        self._complete: set[str] = set()
        self._missing: set[str] = set()
        self._judge: Judge | None = None
        self._features: Known = {}
        self._learn(())
        articles = [name for name in self._fresh if not self.is_section(name)]
        stored = [r.section_id for r in history.sections(article_ids=sorted(articles))]
        self._gone = frozenset(stored) - self._fresh.keys()

    def settle(self) -> Settled:
        """What each unsettled article and section came from."""
        before = self._history.sketches(sorted(self._fresh))
        self._learn(self._history.related([*self._fresh.values(), *before], self._config.horizon))
        unsettled = self._fresh.keys() | self._depending(self.judge.pool)
        if before:  # Of the articles as they were others were candidates too, and lose one.
            as_it_was = {**self.known, **{s.article_id: s for s in before}}
            unsettled |= self._depending(self._pool(as_it_was.values()))
        pairs = self._pairs(unsettled)
        web = Web(pairs, self._gone, self._history)
        region = Region(web, self, self._features, self._config)
        stored = self._stored_pairs([*pairs, *self._gone])
        turned = {s.article_id for s in before}
        turned |= {name for name, found in pairs.items() if is_node(found, name) != is_node(stored.get(name, ()), name)}
        touched = self._fresh.keys() | self._changed(pairs, stored) | web.around(turned)
        sections = region.grow(touched)
        sections |= {name for name in pairs if self.is_section(name)}
        while owners := {self._part_of(name) for name in sections} - region.articles:
            sections |= region.grow(owners)
        ties = region.ties()
        digests = self._sections_of(name for name in ties if self._is_digest(name))
        of_sections = region.section_ties(sections | {name for found in digests.values() for name in found})
        parents = {tie.parent_id for tie in ties.values()}
        for name, found in digests.items():
            alone = ties[name] == Tie() and name not in parents
            if alone and (main := of_sections[found[0]]).parent_id is not None:
                ties[name] = Tie(main.parent_id, "rewrite", main.similarity)
        return Settled(
            ties,
            {name: (self._part_of(name), tie) for name, tie in of_sections.items()},
            tuple(self._records(pairs, stored)),
        )

    # -- what is known -----------------------------------------------------------------------------------------------

    @property
    def judge(self) -> Judge:
        """A judge of all that is known so far."""
        if self._judge is None:
            self._judge = Judge(self.known.values(), self._config, self._features)
        return self._judge

    def load(self, names: Iterable[str]) -> None:
        """Have the sketches of these in ``known``."""
        missing = sorted(set(names) - self.known.keys() - self._missing)
        if missing:
            self._learn(self._history.sketches(missing))
            self._missing.update(set(missing) - self.known.keys())

    def is_section(self, name: str) -> bool:
        return bool(self._evidence[name].flags & IS_SECTION)

    def _is_digest(self, name: str) -> bool:
        return bool(self._evidence[name].flags & IS_DIGEST)

    def _part_of(self, name: str) -> str:
        return self._evidence[name].part_of

    def _learn(self, sketches: Iterable[Sketch]) -> None:
        for s in [*self._fresh.values(), *sketches]:
            if s.article_id in self.known:
                continue
            evidence = unpack(s.evidence)
            # The sections of an article that came again are those that came with it, not the stored ones.
            if s.article_id in self._fresh or evidence.part_of not in self._fresh:
                self.known[s.article_id] = s
                self._evidence[s.article_id] = evidence
                self._judge = None

    def _pool(self, sketches: Iterable[Sketch]) -> Pool:
        return Pool(list(sketches), self._config.horizon, self._config.candidates, self._config.crowd)

    def _depending(self, pool: Pool) -> set[str]:
        """Those that may have one of the batch among their candidates."""
        found: set[int] = set()
        for name in self._fresh:
            if name in pool.position:
                found.update(pool.later(pool.position[name]).tolist())
        return {pool.sketches[j].article_id for j in found}

    def _sections_of(self, digests: Iterable[str]) -> dict[str, list[str]]:
        """Digest -> its sections, the largest first; their sketches are loaded."""
        digests = set(digests)
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._fresh:
            if self._part_of(name) in digests:
                found[self._part_of(name)].append(name)
        for row in self._history.sections(article_ids=sorted(digests - self._fresh.keys())):
            found[row.article_id].append(row.section_id)
        self.load(name for names in found.values() for name in names)
        return {
            digest: sorted(names, key=lambda name: (-self._evidence[name].length, name))
            for digest, names in found.items()
        }

    # -- pairs -------------------------------------------------------------------------------------------------------

    def _pairs(self, unsettled: set[str]) -> dict[str, list[Pair]]:
        """The pairs of these, of the digests that one of them is a section of, and of all sections of these digests."""
        self.load(unsettled)
        sections = {name for name in unsettled if self.is_section(name)}
        digests = {self._part_of(name) for name in sections} | {n for n in unsettled - sections if self._is_digest(n)}
        self.load(digests)
        of_digest = self._sections_of(digests)
        wanted = unsettled | digests | {name for names in of_digest.values() for name in names}
        partial = [self.known[name] for name in sorted(wanted - self._complete - self._fresh.keys())]
        self._learn(self._history.related(partial, self._config.horizon))
        self._complete |= wanted
        pairs = {name: self.judge.pairs(name) for name in sorted(wanted)}
        for digest, names in of_digest.items():
            if self._tells_several([pairs[name] for name in names]):
                kept = [pair for pair in pairs[digest] if is_copy(pair)]
                pairs[digest] = [*kept, Pair(article_id=digest, earlier_id=digest)]
        return pairs

    def _tells_several(self, sections: Iterable[Sequence[Pair]]) -> bool:
        """Whether two of the sections tell what articles tell that have nothing to do with each other."""
        told: list[str] = []
        for pairs in sections:
            alike = [p for p in pairs if p.likeness >= TELLS or is_copy(p)]
            if alike:
                best = min(alike, key=lambda p: (-p.likeness, *order(self.known[p.earlier_id]), p.earlier_id))
                told.append(best.earlier_id)
        others = [self.judge.compare(a, b) for a in told for b in told if a < b]
        return any(pair.likeness < STRANGERS and not is_copy(pair) for pair in others)

    def _stored_pairs(self, names: Iterable[str]) -> dict[str, list[Pair]]:
        """The pairs that the past has of these with earlier articles."""
        wanted = set(names)
        found: dict[str, list[Pair]] = {}
        for pair in self._history.pairs(sorted(wanted)):
            if pair.article_id in wanted:
                found.setdefault(pair.article_id, []).append(pair)
        return found

    @staticmethod
    def _changed(pairs: Mapping[str, Sequence[Pair]], stored: Mapping[str, Sequence[Pair]]) -> set[str]:
        """Both ends of all pairs that came, went or changed."""
        ends: set[str] = set()
        for name in pairs.keys() | stored.keys():
            for pair in set(pairs.get(name, ())) ^ set(stored.get(name, ())):
                ends |= {pair.article_id, pair.earlier_id}
        return ends

    def _records(self, pairs: Mapping[str, list[Pair]], stored: Mapping[str, Sequence[Pair]]) -> list[Record]:
        """What to write: the pairs of those whose pairs changed."""
        records: list[Record] = []
        for name, found in pairs.items():
            if set(found) != set(stored.get(name, ())):
                if name in stored:
                    records.append(Replaced(table="pairs", group=name))
                records.extend(found)
        return records
