"""The update of Adam and AdamW in one pass over memory."""

import torch
from torch import Tensor

from aigc_book.kernels import processor


def fused_adam_pays() -> bool:
    """Whether :func:`fused_adam` updates a CPU's parameters on this processor, best in one call for all of them."""
    return processor.NAME != processor.PLAIN


def fused_adam(
    theta: list[Tensor],
    g: list[Tensor],
    m: list[Tensor],
    v: list[Tensor],
    t: list[int],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> bool:
    """Update θ, m and v in place by torch's fused kernel, which goes over each number once, not ten times.

    All updates of a GPT of 0.8 million parameters take a third of the time: 0.4 in place of 1.2 ms on AMD's EPYC
    (Zen 5), 1.0 in place of 3.0 ms on the Xeon.

    Args:
        theta: parameters θ.
        g: their gradients, which stay as they are.
        m: running means of the gradients.
        v: running means of the squared gradients.
        t: the number of updates of each parameter, counting this one.
        lr: γ.
        betas: (β₁, β₂).
        eps: ε.
        weight_decay: λ of the decoupled decay θ ← θ - γ λ θ; 0 for Adam.

    Returns:
        whether it was done; False, and nothing was done, where the kernel doesn't pay or doesn't fit: on other devices
        and processors, in 16 bits, and for tensors that aren't contiguous.
    """
    fits = fused_adam_pays() and all(
        p.device.type == "cpu" and p.dtype in (torch.float32, torch.float64) and p.dtype == d.dtype
        for p, d in zip(theta, g, strict=True)
    )
    if not fits or not all(part.is_contiguous() for part in (*theta, *g, *m, *v)):
        return False
    steps = [torch.tensor(float(n)) for n in t]
    torch._fused_adamw_(
        theta,
        g,
        m,
        v,
        [],
        steps,
        lr=lr,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=weight_decay,
        eps=eps,
        amsgrad=False,
        maximize=False,
    )
    return True
