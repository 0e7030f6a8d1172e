"""Equal words matched one to one, and the chunks that matches form: the work inside METEOR."""

import numpy as np

from aigc_book.metrics.counting.rows import bits, count_up


def match_equal(
    left: np.ndarray, left_row: np.ndarray, right: np.ndarray, right_row: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Match equal keys in the same row: the last one on the left with the last one on the right, and so on backwards.

    Walking through the left from its end, and taking the last free one on the right each time, comes to just that.

    Args:
        left, left_row: the keys on the left, and the row that each is in, in ascending order.
        right, right_row: the same for the right.

    Returns:
        Places on the left and the places on the right that they go with.
    """
    key = np.concatenate([left, right])
    row = np.concatenate([left_row, right_row])
    place = np.concatenate([np.arange(len(left)), np.arange(len(right))])
    side = np.repeat([0, 1], [len(left), len(right)])
    key_bits, place_bits = bits(key), bits(place)
    assert bits(row) + key_bits + 1 + place_bits < 64, "too many words at once for keys of 63 bits"
    # Sorted by row, then key, then side, then place: equal keys of a row stand together, the left ones first.
    packed = np.sort((((((row << key_bits) | key) << 1) | side) << place_bits) | place)
    group, side, place = packed >> (place_bits + 1), (packed >> place_bits) & 1, packed & ((1 << place_bits) - 1)
    start = np.flatnonzero(np.diff(group, prepend=-1))
    end = np.append(start[1:], len(group))
    middle = end - np.add.reduceat(side, start) if len(start) else end[:0]
    matched = np.minimum(middle - start, end - middle)
    back = count_up(matched)
    return place[np.repeat(middle - matched, matched) + back], place[np.repeat(end - matched, matched) + back]


def chunk_starts(i: np.ndarray, j: np.ndarray, row_of: np.ndarray) -> np.ndarray:
    """The places on the left where a chunk starts: where the word before is not aligned with the word before.

    A chunk is a run of aligned words that are adjacent and in the same order in both texts.

    Args:
        i, j: places on the left, and those on the right that they are aligned with.
        row_of: the row of each place on the left.
    """
    partner = np.full(len(row_of) + 1, -2)  # one more, at the end, for the place before the first
    partner[i] = j
    goes_on = (partner[i - 1] == j - 1) & (row_of[i - 1] == row_of[i])
    return i[~goes_on]
