"""Looking at what a model is called with, so that every model says the same about the same mistake.

Shape letters: B batch, T tokens, S all tokens seen so far.
"""

from typing import Any

import torch
from torch import Tensor


def check_ids(ids: Tensor, n_ids: int, name: str = "ids", size: str = "vocab_size") -> None:
    """Refuse what an embedding can't look up.

    On a GPU the range isn't looked at, since that would mean waiting for the device.

    Args:
        ids: should be (B, T), int64 or int32, each from 0 to ``n_ids`` - 1.
        n_ids: how many there are.
        name: what the caller calls them.
        size: what the caller calls ``n_ids``.

    Raises:
        ValueError: another shape or dtype, an id out of range.
    """
    if not isinstance(ids, Tensor) or ids.dim() != 2 or ids.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"{name} must be whole numbers (int64 or int32) of shape (B, T); got {_kind(ids)}")
    if ids.device.type == "cpu" and ids.numel() and not torch.compiler.is_compiling():
        low, high = (int(end) for end in torch.aminmax(ids))
        if low < 0 or high >= n_ids:
            raise ValueError(f"{name} must be from 0 to {size} - 1 = {n_ids - 1}; got {low} to {high}")


def check_mask(mask: Tensor | None, shape: tuple[int, ...], name: str = "mask") -> None:
    """Refuse a mask that is not None and not boolean of this shape.

    Args:
        mask: of tokens, True = may attend, which is to say that the token is real.
        shape: (B, S).
        name: what the caller calls it.

    Raises:
        ValueError: another shape or dtype.
    """
    if mask is not None and (not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != shape):
        raise ValueError(f"{name} must be boolean of shape {tuple(shape)}, True = may attend; got {_kind(mask)}")


def _kind(value: Any) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
