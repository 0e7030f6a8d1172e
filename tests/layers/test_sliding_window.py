"""A window's attention equals dense attention with the window's mask."""

import pytest
import torch

from aigc_book.layers.attention import scaled_dot_product_attention
from aigc_book.layers.sliding_window import sliding_window_attention, sliding_window_mask

B, H, D = 2, 3, 5


def random_qkv(T, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(B, H, T, size, dtype=torch.float64, requires_grad=True) for size in (D, D, 7)]


def test_mask_on_paper():
    assert sliding_window_mask(4, 4, 2).int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert sliding_window_mask(1, 4, 2, is_causal=False).int().tolist() == [[0, 0, 1, 1]]
    assert sliding_window_mask(3, 3, 2, is_causal=False).int().tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize(("T", "window"), [(13, 1), (13, 3), (12, 4), (13, 5), (13, 12), (13, 13), (13, 50), (1, 1)])
def test_equals_dense_attention_with_the_mask(T, window, is_causal):
    results = []
    for in_blocks in (True, False):
        q, k, v = random_qkv(T)
        if in_blocks:
            y = sliding_window_attention(q, k, v, window, is_causal)
        else:
            y = scaled_dot_product_attention(q, k, v, sliding_window_mask(T, T, window, is_causal))
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y))
        results.append((y, q.grad, k.grad, v.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_long_window_is_dense_attention_and_a_short_one_is_not():
    q, k, v = random_qkv(9)
    dense = scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(sliding_window_attention(q, k, v, 9), dense)
    torch.testing.assert_close(sliding_window_attention(q, k, v, 4)[:, :, :4], dense[:, :, :4])
    assert not torch.isclose(sliding_window_attention(q, k, v, 4), dense)[:, :, 4:].all(-1).any()


def test_without_heads():
    q, k, v = (x[0, 0] for x in random_qkv(11))
    mask = sliding_window_mask(11, 11, 3)
    torch.testing.assert_close(sliding_window_attention(q, k, v, 3), scaled_dot_product_attention(q, k, v, mask))


def test_errors():
    q, k, v = random_qkv(6)
    with pytest.raises(ValueError, match="window must be at least 1, the position itself; got 0"):
        sliding_window_attention(q, k, v, 0)
    with pytest.raises(ValueError, match="window must be at least 1"):
        sliding_window_mask(3, 3, -1)
    with pytest.raises(ValueError, match="q and k must have the same shape"):
        sliding_window_attention(q, k[:, :, :5], v[:, :, :5], 2)
