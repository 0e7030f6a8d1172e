r"""Optimizers from their formulas: SGD, AdaGrad, RMSProp, Adam, AdamW and Muon.

Symbols, the same everywhere: θ a parameter, g its gradient, t the number of its updates counting this one, γ the
learning rate ``lr``, λ ``weight_decay``. All are ``torch.optim.Optimizer``: parameter groups, ``state_dict``,
learning-rate schedulers and gradient scalers work as they do with torch's own. A parameter whose gradient is None is
left alone.

The formulas are written on lists of tensors (``torch._foreach_…``). On a GPU a list holds all parameters of a group, so
that one kernel serves them all; on a CPU it holds one, so that the tensor stays in the cache for all of its formula.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

State = dict[str, Any]
Params = Iterable[Tensor] | Iterable[dict[str, Any]]


def _check(**values: float) -> None:
    """Refuse a hyper-parameter outside of its range, by name."""
    below_one = ("momentum", "beta1", "beta2", "alpha")
    for name, value in values.items():
        if not (0 <= value < 1 if name in below_one else 0 <= value < math.inf):
            wanted = "at least 0 and below 1" if name in below_one else "finite and not negative"
            raise ValueError(f"{name} must be {wanted}; got {name}={value}")


def _loss_of(closure: Callable[[], Any] | None) -> Any:
    """What ``step(closure)`` returns: torch lets a caller recompute the loss inside the step."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def _parts(optimizer: Optimizer) -> Iterator[tuple[State, list[Tensor], list[Tensor], list[State]]]:
    """Each group's parameters with a gradient, as (group, θ, g, states): all of a GPU's at once, a CPU's one by one."""
    for group in optimizer.param_groups:
        params = [p for p in group["params"] if p.grad is not None]
        for p in params:
            if p.grad.is_sparse or p.is_complex():
                kind = "a sparse gradient" if p.grad.is_sparse else "complex numbers"
                raise ValueError(f"{type(optimizer).__name__} needs dense real gradients; got {kind}")
        on_gpu = [p for p in params if p.is_cuda]
        for part in [[p] for p in params if not p.is_cuda] + ([on_gpu] if on_gpu else []):
            yield group, part, [p.grad for p in part], [optimizer.state[p] for p in part]


def _buffers(name: str, params: list[Tensor], states: list[State]) -> list[Tensor]:
    """The tensor ``name`` of each state, zeros at first."""
    for p, state in zip(params, states, strict=True):
        if name not in state:
            state[name] = torch.zeros_like(p, memory_format=torch.preserve_format)
    return [state[name] for state in states]


