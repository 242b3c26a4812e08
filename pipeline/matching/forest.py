"""Decide by trees: the trained models of matching, as plain arrays.

In: rows of features. Out: probabilities, rounded so that no machine's last bit changes a decision. ``make train``
writes the arrays (gradient boosted trees of LightGBM: Ke et al. 2017); to use them needs nothing but numpy.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
from numba import njit

STEPS = 4096
"""Probabilities are multiples of 1/4096: their sums and products are exact in whatever order they are added."""


@dataclass(frozen=True)
class Forest:
    """Inner node n of all trees: go to ``left[n]`` if the feature ``feature[n]`` is at most ``threshold[n]``, else to
    ``right[n]``; a negative node -1 - v is the leaf ``value[v]``. ``roots``: one node a tree."""

    features: tuple[str, ...]
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    calibration: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))
    """Knots: probabilities of links (first row) and how many of such links were right on held-out folds (second)."""

    def probability(self, rows: np.ndarray) -> np.ndarray:
        """One for each row of features (float32), a multiple of 1/4096."""
        summed = _sums(rows, self.feature, self.threshold, self.left, self.right, self.value, self.roots)
        return np.round(STEPS / (1 + np.exp(-summed))) / STEPS

    def calibrated(self, probability: float) -> float:
        """How many links of this probability are right; without ``calibration`` the probability itself."""
        if not self.calibration.size:
            return probability
        return round(float(np.interp(probability, *self.calibration)) * STEPS) / STEPS

    def packed(self) -> bytes:
        """As it is shipped (npz). The same forest gives the same bytes."""
        buffer = io.BytesIO()
        names = ("feature", "threshold", "left", "right", "value", "roots", "calibration")
        arrays = {name: getattr(self, name) for name in names}
        np.savez_compressed(buffer, features=np.array(self.features), **arrays)
        return buffer.getvalue()


def unpacked(packed: bytes) -> Forest:
    """The forest of ``Forest.packed``."""
    with np.load(io.BytesIO(packed)) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    return Forest(features=tuple(found.pop("features").tolist()), **found)


@functools.cache
def trained(name: str, features: Sequence[str]) -> Forest:
    """The shipped forest pipeline/matching/data/NAME.npz. Raises ``ValueError`` if it was trained on other features."""
    found = unpacked(resources.files("pipeline.matching.data").joinpath(f"{name}.npz").read_bytes())
    if found.features != tuple(features):
        raise ValueError(f"pipeline/matching/data/{name}.npz was trained on other features: run `make train`")
    return found


@njit(cache=True, nogil=True)
def _sums(rows, feature, threshold, left, right, value, roots):
    found = np.zeros(len(rows))
    for root in roots:  # A tree at a time: it and the rows stay in the cache.
        for r in range(len(rows)):
            node = root
            while node >= 0:
                node = left[node] if rows[r, feature[node]] <= threshold[node] else right[node]
            found[r] += value[-1 - node]
    return found
