"""Attention within a window: a position sees its neighbours only, and cost grows with the length, not its square.

Shape letters: B batch, H heads, T positions, D head width, W window, N blocks.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.layers.attention import check_attention, scaled_dot_product_attention


def sliding_window_mask(
    n_queries: int, n_keys: int, window: int, is_causal: bool = True, device: torch.device | str | None = None
) -> Tensor:
    """Boolean (T, S) mask: query i sees key j if \\|i - j\\| < W and, when causal, j ≤ i; queries are the last T.

    For a model whose attention takes a mask; :func:`sliding_window_attention` saves the work, too.

    Raises:
        ValueError: a window below 1.
    """
    _check_window(window)
    queries = torch.arange(n_keys - n_queries, n_keys, device=device)[:, None]
    distance = queries - torch.arange(n_keys, device=device)  # (T, S)
    return (distance < window) & (distance >= 0 if is_causal else distance > -window)


def sliding_window_attention(q: Tensor, k: Tensor, v: Tensor, window: int, is_causal: bool = True) -> Tensor:
    """Attention of a sequence with itself in which position i sees only the positions j with \\|i - j\\| < W.

    The sequence is cut into blocks of W positions. A block of queries needs the keys of its own block and of the one
    before it (and, unless causal, of the one behind), and no others: time and memory are T · 2 W, or T · 3 W.

    Args:
        q: queries (..., T, D).
        k: keys (..., T, D), as many heads as q.
        v: values (..., T, Dv).
        window: W, how many positions it sees, its own included, towards each side.
        is_causal: it sees none that is later.

    Returns:
        (..., T, Dv), the same as with :func:`sliding_window_mask`.

    Raises:
        ValueError: q, k and v of different lengths or heads, a window below 1.

    Source: Beltagy, Peters and Cohan, *Longformer* (2020), section 3.1; causal: Jiang et al., *Mistral 7B* (2023).
    """
    check_attention(q, k, None, v)
    _check_window(window)
    if q.shape != k.shape:
        raise ValueError(f"q and k must have the same shape; got {tuple(q.shape)} and {tuple(k.shape)}")
    T = q.size(-2)
    if window >= T:
        return scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    behind = 0 if is_causal else 1  # blocks of keys behind a query's own
    W, N = window, -(-T // window)
    reach = W * (2 + behind)

    def cut(x: Tensor, before: int, after: int, length: int) -> Tensor:
        """(..., T, D) → (..., N, length, D), blocks that begin W apart."""
        x = F.pad(x.flatten(0, -3) if x.dim() > 2 else x[None], (0, 0, before, N * W - T + after))
        return x.unfold(1, length, W).transpose(-2, -1)

    queries, keys, values = cut(q, 0, 0, W), cut(k, W, behind * W, reach), cut(v, W, behind * W, reach)
    # What a query of a block sees of the keys around is the same for each block, but for those beyond the ends.
    at = torch.arange(W, device=q.device)[:, None] + W - torch.arange(reach, device=q.device)  # (W, reach): i - j
    near = (at < W) & (at >= 0 if is_causal else at > -W)
    position = torch.arange(N, device=q.device)[:, None] * W - W + torch.arange(reach, device=q.device)  # (N, reach)
    exists = (position >= 0) & (position < T)
    y = scaled_dot_product_attention(queries, keys, values, near & exists[:, None])  # (B H, N, W, Dv)
    return y.flatten(1, 2)[:, :T].reshape(*q.shape[:-1], v.size(-1))


def _check_window(window: int) -> None:
    if window < 1:
        raise ValueError(f"window must be at least 1, the position itself; got {window}")
