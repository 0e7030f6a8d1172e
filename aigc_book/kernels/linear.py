"""y = x Wᵀ + b by oneDNN in place of the BLAS library. Shape letters: C inputs, O outputs, N positions."""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from aigc_book.kernels import processor

# torch's own compiler calls oneDNN's linear kernel under this name. Where a build of torch lacks it, F.linear serves.
onednn = torch.ops.mkldnn if hasattr(torch.ops.mkldnn, "_linear_pointwise") else None

SMALLEST = 2**18  # numbers in W; for smaller matrices oneDNN's kernel takes longer to set up than it saves
FEWEST = 2**23  # N · C · O, the products of two numbers, from which on a convolution is quicker


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x Wᵀ + b, (..., C) → (..., O), by whichever kernel is the fastest here.

    On AMD's processors MKL, which torch calls in float32, is slow and oneDNN isn't: for training with N · C · O of at
    least 2²³ (:func:`as_convolution`; oneDNN's own kernel where W is frozen), and without gradients for a matrix of at
    least 2¹⁸ numbers (:func:`by_onednn`), it takes half of the time (EPYC, Zen 5). On Intel's MKL is the faster one (a
    Xeon's step of a small GPT took 29 ms with it and 34 with convolutions; it reads weights at 30 GB/s, all that memory
    gives). In bfloat16 torch uses oneDNN by itself.
    """
    if processor.NAME == processor.AMD:
        training = torch.is_grad_enabled()
        large = x.numel() * weight.size(0) >= FEWEST if training else weight.numel() >= SMALLEST
        if large and _fits(x, weight):
            if training and onednn is not None and not weight.requires_grad:
                return _FrozenLinear.apply(x, weight, bias)
            if training:
                return as_convolution(x, weight, bias)
            if onednn is not None:
                return by_onednn(x, weight, bias)
    return F.linear(x, weight, bias)


def _fits(x: Tensor, weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == x.dtype == torch.float32
        and x.size(-1) == weight.size(1)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()  # torch.func looks inside of what it differentiates
    )


def by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x Wᵀ + b by oneDNN's kernel, without gradients; the weight may be packed."""
    return onednn._linear_pointwise(x, weight, bias, "none", [], "")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b, (N, C) → (N, O), where gradients are somebody else's care; the weight may be a transposed view."""
    large = x.numel() * weight.size(0) >= FEWEST
    if processor.NAME == processor.AMD and large and onednn is not None and _fits(x, weight):
        return by_onednn(x, weight, bias)
    return F.linear(x, weight, bias)


class _FrozenLinear(torch.autograd.Function):
    """x Wᵀ + b with a W that is not trained, so that x needn't be kept; forwards and backwards by :func:`product`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return product(x.reshape(-1, x.size(-1)), weight, bias).view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        (weight,) = ctx.saved_tensors
        # A product of the same kind, so that the gradient can be differentiated again.
        for_x = _FrozenLinear.apply(gradient, weight.t(), None) if ctx.needs_input_grad[0] else None
        return for_x, None, gradient.flatten(0, -2).sum(dim=0) if ctx.needs_input_grad[2] else None


def as_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x Wᵀ + b as a convolution of width 1 over the positions, with gradients, which torch has oneDNN compute.

    Vaswani et al. (2017), section 3.3, describe the feed-forward block in this way.
    """
    positions = x.reshape(1, 1, -1, x.size(-1)).permute(0, 3, 1, 2)  # (1, C, 1, N), where channels lie side by side
    y = F.conv2d(positions, weight[:, :, None, None], bias)  # (1, O, 1, N)
    return y.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)
