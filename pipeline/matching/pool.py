"""Sketches side by side in arrays, in the order of their time, with an index of their keys.

In: the sketches of articles and sections that may have to do with each other. Out: for each, the earlier articles of
its language that it may come from: those at most the horizon away that share a key. A section is nobody's candidate.
What is a candidate depends on the set of sketches alone, never on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numba import njit

from pipeline.matching.sketch import IS_SECTION, Evidence, unpack
from schemas.records import Sketch

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Stands for the time of an article without one: it comes before all others."""


def order(sketch: Sketch, part_of: str = "") -> tuple[datetime, str]:
    """What is earlier: the time, then the article's id (for a section its article's)."""
    return sketch.at or BEGINNING, part_of or sketch.article_id


@dataclass(frozen=True)
class Rows:
    """Arrays of different lengths, one after the other: row i is values[starts[i]:starts[i + 1]]."""

    values: np.ndarray
    starts: np.ndarray

    @staticmethod
    def of(arrays: Sequence[np.ndarray], dtype: type) -> Rows:
        starts = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(a) for a in arrays], out=starts[1:])
        return Rows(np.concatenate(arrays).astype(dtype, copy=False) if arrays else np.zeros(0, dtype), starts)

    def row(self, i: int) -> np.ndarray:
        return self.values[self.starts[i] : self.starts[i + 1]]

    @property
    def both(self) -> tuple[np.ndarray, np.ndarray]:
        """For kernels."""
        return self.values, self.starts


