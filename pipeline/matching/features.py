"""Compare two sketches: the features by which a pair of articles is judged.

In: a pool, an article's slot and those of earlier articles. Out: one row a pair, the columns of ``FEATURES``. All
are pure functions of the two sketches, rounded to multiples of 1/256, so that no machine's last bit changes a score.
"""

from __future__ import annotations

import numpy as np

from pipeline.matching.copies import SAMPLE_BITS
from pipeline.matching.kernels import kernel
from pipeline.matching.masses import ALL, FIRST, HEAD, LEAD, NAME_PAIRS, NAMES, PAIRS, SQUARES, TITLE, TOP, VERY_FIRST
from pipeline.matching.pool import Pool
from pipeline.matching.sketch import (
    COPY_KEY,
    EARLY,
    IN_LEAD,
    IN_TITLE,
    IS_NAME,
    IS_PAIR,
    TELLING_NUMBER,
    TERM_BITS,
)

UNIT = 256
MARKS = 1 << 12
"""A small table of what an article has, by remainder: it stays in the cache, and nearly always it says no."""
DAY_BITS = EARLY - 1
LONG_AGO = 60
"""Gaps in days are cut here; unknown ones are -1."""
DAY = 86_400_000_000
"""Microseconds."""
FIRST_DAY = 726_467
"""1990-01-01, from where ``written`` counts, in days from 0001-01-01, from where ``Pool.time`` does."""

OF_TERMS = (
    *("cosine", "cover_min", "cover_max", "shared_mass", "shared_rare"),
    *("lead", "lead_in_other", "other_lead_in", "title", "title_in_other", "other_title_in", "titles_missing"),
    *("names_min", "names_max", "name_in_other", "other_name_in", "pairs", "name_pairs"),
    *("top_in_other", "other_top_in", "head_in_other", "other_head_in", "missing", "other_missing"),
)
OF_TEXTS = (
    *("keys", "containment", "minimisers", "shingles", "quotes", "quotes_both", "shorter_length", "length_ratio"),
)
OF_NUMBERS = (
    *("values_agree", "numbers_agree", "units_agree", "units_conflict", "numbers_both"),
    *("telling_agree", "telling_share", "telling_both"),
)
OF_DAYS = (
    *("days_both", "days_agree", "days_apart", "weekdays_both", "weekdays_agree"),
    *("years_both", "years_agree", "last_years_apart", "published_in_days", "dated", "gap", "days_gap", "written_gap"),
    *("early_both", "early_agree", "early_apart", "early_in_days"),
)
FEATURES = (*OF_TERMS, *OF_TEXTS, *OF_NUMBERS, *OF_DAYS)
"""In the order of the columns. "other" is the earlier article."""


class Comparer:
    """Compares articles of one pool. Holds scratch space: not for several threads at once."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self._slot = np.full(1 << TERM_BITS, -1, np.int16)
        self._mark = np.zeros(MARKS, np.bool_)

    def features(self, i: int, others: np.ndarray) -> np.ndarray:
        """Of the article at ``i`` and each of ``others`` (slots in the pool): one row each, float32."""
        return self.features_of(np.array([i]), np.array([0, len(others)]), others)

    def features_of(self, later: np.ndarray, starts: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The same of several articles: the n-th one's others are others[starts[n]:starts[n + 1]]."""
        pool = self.pool
        texts = (pool.halved, pool.digest, pool.length)
        days = (pool.weekdays, pool.time, pool.dated, pool.written)
        return _features(
            *(later, starts, others, pool.terms.parts, pool.mass, pool.keys.parts, pool.shingles.parts),
            *(pool.quotes.parts, pool.numbers.parts, pool.days.parts, pool.years.parts, texts, days),
            *(self._slot, self._mark),
        )

    def containment(self, later: np.ndarray, others: np.ndarray, features: np.ndarray) -> np.ndarray:
        """``share`` of each pair, 0 without a common minimiser. ``features``: theirs."""
        found = np.zeros(len(others))
        for n in np.flatnonzero(features[:, FEATURES.index("minimisers")]).tolist():
            found[n] = self.share(int(later[n]), int(others[n]))
        return found

    def share(self, i: int, j: int) -> float:
        """The share of the shorter text's shingles that the other has, from the two samples. Of a digest the share is
        of its own shingles: a piece quoted in one makes no copy of the other."""
        pool = self.pool
        mine, theirs = pool.shingles.row(i), pool.shingles.row(j)
        return float(_share(mine, theirs, pool.halved[i], pool.halved[j], pool.digest[i], pool.digest[j]))


