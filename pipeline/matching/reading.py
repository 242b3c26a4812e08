"""Kernels that read one text as arrays: what its words weigh, which neighbours stand together, its shingles.

In: columns of a lexicon, one value a token. Out: arrays. All are pure and exact: integers only, ties decided by hashes.
"""

from __future__ import annotations

import numpy as np

from pipeline.matching.kernels import kernel
from pipeline.matching.lexicon import BREAKS, CLOSES, OPENS, WORD

IN_LEAD, IN_TITLE, IS_NAME, IS_PAIR = 1, 2, 4, 8
"""Where a term stands or what it is; of a pair: both its words."""
LEAD = 80
"""So many words are the lead."""
COMMON = 3
"""Words of this rarity level or less carry no evidence (``words.COMMON``)."""
TITLE_COUNTS = 2
"""A word in the title counts as so many more."""
QUOTE_RUN, LONGEST_QUOTE = 4, 120
"""Quotations are compared by runs of four words; what is open after 120 words was no quotation."""

# Odd 64-bit constants of the usual hash finalisers (splitmix64, MurmurHash3).
_M0, _M1, _M2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_M3, _M4 = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xFF51AFD7ED558CCD)
_S29, _S16 = np.uint64(29), np.uint64(16)


LEVELS = np.array([4, 4, 8, 10, 12, 13, 14, 15])
"""How much a word counts that stands so often: 4 for once, 4 more for each doubling, 15 for seven times and more."""


@kernel
def level(count):
    """The level of a count, see ``LEVELS``."""
    return LEVELS[min(count, 7)]


@kernel
def weigh(folds, lower, digit, title, fold_hash, fold_rarity):
    """Terms of a text, the heaviest first: (fold, rarity, level, places) as int64 columns.

    ``folds``, ``lower``, ``digit``: of each word of the body, in order; ``title``: folds of the title's words.
    """
    n = len(folds)
    order = np.argsort(folds, kind="mergesort")
    titled = np.unique(title)
    rows = np.empty((n + len(titled), 4), np.int64)
    sort_key = np.empty(n + len(titled), np.uint64)
    seen_title = np.zeros(len(titled), np.bool_)
    count = 0
    start = 0
    while start < n:
        fold = folds[order[start]]
        end, any_lower = start, False
        while end < n and folds[order[end]] == fold:
            any_lower = any_lower or lower[order[end]]
            end += 1
        at = np.searchsorted(titled, fold)
        in_title = at < len(titled) and titled[at] == fold
        if in_title:
            seen_title[at] = True
        rarity = int(fold_rarity[fold])
        if rarity > COMMON:
            places = IN_LEAD * (order[start] < LEAD) | IN_TITLE * in_title
            if not any_lower and not digit[order[start]]:
                places |= IS_NAME
            _row(rows, sort_key, count, fold, rarity, level(end - start + TITLE_COUNTS * in_title), places, fold_hash)
            count += 1
        start = end
    for at in range(len(titled)):
        rarity = int(fold_rarity[titled[at]])
        if not seen_title[at] and rarity > COMMON:
            _row(rows, sort_key, count, titled[at], rarity, level(TITLE_COUNTS), IN_TITLE, fold_hash)
            count += 1
    ranked = np.argsort(sort_key[:count])
    return rows[:count][ranked]


@kernel
def weight(rarity, frequency, places):
    """How telling a term is: an integer up to 1,125."""
    boosts = 2 + ((places & IN_LEAD) > 0) + ((places & IN_TITLE) > 0) + ((places & IS_NAME) > 0)
    return rarity * frequency * boosts


@kernel
def _row(rows, sort_key, at, fold, rarity, frequency, places, fold_hash):
    rows[at, 0], rows[at, 1], rows[at, 2], rows[at, 3] = fold, rarity, frequency, places
    heavy = np.uint64(0xFFFF - weight(rarity, frequency, places))
    sort_key[at] = (heavy << np.uint64(48)) | (fold_hash[fold] >> _S16)


