"""The short cuts of attention give what its formula and torch's kernel give, on every processor."""

import pytest
import torch
from torch.nn import functional as F

from aigc_book.kernels import processor
from aigc_book.kernels.attention import LONGEST, fused_attention
from aigc_book.layers.attention import attention_weights, scaled_dot_product_attention

B, H, D = 2, 6, 11
KINDS = ["all", "mask of keys", "mask of rows", "mask of heads", "bias", "bias and mask"]


def one_query(rows, kv_heads, kind, n_keys=401, dtype=torch.float32):
    """q, k, v, a mask and a bias of one query a head."""
    torch.manual_seed(0)
    q = torch.randn(rows, H, 1, D).to(dtype)
    k, v = torch.randn(2, rows, kv_heads, n_keys, D).to(dtype)
    shape = {"mask of keys": (1, 1, 1, n_keys), "mask of heads": (rows, H, 1, n_keys)}.get(kind, (rows, 1, 1, n_keys))
    mask = None if kind in ("all", "bias") else torch.rand(shape) < 0.5
    bias = torch.randn(H, 1, n_keys).to(dtype) if "bias" in kind else None
    return q, k, v, mask, bias


@pytest.mark.parametrize("kv_heads", [H, 2, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_one_query_equals_the_written_out_weights(name, kind, kv_heads):
    """H / G queries that share a key head are its queries: each still meets its own mask and bias."""
    q, k, v, mask, bias = one_query(3, kv_heads, kind, dtype=torch.float64)
    actual = scaled_dot_product_attention(q, k, v, mask, True, bias=bias)
    many = v.repeat_interleave(H // kv_heads, dim=1)
    torch.testing.assert_close(actual, attention_weights(q, k, mask, True, bias=bias) @ many)


@pytest.mark.parametrize("strided", [False, True])
def test_one_query_comes_as_a_model_has_it(name, strided):
    """(B, 1, H, D) transposed, and keys that are a part of a larger memory."""
    q, k, v, _, _ = one_query(2, 2, "all", 13)
    if strided:
        q = q.transpose(1, 2).contiguous().transpose(1, 2)
        k, v = (F.pad(x, (0, 0, 0, 5))[:, :, :13] for x in (k, v))
    torch.testing.assert_close(
        scaled_dot_product_attention(q, k, v), attention_weights(q, k) @ v.repeat_interleave(3, dim=1)
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kv_heads", [H, 2])
@pytest.mark.parametrize("rows", [2, 300])  # so many that they are taken in several parts
@pytest.mark.parametrize("kind", KINDS)
def test_one_query_in_16_bits_is_computed_in_32(amd, kind, rows, kv_heads, dtype):
    """Nothing but the inputs and the result is rounded: it is within half a unit in the last place of the exact one.

    10⁻⁵ is for the arithmetic in float32, whose last place is 10⁻⁷ of numbers of about 1.
    """
    q, k, v, mask, bias = one_query(rows, kv_heads, kind, dtype=dtype)
    actual = scaled_dot_product_attention(q, k, v, mask, True, bias=bias)
    exact = [x if x is None else x.double() for x in (q, k, v, bias)]
    expected = scaled_dot_product_attention(*exact[:3], mask, True, bias=exact[3])
    assert actual.dtype == dtype
    torch.testing.assert_close(actual.double(), expected, rtol=0.5 * torch.finfo(dtype).eps, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 11, 128, 129, 513])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_training_on_short_sequences_equals_the_fused_kernel(name, length, dtype):
    """With gradients the weights of a short sequence are written out; values and gradients are the kernel's."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, length, 5, dtype=dtype, requires_grad=True) for _ in range(3))
    dy = torch.randn(2, 3, length, 5, dtype=dtype)
    y = scaled_dot_product_attention(q, k, v, is_causal=True, softmax_scale=0.7)
    exact = [x.detach().double().requires_grad_() for x in (q, k, v)]
    expected = F.scaled_dot_product_attention(*exact, is_causal=True, scale=0.7)
    # Sums of up to 513 products of numbers of about 1; in bfloat16 each is off by 2⁻⁸, and so are the weights.
    close = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(y.double(), expected, rtol=close, atol=close)
    ours, theirs = torch.autograd.grad(y, (q, k, v), dy), torch.autograd.grad(expected, exact, dy.double())
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=close, atol=close)


@pytest.mark.parametrize(
    ("name", "length", "dtype", "expected"),
    [
        ("amd", LONGEST, torch.bfloat16, 1),
        ("amd", LONGEST + 1, torch.bfloat16, 0),
        ("amd", 2, torch.float32, 0),
        ("intel", 2, torch.bfloat16, 0),
        ("plain", 2, torch.bfloat16, 0),
    ],
)
def test_the_weights_are_written_out_where_that_pays_only(monkeypatch, name, length, dtype, expected):
    called = []
    monkeypatch.setattr("aigc_book.kernels.attention.short_with_gradients", lambda *_: called.append(1))
    monkeypatch.setattr(processor, "NAME", name)
    q = torch.randn(1, 2, length, 3, dtype=dtype, requires_grad=True)
    fused_attention(q, q, q, None, True, softmax_scale=None, dropout=0.0)
    without = q.detach()
    fused_attention(without, without, without, None, True, softmax_scale=None, dropout=0.0)
    assert len(called) == expected


@pytest.mark.parametrize("kv_heads", [H, 2])
def test_it_compiles(name, kv_heads):
    q, k, v, _, _ = one_query(2, kv_heads, "all", 13)
    torch._dynamo.reset()
    compiled = torch.compile(scaled_dot_product_attention, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(q, k, v), scaled_dot_product_attention(q, k, v))