@kernel
def _features(
    later, starts, others, terms, mass, keys, shingles, quotes, numbers, days, years, of_texts, of_days, slot, mark
):
    """The columns of ``FEATURES``; see ``Comparer.features_of``."""
    out = np.empty((len(others), len(FEATURES)), np.float32)
    for n in range(len(later)):
        if starts[n] < starts[n + 1]:
            i, some = later[n], others[starts[n] : starts[n + 1]]
            _join(
                _terms(i, some, terms, mass, slot, mark),
                _texts(i, some, keys, shingles, quotes, of_texts, mark),
                _numbers(i, some, numbers),
                _days(i, some, days, years, of_days),
                out[starts[n] : starts[n + 1]],
            )
    return out


@kernel
def _join(terms, texts, numbers, days, out):
    """Side by side, each value cut at 64 and rounded to multiples of 1/256."""
    for n in range(len(terms)):
        at = 0
        for part in (terms, texts, numbers, days):
            for value in part[n]:
                out[n, at] = np.rint(min(max(value, -64.0), 64.0) * UNIT) / UNIT
                at += 1


@kernel
def _terms(i, others, packed, mass, slot, mark):
    terms, starts, ends = packed
    out = np.zeros((len(others), len(OF_TERMS)))
    mine_from, mine_to = starts[i], ends[i]
    size = mine_to - mine_from
    hit = np.zeros(size, np.bool_)
    for t in range(size):
        slot[terms[mine_from + t] >> 12] = t
        mark[(terms[mine_from + t] >> 12) % MARKS] = True
    for n in range(len(others)):
        j = others[n]
        hit[:] = False
        dot = covered = rare = lead = mine_lead = their_lead = title = mine_title = their_title = 0.0
        names = pairs = name_pairs = top = their_top = head = their_head = 0.0
        their_missing, their_name, rank = 0.0, -1.0, 0
        for t in range(starts[j], ends[j]):
            term = terms[t]
            places = term & 15
            at = slot[term >> 12] if mark[(term >> 12) % MARKS] else -1
            single = not places & IS_PAIR
            if at >= 0:
                own = terms[mine_from + at]
                rarity = float((own >> 8) & 15)
                own_places = own & 15
                hit[at] = True
                if not single or own_places & IS_PAIR:
                    if not single and own_places & IS_PAIR:
                        pairs += rarity
                        if places & own_places & IS_NAME:
                            name_pairs += rarity
                else:
                    dot += rarity * rarity * ((own >> 4) & 15) * ((term >> 4) & 15)
                    covered += rarity
                    rare += rarity >= 9
                    if places & own_places & IN_LEAD:
                        lead += rarity
                    if own_places & IN_LEAD:
                        mine_lead += rarity
                    if places & IN_LEAD:
                        their_lead += rarity
                    if places & own_places & IN_TITLE:
                        title += rarity
                    if own_places & IN_TITLE:
                        mine_title += rarity
                    if places & IN_TITLE:
                        their_title += rarity
                    if places & own_places & IS_NAME:
                        names += rarity * np.sqrt(float((own >> 4) & 15) * ((term >> 4) & 15))
                    if at < TOP:
                        top += rarity
                    if at < HEAD:
                        head += rarity
                    if rank < TOP:
                        their_top += rarity
                    if rank < HEAD:
                        their_head += rarity
            elif single and rank < TOP:
                their_missing = max(their_missing, (((term >> 8) & 15) * ((term >> 4) & 15)) / (1.0 + rank))
            if single:
                if their_name < 0 and places & IS_NAME:
                    their_name = 1.0 if at >= 0 else 0.0
                rank += 1
        missing, name, rank = 0.0, -1.0, 0
        for t in range(size):
            own = terms[mine_from + t]
            if own & IS_PAIR:
                continue
            if rank < TOP and not hit[t]:
                missing = max(missing, (((own >> 8) & 15) * ((own >> 4) & 15)) / (1.0 + rank))
            if name < 0 and own & IS_NAME:
                name = 1.0 if hit[t] else 0.0
            rank += 1
        o, a, b = out[n], mass[i], mass[j]
        o[0] = dot / np.sqrt(max(1.0, a[SQUARES] * b[SQUARES]))
        o[1] = covered / max(1.0, min(a[ALL], b[ALL]))
        o[2] = covered / max(1.0, max(a[ALL], b[ALL]))
        o[3] = np.log1p(covered) / 4
        o[4] = np.log1p(rare) / 2
        o[5] = lead / max(1.0, min(a[LEAD], b[LEAD]))
        o[6] = mine_lead / max(1.0, a[LEAD])
        o[7] = their_lead / max(1.0, b[LEAD])
        o[8] = title / max(1.0, min(a[TITLE], b[TITLE]))
        o[9] = mine_title / max(1.0, a[TITLE])
        o[10] = their_title / max(1.0, b[TITLE])
        o[11] = a[TITLE] == 0 or b[TITLE] == 0
        o[12] = names / max(1.0, min(a[NAMES], b[NAMES]))
        o[13] = names / max(1.0, max(a[NAMES], b[NAMES]))
        o[14] = name
        o[15] = their_name
        o[16] = pairs / max(1.0, min(a[PAIRS], b[PAIRS]))
        o[17] = name_pairs / max(1.0, min(a[NAME_PAIRS], b[NAME_PAIRS]))
        o[18] = top / max(1.0, a[FIRST])
        o[19] = their_top / max(1.0, b[FIRST])
        o[20] = head / max(1.0, a[VERY_FIRST])
        o[21] = their_head / max(1.0, b[VERY_FIRST])
        o[22] = missing / 16
        o[23] = their_missing / 16
    for t in range(size):
        slot[terms[mine_from + t] >> 12] = -1
        mark[(terms[mine_from + t] >> 12) % MARKS] = False
    return out


