"""Telling attention where a token stands: sinusoidal, learned, rotary and ALiBi codes.

A code is one module. It is called with embeddings (B, T, C) and the :class:`aigc_book.layers.context.Context` of a
call, and does one of three things: it adds to the embeddings, or it leaves in the context by how much queries and keys
are turned (``turn``) or what is added to their scores (``bias``). All codes are made with the same sizes, whichever
they need, and are found by name in ``POSITIONS``, at the end of this file; a code that is added there is one more
choice of every Transformer. One that has weights draws their initial values in ``reset_parameters``.

Shape letters: B batch, T new positions, S all positions so far, H heads, D head width, C ``d_model``.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from aigc_book.layers.context import Context


def _check_even(name: str, width: int, divisor: int = 2) -> None:
    if width < divisor or width % divisor:
        raise ValueError(f"{name} must be a positive multiple of {divisor}; got {name}={width}")


def _angles(positions: Tensor, width: int, base: float) -> Tensor:
    """p · base^(-2i/width) for each position p and each of the width / 2 pairs i, (..., width / 2).

    In float64, since at position 10⁵ a float32 angle is off by up to 0.004; on the CPU, since not every device has it.
    """
    speeds = base ** (-torch.arange(0, width, 2, dtype=torch.float64, device="cpu") / width)
    return positions.cpu().double()[..., None] * speeds


def sinusoidal(n_positions: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """The Transformer's fixed code: PE(p, 2i) = sin(p / base^(2i/C)), PE(p, 2i+1) = cos(p / base^(2i/C)).

    Each pair of columns turns at its own speed, so PE(p + n) is PE(p) rotated by an angle that depends on n only.

    Args:
        n_positions: T.
        d_model: C, even.
        base: sets the slowest wavelength, 2π · base.

    Returns:
        (T, C), float32, on the CPU.

    Raises:
        ValueError: C is odd.

    Source: Vaswani et al. (2017), section 3.5.
    """
    _check_even("d_model", d_model)
    angles = _angles(torch.arange(n_positions, device="cpu"), d_model, base)  # (T, C/2)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).float()  # (T, C/2, 2) → (T, C)


def sinusoidal_2d(height: int, width: int, d_model: int, *, base: float = 10_000.0) -> Tensor:
    """A fixed code for a grid of patches: half of the width codes the row, the other half the column.

    Args:
        height: rows of the grid.
        width: columns of the grid.
        d_model: C, a multiple of 4.
        base: as in :func:`sinusoidal`.

    Returns:
        (height, width, C), float32, on the CPU: [..., :C/2] is the row's code and [..., C/2:] the column's.

    Raises:
        ValueError: C is not a multiple of 4.
    """
    _check_even("d_model", d_model, 4)
    rows = sinusoidal(height, d_model // 2, base=base)[:, None].expand(height, width, -1)
    columns = sinusoidal(width, d_model // 2, base=base)[None].expand(height, width, -1)
    return torch.cat((rows, columns), dim=-1)


def rotary_angles(positions: Tensor, d_head: int, *, base: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles by which rotary embeddings turn a query or a key.

    Pair i of a head's D/2 pairs turns by the angle p · base^(-2i/D) at position p.

    Args:
        positions: (T,) or (B, T) whole positions.
        d_head: D, even.
        base: as in :func:`sinusoidal`; Llama 3 uses 500,000.

    Returns:
        (cos, cos) and (-sin, sin), as :func:`apply_rotary` takes them: each (T, 1, D) or (B, T, 1, D), float32, on the
        device of the positions; the axis of length 1 stands for the heads.

    Raises:
        ValueError: D is odd.

    Source: Su et al., *RoFormer* (2021), equations 14 and 15.
    """
    _check_even("d_head", d_head)
    angles = _angles(positions[..., None], d_head, base)  # (..., T, 1, D/2)
    cos, sin = angles.cos(), angles.sin()
    # Each twice, as long as a head, and the sine with the sign of its half: so apply_rotary needs two products only.
    both = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
    return both[0].float().to(positions.device), both[1].float().to(positions.device)


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x_i, x_{i+D/2}) of every head by its position's angle.

    The product of a query turned at position m and a key turned at n depends on m - n only. Pairs are (i, i + D/2),
    as in GPT-NeoX and Llama, rather than (2i, 2i + 1) as in the paper: the same up to an order of the columns.

    Args:
        x: queries or keys (B, T, H, D).
        cos: the first half of :func:`rotary_angles`, (cos, cos).
        sin: the second, (-sin, sin).

    Returns:
        (B, T, H, D), in the dtype of x.
    """
    # (first, second) → (first · cos - second · sin, second · cos + first · sin): with the halves swapped, two products.
    swapped = x.roll(x.size(-1) // 2, dims=-1)
    return torch.addcmul(x * cos.to(x.dtype), swapped, sin.to(x.dtype))


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
    return torch.tensor(slopes, device="cpu")


def alibi_bias(n_heads: int, n_queries: int, n_keys: int) -> Tensor:
    """ALiBi's bias on the scores: ``-slope_h · |distance|``; the queries are the last T of the S positions.

    Returns:
        (H, T, S), float32, on the CPU.

    Source: Press, Smith and Lewis (2022), section 3.
    """
    keys = torch.arange(n_keys, device="cpu")
    return _distance_bias(alibi_slopes(n_heads), keys[n_keys - n_queries :], keys)


def _distance_bias(slopes: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """Slopes (H,), positions (T,) and (S,), or (B, T) and (B, S) → (H, T, S) or (B, H, T, S)."""
    distance = (queries[..., :, None] - keys[..., None, :]).abs()
    return -slopes[:, None, None] * distance[..., None, :, :]


class Table:
    """Numbers that are computed once, on the CPU, and then kept on the device where they are used.

    Args:
        make: computes them.
    """

    def __init__(self, make: Callable[[], Tensor | tuple[Tensor, ...]]):
        self.make = make
        self.kept: tuple[Tensor, ...] = ()

    def on(self, device: torch.device) -> tuple[Tensor, ...]:
        """The tensors, on this device."""
        if not self.kept or self.kept[0].device != device:
            with torch.inference_mode(False):  # what a call without gradients makes, training uses too
                made = self.make()
                self.kept = tuple(part.to(device) for part in (made if isinstance(made, tuple) else (made,)))
        return self.kept


class LearnedPositions(nn.Module):
    """One trained vector for each position up to ``max_seq_len``, added to the embeddings, as in GPT-2 and BERT."""

    def __init__(self, max_seq_len: int, d_model: int, n_heads: int = 1, base: float = 10_000.0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_seq_len, d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, N(0, 0.02²), from torch's global generator."""
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Context]:
        """(B, T, C) → (B, T, C), with the positions added."""
        return x + self.weight[context.positions[..., -x.size(1) :]], context


