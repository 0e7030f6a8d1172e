"""Scaled dot-product attention and multi-head attention.

Shape letters: B batch, T queries, S keys, H query heads, G key–value heads, D head width, C ``d_model``.
A mask is boolean and broadcasts to (..., T, S); True means *this query may attend to this key*.
"""

import math

import torch
from torch import Tensor, nn

from aigc_book.kernels.attention import fused_attention
from aigc_book.layers.context import EVERYTHING, Context
from aigc_book.layers.linear import Linear
from aigc_book.layers.norms import RMSNorm
from aigc_book.layers.positions import apply_rotary


def causal_mask(n_queries: int, n_keys: int, device: torch.device | str | None = None) -> Tensor:
    """Boolean (T, S) mask: the queries are the last T of S positions, and none sees a later key.

    With T = S this is the lower triangle; with T = 1 (one new token, S - 1 cached ones) it is all True.

    Raises:
        ValueError: there are more queries than keys.
    """
    if n_queries > n_keys:
        raise ValueError(f"causal attention needs at least as many keys as queries; got T={n_queries}, S={n_keys}")
    return torch.ones(n_queries, n_keys, dtype=torch.bool, device=device).tril(n_keys - n_queries)


def check_attention(q: Tensor, k: Tensor, mask: Tensor | None, v: Tensor | None = None) -> None:
    """Say what is wrong with the arguments of attention before torch does.

    Raises:
        ValueError: as :func:`scaled_dot_product_attention`.
    """
    if q.dim() < 2 or k.dim() != q.dim():
        raise ValueError(
            f"q and k must both be (..., length, D), with as many axes; got {tuple(q.shape)} and {tuple(k.shape)}"
        )
    if q.size(-1) != k.size(-1):
        raise ValueError(f"q and k must have the same width D; got D={q.size(-1)} and D={k.size(-1)}")
    if q.dim() > 2 and q.size(-3) % k.size(-3):
        raise ValueError(
            f"the number of query heads must be a multiple of the key heads; got H={q.size(-3)}, G={k.size(-3)}"
        )
    if v is not None and k.shape[:-1] != v.shape[:-1]:
        raise ValueError(f"k and v must agree in all but the width; got {tuple(k.shape)} and {tuple(v.shape)}")
    if mask is None:
        return
    scores = (*q.shape[:-1], k.size(-2))
    fits = mask.dim() <= len(scores) and all(
        m in (1, s) for m, s in zip(reversed(mask.shape), reversed(scores), strict=False)
    )
    if mask.dtype != torch.bool or not fits:
        raise ValueError(
            f"mask must be boolean of shape (..., T, S) = {scores}, or one that broadcasts to it, True = may attend; "
            f"got {mask.dtype} of shape {tuple(mask.shape)}"
        )


def _allowed(q: Tensor, k: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor | None:
    """The given mask and the causal one together; None where everything is allowed."""
    if mask is not None:
        mask = torch.atleast_2d(mask)  # torch's kernel takes no (S,)
    if not is_causal or q.size(-2) == 1:  # a single query is the last position: it may see every key
        return mask
    causal = causal_mask(q.size(-2), k.size(-2), q.device)
    return causal if mask is None else mask & causal


def attention_weights(
    q: Tensor,
    k: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    *,
    bias: Tensor | None = None,
    softmax_scale: float | None = None,
) -> Tensor:
    r"""How much each query attends to each key: :math:`\mathrm{softmax}(q k^\top / \sqrt{D})`.

    Written out, for looking at; :func:`scaled_dot_product_attention` gives the same result without ever holding the
    (T, S) weights in memory.

    Args:
        q: queries (..., T, D); with heads, (B, H, T, D).
        k: keys (..., S, D); with heads, (B, G, S, D), where H is a multiple of G and each key head serves H / G
            consecutive query heads.
        mask: boolean, broadcasts to (..., T, S), True = may attend.
        is_causal: no query sees a later key; the queries are the last T of the S positions.
        bias: added to the scores before the softmax, broadcasts to (..., T, S) (ALiBi, say).
        softmax_scale: what q kᵀ is multiplied with, 1/√D if None.

    Returns:
        (..., T, S), each row a distribution over the keys; a row in which nothing may be attended to is all zero.

    Raises:
        ValueError: widths or heads that don't fit, a mask that isn't boolean or doesn't broadcast, more causal
            queries than keys.

    Source: Vaswani et al., *Attention Is All You Need* (2017), equation 1; grouped heads: Ainslie et al., *GQA* (2023).
    """
    check_attention(q, k, mask)
    allowed = _allowed(q, k, mask, is_causal)
    if q.dim() > 2 and q.size(-3) != k.size(-3):
        k = k.repeat_interleave(q.size(-3) // k.size(-3), dim=-3)
    softmax_scale = 1 / math.sqrt(q.size(-1)) if softmax_scale is None else softmax_scale
    scores = q @ k.transpose(-2, -1) * softmax_scale  # (..., T, S)
    if bias is not None:
        scores = scores + bias
    if allowed is None:
        return scores.softmax(dim=-1)
    # The lowest finite score rather than -inf, then a zero: a row with nothing to attend to gives 0, not NaN.
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~allowed, lowest).softmax(dim=-1).masked_fill(~allowed, 0.0)


def scaled_dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    *,
    bias: Tensor | None = None,
    softmax_scale: float | None = None,
    dropout: float = 0.0,
) -> Tensor:
    r"""Attention: :math:`\mathrm{softmax}(q k^\top / \sqrt{D})\, v`, by torch's fused ("flash") kernel.

    Differs from ``torch.nn.functional.scaled_dot_product_attention`` in two ways: with fewer queries than keys the
    causal mask is aligned to the *last* key (as a key–value cache needs), and masks are boolean only. Where there is a
    faster way to the same numbers on this CPU, :mod:`aigc_book.kernels.attention` takes it.

    Args:
        q: queries (..., T, D); with heads, (B, H, T, D).
        k: keys (..., S, D); with heads, (B, G, S, D), H a multiple of G.
        v: values (..., S, Dv), as many heads as k.
        mask: boolean, broadcasts to (..., T, S), True = may attend.
        is_causal: no query sees a later key; the queries are the last T of the S positions.
        bias: added to the scores before the softmax, broadcasts to (..., T, S).
        softmax_scale: what q kᵀ is multiplied with, 1/√D if None.
        dropout: share of the weights set to zero, for training.

    Returns:
        (..., T, Dv): for each query the mean of the values under its weights; zero where nothing may be attended to.

    Raises:
        ValueError: as :func:`attention_weights`; k and v of different length or heads.

    Source: Vaswani et al. (2017), equation 1; the kernel: Dao et al., *FlashAttention* (2022).
    """
    check_attention(q, k, mask, v)
    # The kernel's own causal flag skips half of the work, but is aligned to the first key.
    kernel_causal = is_causal and mask is None and bias is None and 1 < q.size(-2) == k.size(-2)
    allowed = None if kernel_causal else _allowed(q, k, mask, is_causal)
    if bias is not None:
        allowed = bias if allowed is None else bias.masked_fill(~allowed, -torch.inf)
    return fused_attention(q, k, v, allowed, kernel_causal, softmax_scale=softmax_scale, dropout=dropout)


