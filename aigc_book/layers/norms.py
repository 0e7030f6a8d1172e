"""Normalisation over the width of each position."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        if x.requires_grad and x.device.type == "cpu" and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            y = _RMSNormWithGradient.apply(x, self.eps)
            return y if self.weight is None else y * self.weight
        return F.rms_norm(x, (self.d_model,), self.weight, self.eps)


class _RMSNormWithGradient(torch.autograd.Function):
    """y = x r with r = 1 / √(mean(x²) + eps), and dx = (dy - y · mean(dy · y)) r.

    On a CPU torch has no kernel for the gradient of ``F.rms_norm`` and differentiates each of its parts, which takes
    twice as long.
    """

    @staticmethod
    def forward(ctx, x: Tensor, eps: float) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        r = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.size(-1)).add_(eps).rsqrt_()
        y = (wide * r).to(x.dtype)
        ctx.save_for_backward(y, r)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy: Tensor) -> tuple[Tensor, None]:
        y, r = ctx.saved_tensors
        dy, wide = dy.to(r.dtype), y.to(r.dtype)
        product = torch.linalg.vecdot(dy, wide).unsqueeze(-1)
        return torch.addcmul(dy, wide, product, value=-1 / y.size(-1)).mul_(r).to(y.dtype), None