def _count(states: list[State]) -> list[int]:
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
        _check(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and momentum == 0:
            raise ValueError("nesterov needs a momentum above 0; got momentum=0")
        super().__init__(params, dict(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        for group, theta, g, states in _parts(self):
            g = _with_decay(theta, g, group["weight_decay"])
            mu = group["momentum"]
            if mu > 0:
                b = _buffers("momentum", theta, states)
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
        _check(lr=lr, eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        for group, theta, g, states in _parts(self):
            g = _with_decay(theta, g, group["weight_decay"])
            s = _buffers("sum", theta, states)
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
        _check(lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay)
        settings = dict(lr=lr, alpha=alpha, eps=eps, momentum=momentum, centered=centered, weight_decay=weight_decay)
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        for group, theta, g, states in _parts(self):
            g = _with_decay(theta, g, group["weight_decay"])
            alpha, mu = group["alpha"], group["momentum"]
            v = _buffers("square", theta, states)
            torch._foreach_mul_(v, alpha)
            torch._foreach_addcmul_(v, g, g, 1 - alpha)
            if group["centered"]:
                m = _buffers("mean", theta, states)
                torch._foreach_lerp_(m, g, 1 - alpha)
                v = torch._foreach_addcmul(v, m, m, -1)
            denominator = torch._foreach_sqrt(v)
            torch._foreach_add_(denominator, group["eps"])
            if mu > 0:
                b = _buffers("momentum", theta, states)
                torch._foreach_mul_(b, mu)
                torch._foreach_addcdiv_(b, g, denominator)
                torch._foreach_add_(theta, b, alpha=-group["lr"])
            else:
                torch._foreach_addcdiv_(theta, g, denominator, -group["lr"])
        return loss


def _adam_step(theta: list[Tensor], g: list[Tensor], states: list[State], group: State) -> None:
    r"""m ← β₁ m + (1-β₁) g, v ← β₂ v + (1-β₂) g², θ ← θ - γ m̂ / (√v̂ + ε), with m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ)."""
    beta1, beta2 = group["betas"]
    t = _count(states)
    m, v = _buffers("mean", theta, states), _buffers("square", theta, states)
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
        _check(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        for group, theta, g, states in _parts(self):
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
        _check(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        for group, theta, g, states in _parts(self):
            if group["weight_decay"] > 0:
                torch._foreach_mul_(theta, 1 - group["lr"] * group["weight_decay"])
            _adam_step(theta, g, states, group)
        return loss


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    r"""Push all singular values of each matrix towards 1: U S Vᵀ → U S' Vᵀ with S' between about 0.7 and 1.2.

    The Newton–Schulz iteration X ← a X + (b A + c A²) X with A = X Xᵀ applies the polynomial a σ + b σ³ + c σ⁵ to
    every singular value σ. Its coefficients are chosen for speed rather than for a limit of exactly 1.

    Args:
        matrices: (..., rows, columns) with rows ≤ columns for speed, of any scale; not changed.
        steps: how often to iterate.

    Returns:
        (..., rows, columns), in the dtype that came.

    Source: Jordan et al., *Muon* (2024).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    shape = matrices.shape
    x = matrices.reshape(-1, *shape[-2:])
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)  # now no singular value exceeds 1
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.view(shape)


class Muon(Optimizer):
    r"""Momentum whose update is orthogonalised: every direction of a matrix moves by the same amount.

    m ← μ m + (1-μ) g; u = (1-μ) g + μ m (Nesterov) or m; θ ← θ - γ λ θ; θ ← θ - γ √max(1, rows/columns) O(u), where O
    is :func:`orthogonalise`. Matrices of one shape are orthogonalised together. For the weight matrices inside of a
    network only; :func:`muon_groups` finds them and leaves embeddings, head, gains and biases to AdamW.

    Args:
        params: matrices, or groups of them. A group may have ``row_blocks``, the heights of several matrices that are
            stacked in each of its parameters (queries, keys and values, say): each is orthogonalised by itself.
        lr: γ ≥ 0, in units of the update's spectral norm: 0.02 suits many models.
        momentum: μ in [0, 1).
        nesterov: look ahead.
        weight_decay: λ ≥ 0.
        ns_steps: Newton–Schulz iterations, at least 1.
        ns_dtype: what to iterate in; None takes bfloat16 on a GPU and float32 elsewhere.

    Raises:
        ValueError: a value out of range, a parameter that isn't a matrix, or ``row_blocks`` that don't add up.

    Source: Jordan et al., *Muon: An optimizer for hidden layers in neural networks* (2024); equal to
    ``torch.optim.Muon`` with ``adjust_lr_fn="original"`` but for ``row_blocks`` and the dtype.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 0.02,
        momentum: float = 0.95,
        *,
        nesterov: bool = True,
        weight_decay: float = 0.0,
        ns_steps: int = 5,
        ns_dtype: torch.dtype | None = None,
    ):
        _check(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if ns_steps < 1:
            raise ValueError(f"ns_steps must be at least 1; got ns_steps={ns_steps}")
        settings = dict(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, ns_steps=ns_steps)
        super().__init__(params, {**settings, "ns_dtype": ns_dtype, "row_blocks": None})

    def add_param_group(self, param_group: State) -> None:
        """As torch's, after a look at the shapes."""
        super().add_param_group(param_group)
        blocks = self.param_groups[-1]["row_blocks"]
        for p in self.param_groups[-1]["params"]:
            if p.ndim != 2:
                raise ValueError(f"Muon updates matrices only; got a parameter of shape {tuple(p.shape)}")
            if blocks is not None and sum(blocks) != p.size(0):
                raise ValueError(f"row_blocks must add up to the {p.size(0)} rows; got {tuple(blocks)}")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every matrix that has a gradient; returns the closure's loss, if there is a closure."""
        loss = _loss_of(closure)
        alike: dict[tuple, list[tuple[Tensor, Tensor, float]]] = {}  # what to orthogonalise together → (θ, u, rate)
        for group, theta, g, states in _parts(self):
            mu, lr = group["momentum"], group["lr"]
            m = _buffers("momentum", theta, states)
            torch._foreach_lerp_(m, g, 1 - mu)
            u = torch._foreach_lerp(g, m, mu) if group["nesterov"] else m
            if group["weight_decay"] > 0:
                torch._foreach_mul_(theta, 1 - lr * group["weight_decay"])
            for p, update in zip(theta, u, strict=True):
                rows = group["row_blocks"] or (p.size(0),)
                dtype = group["ns_dtype"] or (torch.bfloat16 if p.is_cuda else torch.float32)
                for block, matrix in zip(p.split(rows), update.split(rows), strict=True):
                    scale = math.sqrt(max(1, block.size(0) / block.size(1)))
                    if block.size(0) > block.size(1):  # the smaller Gram matrix
                        block, matrix = block.mT, matrix.mT
                    key = (*block.shape, dtype, p.device, group["ns_steps"])
                    alike.setdefault(key, []).append((block, matrix, lr * scale))
        for (_, _, dtype, _, ns_steps), items in alike.items():
            updates = orthogonalise(torch.stack([matrix.to(dtype) for _, matrix, _ in items]), ns_steps)
            for (block, _, rate), update in zip(items, updates, strict=True):
                block.add_(update.to(block.dtype), alpha=-rate)
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


def muon_groups(model: nn.Module, head: str = "head") -> tuple[list[State], list[State]]:
    """Which parameters :class:`Muon` should update, and which are for :class:`AdamW`.

    Muon takes the weights of ``nn.Linear`` layers, except that of the output head, which (like an embedding) has a row
    for each word rather than a direction of the hidden space. A layer that stacks several matrices by rows says so in
    an attribute ``row_blocks``.

    Args:
        model: its parameters that require a gradient are split.
        head: name of the output layer, as any part of a dotted parameter name.

    Returns:
        groups for Muon, and groups for AdamW (without weight decay, unless the optimizer is given one).

    Raises:
        ValueError: the model has no matrix for Muon.
    """
    matrices: dict[tuple[int, ...] | None, list[Tensor]] = {}
    taken: set[Tensor] = {m.weight for m in model.modules() if isinstance(m, nn.Embedding)}  # a head may be tied to it
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and head not in name.split(".") and module.weight not in taken:
            if module.weight.requires_grad:
                matrices.setdefault(getattr(module, "row_blocks", None), []).append(module.weight)
            taken.add(module.weight)
    if not matrices:
        raise ValueError(f"Muon needs weights of nn.Linear layers; {type(model).__name__} has none that are trained")
    ours = {p for group in matrices.values() for p in group}
    rest = [p for p in model.parameters() if p.requires_grad and p not in ours]
    return [{"params": ps, "row_blocks": rows} for rows, ps in matrices.items()], [{"params": rest}] if rest else []
