"""Sketches side by side in arrays, with an index of their keys.

In: the sketches of articles and sections that may have to do with each other; some go and others come, batch by
batch, at the cost of these alone. Out: for each, the earlier articles of its language that it may come from: those at
most the horizon away that share a key. A section is nobody's candidate. What is a candidate depends on the set of
sketches alone, never on the order in which they came.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.matching.kernels import kernel
from pipeline.matching.masses import KINDS, masses
from pipeline.matching.postings import LANGUAGE, Postings, block, bound
from pipeline.matching.rows import SMALL, Rows, widened
from pipeline.matching.sketch import IS_DIGEST, IS_SECTION, Evidence, unpack
from schemas.records import Sketch

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Stands for the time of an article without one: it comes before all others."""
APART = 1 << 32
"""Labels of neighbours are so far from each other, so that others find room between them."""
FEW = 8
"""If what comes is less than such a share of what is there, each finds its own place among it."""


def order(sketch: Sketch, part_of: str = "") -> tuple[datetime, str]:
    """What is earlier: the time, then the article's id (for a section its article's)."""
    return sketch.at or BEGINNING, part_of or sketch.article_id


class Candidates(NamedTuple):
    """The candidates of some articles and sections: those of the n-th are slots[starts[n]:starts[n + 1]]. ``new``: of
    each, whether it was none when that was last noted (``Pool.note``)."""

    slots: np.ndarray
    starts: np.ndarray
    new: np.ndarray


