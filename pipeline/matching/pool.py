"""Sketches side by side in arrays, in the order of their time, with an index of their keys.

In: the sketches of articles and sections that may have to do with each other. Out: for each, the earlier articles of
its language that it may come from: those at most the horizon away that share a key. A section is nobody's candidate.
What is a candidate depends on the set of sketches alone, never on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from pipeline.matching.sketch import COPY_KEY, IS_SECTION, Evidence, unpack
from schemas.records import Sketch

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Stands for the time of an article without one: it comes before all others."""


def order(sketch: Sketch, part_of: str = "") -> tuple[datetime, str]:
    """What is earlier: the time, then the article's id (for a section its article's)."""
    return sketch.at or BEGINNING, part_of or sketch.article_id


class Candidates(NamedTuple):
    """Positions in the pool, ascending, and how many rare words and minimisers each shares."""

    positions: np.ndarray
    words: np.ndarray
    minimisers: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Arrays of different lengths, one after the other: row i is values[starts[i]:starts[i + 1]]."""

    values: np.ndarray
    starts: np.ndarray

    @staticmethod
    def of(arrays: Sequence[np.ndarray], dtype: type) -> Rows:
        starts = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(a) for a in arrays], out=starts[1:])
        return Rows(np.concatenate(arrays).astype(dtype) if arrays else np.zeros(0, dtype), starts)

    def row(self, i: int) -> np.ndarray:
        return self.values[self.starts[i] : self.starts[i + 1]]

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of these rows, one after the other, and for each value which of ``rows`` it belongs to."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        offsets = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.values[self.starts[rows][owner] + offsets], owner


class Pool:
    """See the module's docstring. ``sketches`` are put in order; positions are indices into ``self.sketches``."""

    def __init__(self, sketches: Sequence[Sketch], horizon: timedelta, most: int):
        unpacked = [(sketch, unpack(sketch.evidence)) for sketch in sketches]
        unpacked.sort(key=lambda pair: (*order(pair[0], pair[1].part_of), pair[0].article_id))
        self.sketches = [s for s, _ in unpacked]
        self.evidence: list[Evidence] = [e for _, e in unpacked]
        self.position = {s.article_id: i for i, s in enumerate(self.sketches)}
        self.section = np.array([bool(e.flags & IS_SECTION) for e in self.evidence], bool)
        self.dated = np.array([s.at is not None for s in self.sketches], bool)
        self.time = np.array([_microseconds(s.at or BEGINNING) for s in self.sketches], np.int64)
        self.terms = Rows.of([e.terms for e in self.evidence], np.uint32)
        self.shingles = Rows.of([e.shingles for e in self.evidence], np.uint32)
        self.numbers = Rows.of([e.numbers for e in self.evidence], np.uint32)
        self.days = Rows.of([e.days for e in self.evidence], np.uint16)
        owners: dict[str, int] = {}
        whole = [e.part_of or s.article_id for s, e in unpacked]
        self._owner = np.array([owners.setdefault(w, len(owners)) for w in whole], np.int64)
        languages: dict[str, int] = {}
        self._language = np.array([languages.setdefault(s.language, len(languages)) for s in self.sketches], np.int64)
        self._most = most
        self._horizon = horizon // timedelta(microseconds=1)
        self._index(Rows.of([np.array(s.keys, np.int64) for s in self.sketches], np.int64))

    def __len__(self) -> int:
        return len(self.sketches)

    def _index(self, keys: Rows) -> None:
        holder = np.repeat(np.arange(len(self.sketches)), np.diff(keys.starts))
        by_key = np.lexsort((holder, keys.values))
        self._holders = holder[by_key]
        key = keys.values[by_key]
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, np.int64)
        place = np.empty(len(key), np.int64)
        place[by_key] = np.arange(len(key))
        self._place = Rows(place, keys.starts)
        sizes = np.diff(np.r_[first, len(key)])
        self._begin = Rows(np.repeat(first, sizes)[place], keys.starts)
        self._end = Rows(np.repeat(first + sizes, sizes)[place], keys.starts)
        self._is_copy_key = Rows((keys.values & COPY_KEY).astype(bool), keys.starts)

    def candidates(self, i: int) -> Candidates:
        """What the article or section at ``i`` may come from: of the earlier articles that share keys the ``most`` that
        share the most, of equals the earliest."""
        found = self._sharing(i, earlier=True)
        if len(found.positions) > self._most:
            most = np.sort(np.argsort(-(found.words + found.minimisers), kind="stable")[: self._most])
            found = Candidates(*(column[most] for column in found))
        return found

    def later(self, i: int) -> np.ndarray:
        """The positions of all that might have the article at ``i`` among their candidates."""
        if self.section[i]:
            return np.zeros(0, np.int64)
        return self._sharing(i, earlier=False).positions

    def _sharing(self, i: int, earlier: bool) -> Candidates:
        copy = self._is_copy_key.row(i)
        by_word = self._holding(i, ~copy, earlier)
        by_minimiser = self._holding(i, copy, earlier)
        positions, inverse = np.unique(np.concatenate((by_word, by_minimiser)), return_inverse=True)
        words = np.bincount(inverse[: len(by_word)], minlength=len(positions))
        minimisers = np.bincount(inverse[len(by_word) :], minlength=len(positions))
        near = (self._language[positions] == self._language[i]) & (self._owner[positions] != self._owner[i])
        if earlier:
            near &= ~self.section[positions]
        if self.dated[i]:
            near &= ~self.dated[positions] | (np.abs(self.time[i] - self.time[positions]) <= self._horizon)
        return Candidates(positions[near], words[near], minimisers[near])

    def _holding(self, i: int, which: np.ndarray, earlier: bool) -> np.ndarray:
        """The positions before (or after) ``i`` that hold a key of ``i``, once for each key."""
        place = self._place.row(i)[which]
        bounds = (self._begin.row(i)[which], place) if earlier else (place + 1, self._end.row(i)[which])
        slices = [self._holders[a:b] for a, b in zip(bounds[0].tolist(), bounds[1].tolist(), strict=True) if b > a]
        return np.concatenate(slices) if slices else np.zeros(0, np.int64)


def _microseconds(at: datetime) -> int:
    return (at - BEGINNING) // timedelta(microseconds=1)
