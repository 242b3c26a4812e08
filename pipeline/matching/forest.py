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

from pipeline.matching.kernels import kernel

STEPS = 4096
"""Probabilities are multiples of 1/4096: their sums and products are exact in whatever order they are added."""


LEAVES = 32
"""A tree has at most so many: its leaves are the bits of a word."""
_DE_BRUIJN = np.uint32(0x077CB531)
"""Multiplied by a power of two, its first five bits differ for each (Leiserson, Prokop and Randall 1998)."""
_SLOTS = np.array([((0x077CB531 << leaf) & 0xFFFFFFFF) >> 27 for leaf in range(LEAVES)])


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
        return np.round(STEPS / (1 + np.exp(-_sums(rows, *self._by_feature)))) / STEPS

    @functools.cached_property
    def _by_feature(self) -> tuple[np.ndarray, ...]:
        """The inner nodes of all trees by feature and threshold, as ``_sums`` walks them: where each feature's begin,
        thresholds, trees, and masks that take from a tree's leaves those on the left; then the leaves' values."""
        nodes: list[tuple[int, float, int, int]] = []
        values = np.zeros((len(self.roots), LEAVES))
        for tree, root in enumerate(self.roots.tolist()):
            leaves: list[float] = []
            self._walk(root, tree, nodes, leaves)
            values[tree, _SLOTS[: len(leaves)]] = leaves
        nodes.sort()
        feature, threshold, of_tree, mask = map(np.array, zip(*nodes, strict=True))
        starts = np.searchsorted(feature, np.arange(len(self.features) + 1))
        types = (np.int64, np.float32, np.uint64, np.uint32)
        arrays = (starts, threshold, of_tree, mask)
        return *(a.astype(t) for a, t in zip(arrays, types, strict=True)), values

    def _walk(self, node: int, tree: int, nodes: list[tuple[int, float, int, int]], leaves: list[float]) -> None:
        """Note the inner nodes from ``node`` on, and the values of the leaves from left to right."""
        if node < 0:
            leaves.append(float(self.value[-1 - node]))
            return
        first = len(leaves)
        self._walk(self.left[node], tree, nodes, leaves)
        on_the_left = (1 << len(leaves)) - (1 << first)
        nodes.append((int(self.feature[node]), float(self.threshold[node]), tree, (1 << LEAVES) - 1 - on_the_left))
        self._walk(self.right[node], tree, nodes, leaves)

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


@kernel
def _sums(rows, starts, threshold, tree, mask, values):
    """QuickScorer (Lucchese et al. 2015): each node that a row passes on the right takes the leaves on its left away,
    whatever the order; the first leaf that is left is the one it comes to. Three times as fast as going down each tree.
    """
    found = np.zeros(len(rows))
    left = np.empty(len(values), np.uint32)
    for r in range(len(rows)):
        left[:] = np.uint32(0xFFFFFFFF)
        for f in range(len(starts) - 1):
            x = rows[r, f]
            for n in range(starts[f], starts[f + 1]):
                if threshold[n] >= x:
                    break
                left[tree[n]] &= mask[n]
        for t in range(len(values)):
            lowest = left[t] & (~left[t] + np.uint32(1))
            found[r] += values[t, np.uint64(((lowest * _DE_BRUIJN) >> np.uint32(27)) & np.uint32(31))]
    return found
