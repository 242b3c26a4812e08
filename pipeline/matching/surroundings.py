"""Judge a pair of articles by its surroundings: do their neighbours agree that both tell one story?

In: a graph whose edges are pairs of articles with the likeness that ``features`` alone give them. Out: features of
each edge in its surroundings. A pair that is alike, but whose neighbours are not each other's, is a look-alike; one
whose neighbours all are is of one story even if the two share few words (measured: docs/matching.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np

from pipeline.matching.kernels import kernel

SURROUNDINGS = (
    *("likeness", "rank", "other_rank", "least_rank", "most_rank"),
    *("rival", "other_rival", "margin", "other_margin", "company", "other_company"),
    *("common", "common_best", "common_strong", "common_of_most", "common_of_least"),
    *("stranger", "other_stranger", "agreement", "cosine"),
    *("inferred_gap", "company_gap", "other_company_gap"),
    *("crowd", "other_crowd"),
)
"""In the order of the columns. "other" is the earlier article."""
FLOOR = 0.03
"""Pairs less alike than this are no edges."""
TELLS = 0.3
"""Pairs less alike than this are *faint*: they tell nothing of others but that they are there, and their number is told
in powers of two. So a new article changes what is said of its likes, and here and there of one more, but not of a tenth
of all that is written in its week."""
STRONG = 0.3
FAR = 60.0
"""Gaps in days are cut here; unknown ones are -1."""


class Graph(NamedTuple):
    """Nodes are numbered in the order of time. Of node i the neighbours are others[starts[i]:starts[i + 1]], ascending,
    and ``likeness`` is a multiple of 1/4096. A node may list neighbours that do not list it (sections do)."""

    starts: np.ndarray
    others: np.ndarray
    likeness: np.ndarray
    days: np.ndarray
    """Of each node, in days (float); NaN where unknown."""
    crowding: np.ndarray
    """Of each node: how many faint pairs it has (``crowding``)."""


@overload
def is_faint(likeness: float) -> bool: ...
@overload
def is_faint(likeness: np.ndarray) -> np.ndarray: ...
def is_faint(likeness: float | np.ndarray) -> bool | np.ndarray:
    """Whether a pair so much alike does no more than crowd both its ends."""
    return (likeness >= FLOOR) & (likeness < TELLS)


def crowding(faint: int) -> int:
    """How crowded an article or section with so many faint pairs is: 0, and one more whenever they double."""
    return (faint + 1).bit_length() - 1


def graph(
    later: np.ndarray,
    earlier: np.ndarray,
    likeness: np.ndarray,
    days: np.ndarray,
    section: np.ndarray,
    faint: Sequence[int],
) -> Graph:
    """The graph of these pairs, of those that tell of others; those of a section are its own neighbours only.
    ``days``, ``section`` (whether it is one) and ``faint`` (how many faint pairs it has): of each node."""
    tells = likeness >= TELLS
    later, earlier, likeness = later[tells], earlier[tells], likeness[tells]
    back = ~section[later]
    nodes = np.concatenate((later, earlier[back]))
    others = np.concatenate((earlier, later[back]))
    values = np.concatenate((likeness, likeness[back]))
    order = np.lexsort((others, nodes))
    starts = np.searchsorted(nodes[order], np.arange(len(days) + 1))
    crowded = np.array([crowding(count) for count in faint], np.int64)
    return Graph(starts, others[order].astype(np.int64), values[order].astype(np.float64), days, crowded)


def surroundings(later: np.ndarray, earlier: np.ndarray, likeness: np.ndarray, around: Graph) -> np.ndarray:
    """One row a pair, the columns of ``SURROUNDINGS``, rounded to multiples of 1/256 (float32)."""
    out = np.empty((len(later), len(SURROUNDINGS)))
    known = ~np.isnan(around.days)
    _surroundings(
        *(later.astype(np.int64), earlier.astype(np.int64), likeness.astype(np.float64)),
        *(around.starts, around.others, around.likeness, np.where(known, around.days, 0.0), known, out),
    )
    out[:, -2], out[:, -1] = around.crowding[later], around.crowding[earlier]
    return (np.round(np.clip(out, -64, 64) * 256) / 256).astype(np.float32)


@kernel
def _company(node, other, p, starts, others, likeness, days, known):
    """Of a node's neighbours but ``other``: how many are more alike than ``p``, the most alike, the sum, the sum of
    squares, and their mean day (weighted by squares) with its weight."""
    rank, best, total, squares, day, weight = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for e in range(starts[node], starts[node + 1]):
        k, v = others[e], likeness[e]
        if k == other:
            continue
        rank += v > p
        best = max(best, v)
        total += v
        squares += v * v
        if known[k]:
            day += v * v * days[k]
            weight += v * v
    return rank, best, total, squares, day, weight


@kernel
def _surroundings(later, earlier, pairs, starts, others, likeness, days, known, out):
    seen = np.full(len(starts) - 1, -1.0)
    for q in range(len(later)):
        i, j, p = later[q], earlier[q], pairs[q]
        rank, best, total, squares, day, weight = _company(i, j, p, starts, others, likeness, days, known)
        other = _company(j, i, p, starts, others, likeness, days, known)
        other_rank, other_best, other_total, other_squares, other_day, other_weight = other
        for e in range(starts[i], starts[i + 1]):
            seen[others[e]] = likeness[e]
        common, common_best, strong, agreement, other_stranger = 0.0, 0.0, 0, 0.0, 0.0
        dot = 2 * p
        for e in range(starts[j], starts[j + 1]):
            k, v = others[e], likeness[e]
            if k == i:
                continue
            u = max(0.0, seen[k])
            common += min(u, v)
            common_best = max(common_best, min(u, v))
            strong += u > STRONG and v > STRONG
            agreement += v * (u - STRONG)
            other_stranger = max(other_stranger, v * (1 - u))
            dot += u * v
            seen[k] = -1.0
        stranger = 0.0
        for e in range(starts[i], starts[i + 1]):
            k = others[e]
            if k != j:
                stranger = max(stranger, seen[k])
            seen[k] = -1.0
        o = out[q]
        o[0] = np.log(max(p, 1e-4) / max(1 - p, 1e-4))
        o[1], o[2], o[3], o[4] = rank, other_rank, min(rank, other_rank), max(rank, other_rank)
        o[5], o[6], o[7], o[8] = best, other_best, p - best, p - other_best
        o[9], o[10] = total, other_total
        o[11], o[12], o[13] = common, common_best, strong
        o[14] = common / (1e-3 + max(total + p, other_total + p))
        o[15] = common / (1e-3 + min(total + p, other_total + p))
        o[16], o[17], o[18] = max(0.0, stranger), other_stranger, agreement
        o[19] = dot / np.sqrt((1 + p * p + squares) * (1 + p * p + other_squares))
        mean = day / weight if weight > 0.05 else np.nan
        other_mean = other_day / other_weight if other_weight > 0.05 else np.nan
        mine = days[i] if known[i] else mean
        theirs = days[j] if known[j] else other_mean
        o[20], o[21], o[22] = _gap(mine, theirs), _gap(mean, theirs), _gap(other_mean, mine)


@kernel
def _gap(a, b):
    return -1.0 if np.isnan(a) or np.isnan(b) else min(abs(a - b), FAR)
