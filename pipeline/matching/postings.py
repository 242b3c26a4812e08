"""An inverted index that grows and shrinks: for each key those that hold it, in their order.

A hash table with linear probing leads from a key to its block in one array of holders. A block that is full moves to
one of twice the size, so that adding a holder costs its keys, however many holders there are. When the array or the
table is full, both are made anew without what is left behind.
"""

from __future__ import annotations

import numpy as np

from pipeline.matching.kernels import kernel

SMALL = 64
"""Room to begin with; a power of two."""
EMPTY = -1
KEY, FIRST, COUNT, ROOM = range(4)
"""An entry of the table: the key; where its block begins, how many holders are in it, how many could be."""
LANGUAGE = 40
"""Keys are less than two to this; the number of a language stands above."""

Index = tuple[np.ndarray, np.ndarray]
"""The table and the holders, for kernels."""


class Postings:
    """See the module's docstring. Holders are numbers ("slots") with a label each, in whose order they stand, and a
    language: in different ones a key is not the same."""

    def __init__(self) -> None:
        self._table = np.full((SMALL, 4), EMPTY, np.int64)
        self._holders = np.empty(SMALL, np.int32)
        self._used = self._filled = 0

    @property
    def index(self) -> Index:
        return self._table, self._holders

    def put(self, slots: np.ndarray, keys: tuple[np.ndarray, ...], language: np.ndarray, label: np.ndarray) -> None:
        """Add these holders. ``keys``: of each slot, see ``Rows.parts``."""
        done = 0
        while True:
            done, self._used, self._filled, needed = _put(
                *self.index, self._used, self._filled, slots, done, keys, language, label
            )
            if done == len(slots):
                return
            self._table, self._holders, self._used, self._filled = _made_anew(*self.index, needed)

    def drop(self, slots: np.ndarray, keys: tuple[np.ndarray, ...], language: np.ndarray, label: np.ndarray) -> None:
        """Take these away; what belongs to them is still as it was when they were put."""
        _drop(*self.index, slots, keys, language, label)


@kernel
def entry(table, key):
    """Where the key's entry is, or would be. Multiplicative hashing (Knuth, TAOCP 6.4)."""
    mask = len(table) - 1
    at = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(24)) & mask
    while table[at, KEY] != key and table[at, KEY] != EMPTY:
        at = (at + 1) & mask
    return at


@kernel
def block(table, key):
    """From where to where the key's holders are."""
    at = entry(table, key)
    if table[at, KEY] == EMPTY:
        return 0, 0
    return table[at, FIRST], table[at, FIRST] + table[at, COUNT]


@kernel
def bound(holders, first, past, value, least):
    """The first place in a block whose holder has a ``value`` of at least so much; values ascend along it."""
    while first < past:
        middle = (first + past) >> 1
        if value[holders[middle]] < least:
            first = middle + 1
        else:
            past = middle
    return first


@kernel
def _put(table, holders, used, filled, slots, done, keys, language, label):
    """Put slots from the ``done``-th on. Ends early where room is short. How many are done, how much of the holders and
    of the table is used, and how much more is needed."""
    values, starts, ends = keys
    for n in range(done, len(slots)):
        slot = slots[n]
        tag = language[slot] << LANGUAGE
        needed = 0
        for k in range(starts[slot], ends[slot]):
            at = entry(table, values[k] | tag)
            needed += 2 * table[at, COUNT] + 1 if table[at, KEY] != EMPTY else 1
        if used + needed > len(holders) or 2 * (filled + ends[slot] - starts[slot]) > len(table):
            return n, used, filled, needed
        for k in range(starts[slot], ends[slot]):
            key = values[k] | tag
            at = entry(table, key)
            if table[at, KEY] == EMPTY:
                table[at, KEY], table[at, FIRST], table[at, COUNT], table[at, ROOM] = key, used, 0, 1
                used += 1
                filled += 1
            first, count = table[at, FIRST], table[at, COUNT]
            if count == table[at, ROOM]:
                holders[used : used + count] = holders[first : first + count]
                first, room = used, max(1, 2 * count)
                table[at, FIRST], table[at, ROOM] = first, room
                used += room
            place = bound(holders, first, first + count, label, label[slot])
            for m in range(first + count, place, -1):
                holders[m] = holders[m - 1]
            holders[place] = slot
            table[at, COUNT] = count + 1
    return len(slots), used, filled, 0


@kernel
def _drop(table, holders, slots, keys, language, label):
    values, starts, ends = keys
    for slot in slots:
        tag = language[slot] << LANGUAGE
        for k in range(starts[slot], ends[slot]):
            at = entry(table, values[k] | tag)
            first, past = table[at, FIRST], table[at, FIRST] + table[at, COUNT]
            for m in range(bound(holders, first, past, label, label[slot]), past - 1):
                holders[m] = holders[m + 1]
            table[at, COUNT] -= 1


@kernel
def _made_anew(table, holders, needed):
    """Table and holders with as much room again and more, without the keys that nobody holds."""
    keys = total = 0
    for at in range(len(table)):
        if table[at, KEY] != EMPTY and table[at, COUNT] > 0:
            keys += 1
            total += table[at, COUNT]
    size = SMALL
    while size < 4 * (keys + needed):
        size *= 2
    new_table = np.full((size, 4), EMPTY, np.int64)
    new_holders = np.empty(2 * total + total // 2 + 2 * needed + SMALL, np.int32)
    used = 0
    for old in range(len(table)):
        count = table[old, COUNT]
        if table[old, KEY] == EMPTY or count <= 0:
            continue
        first = table[old, FIRST]
        new_holders[used : used + count] = holders[first : first + count]
        at = entry(new_table, table[old, KEY])
        new_table[at, KEY], new_table[at, FIRST] = table[old, KEY], used
        new_table[at, COUNT], new_table[at, ROOM] = count, count
        used += count
    return new_table, new_holders, used, keys
