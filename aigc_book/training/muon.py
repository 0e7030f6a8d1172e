"""Muon, the optimizer for the matrices inside of a network."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_book.training.distributed.shards import mesh_of
from aigc_book.training.updates import Params, State, buffers, check_ranges, loss_of, parts_with_gradients


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
        params: matrices, or groups of them.
        lr: γ ≥ 0, in units of the update's spectral norm: 0.02 suits many models.
        momentum: μ in [0, 1).
        nesterov: look ahead.
        weight_decay: λ ≥ 0.
        ns_steps: Newton–Schulz iterations, at least 1.
        ns_dtype: what to iterate in; None takes bfloat16 on a GPU and float32 elsewhere.

    Raises:
        ValueError: a value out of range, or a parameter that isn't a matrix, or that several processes have parts of.

    Source: Jordan et al., *Muon: An optimizer for hidden layers in neural networks* (2024); equal to
    ``torch.optim.Muon`` with ``adjust_lr_fn="original"`` but for the dtype.
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
        check_ranges(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if ns_steps < 1:
            raise ValueError(f"ns_steps must be at least 1; got ns_steps={ns_steps}")
        settings = dict(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, ns_steps=ns_steps)
        super().__init__(params, {**settings, "ns_dtype": ns_dtype})

    def add_param_group(self, param_group: State) -> None:
        """As torch's, after a look at the shapes."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.ndim != 2:
                raise ValueError(f"Muon updates matrices only; got a parameter of shape {tuple(p.shape)}")
            if mesh_of(p) is not None:
                raise ValueError(
                    f"Muon needs whole matrices; got one of shape {tuple(p.shape)} of which each process has a part. "
                    "Share the model with how='ddp', or take AdamW"
                )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every matrix that has a gradient; returns the closure's loss, if there is a closure."""
        loss = loss_of(closure)
        alike: dict[tuple, list[tuple[Tensor, Tensor, float]]] = {}  # what to orthogonalise together → (θ, u, rate)
        for group, theta, g, states in parts_with_gradients(self):
            mu, lr = group["momentum"], group["lr"]
            m = buffers("momentum", theta, states)
            torch._foreach_lerp_(m, g, 1 - mu)
            u = torch._foreach_lerp(g, m, mu) if group["nesterov"] else m
            if group["weight_decay"] > 0:
                torch._foreach_mul_(theta, 1 - lr * group["weight_decay"])
            for p, update in zip(theta, u, strict=True):
                dtype = group["ns_dtype"] or (torch.bfloat16 if p.is_cuda else torch.float32)
                scale = math.sqrt(max(1, p.size(0) / p.size(1)))
                if p.size(0) > p.size(1):  # the smaller Gram matrix
                    p, update = p.mT, update.mT
                key = (*p.shape, dtype, p.device, group["ns_steps"])
                alike.setdefault(key, []).append((p, update, lr * scale))
        for (_, _, dtype, _, ns_steps), items in alike.items():
            updates = orthogonalise(torch.stack([matrix.to(dtype) for _, matrix, _ in items]), ns_steps)
            for (p, _, rate), update in zip(items, updates, strict=True):
                p.add_(update.to(p.dtype), alpha=-rate)
        return loss


def muon_groups(model: nn.Module, head: str = "head") -> tuple[list[State], list[State]]:
    """Which parameters :class:`Muon` should update, and which are for :class:`AdamW`.

    Muon takes the weights of ``nn.Linear`` layers, except that of the output head, which (like an embedding) has a row
    for each word rather than a direction of the hidden space.

    Args:
        model: its parameters that require a gradient are split.
        head: name of the output layer, as any part of a dotted parameter name.

    Returns:
        groups for Muon, and groups for AdamW (without weight decay, unless the optimizer is given one).

    Raises:
        ValueError: the model has no matrix for Muon.
    """
    matrices: list[Tensor] = []
    taken: set[Tensor] = {m.weight for m in model.modules() if isinstance(m, nn.Embedding)}  # a head may be tied to it
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and head not in name.split(".") and module.weight not in taken:
            if module.weight.requires_grad:
                matrices.append(module.weight)
            taken.add(module.weight)
    if not matrices:
        raise ValueError(f"Muon needs weights of nn.Linear layers; {type(model).__name__} has none that are trained")
    ours = set(matrices)
    rest = [p for p in model.parameters() if p.requires_grad and p not in ours]
    return [{"params": matrices}], [{"params": rest}] if rest else []
