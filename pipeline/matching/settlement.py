"""Find what a batch unsettles, load what that depends on, and settle it.

In: the sketches of a batch's new and changed articles and their sections, and the past. Out: what each article and
section that the batch may change came from, and the pairs to store.

An article's pairs are a function of the sketches that may be its candidates; what it came from is a function of the
pairs around it. So an article's pairs are judged anew when it, or one of its candidates, is of the batch; and where
pairs come, go or change, all groups that this can reach are formed anew. That makes the tables the same for any order,
repetition and cut into batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.history import History
from pipeline.matching.horizon import Horizon
from pipeline.matching.judge import Judge, Matching
from pipeline.matching.pool import Pool, order
from pipeline.matching.sketch import IS_DIGEST, IS_SECTION, Evidence, unpack
from pipeline.matching.surroundings import TELLS, is_faint
from pipeline.matching.web import Region, Tie, is_copy, is_node
from schemas.records import Pair, Record, Replaced, Sketch

SAME = 0.5
"""A section tells what another article tells if they are so much alike."""
STRANGERS = 0.2
"""Two articles that are less alike tell different stories."""


class Settled(NamedTuple):
    """The ties of articles; of sections with the article that each is part of; the pairs to store; and the horizon as
    it is when the batch is stored."""

    articles: dict[str, Tie]
    sections: dict[str, tuple[str, Tie]]
    pairs: tuple[Record, ...]
    horizon: Horizon


class _Known(Mapping[str, Sketch]):
    """The sketches that a settlement knows, by name: those of its pool, and those that are still to come into it."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self.coming: dict[str, Sketch] = {}

    def __getitem__(self, name: str) -> Sketch:
        at = self.pool.position.get(name)
        return self.coming[name] if at is None else self.pool.sketches[at]

    def __contains__(self, name: object) -> bool:
        return name in self.pool.position or name in self.coming

    def __iter__(self) -> Iterator[str]:
        return iter((*self.pool.position, *self.coming))

    def __len__(self) -> int:
        return len(self.pool) + len(self.coming)

    def evidence(self, name: str) -> Evidence:
        at = self.pool.position.get(name)
        return unpack(self.coming[name].evidence) if at is None else self.pool.evidence[at]


