"""y = x Wᵀ + b + s (x Aᵀ) Bᵀ with a frozen W, in one step forwards and one backwards.

Shape letters: C inputs, O outputs, r rank, N positions.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from aigc_book.kernels import processor
from aigc_book.kernels.linear import by_onednn, onednn, product


def low_rank_linear_fits(x: Tensor, base: nn.Module, a: Tensor) -> bool:
    """Whether :func:`low_rank_linear` may be asked: one dtype, a frozen plain layer, and nobody looks inside."""
    return (
        isinstance(base, nn.Linear)
        and x.dtype == base.weight.dtype == a.dtype
        and x.size(-1) == base.in_features
        and not base.weight.requires_grad
        and (base.bias is None or not base.bias.requires_grad)
        and not torch.is_autocast_enabled(x.device.type)
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and not (base._forward_hooks or base._forward_pre_hooks)
    )


def low_rank_linear(x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
    """x Wᵀ + b + s (x Aᵀ) Bᵀ, (..., C) → (..., O), with gradients for x, A and B alone.

    Written out in torch's operations it is five, each with a result to write and to read again and a step backwards of
    its own; here the correction is added where the product lies, and its gradients are four products.
    """
    return _LowRankLinear.apply(x, weight, bias, a, b, scale)


class _LowRankLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        rows = x.reshape(-1, x.size(-1))  # (N, C)
        h = narrow(rows, a)  # (N, r)
        y = product(rows, weight, bias).addmm_(h, b.t(), alpha=scale)  # (N, O)
        ctx.save_for_backward(rows, weight, a, b, h)
        ctx.scale = scale
        return y.view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple:
        rows, weight, a, b, h = ctx.saved_tensors
        g = gradient.reshape(-1, gradient.size(-1))  # (N, O)
        gh = narrow(g, b.t().contiguous()).mul_(ctx.scale)  # (N, r)
        for_x = for_a = for_b = None
        if ctx.needs_input_grad[0]:
            for_x = product(g, weight.t()).addmm_(gh, a).view(*gradient.shape[:-1], a.size(1))
        if ctx.needs_input_grad[3]:
            for_a = gh.t() @ rows  # (r, C)
        if ctx.needs_input_grad[4]:
            for_b = (h.t() @ g).mul_(ctx.scale).t()  # (O, r); the product the other way round takes five times as long
        return for_x, None, None, for_a, for_b, None


def narrow(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ, (N, C) → (N, r), for the few rows of an A or a Bᵀ, on which oneDNN is quick from the first row on."""
    fits = onednn is not None and x.device.type == "cpu" and x.dtype == torch.float32 and len(x) > 0
    if fits and processor.NAME == processor.AMD:
        return by_onednn(x, weight, None)
    return F.linear(x, weight)
