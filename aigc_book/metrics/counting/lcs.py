"""The longest common subsequence (LCS), the heart of ROUGE-L, with one machine operation for many table cells.

The textbook table for a left text of m tokens and a right one of n is

    L[i, j] = L[i-1, j-1] + 1  if left[i] = right[j]  else  max(L[i-1, j], L[i, j-1])

Along a row, neighbours differ by 0 or 1. So a row is n bits: bit j of ``row`` is 0 where L[i, j] = L[i, j-1] + 1, and
the length of the LCS is the number of zeros in the last row. With ``matches`` holding a 1 where left[i] occurs in the
right text, the next row is

    common = row & matches
    row = (row + common) | (row ^ common)

The carries of the addition do what the table's ``max`` does. Python's integers have as many bits as one likes.

Source: Hyyrö 2004, *Bit-parallel LCS-length computation revisited*, section 3, after Crochemore et al. 2001.
"""

from collections.abc import Sequence

import numpy as np

from aigc_book.metrics.counting.rows import Rows

PAIRS = 64  # pairs that share one long integer
MATCH_BYTES = 2**20  # how much of the rows' matches is held at a time


def lcs_rows(left: Sequence[int], right: Sequence[int]) -> list[int]:
    """All rows of the table, as bits; ``rows[i]`` is the one after ``left[:i]``, so ``rows[0]`` is all ones."""
    where: dict[int, int] = {}
    for j, token in enumerate(right):
        where[token] = where.get(token, 0) | 1 << j
    row = full = (1 << len(right)) - 1
    rows = [row]
    for token in left:
        common = row & where.get(token, 0)
        row = ((row + common) | (row ^ common)) & full
        rows.append(row)
    return rows


def lcs_lengths(lefts: Rows, rights: Rows) -> np.ndarray:
    """The length of the LCS of each row on the left with the same row on the right: ``(rows,)`` int64.

    The table rows of up to 64 pairs stand side by side in one long integer, a zero bit between them that takes the
    carry.
    """
    lengths = np.zeros(len(lefts.lengths), np.int64)
    by_length = np.argsort(lefts.lengths, kind="stable")  # pairs of a block take as many steps as its longest
    by_length = by_length[(lefts.lengths[by_length] > 0) & (rights.lengths[by_length] > 0)]
    small = np.min_scalar_type(max(lefts.ids.max(initial=0), rights.ids.max(initial=0)))  # compared many times over
    left_rows, right_rows = (np.split(rows.ids.astype(small), rows.starts[1:-1]) for rows in (lefts, rights))
    for start in range(0, len(by_length), PAIRS):
        block = by_length[start : start + PAIRS]
        lengths[block] = _lcs_block([left_rows[k] for k in block], [right_rows[k] for k in block])
    return lengths


def _lcs_block(lefts: list[np.ndarray], rights: list[np.ndarray]) -> np.ndarray:
    n = np.array([len(right) for right in rights])
    widths = n // 8 + 1  # whole bytes, with at least one bit to spare for the carry
    starts = np.cumsum(widths) - widths
    n_bytes = int(widths.sum())
    row = mask = sum((1 << int(bits)) - 1 << 8 * int(start) for bits, start in zip(n, starts, strict=True))
    steps, steps_held = max(map(len, lefts)), max(1, MATCH_BYTES // n_bytes)
    for first in range(0, steps, steps_held):
        matches = np.zeros((min(steps_held, steps - first), n_bytes), np.uint8)
        for start, left, right in zip(starts, lefts, rights, strict=True):
            equal = np.packbits(left[first : first + steps_held, None] == right, axis=1, bitorder="little")
            matches[: len(equal), start : start + equal.shape[1]] = equal
        for line in matches:
            common = row & int.from_bytes(line.tobytes(), "little")
            row = ((row + common) | (row ^ common)) & mask
    last = np.frombuffer(row.to_bytes(n_bytes, "little"), np.uint8)
    return n - np.add.reduceat(np.bitwise_count(last), starts, dtype=np.int64)