class SinusoidalPositions(nn.Module):
    """:func:`sinusoidal`, added to the embeddings.

    Raises:
        ValueError: C is odd.
    """

    def __init__(self, max_seq_len: int, d_model: int, n_heads: int = 1, base: float = 10_000.0):
        super().__init__()
        if d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model; got {d_model}")
        self.table = Table(partial(sinusoidal, max_seq_len, d_model))

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Context]:
        """(B, T, C) → (B, T, C), with the positions added."""
        (code,) = self.table.on(x.device)
        return x + code[context.positions[..., -x.size(1) :]].to(x.dtype), context


class RotaryPositions(nn.Module):
    """Queries and keys are turned by :func:`rotary_angles`, in every layer.

    Raises:
        ValueError: the head width C / H is odd.
    """

    def __init__(self, max_seq_len: int, d_model: int, n_heads: int, base: float = 10_000.0):
        super().__init__()
        if d_model // n_heads % 2:
            raise ValueError(f"rotary positions need an even d_model / n_heads; got {d_model // n_heads}")
        every = torch.arange(max_seq_len, device="cpu")
        self.table = Table(partial(rotary_angles, every, d_model // n_heads, base=base))

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Context]:
        """x as it is, and the context with the cosines and sines of the new positions, in the dtype of x."""
        new = context.positions[..., -x.size(1) :]
        cos, sin = (part[new].to(x.dtype) for part in self.table.on(x.device))
        return x, dataclasses.replace(context, turn=(cos, sin))


class ALiBiPositions(nn.Module):
    """The scores get :func:`alibi_bias`, in every layer."""

    def __init__(self, max_seq_len: int, d_model: int, n_heads: int, base: float = 10_000.0):
        super().__init__()
        self.slopes = Table(partial(alibi_slopes, n_heads))

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Context]:
        """x as it is, and the context with the bias, in the dtype of x."""
        (slopes,) = self.slopes.on(x.device)
        bias = _distance_bias(slopes, context.positions[..., -x.size(1) :], context.positions)
        return x, dataclasses.replace(context, bias=bias.to(x.dtype))


class NoPositions(nn.Module):
    """Nothing says where a token stands, but that a causal model sees fewer tokens at the beginning."""

    def __init__(self, max_seq_len: int, d_model: int, n_heads: int, base: float = 10_000.0):
        super().__init__()

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Context]:
        """Both as they are."""
        return x, context


POSITIONS: dict[str, type[nn.Module]] = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
    "rotary": RotaryPositions,
    "alibi": ALiBiPositions,
    "none": NoPositions,
}


def new_positions(name: str, max_seq_len: int, d_model: int, n_heads: int, base: float = 10_000.0) -> nn.Module:
    """The position code of this name for a model of these sizes.

    Args:
        name: one of ``POSITIONS``.
        max_seq_len: how many positions there are.
        d_model: C.
        n_heads: H.
        base: of the angles of a rotary code.

    Raises:
        ValueError: an unknown name, or a width that the code can't have.
    """
    if name not in POSITIONS:
        raise ValueError(f"position must be one of {', '.join(POSITIONS)}; got {name!r}")
    return POSITIONS[name](max_seq_len, d_model, n_heads, base)


def check_positions(name: str, d_model: int, n_heads: int) -> None:
    """Refuse what :func:`new_positions` would refuse.

    Raises:
        ValueError: an unknown name, or a width that the code can't have.
    """
    with torch.device("meta"):  # no memory, no time and no random numbers for the values
        new_positions(name, 1, d_model, n_heads)