class Pool:
    """See the module's docstring. Each sketch has a slot, an index into the columns, as long as it is here; slots of a
    new pool are in the order of time, later ones in any: ``label`` ascends in the order of time. Holds scratch space:
    not for several threads at once.

    ``most`` candidates are given at most. Of a key that many hold, the ``crowd`` nearest in time count."""

    def __init__(self, sketches: Sequence[Sketch], horizon: timedelta, most: int, crowd: int):
        self._most, self._crowd = most, crowd
        self._horizon = horizon // timedelta(microseconds=1)
        self.position: dict[str, int] = {}
        """Article or section -> its slot."""
        self.sketches: list[Sketch] = []
        self.evidence: list[Evidence] = []
        self._order: list[tuple[datetime, str, str]] = []
        self._in_order: list[int] = []
        """The slots, in the order of time."""
        self._free: list[int] = []
        self.label = np.zeros(SMALL, np.int64)
        self.section = np.zeros(SMALL, np.bool_)
        self.digest = np.zeros(SMALL, np.bool_)
        self.halved = np.zeros(SMALL, np.int64)
        self.length = np.zeros(SMALL, np.int64)
        self.weekdays = np.zeros(SMALL, np.int64)
        self.written = np.zeros(SMALL, np.int64)
        self.dated = np.zeros(SMALL, np.bool_)
        self.time = np.zeros(SMALL, np.int64)
        self.mass = np.zeros((SMALL, KINDS))
        self._owner = np.zeros(SMALL, np.int64)
        self._serial = np.zeros(SMALL, np.int64)
        """Of each sketch another number."""
        self._serials = 0
        self._language = np.zeros(SMALL, np.int64)
        self._seen = np.zeros(SMALL, np.int32)
        self.terms = Rows(np.uint32)
        self.shingles = Rows(np.uint32)
        self.quotes = Rows(np.uint32)
        self.numbers = Rows(np.uint32)
        self.days = Rows(np.uint16)
        self.years = Rows(np.uint8)
        self.keys = Rows(np.int64)
        self._noted = Rows(np.int64)
        """The serials of the candidates that were noted, ascending."""
        self._languages: dict[str, int] = {}
        self._articles, self._sections = Postings(), Postings()
        self.change((), sketches)

    def __len__(self) -> int:
        return len(self.position)

    def __iter__(self) -> Iterator[Sketch]:
        """The sketches, in the order in which they came."""
        return (self.sketches[slot] for slot in self.position.values())

    # -- what is here ------------------------------------------------------------------------------------------------

    def change(self, gone: Iterable[str], added: Sequence[Sketch]) -> None:
        """Let some sketches go, those that aren't here aside, and take others in."""
        found = [slot for name in gone if (slot := self.position.pop(name, None)) is not None]
        if found:
            self._let_go(np.array(found, np.int64))
        if added:
            self._take_in(added)

    def _let_go(self, slots: np.ndarray) -> None:
        columns = self.keys.parts, self._language, self.label
        section = self.section[slots]
        self._articles.drop(slots[~section], *columns)
        self._sections.drop(slots[section], *columns)
        for rows in (*self._rows(), self._noted):
            rows.drop(slots)
        gone = slots.tolist()
        if FEW * len(gone) > len(self._in_order):
            left = set(gone)
            self._in_order = [slot for slot in self._in_order if slot not in left]
        else:
            for slot in gone:
                self._in_order.pop(self._place(slot))
        self._free.extend(gone)

    def _take_in(self, added: Sequence[Sketch]) -> None:
        unpacked = [(s, unpack(s.evidence)) for s in added]
        ordered = sorted(((*order(s, e.part_of), s.article_id), n) for n, (s, e) in enumerate(unpacked))
        found = [unpacked[n] for _, n in ordered]
        slots = self._slots(len(found))
        for slot, (key, _), (s, e) in zip(slots.tolist(), ordered, found, strict=True):
            self._order[slot], self.sketches[slot], self.evidence[slot] = key, s, e
            self.position[s.article_id] = slot
        self._put_columns(slots, [s for s, _ in found], [e for _, e in found])
        self._put_in_order(slots.tolist())
        columns = self.keys.parts, self._language, self.label
        section = self.section[slots]
        self._articles.put(slots[~section], *columns)
        self._sections.put(slots[section], *columns)

    def _slots(self, count: int) -> np.ndarray:
        """So many free slots, with room in every column."""
        used = self._free[-count:]
        del self._free[-count:]
        first = len(self.sketches)
        slots = [*used, *range(first, first + count - len(used))]
        more = count - len(used)
        self.sketches.extend([_NOBODY] * more)
        self.evidence.extend([_NOTHING] * more)
        self._order.extend([(BEGINNING, "", "")] * more)
        for name in _COLUMNS:
            setattr(self, name, widened(getattr(self, name), first + more))
        self._noted.make_room(0, first + more)
        return np.array(slots, np.int64)

    def _put_columns(self, slots: np.ndarray, sketches: Sequence[Sketch], evidence: Sequence[Evidence]) -> None:
        self.section[slots] = [bool(e.flags & IS_SECTION) for e in evidence]
        self.digest[slots] = [bool(e.flags & IS_DIGEST) for e in evidence]
        self.halved[slots] = [e.halved for e in evidence]
        self.length[slots] = [e.length for e in evidence]
        self.weekdays[slots] = [e.weekdays for e in evidence]
        self.written[slots] = [e.written for e in evidence]
        self.dated[slots] = [s.at is not None for s in sketches]
        self.time[slots] = [_microseconds(s.at or BEGINNING) for s in sketches]
        self._owner[slots] = [hash(e.part_of or s.article_id) for s, e in zip(sketches, evidence, strict=True)]
        self._serial[slots] = np.arange(self._serials, self._serials + len(slots))
        self._serials += len(slots)
        languages = self._languages
        self._language[slots] = [languages.setdefault(s.language, len(languages)) for s in sketches]
        self.terms.put(slots, [e.terms for e in evidence])
        self.shingles.put(slots, [e.shingles for e in evidence])
        self.quotes.put(slots, [e.quotes for e in evidence])
        self.numbers.put(slots, [e.numbers for e in evidence])
        self.days.put(slots, [e.days for e in evidence])
        self.years.put(slots, [e.years for e in evidence])
        self.keys.put(slots, [np.array(s.keys, np.int64) for s in sketches])
        masses(slots, *self.terms.parts, self.mass)

    def _rows(self) -> tuple[Rows, ...]:
        return self.terms, self.shingles, self.quotes, self.numbers, self.days, self.years, self.keys

    # -- the order of time -------------------------------------------------------------------------------------------

    def _place(self, slot: int) -> int:
        """Where in the order of time the sketch of a slot is, or would be."""
        return bisect.bisect_left(self._in_order, self._order[slot], key=self._order.__getitem__)

    def _put_in_order(self, slots: list[int]) -> None:
        """Put these, which are in their order, in the order of time, and label them."""
        if FEW * len(slots) > len(self._in_order):
            self._in_order = sorted([*self._in_order, *slots], key=self._order.__getitem__)
            return self._label_all()
        places = [self._place(slot) for slot in slots]
        begins = [0, *(n for n, (a, b) in enumerate(pairwise(places), 1) if a != b), len(slots)]
        runs = [(places[first], slots[first:past]) for first, past in pairwise(begins)]
        fits = [self._label(place, run) for place, run in runs]
        for place, run in reversed(runs):
            self._in_order[place:place] = run
        if not all(fits):
            self._label_all()
        return None

    def _label(self, place: int, run: Sequence[int]) -> bool:
        """Label those that come in between at ``place``, if there is room for their labels."""
        far = APART * (len(run) + 1)
        after = int(self.label[self._in_order[place]]) if place < len(self._in_order) else None
        before = int(self.label[self._in_order[place - 1]]) if place else (after or 0) - far
        step = ((before + far if after is None else after) - before) // (len(run) + 1)
        self.label[run] = before + step * np.arange(1, len(run) + 1)
        return step > 0

    def _label_all(self) -> None:
        self.label[self._in_order] = APART * np.arange(1, len(self._in_order) + 1)

    # -- candidates --------------------------------------------------------------------------------------------------

    def candidates(self, i: int) -> np.ndarray:
        """What the article or section at ``i`` may come from: of the earlier articles that share keys the ``most`` that
        share the most, of equals the latest. Slots, in the order of time."""
        return self.candidates_of(np.array([i])).slots

    def candidates_of(self, slots: np.ndarray) -> Candidates:
        """Those of each of these."""
        found, starts = _candidates(
            *(*self._articles.index, slots, *self._columns(), self.dated, self._owner),
            *(self._horizon, self._most, self._crowd, self._seen),
        )
        return Candidates(found, starts, _unnoted(slots, found, starts, self._serial, *self._noted.parts))

    def note(self, slots: np.ndarray, candidates: Candidates) -> None:
        """Note that these are the candidates of each. A sketch that comes again is another one."""
        found, starts = candidates.slots, candidates.starts.tolist()
        self._noted.drop(slots)
        self._noted.put(slots, [np.sort(self._serial[found[a:b]]) for a, b in pairwise(starts)])

    def later(self, i: int) -> np.ndarray:
        """The slots of all whose candidates the article at ``i`` may change by being there."""
        if self.section[i]:
            return np.zeros(0, np.int64)
        return _later(
            *(*self._articles.index, *self._sections.index, i, *self._columns(), self.dated, self._owner),
            *(self._horizon, self._crowd, self._seen),
        )

    def _columns(self) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
        return self.keys.parts, self._language, self.label, self.time