@kernel
def neighbours(folds, terms, fold_hash, most):
    """The ``most`` heaviest pairs of neighbouring words that are both among ``terms``: (hash, rarity, level, places).

    Returns hashes (uint64) and the other columns (int64).
    """
    n = len(folds)
    by_fold = np.argsort(terms[:, 0], kind="mergesort")
    sorted_folds = terms[:, 0][by_fold]
    at = np.searchsorted(sorted_folds, folds.astype(np.int64))
    keys = np.empty(n, np.uint64)
    parts = np.empty((n, 2), np.int64)
    count = 0
    before = -1
    for i in range(n):
        here = -1
        if at[i] < len(sorted_folds) and sorted_folds[at[i]] == folds[i]:
            here = by_fold[at[i]]
        if before >= 0 and here >= 0:
            a, b = fold_hash[terms[before, 0]], fold_hash[terms[here, 0]]
            mixed = (a * _M1) ^ (b * _M2 + _M0)
            keys[count] = mixed ^ (mixed >> _S29)
            parts[count, 0], parts[count, 1] = before, here
            count += 1
        before = here
    order = np.argsort(keys[:count], kind="mergesort")
    hashes = np.empty(count, np.uint64)
    rows = np.empty((count, 3), np.int64)
    sort_key = np.empty(count, np.uint64)
    found, start = 0, 0
    while start < count:
        key, end = keys[order[start]], start
        while end < count and keys[order[end]] == key:
            end += 1
        a, b = parts[order[start], 0], parts[order[start], 1]
        rarity = min(15, (terms[a, 1] + terms[b, 1]) // 2 + 2)
        places = IS_PAIR | (terms[a, 3] & terms[b, 3])
        frequency = level(end - start)
        hashes[found] = key
        rows[found, 0], rows[found, 1], rows[found, 2] = rarity, frequency, places
        sort_key[found] = (np.uint64(0xFFFF - weight(rarity, frequency, places)) << np.uint64(48)) | (key >> _S16)
        found += 1
        start = end
    ranked = np.argsort(sort_key[:found])[:most]
    return hashes[ranked], rows[ranked]


@kernel
def shingles(words, length):
    """One 64-bit hash for each run of ``length`` words (hashes, uint64; at most five), in order."""
    count = max(0, len(words) - length + 1)
    found = np.empty(count, np.uint64)
    for at in range(count):
        found[at] = _run(words, at, length)
    return found


@kernel
def _run(words, at, length):
    mixed = np.uint64(0)
    for i in range(length):
        if i == 0:
            by = _M0
        elif i == 1:
            by = _M1
        elif i == 2:
            by = _M2
        elif i == 3:
            by = _M3
        else:
            by = _M4
        mixed = (mixed ^ words[at + i]) * by
        mixed ^= mixed >> _S29
    return mixed


@kernel
def least_of_windows(hashes, window):
    """The least hash of each window, different ones only, least first; of fewer than a window the least."""
    n = len(hashes)
    if n == 0:
        return hashes.copy()
    if n <= window:
        return np.array([hashes.min()])
    queue = np.empty(n, np.int64)
    head, tail = 0, 0
    found = np.empty(n, np.uint64)
    count = 0
    last = -1
    for i in range(n):
        while tail > head and hashes[queue[tail - 1]] >= hashes[i]:
            tail -= 1
        queue[tail] = i
        tail += 1
        if queue[head] <= i - window:
            head += 1
        if i >= window - 1 and queue[head] != last:
            last = queue[head]
            found[count] = hashes[last]
            count += 1
    return ascending(found[:count])


@kernel
def quoted_runs(kinds, hashes):
    """Hashes of all runs of four words within quotations. One kind and one hash a token, in order."""
    n = len(kinds)
    found = np.empty(n, np.uint64)
    count = 0
    inside = False
    quote = np.empty(LONGEST_QUOTE, np.uint64)
    size = 0
    for i in range(n + 1):
        kind = kinds[i] if i < n else np.uint8(BREAKS)
        if kind & WORD:
            if inside:
                if size == LONGEST_QUOTE:
                    inside, size = False, 0
                else:
                    quote[size] = hashes[i]
                    size += 1
            continue
        if inside and kind & (CLOSES | BREAKS):
            for at in range(size - QUOTE_RUN + 1):
                found[count] = _run(quote, at, QUOTE_RUN)
                count += 1
            inside, size = False, 0
        elif kind & OPENS:
            inside, size = True, 0
    return found[:count]


@kernel
def ascending(values):
    """The different values, the least first."""
    found = np.sort(values)
    count = 0
    for n in range(len(found)):
        if n == 0 or found[n] != found[count - 1]:
            found[count] = found[n]
            count += 1
    return found[:count]


@kernel
def are_different(values, count):
    """Whether there are at least so many different values."""
    seen = np.empty(count, values.dtype)
    found = 0
    for value in values:
        new = True
        for n in range(found):
            if seen[n] == value:
                new = False
                break
        if new:
            seen[found] = value
            found += 1
            if found == count:
                return True
    return False


@kernel
def first_of_each(values):
    """The positions of the first of equal values, ascending."""
    order = np.argsort(values, kind="mergesort")
    kept = np.zeros(len(values), np.bool_)
    for n in range(len(order)):
        if n == 0 or values[order[n]] != values[order[n - 1]]:
            kept[order[n]] = True
    return np.flatnonzero(kept)
