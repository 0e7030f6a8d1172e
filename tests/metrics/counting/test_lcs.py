import random

import numpy as np
import pytest

from aigc_book.metrics.counting import lcs
from aigc_book.metrics.counting.lcs import lcs_lengths, lcs_rows
from aigc_book.metrics.counting.rows import Rows


def table(left, right):
    """The textbook table."""
    lengths = np.zeros((len(left) + 1, len(right) + 1), int)
    for i, a in enumerate(left, start=1):
        for j, b in enumerate(right, start=1):
            lengths[i, j] = lengths[i - 1, j - 1] + 1 if a == b else max(lengths[i - 1, j], lengths[i, j - 1])
    return lengths


def draw(rng, longest):
    return [rng.randrange(rng.choice([2, 7, 50])) for _ in range(rng.randrange(longest))]


def test_rows_by_hand():
    """left = a b, right = b a b. L after a: 0 1 1, after b: 1 1 2; a 0 bit where L grows, the first on the right:
    a grows at the second: 101; b grows at the first and third: 010."""
    assert lcs_rows("ab", "bab") == [0b111, 0b101, 0b010]


def test_rows_are_the_textbook_table():
    rng = random.Random(0)
    for _ in range(50):
        left, right = draw(rng, 20), draw(rng, 90)
        for row, lengths in zip(lcs_rows(left, right), table(left, right), strict=True):
            grows = [1 - (row >> j & 1) for j in range(len(right))]
            assert [0, *np.cumsum(grows)] == lengths.tolist()


@pytest.mark.parametrize("held", [lcs.MATCH_BYTES, 3000, 1])  # all steps, a few or one at a time
def test_lengths_are_the_textbook_table(held, monkeypatch):
    monkeypatch.setattr(lcs, "MATCH_BYTES", held)
    rng = random.Random(1)
    pairs = [(draw(rng, 70), draw(rng, 70)) for _ in range(3 * lcs.PAIRS // 2)]
    pairs += [([], []), ([1], []), ([], [1]), ([1], [1]), ([1] * 8, [1] * 8), ([1] * 7, [1] * 9), ([70000], [70000])]
    lefts, rights = (Rows.from_lists(side) for side in zip(*pairs, strict=True))
    assert lcs_lengths(lefts, rights).tolist() == [table(left, right)[-1, -1] for left, right in pairs]


def test_no_pairs():
    empty = Rows.from_lists([])
    assert lcs_lengths(empty, empty).tolist() == []