class Pool:
    """See the module's docstring. ``sketches`` are put in order; positions are indices into ``self.sketches``. Holds
    scratch space: not for several threads at once."""

    def __init__(self, sketches: Sequence[Sketch], horizon: timedelta, most: int, crowd: int):
        unpacked = [(sketch, unpack(sketch.evidence)) for sketch in sketches]
        unpacked.sort(key=lambda pair: (*order(pair[0], pair[1].part_of), pair[0].article_id))
        self.sketches = [s for s, _ in unpacked]
        self.evidence: list[Evidence] = [e for _, e in unpacked]
        self.position = {s.article_id: i for i, s in enumerate(self.sketches)}
        self.section = np.array([bool(e.flags & IS_SECTION) for e in self.evidence], np.bool_)
        self.dated = np.array([s.at is not None for s in self.sketches], np.bool_)
        self.time = np.array([_microseconds(s.at or BEGINNING) for s in self.sketches], np.int64)
        self.terms = Rows.of([e.terms for e in self.evidence], np.uint32)
        self.shingles = Rows.of([e.shingles for e in self.evidence], np.uint32)
        self.quotes = Rows.of([e.quotes for e in self.evidence], np.uint32)
        self.numbers = Rows.of([e.numbers for e in self.evidence], np.uint32)
        self.days = Rows.of([e.days for e in self.evidence], np.uint16)
        self.years = Rows.of([e.years for e in self.evidence], np.uint8)
        owners: dict[str, int] = {}
        whole = [e.part_of or s.article_id for s, e in unpacked]
        self._owner = np.array([owners.setdefault(w, len(owners)) for w in whole], np.int64)
        languages: dict[str, int] = {}
        self._language = np.array([languages.setdefault(s.language, len(languages)) for s in self.sketches], np.int64)
        self._undated = int((~self.dated).sum())
        self._most, self._crowd = most, crowd
        self._seen = np.zeros(len(self.sketches), np.int32)
        self._horizon = horizon // timedelta(microseconds=1)
        self.keys = Rows.of([np.array(s.keys, np.int64) for s in self.sketches], np.int64)
        self._index(self.keys)

    def __len__(self) -> int:
        return len(self.sketches)

    def _index(self, keys: Rows) -> None:
        """For each key those that hold it, in the order of time, and how many articles are before each. Sections are in
        these lists, but nobody's candidates."""
        holder = np.repeat(np.arange(len(self.sketches), dtype=np.int32), np.diff(keys.starts))
        of_language = keys.values | (self._language[holder] << 40)  # Languages are in lists of their own.
        by_key = np.argsort(of_language, kind="stable")  # Holders ascend already.
        key, self._all = of_language[by_key], holder[by_key]
        whole = ~self.section[self._all]
        self._articles = self._all[whole]
        self._rank: np.ndarray = np.cumsum(whole) - whole
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, np.int64)
        sizes = np.diff(np.r_[first, len(key)])
        self._place = np.empty(len(key), np.int64)
        self._place[by_key] = np.arange(len(key))
        self._begin: np.ndarray = np.repeat(self._rank[first], sizes)[self._place]
        self._end = np.repeat(first + sizes, sizes)[self._place]

    def candidates(self, i: int) -> np.ndarray:
        """What the article or section at ``i`` may come from: of the earlier articles that share keys the ``most`` that
        share the most, of equals the latest. Positions, ascending."""
        positions, shared = self._sharing(i)
        if len(positions) > self._most:
            ranked = np.partition((shared << 32) | positions, -self._most)[-self._most :]
            positions = ranked & 0xFFFFFFFF
        return np.sort(positions)

    def later(self, i: int) -> np.ndarray:
        """The positions of all whose candidates the article at ``i`` may change by being there."""
        if self.section[i]:
            return np.zeros(0, np.int64)
        start, end = self.keys.starts[i], self.keys.starts[i + 1]
        place = self._place[start:end]
        past = _past_crowd(self._all, self._rank, place, self._end[start:end], self._undated, self._crowd)
        return np.sort(self._near(i, *_count_holders(self._all, place + 1, past, self._seen))[0])

    def _sharing(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the earlier ones that share keys, and how many."""
        start, end = self.keys.starts[i], self.keys.starts[i + 1]
        rank: np.ndarray = self._rank[self._place[start:end]]
        earliest = int(np.searchsorted(self.time, self.time[i] - self._horizon)) if self.dated[i] else 0
        # Of a key that many hold the nearest in time count: a bound on what a hot topic costs.
        first, past = _nearest(self._articles, self._begin[start:end], rank, earliest, self._undated, self._crowd)
        return self._near(i, *_count_holders(self._articles, first, past, self._seen))

    def _near(self, i: int, positions: np.ndarray, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = (self._language[positions] == self._language[i]) & (self._owner[positions] != self._owner[i])
        if self.dated[i]:
            near &= ~self.dated[positions] | (np.abs(self.time[i] - self.time[positions]) <= self._horizon)
        return positions[near], shared[near]


@njit(cache=True, nogil=True)
def _nearest(holders, begin, rank, earliest, undated, crowd):
    """For each key the slices of its ``crowd`` nearest holders before ``rank``: those of time (positions from
    ``earliest`` on), and if these are fewer, those without a time (positions below ``undated``)."""
    first, past = np.empty(2 * len(rank), np.int64), np.empty(2 * len(rank), np.int64)
    for k in range(len(rank)):
        before = holders[begin[k] : rank[k]]
        near = begin[k] + np.searchsorted(before, max(earliest, undated))
        timeless = begin[k] + np.searchsorted(before, undated)
        if rank[k] == timeless:  # it has no time itself
            near = timeless
        first[2 * k], past[2 * k] = max(near, rank[k] - crowd), rank[k]
        left = crowd - (past[2 * k] - first[2 * k])
        first[2 * k + 1], past[2 * k + 1] = max(begin[k], timeless - left), timeless
    return first, past


@njit(cache=True, nogil=True)
def _past_crowd(holders, rank, place, end, undated, crowd):
    """For each key the end of those later holders that may find this one among the ``crowd`` nearest. One without a
    time is found by any with a time, however far, if few without a time are between."""
    past = np.empty(len(place), np.int64)
    for k in range(len(place)):
        last = place[k] + 1
        timeless = holders[place[k]] < undated
        while last < end[k] and rank[last] - rank[place[k]] <= crowd:
            if timeless and holders[last] >= undated:
                last = end[k]
                break
            last += 1
        past[k] = last
    return past


@njit(cache=True, nogil=True)
def _count_holders(holders, first, past, seen):
    """The different holders within the slices of ``holders``, and in how many slices each is. ``seen``: zeros, one for
    each holder; zeros again afterwards."""
    total = 0
    for k in range(len(first)):
        total += past[k] - first[k]
    positions = np.empty(total, np.int64)
    found = 0
    for k in range(len(first)):
        for h in range(first[k], past[k]):
            if seen[holders[h]] == 0:
                positions[found] = holders[h]
                found += 1
            seen[holders[h]] += 1
    positions = positions[:found]
    counts = np.empty(found, np.int64)
    for n in range(found):
        counts[n] = seen[positions[n]]
        seen[positions[n]] = 0
    return positions, counts


def _microseconds(at: datetime) -> int:
    return (at - BEGINNING) // timedelta(microseconds=1)
