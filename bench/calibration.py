"""How often the links of a probability are right: measured on held-out folds, and the map that makes it true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BLOCKS = 40
"""Outcomes are pooled into so many blocks of equal weight first: single ones say nothing."""
BINS = ((0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))


@dataclass(frozen=True)
class Said:
    """Of links: the set, the fold, the probability that held-out forests gave, whether it was right, and what the map
    fitted on the other folds makes of the probability."""

    sets: np.ndarray
    folds: np.ndarray
    said: np.ndarray
    right: np.ndarray
    calibrated: np.ndarray | None = None

    def curve(self, which: np.ndarray) -> np.ndarray:
        """The map fitted on these links; each set weighs the same, however large."""
        sets, numbers, sizes = np.unique(self.sets[which], return_inverse=True, return_counts=True)
        return isotonic(self.said[which], self.right[which], 1 / sizes[numbers] / len(sets))

    def held_out(self) -> np.ndarray:
        """Each link's probability by the map of the other folds."""
        found = np.zeros(len(self.said))
        for fold in np.unique(self.folds):
            mine = self.folds == fold
            found[mine] = np.interp(self.said[mine], *self.curve(~mine))
        return found

    def table(self) -> Iterator[tuple[float, float, str, list[tuple[float, int]]]]:
        """Low, high, set ("all" first), and of what was said and what the map made of it: share right, links."""
        for low, high in BINS:
            for name in ("all", *np.unique(self.sets)):
                of_set = (self.sets == name) | (name == "all")
                columns = []
                for values in (self.said, self.calibrated if self.calibrated is not None else self.said):
                    inside = of_set & (values >= low) & ((values < high) | (high == 1))
                    columns.append((float(self.right[inside].mean()) if inside.any() else np.nan, int(inside.sum())))
                yield low, high, str(name), columns


def isotonic(said: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Knots (2 rows: said, right; both ascending) of the least-squares monotone fit, by pooling adjacent violators
    (Ayer et al. 1955). Between knots a line, beyond them the last one."""
    order = np.argsort(said, kind="stable")
    said, right, weight = said[order], right[order].astype(float), weight[order]
    share = np.cumsum(weight) / weight.sum()
    block = np.minimum((share * BLOCKS).astype(int), BLOCKS - 1)
    pools: list[np.ndarray] = []  # weight, weighted sum of what was said, weighted sum of what was right
    for n in np.unique(block):
        of_it = block == n
        w = weight[of_it]
        pools.append(np.array([w.sum(), w @ said[of_it], w @ right[of_it]]))
        while len(pools) > 1 and pools[-2][2] * pools[-1][0] >= pools[-1][2] * pools[-2][0]:
            last = pools.pop()
            pools[-1] = pools[-1] + last
    return np.array([(x / w, y / w) for w, x, y in pools]).T