@kernel
def _common(a, b):
    """How many values two ascending arrays share."""
    i = j = shared = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            shared += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return shared


@kernel
def _share(mine, theirs, my_halved, their_halved, my_digest, their_digest):
    halved = max(my_halved, their_halved)
    mine, theirs = _below(mine, halved), _below(theirs, halved)
    return _share_of(_common(mine, theirs), len(mine), len(theirs), halved, my_digest, their_digest)


@kernel
def _below(sample, halved):
    """The part of a sample that is still in it when it is halved so many times."""
    return sample[: np.searchsorted(sample, np.uint32(1 << (SAMPLE_BITS - halved)))] if halved else sample


@kernel
def _share_of(shared, mine, theirs, halved, my_digest, their_digest):
    """``shared``: how many shingles are in both of two samples of ``mine`` and ``theirs``."""
    if my_digest or their_digest:
        whole = max(mine if my_digest else 0, theirs if their_digest else 0)
    else:
        whole = min(mine, theirs)
    if whole == 0:
        return 0.0
    # One shingle more than was sampled: two of two sampled ones are no proof of a whole text.
    whole += 1 if halved and shared < whole else 0
    return round(min(1.0, shared / whole), 6)


@kernel
def _shared_keys(mine, theirs, mark):
    """How many rare words and how many minimisers two articles share. ``mark``: see ``_common_marked``."""
    words = minimisers = 0
    for key in theirs:
        if mark[key % MARKS]:
            at = np.searchsorted(mine, key)
            if at < len(mine) and mine[at] == key:
                if key & COPY_KEY:
                    minimisers += 1
                else:
                    words += 1
    return words, minimisers


