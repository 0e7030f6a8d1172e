r"""Optimizers from their formulas: SGD, AdaGrad, RMSProp, Adam, AdamW and Muon.

Symbols, the same everywhere: θ a parameter, g its gradient, t the number of its updates counting this one, γ the
learning rate ``lr``, λ ``weight_decay``. All are ``torch.optim.Optimizer``: parameter groups, ``state_dict``,
learning-rate schedulers and gradient scalers work as they do with torch's own. A parameter whose gradient is None is
left alone.

The formulas are written on lists of tensors (``torch._foreach_…``). On a GPU a list holds all parameters of a group, so
that one kernel serves them all; on a CPU it holds one, so that the tensor stays in the cache for all of its formula.
Where a kernel goes over each number only once (:mod:`aigc_book.kernels.adam`), it gets all of a CPU's as well.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_book.kernels.adam import fused_adam, fused_adam_pays
from aigc_book.training.muon import Muon, muon_groups, orthogonalise
from aigc_book.training.updates import Params, State, buffers, check_ranges, loss_of, parts_with_gradients

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Muon",
    "RMSProp",
    "decay_groups",
    "muon_groups",
    "orthogonalise",
]


def _count_updates(states: list[State]) -> list[int]:
    """t of each parameter, after counting this update."""
    for state in states:
        state["step"] = state.get("step", 0) + 1
    return [state["step"] for state in states]


def _with_decay(params: list[Tensor], grads: list[Tensor], weight_decay: float) -> list[Tensor]:
    """g + λθ, the gradient of the loss plus λ/2 · |θ|²; new tensors, the gradients stay as they are."""
    return grads if weight_decay == 0 else list(torch._foreach_add(grads, params, alpha=weight_decay))


class SGD(Optimizer):
    r"""Stochastic gradient descent: θ ← θ - γ g, with momentum μ: b ← μ b + g, θ ← θ - γ b.

    Nesterov's momentum looks one step ahead: θ ← θ - γ (g + μ b). Weight decay adds λθ to g.

    Args:
        params: tensors, or groups of them.
        lr: γ ≥ 0.
        momentum: μ in [0, 1).
        nesterov: look ahead; needs a momentum.
        weight_decay: λ ≥ 0.

    Raises:
        ValueError: a value out of range, or ``nesterov`` without momentum.

    Source: Robbins and Monro (1951); Polyak (1964); Sutskever et al. (2013), equations 3 and 4, with the learning rate
    outside of the buffer as in torch, so that the buffer need not be rescaled when the rate changes.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ):
        check_ranges(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and momentum == 0:
            raise ValueError("nesterov needs a momentum above 0; got momentum=0")
        super().__init__(params, dict(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        for group, theta, g, states in parts_with_gradients(self):
            g = _with_decay(theta, g, group["weight_decay"])
            mu = group["momentum"]
            if mu > 0:
                b = buffers("momentum", theta, states)
                torch._foreach_mul_(b, mu)
                torch._foreach_add_(b, g)
                g = torch._foreach_add(g, b, alpha=mu) if group["nesterov"] else b
            torch._foreach_add_(theta, g, alpha=-group["lr"])
        return loss


class AdaGrad(Optimizer):
    r"""A rate for each parameter that falls as its squared gradients add up: s ← s + g², θ ← θ - γ g / (√s + ε).

    Args:
        params: tensors, or groups of them.
        lr: γ ≥ 0.
        eps: ε ≥ 0.
        weight_decay: λ ≥ 0, adds λθ to g.

    Raises:
        ValueError: a value out of range.

    Source: Duchi, Hazan and Singer (2011), figure 1 with the diagonal of G; ε outside of the root as in torch.
    """

    def __init__(self, params: Params, lr: float = 1e-2, *, eps: float = 1e-10, weight_decay: float = 0.0):
        check_ranges(lr=lr, eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        for group, theta, g, states in parts_with_gradients(self):
            g = _with_decay(theta, g, group["weight_decay"])
            s = buffers("sum", theta, states)
            torch._foreach_addcmul_(s, g, g)
            denominator = torch._foreach_sqrt(s)
            torch._foreach_add_(denominator, group["eps"])
            torch._foreach_addcdiv_(theta, g, denominator, -group["lr"])
        return loss


class RMSProp(Optimizer):
    r"""AdaGrad that forgets: v ← α v + (1-α) g², θ ← θ - γ g / (√v + ε).

    ``centered`` subtracts the squared mean of the gradient from v, which makes it a variance: m ← α m + (1-α) g,
    √(v - m²) in place of √v. With momentum μ: b ← μ b + g / (√v + ε), θ ← θ - γ b.

    Args:
        params: tensors, or groups of them.
        lr: γ ≥ 0.
        alpha: α in [0, 1).
        eps: ε ≥ 0.
        momentum: μ in [0, 1).
        centered: whether to divide by the standard deviation.
        weight_decay: λ ≥ 0, adds λθ to g.

    Raises:
        ValueError: a value out of range.

    Source: Tieleman and Hinton, *Lecture 6.5* (2012); centered: Graves (2013), equations 38 to 41; ε outside of the
    root as in torch.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
    ):
        check_ranges(lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay)
        settings = dict(lr=lr, alpha=alpha, eps=eps, momentum=momentum, centered=centered, weight_decay=weight_decay)
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        for group, theta, g, states in parts_with_gradients(self):
            g = _with_decay(theta, g, group["weight_decay"])
            alpha, mu = group["alpha"], group["momentum"]
            v = buffers("square", theta, states)
            torch._foreach_mul_(v, alpha)
            torch._foreach_addcmul_(v, g, g, 1 - alpha)
            if group["centered"]:
                m = buffers("mean", theta, states)
                torch._foreach_lerp_(m, g, 1 - alpha)
                v = torch._foreach_addcmul(v, m, m, -1)
            denominator = torch._foreach_sqrt(v)
            torch._foreach_add_(denominator, group["eps"])
            if mu > 0:
                b = buffers("momentum", theta, states)
                torch._foreach_mul_(b, mu)
                torch._foreach_addcdiv_(b, g, denominator)
                torch._foreach_add_(theta, b, alpha=-group["lr"])
            else:
                torch._foreach_addcdiv_(theta, g, denominator, -group["lr"])
        return loss


def _adam_step(theta: list[Tensor], g: list[Tensor], states: list[State], group: State, decay: float = 0.0) -> None:
    r"""m ← β₁ m + (1-β₁) g, v ← β₂ v + (1-β₂) g², θ ← θ - γ m̂ / (√v̂ + ε), with m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ).

    Before it, the decoupled decay: θ ← θ - γ λ θ.
    """
    beta1, beta2 = group["betas"]
    t = _count_updates(states)
    m, v = buffers("mean", theta, states), buffers("square", theta, states)
    settings = {name: group[name] for name in ("lr", "betas", "eps")}
    if fused_adam(theta, g, m, v, t, weight_decay=decay, **settings):  # the same in one go
        return
    if decay > 0:
        torch._foreach_mul_(theta, 1 - group["lr"] * decay)
    torch._foreach_lerp_(m, g, 1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, g, g, 1 - beta2)
    denominator = torch._foreach_sqrt(v)
    torch._foreach_div_(denominator, [math.sqrt(1 - beta2**n) for n in t])
    torch._foreach_add_(denominator, group["eps"])
    torch._foreach_addcdiv_(theta, m, denominator, [-group["lr"] / (1 - beta1**n) for n in t])


class Adam(Optimizer):
    r"""Momentum and RMSProp together, both corrected for having started at zero.

    m ← β₁ m + (1-β₁) g, v ← β₂ v + (1-β₂) g², θ ← θ - γ m̂ / (√v̂ + ε), with m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ).

    Args:
        params: tensors, or groups of them.
        lr: γ ≥ 0.
        betas: (β₁, β₂), each in [0, 1).
        eps: ε ≥ 0.
        weight_decay: λ ≥ 0, adds λθ to g; see :class:`AdamW` for why that is seldom what one wants.

    Raises:
        ValueError: a value out of range.

    Source: Kingma and Ba, *Adam* (2015), algorithm 1.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        check_ranges(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        for group, theta, g, states in parts_with_gradients(self, together=fused_adam_pays()):
            _adam_step(theta, _with_decay(theta, g, group["weight_decay"]), states, group)
        return loss


class AdamW(Optimizer):
    r"""Adam with the decay taken out of the gradient: first θ ← θ - γ λ θ, then Adam's update.

    In :class:`Adam` the decay λθ is divided by √v̂ like the rest of the gradient, so weights with large gradients decay
    less; here all decay at one rate.

    Args:
        params: tensors, or groups of them; :func:`decay_groups` makes the usual two.
        lr: γ ≥ 0.
        betas: (β₁, β₂), each in [0, 1).
        eps: ε ≥ 0.
        weight_decay: λ ≥ 0.

    Raises:
        ValueError: a value out of range.

    Source: Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019), algorithm 2, with γ λ for the
    paper's η λ, as in torch: the decay follows the learning rate.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        check_ranges(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        for group, theta, g, states in parts_with_gradients(self, together=fused_adam_pays()):
            _adam_step(theta, g, states, group, decay=group["weight_decay"])
        return loss


def decay_groups(model: nn.Module, weight_decay: float = 0.1) -> list[State]:
    """Two groups: matrices and other tensors of two axes or more decay; gains and biases, with one axis, don't.

    Args:
        model: its parameters that require a gradient are grouped.
        weight_decay: λ of the first group.

    Returns:
        groups for an optimizer; a group without parameters is left out.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
