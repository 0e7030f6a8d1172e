"""Cross-attention against torch's own module, and its errors."""

import pytest
import torch
from torch import nn

from aigc_book.layers.cross_attention import CrossAttention

B, T, S, C, H = 2, 5, 7, 12, 3


def test_equals_torchs_multihead_attention():
    torch.manual_seed(0)
    ours, theirs = CrossAttention(C, H), nn.MultiheadAttention(C, H, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.q.weight, ours.k.weight, ours.v.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.q.bias, ours.k.bias, ours.v.bias)))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, memory, mask = torch.randn(B, T, C), torch.randn(B, S, C), torch.rand(B, S) < 0.7
    mask[:, 0] = True
    expected, weights = theirs(x, memory, memory, key_padding_mask=~mask, average_attn_weights=False)
    projected = ours.project(memory)
    torch.testing.assert_close(ours(x, projected, mask=mask[:, None, None]), expected)
    torch.testing.assert_close(ours.weights(x, projected, mask=mask[:, None, None]), weights)


def test_one_memory_serves_all_rows():
    torch.manual_seed(0)
    attention, x, memory = CrossAttention(C, H), torch.randn(B, T, C), torch.randn(1, S, C)
    one, many = attention.project(memory), attention.project(memory.expand(B, -1, -1))
    torch.testing.assert_close(attention(x, one), attention(x, many))
    torch.testing.assert_close(attention.weights(x, one), attention.weights(x, many))


def test_a_query_that_may_see_nothing_gets_the_bias_of_the_output():
    attention = CrossAttention(C, H)
    y = attention(torch.randn(B, T, C), attention.project(torch.randn(B, S, C)), mask=torch.zeros(T, S).bool())
    torch.testing.assert_close(y, attention.out.bias.expand(B, T, C))


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="d_model must be divisible by n_heads; got d_model=12, n_heads=5"):
        CrossAttention(C, 5)