class Settlement:
    """See the module's docstring. Use ``settle``. ``horizon``: what of the past is at hand already."""

    def __init__(self, fresh: Sequence[Sketch], history: History, config: Matching, horizon: Horizon):
        self._fresh = {s.article_id: s for s in fresh}
        self._history = history
        self._config = config
        self._horizon = horizon
        articles = [s.article_id for s in fresh if not unpack(s.evidence).flags & IS_SECTION]
        stored = [r.section_id for r in history.sections(article_ids=sorted(articles))]
        self._gone = frozenset(stored) - self._fresh.keys()
        # The sections of an article that came again are those that came with it, not the stored ones.
        horizon.pool.change([*self._fresh, *self._gone], list(self._fresh.values()))
        self.known = _Known(horizon.pool)
        self._complete: set[str] = set()
        self._missing: set[str] = set()
        self._judge = Judge(horizon.pool)

    def settle(self) -> Settled:
        """What each unsettled article and section came from."""
        before = self._history.sketches(sorted(self._fresh))
        self._complete_for([*self._fresh.values(), *before])
        pool = self.judge.pool
        unsettled = self._fresh.keys() | self._depending(pool)
        if before:  # Of the articles as they were others were candidates too, and lose one.
            names = [s.article_id for s in before]
            pool.change(names, before)
            unsettled |= self._depending(pool)
            pool.change(names, [self._fresh[name] for name in names])
        web = self._horizon.web
        web.open(self._history, self._fresh.keys() - {s.article_id for s in before})
        pairs = self._pairs(unsettled)
        stored = web.take(pairs, self._gone)
        region = Region(web, self, self._config)
        turned = {s.article_id for s in before}
        turned |= {name for name, found in pairs.items() if is_node(found, name) != is_node(stored.get(name, ()), name)}
        web.load(turned)
        told = {other for name in turned for other in web.telling(name)}
        crowded = web.crowded(self._faint(pairs, stored))
        sections = region.grow(self._fresh.keys() | self._changed(pairs, stored) | turned | told | crowded)
        sections |= {name for name in pairs if self.is_section(name)}
        region.take_in(self._part_of(name) for name in sections)
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
            self._horizon,
        )

    # -- what is known -----------------------------------------------------------------------------------------------

    @property
    def judge(self) -> Judge:
        """A judge of all that is known so far."""
        if self.known.coming:
            self.known.pool.change((), list(self.known.coming.values()))
            self.known.coming.clear()
        return self._judge

    def load(self, names: Iterable[str]) -> None:
        """Have the sketches of these in ``known``."""
        missing = sorted(set(names) - self.known.keys() - self._missing)
        if missing:
            self._learn(self._history.sketches(missing))
            self._missing.update(set(missing) - self.known.keys())

    def is_section(self, name: str) -> bool:
        return bool(self.known.evidence(name).flags & IS_SECTION)

    def _is_digest(self, name: str) -> bool:
        return bool(self.known.evidence(name).flags & IS_DIGEST)

    def _part_of(self, name: str) -> str:
        return self.known.evidence(name).part_of

    def _learn(self, sketches: Iterable[Sketch]) -> None:
        for s in sketches:
            if s.article_id not in self.known and unpack(s.evidence).part_of not in self._fresh:
                self.known.coming[s.article_id] = s

    def _complete_for(self, sketches: Iterable[Sketch]) -> None:
        """Know all that these may have to do with."""
        reach = self._config.horizon
        far = [s for s in sketches if not self._horizon.covers(s, reach)]
        if far:
            self._learn(self._history.related(far, reach))

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
            digest: sorted(names, key=lambda name: (-self.known.evidence(name).length, name))
            for digest, names in found.items()
        }

    # -- pairs -------------------------------------------------------------------------------------------------------

    def _pairs(self, unsettled: set[str]) -> dict[str, list[Pair]]:
        """The pairs of these, of the digests that one of them is a section of, and of all sections of these digests,
        except of articles that have the pairs they had."""
        self.load(unsettled)
        sections = {name for name in unsettled if self.is_section(name)}
        digests = {self._part_of(name) for name in sections} | {n for n in unsettled - sections if self._is_digest(n)}
        self.load(digests)
        of_digest = self._sections_of(digests)
        wanted = unsettled | digests | {name for names in of_digest.values() for name in names}
        self._complete_for(self.known[name] for name in sorted(wanted - self._complete - self._fresh.keys()))
        self._complete |= wanted
        web = self._horizon.web
        old = sorted(
            name for name in wanted - self._fresh.keys() if not (self._is_digest(name) or self.is_section(name))
        )
        web.load(old)
        known = {name: [s.pair for s in web.earlier(name)] for name in old}
        pairs = self.judge.pairs_of(sorted(wanted), known)
        for digest, names in of_digest.items():
            if self._tells_several([pairs[name] for name in names]):
                kept = [pair for pair in pairs[digest] if is_copy(pair)]
                pairs[digest] = [*kept, Pair(article_id=digest, earlier_id=digest)]
        return pairs

    def _tells_several(self, sections: Iterable[Sequence[Pair]]) -> bool:
        """Whether two of the sections tell what articles tell that have nothing to do with each other."""
        told: list[str] = []
        for pairs in sections:
            alike = [p for p in pairs if p.likeness >= SAME or is_copy(p)]
            if alike:
                best = min(alike, key=lambda p: (-p.likeness, *order(self.known[p.earlier_id]), p.earlier_id))
                told.append(best.earlier_id)
        others = [self.judge.compare(a, b) for a in told for b in told if a < b]
        return any(pair.likeness < STRANGERS and not is_copy(pair) for pair in others)

    @staticmethod
    def _changed(pairs: Mapping[str, Sequence[Pair]], stored: Mapping[str, Sequence[Pair]]) -> set[str]:
        """Of all pairs that came, went or changed the later ends, and the earlier ones if they tell of these too."""
        ends: set[str] = set()
        for name in pairs.keys() | stored.keys():
            for pair in set(pairs.get(name, ())) ^ set(stored.get(name, ())):
                ends.add(pair.article_id)
                if pair.likeness >= TELLS or is_copy(pair):
                    ends.add(pair.earlier_id)
        return ends

    @staticmethod
    def _faint(pairs: Mapping[str, Sequence[Pair]], stored: Mapping[str, Sequence[Pair]]) -> Counter[str]:
        """How many more faint pairs with later ones each has than before, or fewer."""
        more: Counter[str] = Counter()
        for found, sign in ((pairs, 1), (stored, -1)):
            for of_it in found.values():
                for pair in of_it:
                    if is_faint(pair.likeness):
                        more[pair.earlier_id] += sign
        return more

    def _records(self, pairs: Mapping[str, list[Pair]], stored: Mapping[str, Sequence[Pair]]) -> list[Record]:
        """What to write: the pairs of those whose pairs changed."""
        records: list[Record] = []
        for name, found in pairs.items():
            if set(found) != set(stored.get(name, ())):
                if name in stored:
                    records.append(Replaced(table="pairs", group=name))
                records.extend(found)
        return records
