"""Sketches side by side in arrays, in the order of their time, with an index of their keys.

In: the sketches of articles and sections that may have to do with each other. Out: for each, the earlier articles of
its language that it may come from: those at most the horizon away that share a key. A section is nobody's candidate.
What is a candidate depends on the set of sketches alone, never on the order in which they came.
"""

from __future__ import annotations

import bisect
import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numba import njit

from pipeline.matching.masses import masses
from pipeline.matching.sketch import IS_DIGEST, IS_SECTION, Evidence, unpack
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

    def merged(self, other: Rows, take: np.ndarray) -> Rows:
        """The rows of both at the places ``take``; those of the other are numbered on from the last of these."""
        lengths = np.concatenate((np.diff(self.starts), np.diff(other.starts)))[take]
        starts = np.zeros(len(take) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        values = np.empty(starts[-1], self.values.dtype)
        _gather(*self.both, *other.both, take, values, starts)
        return Rows(values, starts)


class Pool:
    """See the module's docstring. ``sketches`` are put in order; positions are indices into ``self.sketches``. Holds
    scratch space: not for several threads at once. Of a pool only ``changed`` makes another; it never changes itself.

    ``most`` candidates are given at most. Of a key that many hold, the ``crowd`` nearest in time count."""

    def __init__(self, sketches: Sequence[Sketch], horizon: timedelta, most: int, crowd: int):
        self._most, self._crowd = most, crowd
        self._horizon = horizon // timedelta(microseconds=1)
        self._owners: dict[str, int] = {}
        """Article -> its number; shared with the pools that are made of this one."""
        self._languages: dict[str, int] = {}
        self._read(sketches)
        self._place_all()
        holder = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.keys.starts))
        of_language = self.keys.values | (self._language[holder] << 40)  # Languages are in lists of their own.
        by_key = np.argsort(of_language, kind="stable")  # Holders ascend already.
        self._key, self._all = of_language[by_key], holder[by_key]
        self._index()

    def __len__(self) -> int:
        return len(self.sketches)

    def _read(self, sketches: Sequence[Sketch]) -> None:
        """The columns: one value, or one row of values, a sketch."""
        unpacked = [(sketch, unpack(sketch.evidence)) for sketch in sketches]
        ordered = sorted((*order(s, e.part_of), s.article_id, n) for n, (s, e) in enumerate(unpacked))
        self._order = [found[:3] for found in ordered]
        self.sketches = [unpacked[found[3]][0] for found in ordered]
        self.evidence: list[Evidence] = [unpacked[found[3]][1] for found in ordered]
        evidence = self.evidence
        self.section = np.array([bool(e.flags & IS_SECTION) for e in evidence], np.bool_)
        self.digest = np.array([bool(e.flags & IS_DIGEST) for e in evidence], np.bool_)
        self.halved = np.array([e.halved for e in evidence], np.int64)
        self.length = np.array([e.length for e in evidence], np.int64)
        self.weekdays = np.array([e.weekdays for e in evidence], np.int64)
        self.written = np.array([e.written for e in evidence], np.int64)
        self.dated = np.array([s.at is not None for s in self.sketches], np.bool_)
        self.time = np.array([_microseconds(s.at or BEGINNING) for s in self.sketches], np.int64)
        self.terms = Rows.of([e.terms for e in evidence], np.uint32)
        self.shingles = Rows.of([e.shingles for e in evidence], np.uint32)
        self.quotes = Rows.of([e.quotes for e in evidence], np.uint32)
        self.numbers = Rows.of([e.numbers for e in evidence], np.uint32)
        self.days = Rows.of([e.days for e in evidence], np.uint16)
        self.years = Rows.of([e.years for e in evidence], np.uint8)
        self.keys = Rows.of([np.array(s.keys, np.int64) for s in self.sketches], np.int64)
        self.mass = masses(*self.terms.both)
        owners, languages = self._owners, self._languages
        wholes = [e.part_of or s.article_id for s, e in zip(self.sketches, evidence, strict=True)]
        self._owner = np.array([owners.setdefault(whole, len(owners)) for whole in wholes], np.int64)
        self._language = np.array([languages.setdefault(s.language, len(languages)) for s in self.sketches], np.int64)

    def _place_all(self) -> None:
        self.position = {s.article_id: i for i, s in enumerate(self.sketches)}
        self._undated = int((~self.dated).sum())
        self._seen = np.zeros(len(self), np.int32)

    def changed(self, gone: Iterable[str], added: Sequence[Sketch]) -> Pool:
        """This pool without some sketches, those that aren't here aside, and with others. What is kept is moved, not
        sorted again: a few milliseconds for each ten thousand."""
        new: Pool = copy.copy(self)
        new._read(added)
        kept = np.ones(len(self), np.bool_)
        kept[[self.position[name] for name in gone if name in self.position]] = False
        before: np.ndarray = np.cumsum(kept) - kept
        places = [bisect.bisect_left(self._order, found) for found in new._order]
        places = [int(before[at]) if at < len(before) else int(kept.sum()) for at in places]
        take = np.insert(np.flatnonzero(kept), places, len(self) + np.arange(len(places)))
        moved = np.full(len(self) + len(places), -1, np.int32)
        moved[take] = np.arange(len(take), dtype=np.int32)
        key, holder = self._key, moved[self._all]
        key, holder = key[holder >= 0], holder[holder >= 0]
        own = np.repeat(moved[len(self) :], np.diff(new.keys.starts))
        own_key = new.keys.values | (np.repeat(new._language, np.diff(new.keys.starts)) << 40)
        by_key = np.lexsort((own, own_key))
        own, own_key = own[by_key], own_key[by_key]
        at = _places(key, holder, own_key, own)
        new._key, new._all = np.insert(key, at, own_key), np.insert(holder, at, own)
        for name in _LISTS:
            both = getattr(self, name) + getattr(new, name)
            setattr(new, name, [both[i] for i in take.tolist()])
        for name in _COLUMNS:
            setattr(new, name, np.concatenate((getattr(self, name), getattr(new, name)))[take])
        for name in _ROWS:
            setattr(new, name, getattr(self, name).merged(getattr(new, name), take))
        new._place_all()
        new._index()
        return new

    def _index(self) -> None:
        """For each key those that hold it, in the order of time, and how many articles are before each. Sections are in
        these lists, but nobody's candidates. ``_all`` are the holders, by ``_key``."""
        whole = ~self.section[self._all]
        self._articles = self._all[whole]
        self._rank: np.ndarray = np.cumsum(whole) - whole
        self._place, self._begin, self._end = _places_of_keys(self._key, self._all, self._rank, self.keys.starts)

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


