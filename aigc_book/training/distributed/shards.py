"""Tensors of which every process has a part (FSDP2's ``DTensor``): the part, the whole, and back.

A tensor that isn't shared is its own part and its own whole, so that the callers need no second path.
"""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def mesh_of(tensor: Any) -> Any:
    """The mesh of processes that share a tensor, or None."""
    return getattr(tensor, "device_mesh", None)


def local(tensor: Tensor) -> Tensor:
    """This process's part; it shares memory with the tensor."""
    return tensor if mesh_of(tensor) is None else tensor.to_local()


def whole(tensor: Tensor) -> Tensor:
    """All of it; every process that shares it must ask."""
    return tensor if mesh_of(tensor) is None else tensor.full_tensor()


def part_like(like: Tensor, value: Tensor) -> Tensor:
    """A whole value as this process's part of it, shared as ``like`` is; nothing is sent."""
    if mesh_of(like) is None:
        return value
    from torch.distributed.tensor import distribute_tensor  # a second to import, and seldom needed

    device = like.to_local().device
    return distribute_tensor(value.to(device), like.device_mesh, like.placements, src_data_rank=None)


def put(target: Tensor, value: Tensor) -> None:
    """Copy a whole value into a tensor, in place, or the part of it that this process has."""
    local(target).copy_(local(part_like(target, value)))


def parameters_by_number(optimizer: Optimizer) -> list[Tensor]:
    """An optimizer's parameters in the order in which its ``state_dict`` numbers them."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def whole_state(part: Any, keep: bool = True) -> dict[str, Any]:
    """What ``state_dict`` of a part of a run says, with the tensors of an optimizer whole.

    Args:
        part: an optimizer, or anything else with ``state_dict``.
        keep: False where a process only helps the others to put theirs together; its tensors are dropped.
    """
    state = part.state_dict()
    if not isinstance(part, Optimizer) or not any(mesh_of(p) is not None for p in parameters_by_number(part)):
        return state
    found = {}
    for number, p in enumerate(parameters_by_number(part)):
        if number in state["state"]:
            found[number] = {name: _whole_like(p, value, keep) for name, value in state["state"][number].items()}
    return {**state, "state": found}


def _whole_like(p: Tensor, value: Any, keep: bool) -> Any:
    """A state of a parameter, put together if it is shared as the parameter is; on the CPU."""
    if not isinstance(value, Tensor):
        return value
    if mesh_of(p) is not None and mesh_of(value) is None and value.dim() and value.shape == p.to_local().shape:
        from torch.distributed.tensor import DTensor

        settings = dict(run_check=False, shape=p.shape, stride=p.stride())
        value = DTensor.from_local(value, p.device_mesh, p.placements, **settings)
    value = whole(value)
    return value.cpu() if keep else None


def load_whole_state(part: Any, state: dict[str, Any]) -> None:
    """Give a part of a run what :func:`whole_state` said, each process its own part of an optimizer's tensors."""
    if isinstance(part, Optimizer):
        params = parameters_by_number(part)
        found = {}
        for number, values in state["state"].items():
            p = params[number]
            found[number] = {
                name: part_like(p, value) if isinstance(value, Tensor) and value.shape == p.shape else value
                for name, value in values.items()
            }
        state = {**state, "state": found}
    part.load_state_dict(state)


def total_norm(tensors: list[Tensor]) -> Tensor:
    """√Σ x² over all numbers of all tensors, also those that other processes have."""
    parts = [local(tensor) for tensor in tensors]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(parts)))
    mesh = next((mesh_of(tensor) for tensor in tensors if mesh_of(tensor) is not None), None)
    if mesh is not None:
        square = norm.double().square()
        torch.distributed.all_reduce(square, group=mesh.get_group())
        norm = square.sqrt().to(norm.dtype)
    return norm
