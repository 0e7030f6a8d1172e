"""Block-wise attention equals the dense one, forwards and backwards, and keeps nothing that grows with T · S."""

import pytest
import torch

from aigc_book.layers.attention import scaled_dot_product_attention
from aigc_book.layers.blockwise_attention import blockwise_attention

B, H, D = 2, 4, 5


def random_qkv(T, S, kv_heads=H, seed=0):
    torch.manual_seed(seed)
    sizes = ((B, H, T, D), (B, kv_heads, S, D), (B, kv_heads, S, 3))
    return [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]


def masks(T, S):
    torch.manual_seed(1)
    blind = torch.rand(B, 1, T, S) < 0.6
    blind[0, 0, 1] = False  # a query that may see nothing
    return {"none": None, "pairs": blind, "keys": torch.rand(B, 1, 1, S) < 0.6, "one row": torch.rand(S) < 0.6}


@pytest.mark.parametrize("block_size", [1, 4, 7, 100])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("kind", ["none", "pairs", "keys", "one row"])
@pytest.mark.parametrize(("T", "S", "kv_heads"), [(13, 13, H), (5, 17, 2)])
def test_equals_dense_attention_and_its_gradient(block_size, is_causal, kind, T, S, kv_heads):
    mask = masks(T, S)[kind]
    results = []
    for attend, options in ((blockwise_attention, {"block_size": block_size}), (scaled_dot_product_attention, {})):
        qkv = random_qkv(T, S, kv_heads)
        y = attend(*qkv, mask, is_causal, **options)
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y))
        results.append((y, *(x.grad for x in qkv)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradient_by_finite_differences():
    qkv = [x[:1, :1].detach().requires_grad_() for x in random_qkv(5, 5)]
    assert torch.autograd.gradcheck(lambda *x: blockwise_attention(*x, None, True, block_size=2), qkv)


def test_large_scores_do_not_overflow():
    q, k, v = (x.detach().float() for x in random_qkv(9, 9))
    y = blockwise_attention(1e3 * q, 1e3 * k, v, block_size=2)
    torch.testing.assert_close(y, scaled_dot_product_attention(1e3 * q, 1e3 * k, v))


def test_what_is_kept_for_the_gradient_grows_with_the_length_and_not_with_its_square():
    def kept(T):
        seen = set()

        def count(x):
            seen.add((x.untyped_storage().data_ptr(), x.untyped_storage().nbytes()))
            return x

        qkv = [torch.randn(1, 1, T, 8, requires_grad=True) for _ in range(3)]
        with torch.autograd.graph.saved_tensors_hooks(count, lambda x: x):
            y = blockwise_attention(*qkv, is_causal=True, block_size=16)
        assert y.requires_grad
        return sum(nbytes for _, nbytes in seen)

    assert kept(256) <= 4.01 * kept(64)


def test_errors():
    q, k, v = random_qkv(6, 4)
    with pytest.raises(ValueError, match="block_size must be at least 1; got 0"):
        blockwise_attention(q, k, v, block_size=0)
    with pytest.raises(ValueError, match="at least as many keys as queries; got T=6, S=4"):
        blockwise_attention(q, k, v, is_causal=True)
    with pytest.raises(ValueError, match="mask must be boolean"):
        blockwise_attention(q, k, v, torch.ones(6, 4))
    with pytest.raises(ValueError, match="k and v must agree"):
        blockwise_attention(q, k, v[:, :, :2])
