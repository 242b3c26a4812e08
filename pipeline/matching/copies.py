"""Find exact and near copies: what word 5-shingles of two texts have in common.

In: words of a text, later packed samples of its shingles. Out: keys that copies share, containment of the shorter text
in the longer one, groups joined through chains. Texts of fewer than ``MIN_SHINGLES`` different shingles are nobody's
copy: a headline or a consent notice says too little.

Keys are minimisers (Schleimer, Wilkerson, Aiken 2003: winnowing): the least hash of each window of 40 shingles, so
that any common run of 44 words has a common key, wherever it stands. Containment comes from a sample of all shingle
hashes below a bound (FracMinHash; Irber et al. 2022): exact for short texts, and the bound halves as texts grow.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.matching import reading

SHINGLE = 5
WINDOW = 40
MIN_SHINGLES = 12
MAX_KEYS = 512
"""Of the minimisers of a very long text (from about 10,000 words on) the least hashes stay."""
SAMPLE, SAMPLE_MOST = 192, 8192
"""Of texts with more than ``SAMPLE`` shingles half or a quarter is kept, of books (30,000 words) ``SAMPLE_MOST``: a
coarser sample of a digest says too little of the short pieces in it (measured on wire copies: bench/matching.py)."""
SAMPLE_BITS = 24
SAME = 0.53
"""From this estimate on a text is a copy: where the estimate is sampled, a containment of 0.6 is not missed."""


def shingles(words: np.ndarray) -> np.ndarray:
    """One 64-bit hash for each run of five words (hashes, uint64), in order."""
    return reading.shingles(words, SHINGLE)


def minimisers(hashes: np.ndarray) -> np.ndarray:
    """The different minimisers of a text's shingles, least first; none for too short a text."""
    if not reading.are_different(hashes, MIN_SHINGLES):
        return np.zeros(0, np.uint64)
    return reading.least_of_windows(hashes, WINDOW)[:MAX_KEYS]


def sample(hashes: np.ndarray) -> tuple[np.ndarray, int]:
    """The sample of a text's shingles, sorted (uint32, 24 bits each), and how often its bound was halved."""
    folded = reading.ascending((hashes >> np.uint64(64 - SAMPLE_BITS)).astype(np.uint32))
    if len(folded) < MIN_SHINGLES:
        return np.zeros(0, np.uint32), 0
    halved = 0
    while len(folded) > SAMPLE_MOST or (len(folded) > SAMPLE and halved < 2):
        halved += 1
        folded = folded[: np.searchsorted(folded, 1 << (SAMPLE_BITS - halved))]
    return folded, halved


def groups(edges: Iterable[tuple[str, str]]) -> list[set[str]]:
    """The sets of ids that the edges join, also through chains."""
    leader: dict[str, str] = {}

    def find(x: str) -> str:
        while leader.setdefault(x, x) != x:
            leader[x] = x = leader[leader[x]]
        return x

    for a, b in edges:
        leader[find(a)] = find(b)
    found: dict[str, set[str]] = {}
    for x in list(leader):
        found.setdefault(find(x), set()).add(x)
    return list(found.values())
