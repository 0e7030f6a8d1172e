"""Many texts as one flat array of ids: the form in which the counting is done.

A list of lists of Python integers would cost more to walk through than all the counting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Rows of ids, one a text.

    Attributes:
        ids: all rows one after the other ``(total,)`` int64.
        lengths: the length of each row ``(rows,)`` int64.
    """

    ids: np.ndarray
    lengths: np.ndarray

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> "Rows":
        lengths = np.fromiter(map(len, rows), np.int64, count=len(rows))
        return cls(np.fromiter(chain.from_iterable(rows), np.int64, count=int(lengths.sum())), lengths)

    @property
    def starts(self) -> np.ndarray:
        """Where each row starts among the ids, and at the end how many ids there are ``(rows + 1,)``."""
        return running_total(self.lengths)

    @property
    def row_of(self) -> np.ndarray:
        """The number of the row that each id is in ``(total,)``."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def take(self, rows: np.ndarray) -> "Rows":
        """These rows, in this order; a row may be taken more than once."""
        lengths = self.lengths[rows]
        if np.array_equal(rows, np.arange(len(self.lengths))):
            return self
        return Rows(self.ids[np.repeat(self.starts[rows], lengths) + count_up(lengths)], lengths)

    def __getitem__(self, rows: slice) -> "Rows":
        """Rows in a row, ``rows[10:20]``, without a copy."""
        first, last, _ = rows.indices(len(self.lengths))
        starts = self.starts
        return Rows(self.ids[starts[first] : starts[last]], self.lengths[first:last])

    def to_lists(self) -> list[list[int]]:
        ids, starts = self.ids.tolist(), self.starts.tolist()
        return [ids[start:end] for start, end in pairwise(starts)]


def blocks(sizes: np.ndarray, block_size: int) -> list[tuple[int, int]]:
    """Cut rows of these sizes into blocks, ``(first, last + 1)``, of about ``block_size`` ids or of one large row."""
    block = (np.cumsum(sizes) - sizes) // block_size  # that a row belongs to which its first id falls into
    return list(pairwise(np.flatnonzero(np.diff(block, prepend=-1, append=-1)).tolist()))


def running_total(sizes: np.ndarray) -> np.ndarray:
    """0, s_0, s_0 + s_1, …: ``(sizes + 1,)``."""
    return np.concatenate([[0], np.cumsum(sizes)])


def count_up(sizes: np.ndarray) -> np.ndarray:
    """0, 1, …, size - 1 for each size, one after the other."""
    ends = np.cumsum(sizes)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)


def bits(values: np.ndarray) -> int:
    """How many bits the largest value takes."""
    return int(values.max()).bit_length() if len(values) else 0
