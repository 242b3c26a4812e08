"""Arrays of different lengths in one array that grows, for kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.matching.kernels import kernel

SMALL = 64


class Rows:
    """Row ``slot`` is values[starts[slot]:ends[slot]]. What dropped rows leave is given back when room is short."""

    def __init__(self, dtype: type):
        self.values: np.ndarray = np.empty(SMALL, dtype)
        self.starts = np.zeros(SMALL, np.int64)
        self.ends = np.zeros(SMALL, np.int64)
        self._used = self._left = 0

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For kernels."""
        return self.values, self.starts, self.ends

    def row(self, slot: int) -> np.ndarray:
        return self.values[self.starts[slot] : self.ends[slot]]

    def put(self, slots: np.ndarray, arrays: Sequence[np.ndarray]) -> None:
        """Put an array in each of these slots, which are empty."""
        if not len(slots):
            return
        lengths = np.array([len(a) for a in arrays], np.int64)
        total = int(lengths.sum())
        self.make_room(total, int(slots.max()) + 1)
        np.concatenate(arrays, out=self.values[self._used : self._used + total], casting="unsafe")
        self.ends[slots] = self._used + np.cumsum(lengths)
        self.starts[slots] = self.ends[slots] - lengths
        self._used += total

    def drop(self, slots: np.ndarray) -> None:
        """Empty these slots."""
        self._left += int((self.ends[slots] - self.starts[slots]).sum())
        self.starts[slots] = self.ends[slots] = 0

    def make_room(self, total: int, slots: int) -> None:
        """Have room for so many values more, and so many slots."""
        self.starts, self.ends = widened(self.starts, slots), widened(self.ends, slots)
        if self._used + total > len(self.values):
            live = self._used - self._left
            values = np.empty(2 * (live + total), self.values.dtype)
            self._used, self._left = _moved(*self.parts, values), 0
            self.values = values


def widened(column: np.ndarray, size: int) -> np.ndarray:
    """A column with room for so many and more; zeros where nothing was."""
    if size <= len(column):
        return column
    wide = np.zeros((2 * size, *column.shape[1:]), column.dtype)
    wide[: len(column)] = column
    return wide


@kernel
def _moved(values, starts, ends, out):
    """Move all rows to ``out``, one after the other. How much of it they take."""
    used = 0
    for slot in range(len(starts)):
        size = ends[slot] - starts[slot]
        out[used : used + size] = values[starts[slot] : ends[slot]]
        starts[slot], ends[slot] = used, used + size
        used += size
    return used
