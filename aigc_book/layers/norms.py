"""Normalisation over the width of each position."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.kernels.norms import rms_norm


def check_eps(eps: float) -> None:
    """Raise ``ValueError`` unless ``norm_eps`` is a finite number of at least 0; a root of less would be no number."""
    if not 0 <= eps < math.inf:
        raise ValueError(f"norm_eps must be a finite number of at least 0; got {eps!r}")


class LayerNorm(nn.Module):
    """y = (x - mean) / √(variance + eps) · gain + bias, over the last axis; the variance is the biased one.

    Args:
        d_model: C, the width that is normalised.
        eps: added to the variance.
        bias: whether a bias is learned (GPT-2 does, nanoGPT by default doesn't).
        gain: whether a gain is learned.

    Source: Ba, Kiros and Hinton, *Layer Normalization* (2016), equation 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-5, *, bias: bool = True, gain: bool = True):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model)) if gain else None
        self.bias = nn.Parameter(torch.zeros(d_model)) if bias else None
        self.d_model = d_model

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., C)."""
        return F.layer_norm(x, (self.d_model,), self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """y = x / √(mean(x²) + eps) · gain, over the last axis: layer norm without mean and bias.

    Args:
        d_model: C, the width that is normalised.
        eps: added to the mean square.
        gain: whether a gain is learned.

    Source: Zhang and Sennrich, *Root Mean Square Layer Normalization* (2019), equation 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-6, *, gain: bool = True):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model)) if gain else None
        self.d_model = d_model

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., C)."""
        return rms_norm(x, self.weight, self.eps)