@kernel
def _texts(i, others, keys, shingles, quotes, texts, mark):
    out = np.zeros((len(others), len(OF_TEXTS)))
    halved, digest, length = texts
    my_keys, mine, my_quotes = _row(keys, i), _row(shingles, i), _row(quotes, i)
    for key in my_keys:
        mark[key % MARKS] = True
    for n in range(len(others)):
        words, minimisers = _shared_keys(my_keys, _row(keys, others[n]), mark)
        out[n, 0], out[n, 2] = words / 30, minimisers > 0
    for key in my_keys:
        mark[key % MARKS] = False
    for shingle in mine:
        mark[shingle % MARKS] = True
    for n in range(len(others)):
        j = others[n]
        o = out[n]
        theirs, their_quotes = _row(shingles, j), _row(quotes, j)
        most = max(halved[i], halved[j])
        sampled, their_sampled = _below(mine, most), _below(theirs, most)
        shared = _common_marked(sampled, their_sampled, mark)
        o[1] = _share_of(shared, len(sampled), len(their_sampled), most, digest[i], digest[j])
        o[3] = np.log1p(float((_common_marked(mine, theirs, mark) if most else shared) << most)) / 4
        o[4] = np.log1p(float(_common(my_quotes, their_quotes))) / 2
        o[5] = len(my_quotes) > 0 and len(their_quotes) > 0
        shorter, longer = min(length[i], length[j]), max(length[i], length[j])
        o[6] = np.log1p(float(shorter)) / 8
        o[7] = shorter / max(1, longer)
    for shingle in mine:
        mark[shingle % MARKS] = False
    return out


@kernel
def _common_marked(mine, theirs, mark):
    """``_common`` where ``mark`` tells which values may be mine: of most articles none is."""
    shared = 0
    for value in theirs:
        if mark[value % MARKS]:
            at = np.searchsorted(mine, value)
            shared += at < len(mine) and mine[at] == value
    return shared


@kernel
def _row(rows, i):
    values, starts, ends = rows
    return values[starts[i] : ends[i]]


@kernel
def _numbers(i, others, numbers):
    out = np.zeros((len(others), len(OF_NUMBERS)))
    mine = _row(numbers, i)
    for n in range(len(others)):
        theirs = _row(numbers, others[n])
        bare = agree = units_agree = units_conflict = a = b = 0
        for x in mine:
            for y in theirs:
                if x & 0xFFFF == y & 0xFFFF:
                    bare += 1
                    break
        # Numbers are sorted, so those of one unit stand together.
        while a < len(mine) and b < len(theirs):
            unit, other = mine[a] >> 16, theirs[b] >> 16
            if unit < other:
                a += 1
            elif other < unit:
                b += 1
            else:
                a_end, b_end = a, b
                while a_end < len(mine) and mine[a_end] >> 16 == unit:
                    a_end += 1
                while b_end < len(theirs) and theirs[b_end] >> 16 == unit:
                    b_end += 1
                same = _common(mine[a:a_end], theirs[b:b_end])
                agree += same
                if unit > 0:
                    units_agree += same > 0
                    units_conflict += same == 0
                a, b = a_end, b_end
        o = out[n]
        o[0] = np.log1p(float(bare)) / 2
        o[1] = np.log1p(float(agree)) / 2
        o[2] = np.log1p(float(units_agree)) / 2
        o[3] = np.log1p(float(units_conflict)) / 2
        o[4] = len(mine) > 0 and len(theirs) > 0
        shared = 0
        for x in mine:
            if x & TELLING_NUMBER:
                for y in theirs:
                    if x & 0xFFFF == y & 0xFFFF:
                        shared += 1
                        break
        fewest = min(np.sum(mine & TELLING_NUMBER), np.sum(theirs & TELLING_NUMBER))
        o[5] = np.log1p(float(shared)) / 2
        o[6] = min(1.0, shared / fewest) if fewest else 0.0
        o[7] = fewest > 0
    return out


