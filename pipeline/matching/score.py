"""Judge whether an article came from an earlier one: features of two sketches, and a small trained model over them.

In: a pool and an article's candidates. Out: for each the probability that the two tell the same story, and how much of
the shorter text the two share word for word. Both are pure functions of the two sketches: features are quantised and
the weights are integers, so that all sums are exact and no order of summation, batch or machine changes a score.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

from pipeline.matching.copies import SAMPLE_BITS
from pipeline.matching.pool import Candidates, Pool
from pipeline.matching.sketch import IN_LEAD, IN_TITLE, IS_DIGEST, IS_NAME, IS_PAIR, TERM_BITS

UNIT = 256
"""Features and hidden values are multiples of 1/256, weights of 1/1024."""
WEIGHT_UNIT = 1024
TOP = 20
"""The heaviest words of an article, compared on their own."""

FEATURES = (
    *("cosine", "cover_min", "cover_max", "shared_mass", "shared_rare"),
    *("lead", "lead_in_other", "other_lead_in", "title", "title_in_other", "other_title_in", "titles_missing"),
    *("names_min", "names_max", "pairs", "top_in_other", "other_top_in", "keys", "containment", "minimisers"),
    *("numbers_agree", "units_agree", "units_conflict", "numbers_both"),
    *("days_both", "days_agree", "days_conflict", "days_near", "weekdays_both", "weekdays_agree", "weekdays_conflict"),
    *("dated", "same_day", "next_day", "two_days", "gap", "shorter_length", "length_ratio"),
)
"""In the order of the columns. "other" is the earlier article."""


class Masses:
    """What each article of a pool weighs in all: the denominators of coverages, computed once."""

    def __init__(self, pool: Pool):
        terms, rows = pool.terms.values, len(pool.sketches)
        owner = np.repeat(np.arange(rows), np.diff(pool.terms.starts))
        rarity, frequency, places = _parts(terms)
        rank = np.arange(len(terms)) - pool.terms.starts[owner]
        single = (places & IS_PAIR) == 0

        def total(value: np.ndarray, where: np.ndarray) -> np.ndarray:
            return np.bincount(owner[where], value[where].astype(np.float64), rows)

        self.squares = total((rarity * frequency) ** 2, single)
        self.all = total(rarity, single)
        self.lead = total(rarity, single & ((places & IN_LEAD) > 0))
        self.title = total(rarity, single & ((places & IN_TITLE) > 0))
        self.names = total(rarity, single & ((places & IS_NAME) > 0))
        self.pairs = total(rarity, ~single)
        self.top = total(rarity, single & (rank < TOP))
        self.length = np.array([e.length for e in pool.evidence], np.int64)
        self.weekdays = np.array([e.weekdays for e in pool.evidence], np.int64)
        self.halved = np.array([e.halved for e in pool.evidence], np.int64)
        self.digest = np.array([bool(e.flags & IS_DIGEST) for e in pool.evidence], bool)


@dataclass(frozen=True)
class Model:
    """A perceptron of one hidden layer beside a linear part; all weights are integers (see ``UNIT``)."""

    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    linear: np.ndarray
    bias: float

    def probability(self, features: np.ndarray) -> np.ndarray:
        """Rounded to six digits. ``features``: quantised, one row a pair."""
        inner = np.floor((features @ self.hidden + self.hidden_bias) / WEIGHT_UNIT)
        logit = np.clip(inner, 0, 64 * UNIT) @ self.out + features @ self.linear + self.bias
        return np.round(1 / (1 + np.exp(-logit / (UNIT * WEIGHT_UNIT))), 6)


@functools.cache
def trained() -> Model:
    """The shipped model (pipeline/matching/data/scorer.json; bench/train_matching.py writes it)."""
    data = json.loads(resources.files("pipeline.matching.data").joinpath("scorer.json").read_text("utf-8"))
    if tuple(data["features"]) != FEATURES:
        raise ValueError(
            "pipeline/matching/data/scorer.json was trained on other features: run bench/train_matching.py"
        )
    weights = {name: np.array(data[name], np.float64) for name in ("hidden", "hidden_bias", "out", "linear")}
    return Model(**weights, bias=data["bias"])


class Scorer:
    """Scores candidates in one pool. Holds scratch space: not for several threads at once."""

    def __init__(self, pool: Pool, model: Model | None = None):
        self._pool = pool
        self._mass = Masses(pool)
        self._model = model
        self._slot = np.full(1 << TERM_BITS, -1, np.int16)

    def scores(self, i: int, candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
        """(probability, containment) of each candidate of the article at ``i``."""
        features = self.features(i, candidates)
        model = self._model or trained()
        return model.probability(features), self.containment(i, candidates)

    def features(self, i: int, candidates: Candidates) -> np.ndarray:
        """One row a candidate, the columns of ``FEATURES`` as multiples of 1/256 (float64 holding integers)."""
        mass, others = self._mass, candidates.positions
        columns = {
            **self._terms(i, others),
            **self._numbers(i, others),
            **self._days(i, others),
            **self._times(i, others),
        }
        columns["titles_missing"] = (mass.title[i] == 0) | (mass.title[others] == 0)
        columns["keys"] = candidates.words / 30
        columns["containment"] = self.containment(i, candidates)
        columns["minimisers"] = candidates.minimisers > 0
        shorter = np.minimum(mass.length[i], mass.length[others])
        longer = np.maximum(mass.length[i], mass.length[others])
        columns["shorter_length"] = np.log1p(shorter) / 8
        columns["length_ratio"] = shorter / np.maximum(longer, 1)
        stacked = np.stack([np.asarray(columns[name], np.float64) for name in FEATURES], axis=1)
        return np.clip(np.round(stacked * UNIT), -16 * UNIT, 16 * UNIT)

    def _terms(self, i: int, others: np.ndarray) -> dict[str, np.ndarray]:
        mass, mine = self._mass, self._pool.terms.row(i)
        self._slot[mine >> 12] = np.arange(len(mine))
        values, owner = self._pool.terms.take(others)
        slot = self._slot[values >> 12]
        self._slot[mine >> 12] = -1
        shared = np.flatnonzero(slot >= 0)
        owner, slot, theirs = owner[shared], slot[shared], values[shared]
        sizes = np.diff(self._pool.terms.starts)[others]
        rank = shared - (np.cumsum(sizes) - sizes)[owner]
        rarity, my_frequency, my_places = _parts(mine[slot])
        _, frequency, places = _parts(theirs)
        single = ((my_places | places) & IS_PAIR) == 0
        one = rarity * single

        def total(value: np.ndarray) -> np.ndarray:
            return np.bincount(owner, value.astype(np.float64), len(others))

        def both(place: int) -> np.ndarray:
            return total(one * ((my_places & places & place) > 0))

        covered, names = total(one), both(IS_NAME)
        squares = _some(mass.squares[i] * mass.squares[others])
        return {
            "cosine": total(one * rarity * my_frequency * frequency) / np.sqrt(squares),
            "cover_min": covered / _some(np.minimum(mass.all[i], mass.all[others])),
            "cover_max": covered / _some(np.maximum(mass.all[i], mass.all[others])),
            "shared_mass": np.log1p(covered) / 4,
            "shared_rare": np.log1p(total(one >= 9)) / 2,
            "lead": both(IN_LEAD) / _some(np.minimum(mass.lead[i], mass.lead[others])),
            "lead_in_other": total(one * ((my_places & IN_LEAD) > 0)) / _some(mass.lead[i]),
            "other_lead_in": total(one * ((places & IN_LEAD) > 0)) / _some(mass.lead[others]),
            "title": both(IN_TITLE) / _some(np.minimum(mass.title[i], mass.title[others])),
            "title_in_other": total(one * ((my_places & IN_TITLE) > 0)) / _some(mass.title[i]),
            "other_title_in": total(one * ((places & IN_TITLE) > 0)) / _some(mass.title[others]),
            "names_min": names / _some(np.minimum(mass.names[i], mass.names[others])),
            "names_max": names / _some(np.maximum(mass.names[i], mass.names[others])),
            "pairs": total(rarity * ~single) / _some(np.minimum(mass.pairs[i], mass.pairs[others])),
            "top_in_other": total(one * (slot < TOP)) / _some(mass.top[i]),
            "other_top_in": total(one * (rank < TOP)) / _some(mass.top[others]),
        }

    def containment(self, i: int, candidates: Candidates) -> np.ndarray:
        """The share of the shorter text's shingles that the other has, from the two samples; 0 without a common
        minimiser. Of a digest the share is of its own shingles: a piece quoted in one makes no copy of the other."""
        found = np.zeros(len(candidates.positions))
        for n in np.flatnonzero(candidates.minimisers).tolist():
            found[n] = self.share(i, int(candidates.positions[n]))
        return found

    def share(self, i: int, j: int) -> float:
        """The containment of two articles."""
        mass, mine, theirs = self._mass, self._pool.shingles.row(i), self._pool.shingles.row(j)
        halved = max(mass.halved[i], mass.halved[j])
        if halved:
            bound = np.uint32(1 << (SAMPLE_BITS - halved))
            mine, theirs = mine[: np.searchsorted(mine, bound)], theirs[: np.searchsorted(theirs, bound)]
        sizes = [len(a) for a, digest in ((mine, mass.digest[i]), (theirs, mass.digest[j])) if digest]
        whole = max(sizes) if sizes else min(len(mine), len(theirs))
        if not whole:
            return 0.0
        shared = len(np.intersect1d(mine, theirs, assume_unique=True))
        # One shingle more than was sampled: two of two sampled ones are no proof of a whole text.
        return round(min(1.0, shared / (whole + (1 if halved and shared < whole else 0))), 6)

    def _numbers(self, i: int, others: np.ndarray) -> dict[str, np.ndarray]:
        mine, count = self._pool.numbers.row(i), len(others)
        values, owner = self._pool.numbers.take(others)
        equal = np.isin(values, mine)
        has_unit = (values >> 16) > 0
        agree = np.bincount(owner[equal], minlength=count)
        unit = (owner << 16) | (values >> 16)
        known = np.unique(unit[has_unit & np.isin(values >> 16, mine >> 16)])
        settled = np.unique(unit[has_unit & equal])
        units_agree = np.bincount(settled >> 16, minlength=count)
        units_conflict = np.bincount(known >> 16, minlength=count) - units_agree
        return {
            "numbers_agree": np.log1p(agree) / 2,
            "units_agree": np.log1p(units_agree) / 2,
            "units_conflict": np.log1p(units_conflict) / 2,
            "numbers_both": (len(mine) > 0) & (np.bincount(owner, minlength=count) > 0),
        }

    def _days(self, i: int, others: np.ndarray) -> dict[str, np.ndarray]:
        mine, count = self._pool.days.row(i), len(others)
        values, owner = self._pool.days.take(others)
        theirs = np.bincount(owner, minlength=count)
        both = (len(mine) > 0) & (theirs > 0)
        agree = np.bincount(owner[np.isin(values, mine)], minlength=count)
        nearest = np.full(count, 400)
        if len(mine) and len(values):
            apart = np.abs(_of_year(values)[:, None] - _of_year(mine)[None, :]).min(axis=1)
            np.minimum.at(nearest, owner, np.minimum(apart, 366 - apart))
        weekdays, my_weekdays = self._mass.weekdays[others], int(self._mass.weekdays[i])
        weekdays_both = (weekdays > 0) & (my_weekdays > 0)
        return {
            "days_both": both,
            "days_agree": agree / _some(np.minimum(theirs, len(mine))),
            "days_conflict": both & (agree == 0),
            "days_near": both & (nearest <= 1),
            "weekdays_both": weekdays_both,
            "weekdays_agree": weekdays_both & ((weekdays & my_weekdays) > 0),
            "weekdays_conflict": weekdays_both & ((weekdays & my_weekdays) == 0),
        }

    def _times(self, i: int, others: np.ndarray) -> dict[str, np.ndarray]:
        pool, day = self._pool, 86_400_000_000
        dated = pool.dated[others] & bool(pool.dated[i])
        gap = np.abs(pool.time[i] - pool.time[others])
        days = np.abs(pool.time[i] // day - pool.time[others] // day)
        return {
            "dated": dated,
            "same_day": dated & (days == 0),
            "next_day": dated & (days == 1),
            "two_days": dated & ((days == 2) | (days == 3)),
            "gap": np.where(dated, np.minimum(gap / day, 14) / 7, 0),
        }


def _parts(terms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rarity, frequency and places of packed terms."""
    wide = terms.astype(np.int64)
    return (wide >> 8) & 15, (wide >> 4) & 15, wide & 15


def _some(value: np.ndarray) -> np.ndarray:
    """At least one, to divide by."""
    return np.maximum(value, 1)


def _of_year(days: np.ndarray) -> np.ndarray:
    wide = days.astype(np.int64)
    return ((wide >> 5) - 1) * 61 // 2 + (wide & 31)
