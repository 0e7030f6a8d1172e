"""One wording for wrong ids, and one for wrong masks."""

import numpy as np
import pytest
import torch

from aigc_book.layers.inputs import check_ids, check_mask


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([[0, 7]]), r"^ids must be from 0 to vocab_size - 1 = 6; got 0 to 7$"),
        (torch.tensor([[-1, 3]]), r"^ids must be from 0 to vocab_size - 1 = 6; got -1 to 3$"),
        (torch.tensor([0, 1]), r"whole numbers \(int64 or int32\) of shape \(B, T\); got torch.int64 of shape \(2,\)"),
        (torch.zeros(1, 2), r"whole numbers .* got torch.float32 of shape \(1, 2\)"),
        (torch.ones(1, 2, dtype=torch.bool), r"whole numbers .* got torch.bool of shape \(1, 2\)"),
        (torch.ones(1, 2, dtype=torch.uint8), r"whole numbers .* got torch.uint8 of shape \(1, 2\)"),
        (torch.ones(1, 2, dtype=torch.complex64), r"whole numbers .* got torch.complex64 of shape \(1, 2\)"),
        ([[1, 2]], r"whole numbers .* got list"),
        (np.ones((1, 2), dtype=np.int64), r"whole numbers .* got ndarray"),
        (None, r"whole numbers .* got NoneType"),
    ],
)
def test_wrong_ids(ids, message):
    with pytest.raises(ValueError, match=message):
        check_ids(ids, 7)


def test_right_ids():
    for dtype in (torch.int64, torch.int32):
        check_ids(torch.tensor([[0, 6]], dtype=dtype), 7)
    check_ids(torch.zeros(2, 0, dtype=torch.long), 7)
    check_ids(torch.zeros(2, 3, dtype=torch.long, device="meta"), 7)  # of another device the range isn't read


def test_the_callers_own_names():
    with pytest.raises(ValueError, match=r"^source must be from 0 to source_vocab_size - 1 = 6; got 7 to 7$"):
        check_ids(torch.tensor([[7]]), 7, "source", "source_vocab_size")
    with pytest.raises(
        ValueError, match=r"^source_mask must be boolean of shape \(2, 3\), True = may attend; got list$"
    ):
        check_mask([True], (2, 3), "source_mask")


@pytest.mark.parametrize(
    ("mask", "got"),
    [
        (torch.ones(2, 3), r"torch.float32 of shape \(2, 3\)"),
        (torch.ones(2, 3, dtype=torch.int64), r"torch.int64 of shape \(2, 3\)"),
        (torch.ones(2, 4, dtype=torch.bool), r"torch.bool of shape \(2, 4\)"),
        (torch.ones(3, dtype=torch.bool), r"torch.bool of shape \(3,\)"),
        (np.ones((2, 3), dtype=bool), "ndarray"),
    ],
)
def test_wrong_masks(mask, got):
    with pytest.raises(ValueError, match=rf"^mask must be boolean of shape \(2, 3\), True = may attend; got {got}$"):
        check_mask(mask, (2, 3))


def test_right_masks():
    check_mask(None, (2, 3))
    check_mask(torch.ones(2, 3, dtype=torch.bool), (2, 3))