@kernel
def _days(i, others, days, years, columns):
    out = np.zeros((len(others), len(OF_DAYS)))
    weekdays, time, dated, written = columns
    my_days, my_years = _row(days, i), _row(years, i)
    mine_published = _published(time[i], dated[i])
    for n in range(len(others)):
        j = others[n]
        o = out[n]
        published = _published(time[j], dated[j])
        their_days, their_years = _row(days, j), _row(years, j)
        both = len(my_days) > 0 and len(their_days) > 0
        same, nearest = 0, 400
        mine_early = theirs_early = both_early = in_days = 0
        early_nearest = 400
        for e in my_days:
            mine_early += (e & EARLY) > 0
        for d in their_days:
            theirs_early += (d & EARLY) > 0
            for e in my_days:
                apart = _apart(_of_year(int(d & DAY_BITS)), _of_year(int(e & DAY_BITS)))
                equal = (d ^ e) & DAY_BITS == 0
                same += equal
                nearest = min(nearest, apart)
                if d & e & EARLY:
                    both_early += equal
                    early_nearest = min(early_nearest, apart)
                in_days += equal and (d | e) & EARLY > 0
        o[0] = both
        o[1] = same / min(len(my_days), len(their_days)) if both else 0.0
        o[2] = min(nearest, LONG_AGO) if both else -1.0
        both = weekdays[i] > 0 and weekdays[j] > 0
        o[3] = both
        o[4] = both and weekdays[i] & weekdays[j] > 0
        both = len(my_years) > 0 and len(their_years) > 0
        o[5] = both
        o[6] = _common(my_years, their_years) / min(len(my_years), len(their_years)) if both else 0.0
        o[7] = min(20, abs(int(my_years[-1]) - int(their_years[-1]))) if both else -1.0
        o[8] = -1.0
        if dated[i] != dated[j]:
            # Does the one without a date speak of the other's day?
            day, said = (_day_of(mine_published), their_days) if dated[i] else (_day_of(published), my_days)
            nearest = 400
            for d in said:
                nearest = min(nearest, _apart(day, _of_year(int(d & DAY_BITS))))
            if nearest < 400:
                o[8] = min(nearest, LONG_AGO)
        both = dated[i] and dated[j]
        o[9] = both
        o[10] = min(abs(time[i] - time[j]) / DAY, float(LONG_AGO)) if both else -1.0
        o[11] = min(abs(mine_published - published), LONG_AGO) if both else -1.0
        # The text's own date stands in where the metadata have none.
        a = mine_published if dated[i] else written[i]
        b = published if dated[j] else written[j]
        o[12] = min(abs(a - b), LONG_AGO) if not both and a > 0 and b > 0 else -1.0
        both = mine_early > 0 and theirs_early > 0
        o[13] = both
        o[14] = both_early / min(mine_early, theirs_early) if both else 0.0
        o[15] = min(early_nearest, LONG_AGO) if both else -1.0
        o[16] = in_days > 0
    return out


@kernel
def _published(time, dated):
    """The day counted from 1990; 0 without one."""
    return time // DAY - FIRST_DAY if dated else 0


@kernel
def _of_year(day):
    """The day of the year, about, of month * 32 + day."""
    return ((day >> 5) - 1) * 61 // 2 + (day & 31)


@kernel
def _apart(a, b):
    """Days between two days of a year."""
    apart = abs(a - b)
    return min(apart, 366 - apart)


@kernel
def _day_of(published):
    """The day of the year, about, of a day counted from 1990."""
    return int((published % 1461) % 365.25) + 1