class MultiHeadAttention(nn.Module):
    """Self-attention with H heads of width D = C / H; with fewer key–value heads, grouped-query attention.

    head_h = attention(x W_q[h], x W_k[g], x W_v[g]) with g = h // (H / G); output = concat(head_1 … head_H) W_o.
    G = H is multi-head, G = 1 multi-query attention.

    Args:
        d_model: C, width of the input and of the output.
        n_heads: H, must divide ``d_model``.
        n_kv_heads: G, must divide ``n_heads``; H if None.
        bias: whether the projections add a bias.
        qk_norm: RMS-normalise each query and key before their product (Henry et al., 2020), without a learned gain.
        dropout: share of attention weights dropped in training.

    Raises:
        ValueError: heads that don't divide the width, or key–value heads that don't divide the heads.

    Source: Vaswani et al. (2017), section 3.2.2; Shazeer (2019); Ainslie et al. (2023).
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        *,
        bias: bool = True,
        qk_norm: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"d_model must be divisible by n_heads; got d_model={d_model}, n_heads={n_heads}")
        if n_kv_heads < 1 or n_heads % n_kv_heads:
            raise ValueError(f"n_heads must be divisible by n_kv_heads; got n_heads={n_heads}, n_kv_heads={n_kv_heads}")
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_model // n_heads
        self.dropout = dropout
        self.q = Linear(d_model, d_model, bias=bias)
        self.k = Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.v = Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.out = Linear(d_model, d_model, bias=bias)
        self.qk_norm = RMSNorm(self.d_head, gain=False) if qk_norm else None

    def forward(self, x: Tensor, context: Context = EVERYTHING) -> Tensor:
        """Let each of T positions gather from the positions that it may see.

        Args:
            x: (B, T, C).
            context: mask, positions and cache.

        Returns:
            (B, T, C).
        """
        q, k, v = self._project(x, context)
        dropout = self.dropout if self.training else 0.0
        y = scaled_dot_product_attention(q, k, v, context.mask, context.is_causal, bias=context.bias, dropout=dropout)
        return self.out(y.transpose(1, 2).reshape(x.shape))

    def weights(self, x: Tensor, context: Context = EVERYTHING) -> Tensor:
        """How much each position attends to each other, (B, H, T, S), without dropout; for looking at.

        Arguments are those of :meth:`forward`, which never holds these weights.
        """
        q, k, _ = self._project(x, context)
        return attention_weights(q, k, context.mask, context.is_causal, bias=context.bias)

    def _project(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, C) → queries (B, H, T, D), keys and values (B, G, S, D), the cached ones among them."""
        heads = (linear(x).unflatten(-1, (-1, self.d_head)) for linear in (self.q, self.k, self.v))
        q, k, v = heads  # (B, T, H, D), (B, T, G, D) twice
        if self.qk_norm is not None:
            q, k = self.qk_norm(q), self.qk_norm(k)
        if context.turn is not None:
            q, k = apply_rotary(q, *context.turn), apply_rotary(k, *context.turn)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # (B, H, T, D), (B, G, T, D) twice
        if context.cache is not None:
            k, v = context.cache.append(context.layer, k, v)  # (B, G, S, D)
        return q, k, v
