"""Attention in blocks: exact, and without ever holding the T × S weights. The idea of FlashAttention in plain PyTorch.

Shape letters: T queries, S keys, D head width; t and s queries and keys of one block.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from aigc_book.layers.attention import check_attention


def blockwise_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    *,
    softmax_scale: float | None = None,
    block_size: int = 256,
) -> Tensor:
    r"""The same as :func:`aigc_book.layers.attention.scaled_dot_product_attention`, block by block.

    The softmax of a row is put together from parts: with the largest score m and the sum l of all
    :math:`e^{s - m}` so far, a new block with the largest score m' changes what is there by the factor
    :math:`e^{m - \max(m, m')}`. For the gradient the weights are computed again, block by block, from the scores and
    :math:`m + \ln l`, which is all that is kept. Memory grows with T + S and not with T · S, forwards and backwards.

    Args:
        q: queries (..., T, D).
        k: keys (..., S, D); with heads, H a multiple of the keys' G.
        v: values (..., S, Dv).
        mask: boolean, broadcasts to (..., T, S), True = may attend.
        is_causal: no query sees a later key; the queries are the last T of the S positions.
        softmax_scale: what q kᵀ is multiplied with, 1/√D if None.
        block_size: t and s.

    Returns:
        (..., T, Dv); zero where nothing may be attended to.

    Raises:
        ValueError: as ``scaled_dot_product_attention``; a block size below 1.

    Source: Milakov and Gimelshein, *Online Normalizer Calculation for Softmax* (2018); Dao et al., *FlashAttention*
    (2022), algorithms 1 and 4; Rabe and Staats, *Self-attention Does Not Need O(n²) Memory* (2021).
    """
    check_attention(q, k, mask, v)
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1; got {block_size}")
    if is_causal and q.size(-2) > k.size(-2):
        raise ValueError(f"causal attention needs at least as many keys as queries; got T={q.size(-2)}, S={k.size(-2)}")
    if q.dim() > 2 and q.size(-3) != k.size(-3):
        k, v = (x.repeat_interleave(q.size(-3) // k.size(-3), dim=-3) for x in (k, v))
    softmax_scale = 1 / math.sqrt(q.size(-1)) if softmax_scale is None else softmax_scale
    return _Blockwise.apply(q, k, v, mask, is_causal, softmax_scale, block_size)


def _blocks(T: int, S: int, is_causal: bool, size: int) -> Iterator[tuple[slice, slice]]:
    """Pairs of a block of queries and a block of keys, without those that lie wholly in the future."""
    for first_query in range(0, T, size):
        queries = slice(first_query, min(first_query + size, T))
        last_key = queries.stop + S - T if is_causal else S
        for first_key in range(0, last_key, size):
            yield queries, slice(first_key, min(first_key + size, last_key))


def _scores(
    q: Tensor, k: Tensor, mask: Tensor | None, is_causal: bool, softmax_scale: float, queries: slice, keys: slice
) -> tuple[Tensor, Tensor | None]:
    """The scores of a block, (..., t, s), and where they count (None: everywhere)."""
    T, S = q.size(-2), k.size(-2)
    allowed = None
    if is_causal and keys.stop > queries.start + S - T + 1:  # some of the keys are later than some of the queries
        at = torch.arange(queries.start, queries.stop, device=q.device)[:, None] + S - T
        allowed = torch.arange(keys.start, keys.stop, device=q.device) <= at
    if mask is not None:
        rows = queries if mask.size(-2) > 1 else slice(None)
        part = mask[..., rows, keys if mask.size(-1) > 1 else slice(None)]
        allowed = part if allowed is None else part & allowed
    scores = q[..., queries, :] @ k[..., keys, :].transpose(-2, -1) * softmax_scale
    if allowed is not None:
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    return scores, allowed


class _Blockwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, mask, is_causal, softmax_scale, size):
        mask = None if mask is None else torch.atleast_2d(mask)
        T, S = q.size(-2), k.size(-2)
        y = q.new_zeros(*q.shape[:-1], v.size(-1))  # (..., T, Dv): Σ e^(s - m) v
        largest = q.new_full((*q.shape[:-1], 1), torch.finfo(q.dtype).min)  # m
        total = q.new_zeros(*q.shape[:-1], 1)  # l
        for queries, keys in _blocks(T, S, is_causal, size):
            scores, allowed = _scores(q, k, mask, is_causal, softmax_scale, queries, keys)
            before = largest[..., queries, :]
            now = torch.maximum(before, scores.amax(-1, keepdim=True))
            weights = torch.exp(scores - now)  # (..., t, s)
            if allowed is not None:
                weights = weights.masked_fill(~allowed, 0.0)
            shrink = torch.exp(before - now)
            y[..., queries, :] = y[..., queries, :] * shrink + weights @ v[..., keys, :]
            total[..., queries, :] = total[..., queries, :] * shrink + weights.sum(-1, keepdim=True)
            largest[..., queries, :] = now
        nothing = total == 0
        y = y / total.masked_fill(nothing, 1.0)
        log_total = torch.where(nothing, torch.inf, largest + total.log())  # of e^(s - inf) nothing is left
        ctx.save_for_backward(q, k, v, mask, y, log_total)
        ctx.settings = is_causal, softmax_scale, size
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        q, k, v, mask, y, log_total = ctx.saved_tensors
        is_causal, softmax_scale, size = ctx.settings
        dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
        mean = (dy * y).sum(-1, keepdim=True)  # of dy · v under the weights
        for queries, keys in _blocks(q.size(-2), k.size(-2), is_causal, size):
            scores, _ = _scores(q, k, mask, is_causal, softmax_scale, queries, keys)
            weights = torch.exp(scores - log_total[..., queries, :])  # (..., t, s)
            part = dy[..., queries, :]
            dv[..., keys, :] += weights.transpose(-2, -1) @ part
            ds = weights * (part @ v[..., keys, :].transpose(-2, -1) - mean[..., queries, :]) * softmax_scale
            dq[..., queries, :] += ds @ k[..., keys, :]
            dk[..., keys, :] += ds.transpose(-2, -1) @ q[..., queries, :]
        return dq, dk, dv, None, None, None, None
