import numpy as np
import pytest

from aigc_book.metrics.counting.rows import Rows, blocks, count_up, running_total

LISTS = [[5, 6, 7], [], [8], [9, 9]]


def test_rows_and_lists_are_the_same():
    rows = Rows.from_lists(LISTS)
    assert rows.ids.tolist() == [5, 6, 7, 8, 9, 9]
    assert rows.lengths.tolist() == [3, 0, 1, 2]
    assert rows.starts.tolist() == [0, 3, 3, 4, 6]
    assert rows.row_of.tolist() == [0, 0, 0, 2, 3, 3]
    assert rows.to_lists() == LISTS


@pytest.mark.parametrize("wanted", [[0, 1, 2, 3], [3, 3, 1, 0], [], [1]])
def test_take(wanted):
    assert Rows.from_lists(LISTS).take(np.array(wanted, int)).to_lists() == [LISTS[row] for row in wanted]


@pytest.mark.parametrize("part", [slice(0, 4), slice(1, 3), slice(2, 2), slice(3, 9)])
def test_slices(part):
    assert Rows.from_lists(LISTS)[part].to_lists() == LISTS[part]


def test_blocks_cover_every_row_once():
    """Rows start at 0, 3, 3, 10, 12: in blocks of 5 that is block 0, 0, 0, 2, 2."""
    assert blocks(np.array([3, 0, 7, 2, 1]), 5) == [(0, 3), (3, 5)]
    assert blocks(np.array([], int), 5) == []
    assert blocks(np.array([100]), 5) == [(0, 1)]


def test_counting():
    assert count_up(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
    assert running_total(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
