"""The longest common subsequence (LCS), the heart of ROUGE-L, with one machine operation for many table cells.

The textbook table for a left text of m tokens and a right one of n is

    L[i, j] = L[i-1, j-1] + 1  if left[i] = right[j]  else  max(L[i-1, j], L[i, j-1])

Along a row, neighbours differ by 0 or 1. So a row is n bits: bit j of ``row`` is 0 where L[i, j] = L[i, j-1] + 1, and
the length of the LCS is the number of zeros in the last row. With ``matches`` holding a 1 where left[i] occurs in the
right text, the next row is

    common = row & matches
    row = (row + common) | (row - common)

The carries of the addition do what the table's ``max`` does. Python's integers have as many bits as one likes.

Source: Hyyrö 2004, *Bit-parallel LCS-length computation revisited*, section 3, after Crochemore et al. 2001.
"""

from collections.abc import Sequence

import numpy as np

PAIRS = 64  # pairs that share one long integer
ROWS = 512  # rows of matches that are held at a time


def lcs_rows(left: Sequence[int], right: Sequence[int]) -> list[int]:
    """All rows of the table, as bits; ``rows[i]`` is the one after ``left[:i]``, so ``rows[0]`` is all ones."""
    where: dict[int, int] = {}
    for j, token in enumerate(right):
        where[token] = where.get(token, 0) | 1 << j
    row = full = (1 << len(right)) - 1
    rows = [row]
    for token in left:
        common = row & where.get(token, 0)
        row = ((row + common) | (row - common)) & full
        rows.append(row)
    return rows


def lcs_lengths(lefts: list[Sequence[int]], rights: list[Sequence[int]]) -> np.ndarray:
    """The length of the LCS of each pair ``lefts[k]``, ``rights[k]``: int64.

    The rows of up to 64 pairs stand side by side in one long integer, a zero bit between them that takes the carry.
    """
    lengths = np.zeros(len(lefts), np.int64)
    by_length = sorted((k for k in range(len(lefts)) if lefts[k] and rights[k]), key=lambda k: len(lefts[k]))
    for start in range(0, len(by_length), PAIRS):
        block = by_length[start : start + PAIRS]
        lengths[block] = _lcs_block([np.array(lefts[k]) for k in block], [np.array(rights[k]) for k in block])
    return lengths


def _lcs_block(lefts: list[np.ndarray], rights: list[np.ndarray]) -> np.ndarray:
    n = np.array([len(right) for right in rights])
    widths = n // 8 + 1  # whole bytes, with at least one bit to spare for the carry
    ends = np.cumsum(widths)
    fields = list(zip((ends - widths).tolist(), ends.tolist(), strict=True))
    full = np.zeros(ends[-1], np.uint8)
    for (start, end), length in zip(fields, n, strict=True):
        full[start:end] = np.packbits(np.arange(8 * (end - start)) < length, bitorder="little")
    row = mask = int.from_bytes(full.tobytes(), "little")
    steps = max(map(len, lefts))
    for first in range(0, steps, ROWS):
        matches = np.zeros((min(ROWS, steps - first), ends[-1]), np.uint8)
        for (start, _), left, right in zip(fields, lefts, rights, strict=True):
            bits = np.packbits(left[first : first + ROWS, None] == right, axis=1, bitorder="little")
            matches[: len(bits), start : start + bits.shape[1]] = bits
        for line in matches:
            common = row & int.from_bytes(line.tobytes(), "little")
            row = ((row + common) | (row - common)) & mask
    last = np.frombuffer(row.to_bytes(int(ends[-1]), "little"), np.uint8)
    return n - np.add.reduceat(np.bitwise_count(last), ends - widths, dtype=np.int64)
