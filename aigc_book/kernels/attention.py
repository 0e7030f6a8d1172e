"""Attention on a CPU, where torch's fused kernel isn't the fastest way to the same numbers.

Shape letters: B batch, T queries, S keys, H query heads, G key–value heads, D head width.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.kernels import processor

LONGEST = 512  # the longest sequence whose weights are written out in training


def fused_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    allowed: Tensor | None,
    is_causal: bool,
    *,
    softmax_scale: float | None,
    dropout: float,
) -> Tensor:
    r""":math:`\mathrm{softmax}(q k^\top / \sqrt{D})\, v`, by whichever kernel is the fastest here.

    Args:
        q: queries (..., T, D).
        k: keys (..., S, D), with as many heads as q or a divisor of it.
        v: values (..., S, Dv).
        allowed: a boolean mask, or a bias that is added to the scores, which broadcasts to (..., T, S); None: all.
        is_causal: no query sees a later key; T = S, and ``allowed`` is None.
        softmax_scale: what q kᵀ is multiplied with, 1/√D if None.
        dropout: share of the weights set to zero.
    """
    on_cpu = q.device.type == "cpu" and not dropout
    grouped = q.dim() > 2 and q.size(-3) != k.size(-3)
    in_16_bits = q.element_size() == 2 and processor.NAME == processor.AMD  # where torch's kernel is slow
    if on_cpu and q.dim() == 4 and q.size(-2) == 1 and (grouped or in_16_bits):
        return one_query(q, k, v, allowed, softmax_scale)
    if on_cpu and in_16_bits and is_causal and not grouped and q.requires_grad and q.size(-2) <= LONGEST:
        return short_with_gradients(q, k, v, softmax_scale)
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=allowed, dropout_p=dropout, is_causal=is_causal, scale=softmax_scale, enable_gqa=grouped
    )


def short_with_gradients(q: Tensor, k: Tensor, v: Tensor, softmax_scale: float | None) -> Tensor:
    """Causal attention of a short sequence (..., T, D) with itself, for training in 16 bits: the weights written out.

    The fused kernel saves memory rather than work, and its backward pass on a CPU is slow in 16 bits: this is five to
    eight times as fast at T = 64, and still three times at T = 256 (AMD EPYC, Zen 5; not measured on others). In
    float32 the fused kernel is the faster one, 1.2 to 1.4 times at T = 64 there, and on an Intel Xeon, too.
    """
    future = torch.full((q.size(-2), q.size(-2)), -torch.inf, dtype=q.dtype).triu(1)
    scores = (q * (1 / math.sqrt(q.size(-1)) if softmax_scale is None else softmax_scale)) @ k.transpose(-2, -1)
    return (scores + future).softmax(dim=-1) @ v


def one_query(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, softmax_scale: float | None) -> Tensor:
    """Attention of one query a head, (B, H, 1, D), as decoding with a cache needs it.

    Where H / G query heads share a key head, they are its H / G queries: every key is read once rather than H / G
    times, which is less work on any processor (with 8 heads on 2 that is 1.6 times as fast on AMD's EPYC, Zen 5).
    """
    B, H, _, D = q.shape
    G = k.size(1)
    if G != H:
        q = q.view(B, G, H // G, D)
        if allowed is not None and allowed.dim() >= 3 and allowed.size(-3) == H:
            allowed = allowed.reshape(*allowed.shape[:-3], G, H // G, allowed.size(-1))
    if q.element_size() == 2 and processor.NAME == processor.AMD:
        y = in_float32(q, k, v, allowed, softmax_scale)
    else:
        y = F.scaled_dot_product_attention(q, k, v, allowed, scale=softmax_scale)
    return y.reshape(B, H, 1, v.size(-1))


def in_float32(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, softmax_scale: float | None) -> Tensor:
    """Attention of few queries a head, (B, G, T, D), in 16 bits.

    The fused kernel would first repack all keys and values for a product of matrices, of which there is hardly one
    here; to widen them and multiply in float32 is two to three times as fast (AMD EPYC, Zen 5; not measured on others).
    So many rows at a time as stay in the CPU's cache meanwhile (2¹⁹ numbers), so that hardly any memory is needed.
    """
    rows_at_once = max(1, 2**19 // max(1, k[0].numel()))
    outputs = []
    for start in range(0, q.size(0), rows_at_once):
        rows = slice(start, start + rows_at_once)
        part = allowed[rows] if allowed is not None and allowed.dim() == 4 and allowed.size(0) > 1 else allowed
        if part is not None and part.is_floating_point():
            part = part.float()
        outputs.append(
            F.scaled_dot_product_attention(q[rows].float(), k[rows].float(), v[rows].float(), part, scale=softmax_scale)
        )
    return torch.cat(outputs).to(q.dtype)