_LISTS = ("_order", "sketches", "evidence")
_COLUMNS = (
    *("section", "digest", "halved", "length", "weekdays", "written", "dated", "time", "mass", "_owner", "_language"),
)
_ROWS = ("terms", "shingles", "quotes", "numbers", "days", "years", "keys")
"""What a pool has of each sketch."""


@njit(cache=True, nogil=True)
def _gather(values, starts, other_values, other_starts, take, out, out_starts):
    """Copy rows to ``out``, one after the other."""
    size = len(starts) - 1
    for n in range(len(take)):
        i, at = take[n], out_starts[n]
        if i < size:
            out[at : out_starts[n + 1]] = values[starts[i] : starts[i + 1]]
        else:
            out[at : out_starts[n + 1]] = other_values[other_starts[i - size] : other_starts[i - size + 1]]


@njit(cache=True, nogil=True)
def _places(key, holder, own_key, own):
    """Where to insert pairs (own_key, own) among the pairs (key, holder); both ascend."""
    found = np.empty(len(own), np.int64)
    for n in range(len(own)):
        first = np.searchsorted(key, own_key[n])
        past = first + np.searchsorted(key[first:], own_key[n], side="right")
        found[n] = first + np.searchsorted(holder[first:past], own[n])
    return found


@njit(cache=True, nogil=True)
def _places_of_keys(key, holder, rank, starts):
    """Of each key of each sketch, in the order of the sketches: its place in the lists by key, the rank at which the
    list begins and the place at which it ends. The keys of a sketch ascend, so they are met in their order."""
    size = len(key)
    place, begin, end = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    met = starts[:-1].copy()
    first = 0
    while first < size:
        past = first
        while past < size and key[past] == key[first]:
            past += 1
        for n in range(first, past):
            own = met[holder[n]]
            met[holder[n]] += 1
            place[own], begin[own], end[own] = n, rank[first], past
        first = past
    return place, begin, end


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
