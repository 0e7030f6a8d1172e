"""What the step of every optimizer begins with: checks, the closure, and lists of tensors for the formula."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from aigc_book.training.distributed.shards import local

State = dict[str, Any]
Params = Iterable[Tensor] | Iterable[dict[str, Any]]


def check_ranges(**values: float) -> None:
    """Refuse a hyper-parameter outside of its range, by name."""
    below_one = ("momentum", "beta1", "beta2", "alpha")
    for name, value in values.items():
        if not (0 <= value < 1 if name in below_one else 0 <= value < math.inf):
            wanted = "at least 0 and below 1" if name in below_one else "finite and not negative"
            raise ValueError(f"{name} must be {wanted}; got {name}={value}")


def loss_of(closure: Callable[[], Any] | None) -> Any:
    """What ``step(closure)`` returns: torch lets a caller recompute the loss inside the step."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def parts_with_gradients(
    optimizer: Optimizer, together: bool = False
) -> Iterator[tuple[State, list[Tensor], list[Tensor], list[State]]]:
    """Each group's parameters with a gradient, as (group, θ, g, states): a CPU's one by one unless ``together``.

    Of a parameter that several processes share it is this one's part, for a formula that takes number by number.
    """
    for group in optimizer.param_groups:
        params = [p for p in group["params"] if p.grad is not None]
        for p in params:
            if p.grad.is_sparse or p.is_complex():
                kind = "a sparse gradient" if p.grad.is_sparse else "complex numbers"
                raise ValueError(f"{type(optimizer).__name__} needs dense real gradients; got {kind}")
        on_gpu, others = [p for p in params if p.is_cuda], [p for p in params if not p.is_cuda]
        for part in [*([others] if together else [[p] for p in others]), on_gpu]:
            if not part:
                continue
            states = [optimizer.state[p] for p in part]
            yield group, [local(p) for p in part], [local(p.grad) for p in part], states


def buffers(name: str, params: list[Tensor], states: list[State]) -> list[Tensor]:
    """The tensor ``name`` of each state, zeros at first."""
    for p, state in zip(params, states, strict=True):
        if name not in state:
            state[name] = torch.zeros_like(p, memory_format=torch.preserve_format)
    return [local(state[name]) for state in states]
