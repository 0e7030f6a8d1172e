"""Attention against arithmetic on paper, torch's own modules, and the laws that it must keep."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aigc_book.layers.attention import (
    MultiHeadAttention,
    attention_weights,
    causal_mask,
    scaled_dot_product_attention,
)
from aigc_book.layers.context import Context
from aigc_book.layers.kv_cache import KVCache
from aigc_book.layers.positions import rotary_angles

B, H, T, S, D = 2, 3, 5, 7, 11

CAUSAL = Context(is_causal=True)


def random_qkv(heads=H, kv_heads=H, queries=T, keys=S, seed=0):
    torch.manual_seed(seed)
    shape = [(B, heads, queries, D), (B, kv_heads, keys, D), (B, kv_heads, keys, D)]
    return [torch.randn(size, dtype=torch.float64) for size in shape]


def test_weights_worked_out_on_paper():
    """One query of width 4 and three keys: q·k = 4 ln 2, 0 and 2 ln 2; divided by √4: 2 ln 2, 0, ln 2.

    The exponentials are 4, 1 and 2, their sum 7; so the weights are 4/7, 1/7, 2/7, and with values 7, 14 and 0
    the result is (4·7 + 1·14 + 2·0) / 7 = 6.
    """
    q = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    k = math.log(2) * torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [2.0, 0.0, 0.0, 0.0]])
    v = torch.tensor([[7.0], [14.0], [0.0]])
    torch.testing.assert_close(attention_weights(q, k), torch.tensor([[4 / 7, 1 / 7, 2 / 7]]))
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v), torch.tensor([[6.0]]))


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kv_heads", [H, 1])
def test_equals_torch_and_written_out_weights(is_causal, masked, kv_heads):
    q, k, v = random_qkv(kv_heads=kv_heads)
    mask = (torch.rand(B, 1, T, S) < 0.7) | torch.eye(T, S, dtype=torch.bool) if masked else None
    ours = scaled_dot_product_attention(q, k, v, mask, is_causal)
    many = [x.repeat_interleave(H // kv_heads, dim=1) for x in (k, v)]
    allowed = torch.ones(T, S, dtype=torch.bool) if mask is None else mask
    if is_causal:
        allowed = allowed & torch.ones(T, S, dtype=torch.bool).tril(S - T)
    torch.testing.assert_close(ours, F.scaled_dot_product_attention(q, *many, attn_mask=allowed))
    torch.testing.assert_close(ours, attention_weights(q, k, mask, is_causal) @ many[1])


def test_causal_with_equal_lengths_equals_torchs_flag():
    q, k, v = random_qkv(queries=S)
    torch.testing.assert_close(
        scaled_dot_product_attention(q, k, v, is_causal=True), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    )


def test_bias_and_scale_equal_the_written_out_weights():
    q, k, v = random_qkv(seed=1)
    bias = torch.randn(H, T, S, dtype=torch.float64)
    for is_causal in (False, True):
        weights = attention_weights(q, k, is_causal=is_causal, bias=bias, softmax_scale=0.3)
        expected = (q @ k.transpose(-2, -1) * 0.3 + bias).masked_fill(
            ~torch.ones(T, S, dtype=torch.bool).tril(S - T if is_causal else S), -math.inf
        )
        torch.testing.assert_close(weights, expected.softmax(-1))
        ours = scaled_dot_product_attention(q, k, v, is_causal=is_causal, bias=bias, softmax_scale=0.3)
        torch.testing.assert_close(ours, weights @ v)


def test_a_future_token_cannot_change_the_past():
    q, k, v = random_qkv(queries=S)
    before = scaled_dot_product_attention(q, k, v, is_causal=True)
    k[:, :, 4], v[:, :, 4] = 9.0, -9.0
    after = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.isclose(before[:, :, 4:], after[:, :, 4:]).all(dim=-1).any()


def test_a_mask_of_keys_alone_broadcasts():
    q, k, v = random_qkv()
    mask = torch.rand(S) < 0.7
    ours = scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(ours, attention_weights(q, k, mask) @ v)


def test_a_row_with_nothing_to_attend_to_is_zero_with_finite_gradients():
    q, k, v = (x.requires_grad_() for x in random_qkv())
    mask = torch.ones(T, S, dtype=torch.bool)
    mask[2] = False
    for y in (scaled_dot_product_attention(q, k, v, mask), attention_weights(q, k, mask)):
        assert torch.equal(y[:, :, 2], torch.zeros_like(y[:, :, 2]))
        assert y[:, :, 1].abs().sum() > 0
        y.sum().backward()
        assert torch.isfinite(q.grad).all()


def test_inputs_are_left_alone():
    q, k, v = random_qkv()
    mask = torch.rand(T, S) < 0.5
    copies = [x.clone() for x in (q, k, v, mask)]
    attention_weights(q, k, mask, True)
    scaled_dot_product_attention(q, k, v, mask, True)
    assert all(torch.equal(x, copy) for x, copy in zip((q, k, v, mask), copies, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            dict(mask=torch.zeros(T, S)),
            r"mask must be boolean of shape .*, True = may attend; got torch.float32 of shape \(5, 7\)",
        ),
        (
            dict(mask=torch.ones(S, T, dtype=torch.bool)),
            r"mask must be boolean of shape .* broadcasts .* got torch.bool of shape \(7, 5\)",
        ),
        (dict(k=torch.zeros(B, H, S, D + 1, dtype=torch.float64)), "same width D; got D=11 and D=12"),
        (dict(k=torch.zeros(B, 2, S, D, dtype=torch.float64)), "multiple of the key heads; got H=3, G=2"),
        (dict(q=torch.zeros(D)), "as many axes"),
        (dict(v=torch.zeros(B, H, S - 1, D, dtype=torch.float64)), "k and v must agree"),
        (dict(q=torch.zeros(B, H, S + 1, D, dtype=torch.float64), is_causal=True), "at least as many keys.*T=8, S=7"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    q, k, v = random_qkv()
    with pytest.raises(ValueError, match=message):
        scaled_dot_product_attention(**{**dict(q=q, k=k, v=v), **change})


def test_causal_mask_is_aligned_to_the_last_key():
    expected = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.bool)
    assert torch.equal(causal_mask(2, 4), expected)


# The module


def test_equals_torchs_multihead_attention_with_copied_weights():
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.data.copy_(torch.cat((ours.q.weight, ours.k.weight, ours.v.weight)))
    theirs.in_proj_bias.data.copy_(torch.cat((ours.q.bias, ours.k.bias, ours.v.bias)))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(B, T, 12)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)  # torch's masks mean the opposite: True = may not attend
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])
    torch.testing.assert_close(ours(x, CAUSAL), theirs(x, x, x, attn_mask=future)[0])


def test_grouped_queries_equal_multi_head_with_repeated_keys_and_values():
    torch.manual_seed(0)
    grouped, full = MultiHeadAttention(24, 6, 2), MultiHeadAttention(24, 6)

    def repeat(rows):  # each of 2 key heads (4 rows) serves 3 query heads
        return rows.unflatten(0, (2, 4)).repeat_interleave(3, dim=0).flatten(0, 1)

    full.q.load_state_dict(grouped.q.state_dict())
    for name in ("k", "v"):
        rows = getattr(grouped, name).state_dict()
        getattr(full, name).load_state_dict({part: repeat(tensor) for part, tensor in rows.items()})
    full.out.load_state_dict(grouped.out.state_dict())
    x = torch.randn(B, T, 24)
    torch.testing.assert_close(grouped(x, CAUSAL), full(x, CAUSAL))


@pytest.mark.parametrize(("kv_heads", "qk_norm"), [(4, False), (2, True), (1, False)])
def test_cached_equals_uncached(kv_heads, qk_norm):
    torch.manual_seed(0)
    attention = MultiHeadAttention(40, 4, kv_heads, qk_norm=qk_norm)
    x = torch.randn(B, S, 40)
    cos, sin = rotary_angles(torch.arange(S), 10)
    whole = attention(x, Context(is_causal=True, turn=(cos, sin)))
    cache = KVCache(1, B, kv_heads, S, 10)
    parts = []
    for start, end in ((0, 3), (3, 4), (4, 7)):
        context = Context(is_causal=True, turn=(cos[start:end], sin[start:end]), cache=cache)
        part = attention(x[:, start:end], context)
        cache.advance(end - start)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


def test_dropout_only_while_training():
    torch.manual_seed(0)
    attention, x = MultiHeadAttention(12, 3, dropout=0.5), torch.randn(B, T, 12)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 3), "d_model must be divisible by n_heads; got d_model=10, n_heads=3"),
        ((12, 0), "got d_model=12, n_heads=0"),
        ((12, 4, 3), "n_heads must be divisible by n_kv_heads; got n_heads=4, n_kv_heads=3"),
    ],
)
def test_heads_that_do_not_divide_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(*arguments)