_NOBODY = Sketch(article_id="", text_hash="", language="")
_NOTHING = Evidence()
_COLUMNS = (
    *("label", "section", "digest", "halved", "length", "weekdays", "written", "dated", "time", "mass"),
    *("_owner", "_language", "_serial", "_seen"),
)
"""What a pool has of each sketch, beside the rows."""


@kernel
def _candidates(table, holders, slots, keys, language, label, time, dated, owner, horizon, most, crowd, seen):
    """The candidates of each slot, one after the other, and where each one's begin."""
    starts = np.zeros(len(slots) + 1, np.int64)
    out = np.empty(16 * len(slots) + 16, np.int64)
    for n in range(len(slots)):
        i = slots[n]
        found, shared = _earlier(
            table, holders, i, keys, language, label, time, horizon if dated[i] else -1, crowd, seen
        )
        size = 0
        for m in range(len(found)):
            if _may_meet(i, found[m], time, dated, owner, horizon):
                found[size], shared[size] = found[m], shared[m]
                size += 1
        in_order = np.argsort(label[found[:size]])
        if size > most:
            # The shares above, the places in the order of time below: of equals the latest.
            ranked = np.sort((shared[:size][in_order] << 32) | np.arange(size))[size - most :]
            in_order = in_order[np.sort(ranked & 0xFFFFFFFF)]
        begin = starts[n]
        starts[n + 1] = begin + len(in_order)
        if starts[n + 1] > len(out):
            wider = np.empty(2 * starts[n + 1], np.int64)
            wider[:begin] = out[:begin]
            out = wider
        for m in range(len(in_order)):
            out[begin + m] = found[in_order[m]]
    return out[: starts[len(slots)]], starts


