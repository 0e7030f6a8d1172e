"""Telling attention where a token stands: sinusoidal, learned, rotary and ALiBi codes.

Shape letters: T positions, S keys, H heads, D head width, C ``d_model``.
"""

import math

import torch
from torch import Tensor, nn


def _check_even(name: str, width: int, divisor: int = 2) -> None:
    if width < divisor or width % divisor:
        raise ValueError(f"{name} must be a positive multiple of {divisor}; got {name}={width}")


def sinusoidal(n_positions: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """The Transformer's fixed code: PE(p, 2i) = sin(p / base^(2i/C)), PE(p, 2i+1) = cos(p / base^(2i/C)).

    Each pair of columns turns at its own speed, so PE(p + n) is PE(p) rotated by an angle that depends on n only.

    Args:
        n_positions: T.
        d_model: C, even.
        base: sets the slowest wavelength, 2π · base.

    Returns:
        (T, C), float32.

    Raises:
        ValueError: C is odd.

    Source: Vaswani et al. (2017), section 3.5.
    """
    _check_even("d_model", d_model)
    # In float64: at position 10⁵ a float32 angle is off by up to 0.004.
    positions = torch.arange(n_positions, dtype=torch.float64)
    speeds = base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)  # (C/2,)
    angles = positions[:, None] * speeds  # (T, C/2)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).float()  # (T, C/2, 2) → (T, C)


def sinusoidal_2d(height: int, width: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """A fixed code for a grid of patches: half of the width codes the row, the other half the column.

    Args:
        height: rows of the grid.
        width: columns of the grid.
        d_model: C, a multiple of 4.
        base: as in :func:`sinusoidal`.

    Returns:
        (height, width, C), float32: [..., :C/2] is the row's code and [..., C/2:] the column's.

    Raises:
        ValueError: C is not a multiple of 4.
    """
    _check_even("d_model", d_model, 4)
    rows = sinusoidal(height, d_model // 2, base=base)[:, None].expand(height, width, -1)
    columns = sinusoidal(width, d_model // 2, base=base)[None].expand(height, width, -1)
    return torch.cat((rows, columns), dim=-1)


class LearnedPositions(nn.Module):
    """One trained vector for each position up to ``max_seq_len``, as in GPT-2 and BERT."""

    def __init__(self, max_seq_len: int, d_model: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_seq_len, d_model))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, positions: Tensor) -> Tensor:
        """(T,) or (B, T) whole positions below ``max_seq_len`` → (T, C) or (B, T, C)."""
        return self.weight[positions]


def rotary_angles(positions: Tensor, d_head: int, *, base: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles by which rotary embeddings turn a query or a key.

    Pair i of a head's D/2 pairs turns by the angle p · base^(-2i/D) at position p.

    Args:
        positions: (T,) or (B, T) whole positions.
        d_head: D, even.
        base: as in :func:`sinusoidal`; Llama 3 uses 500,000.

    Returns:
        cos and sin, each (T, 1, D/2) or (B, T, 1, D/2), float32; the axis of length 1 stands for the heads.

    Raises:
        ValueError: D is odd.

    Source: Su et al., *RoFormer* (2021), equations 14 and 15.
    """
    _check_even("d_head", d_head)
    speeds = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64, device=positions.device) / d_head)
    angles = positions[..., None, None].double() * speeds
    return angles.cos().float(), angles.sin().float()


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x_i, x_{i+D/2}) of every head by its position's angle.

    The product of a query turned at position m and a key turned at n depends on m - n only. Pairs are (i, i + D/2),
    as in GPT-NeoX and Llama, rather than (2i, 2i + 1) as in the paper: the same up to an order of the columns.

    Args:
        x: queries or keys (B, T, H, D).
        cos: cosines of :func:`rotary_angles`.
        sin: sines of :func:`rotary_angles`.

    Returns:
        (B, T, H, D), in the dtype of x.
    """
    # (first, second) → (first · cos - second · sin, second · cos + first · sin): with the halves swapped, two products.
    swapped = x.roll(x.size(-1) // 2, dims=-1)
    cos, sin = torch.cat((cos, cos), dim=-1).to(x.dtype), torch.cat((-sin, sin), dim=-1).to(x.dtype)
    return torch.addcmul(x * cos, swapped, sin)


def alibi_slopes(n_heads: int) -> Tensor:
    """The slope of each head: 2^(-8/H), 2^(-16/H), …, 2^(-8) for H a power of two.

    For other H, the slopes of the power of two below, then every other slope of the power of two above,
    as in the authors' code.

    Returns:
        (H,), float32.

    Source: Press, Smith and Lewis, *Train Short, Test Long* (2022), section 3.
    """
    if n_heads < 1:
        raise ValueError(f"n_heads must be positive; got {n_heads}")
    below = 2 ** int(math.log2(n_heads))
    slopes = [2 ** (-8 * (h + 1) / below) for h in range(below)]
    slopes += [2 ** (-4 * (2 * h + 1) / below) for h in range(n_heads - below)]
    return torch.tensor(slopes)


def alibi_bias(n_heads: int, n_queries: int, n_keys: int) -> Tensor:
    """ALiBi's bias on the scores: ``-slope_h · |distance|``; the queries are the last T of the S positions.

    Returns:
        (H, T, S), float32.

    Source: Press, Smith and Lewis (2022), section 3.
    """
    queries = torch.arange(n_keys - n_queries, n_keys)[:, None]
    distance = (queries - torch.arange(n_keys)).abs()  # (T, S)
    return -alibi_slopes(n_heads)[:, None, None] * distance
