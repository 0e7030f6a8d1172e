"""Linear attention: features in place of the softmax, so that keys and values add up to a state of fixed size.

Shape letters: T queries, S keys, D head width, F features, N positions of a chunk.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.layers.attention import check_attention


def positive_features(x: Tensor) -> Tensor:
    """elu(x) + 1, which is positive: the feature map of Katharopoulos et al. (2020), equation 7."""
    return F.elu(x) + 1


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, is_causal: bool = False, *, chunk_size: int = 64
) -> Tensor:
    r"""Attention with the weights :math:`\phi(q_i)^\top \phi(k_j)` in place of :math:`e^{q_i^\top k_j / \sqrt{D}}`.

    .. math:: y_i = \frac{\phi(q_i)^\top \sum_j \phi(k_j) v_j^\top}{\phi(q_i)^\top \sum_j \phi(k_j)}

    The sums don't depend on i (causal: they are running sums), so that the cost is T · D² in place of T² · D. What the
    weights can express is less: no row of them can be sharper than the features allow.

    Args:
        q: queries (..., T, D).
        k: keys (..., S, D), as many heads as q.
        v: values (..., S, Dv).
        mask: boolean (..., 1, S), True = may attend: padding, the same for all queries.
        is_causal: no query sees a later key; T = S.
        chunk_size: causal: within so many positions the weights are written out, and states are kept between.

    Returns:
        (..., T, Dv); zero where nothing may be attended to.

    Raises:
        ValueError: shapes that don't fit, a mask that differs between queries, causal with T other than S, a chunk
            size below 1.

    Source: Katharopoulos et al., *Transformers are RNNs* (2020), equations 5 and 12; in chunks: Hua et al.,
    *Transformer Quality in Linear Time* (2022), section 3.2.
    """
    check_attention(q, k, mask, v)
    if q.shape[:-2] != k.shape[:-2]:
        raise ValueError(f"q and k must have the same batch and heads; got {tuple(q.shape)} and {tuple(k.shape)}")
    if mask is not None and mask.dim() > 1 and mask.size(-2) != 1:
        raise ValueError(f"mask must be the same for all queries, (..., 1, S); got {tuple(mask.shape)}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1; got {chunk_size}")
    T, S = q.size(-2), k.size(-2)
    if is_causal and T != S:
        raise ValueError(f"causal linear attention needs as many queries as keys; got T={T}, S={S}")
    q, k = positive_features(q), positive_features(k)
    if mask is not None:
        k = k.masked_fill(~torch.atleast_2d(mask).transpose(-2, -1), 0.0)
    v = torch.cat((v, torch.ones_like(v[..., :1])), dim=-1)  # the last column adds up the weights
    y = _causal(q, k, v, chunk_size) if is_causal else q @ (k.transpose(-2, -1) @ v)
    total = y[..., -1:]
    return y[..., :-1] / total.masked_fill(total == 0, 1.0)


def linear_attention_step(state: Tensor | None, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """One position more: the recurrent form, whose state has the same size however long the text is.

    Args:
        state: (..., D, Dv + 1) of the positions before; None at the first.
        q: the position's query (..., D).
        k: its key (..., D).
        v: its value (..., Dv).

    Returns:
        the position's output (..., Dv), and the state that includes it.
    """
    v = torch.cat((v, torch.ones_like(v[..., :1])), dim=-1)
    added = positive_features(k)[..., :, None] * v[..., None, :]  # (..., D, Dv + 1)
    state = added if state is None else state + added
    y = (positive_features(q)[..., None, :] @ state)[..., 0, :]
    return y[..., :-1] / y[..., -1:], state


def _causal(q: Tensor, k: Tensor, v: Tensor, size: int) -> Tensor:
    """Σ_{j ≤ i} (q_i · k_j) v_j, chunk by chunk: within a chunk written out, before it from a state."""
    outputs, state = [], None
    # Split at once: a slice of its own sends back a gradient as long as the whole text, n / size times.
    parts = (x.split(size, dim=-2) for x in (q, k, v))
    for q_part, k_part, v_part in zip(*parts, strict=True):
        y = (q_part @ k_part.transpose(-2, -1)).tril() @ v_part
        outputs.append(y if state is None else y + q_part @ state)
        added = k_part.transpose(-2, -1) @ v_part
        state = added if state is None else state + added  # (..., D, Dv + 1)
    return torch.cat(outputs, dim=-2)