@kernel
def _may_meet(i, j, time, dated, owner, horizon):
    """Whether two that share a key are of different articles, and near enough in time."""
    near = not dated[i] or not dated[j] or abs(time[i] - time[j]) <= horizon
    return near and owner[i] != owner[j]


@kernel
def _unnoted(slots, found, found_starts, serial, noted, starts, ends):
    """Which of the candidates found of each slot are not among those that were noted."""
    new = np.ones(len(found), np.bool_)
    for n in range(len(slots)):
        known = noted[starts[slots[n]] : ends[slots[n]]]
        for m in range(found_starts[n], found_starts[n + 1]):
            at = np.searchsorted(known, serial[found[m]])
            new[m] = at == len(known) or known[at] != serial[found[m]]
    return new


@kernel
def _earlier(table, holders, i, keys, language, label, time, horizon, crowd, seen):
    """The earlier articles that share a key with the one at ``i``, and how many each shares. Of each key the ``crowd``
    nearest holders before it count: those of the horizon, and if these are fewer, those without a time, which is 0.
    ``horizon``: -1 for an article without one."""
    values, starts, ends = keys
    count = ends[i] - starts[i]
    first, past = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    for k in range(count):
        begin, end = block(table, values[starts[i] + k] | (language[i] << LANGUAGE))
        own = bound(holders, begin, end, label, label[i])
        timeless = bound(holders, begin, own, time, 1)
        near = own if horizon < 0 else bound(holders, timeless, own, time, time[i] - horizon)
        first[2 * k], past[2 * k] = max(near, own - crowd), own
        left = crowd - (past[2 * k] - first[2 * k])
        first[2 * k + 1], past[2 * k + 1] = max(begin, timeless - left), timeless
    return _counted(holders, first, past, seen)


@kernel
def _later(table, holders, of_sections, sections, i, keys, language, label, time, dated, owner, horizon, crowd, seen):
    """The later articles and sections that may find the article at ``i`` among the ``crowd`` nearest holders of a key.
    One without a time is found by any with a time, however far, if few without a time are between."""
    values, starts, ends = keys
    count = ends[i] - starts[i]
    first, past = np.empty(count, np.int64), np.empty(count, np.int64)
    first_section, past_section = np.empty(count, np.int64), np.empty(count, np.int64)
    for k in range(count):
        key = values[starts[i] + k] | (language[i] << LANGUAGE)
        begin, end = block(table, key)
        own = bound(holders, begin, end, label, label[i])
        first[k], past[k] = own + 1, min(end, own + 1 + crowd)
        begin, last = block(of_sections, key)
        first_section[k], past_section[k] = bound(sections, begin, last, label, label[i]), last
        if not dated[i] and bound(holders, own, end, time, 1) - own <= crowd:
            past[k] = end
        elif own + crowd < end:
            past_section[k] = bound(sections, begin, last, label, label[holders[own + crowd]])
    articles, _ = _counted(holders, first, past, seen)
    their_sections, _ = _counted(sections, first_section, past_section, seen)
    found = np.concatenate((articles, their_sections))
    size = 0
    for m in range(len(found)):
        if _may_meet(i, found[m], time, dated, owner, horizon):
            found[size] = found[m]
            size += 1
    return found[:size]


@kernel
def _counted(holders, first, past, seen):
    """The different holders within the slices of ``holders``, and in how many slices each is. ``seen``: zeros, one for
    each slot; zeros again afterwards."""
    total = 0
    for k in range(len(first)):
        total += past[k] - first[k]
    found = np.empty(total, np.int64)
    size = 0
    for k in range(len(first)):
        for m in range(first[k], past[k]):
            if seen[holders[m]] == 0:
                found[size] = holders[m]
                size += 1
            seen[holders[m]] += 1
    found = found[:size]
    counts = np.empty(size, np.int64)
    for n in range(size):
        counts[n] = seen[found[n]]
        seen[found[n]] = 0
    return found, counts


def _microseconds(at: datetime) -> int:
    return (at - BEGINNING) // timedelta(microseconds=1)
