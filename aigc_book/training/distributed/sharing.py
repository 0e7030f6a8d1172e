"""A model shared by several processes: a copy in each (DDP), or a shard in each (FSDP2)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aigc_book.training.distributed.shards import mesh_of
from aigc_book.training.distributed.world import World
from aigc_book.training.recompute import repeated_parts

HOW = ("ddp", "fsdp")


def shared(model: nn.Module, world: World, how: str = "ddp", *, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The model, ready to be trained by all processes of ``world`` together.

    ``"ddp"``: every process has a copy; gradients are averaged while the backward pass still runs (Li et al., *PyTorch
    Distributed*, 2020). ``"fsdp"``: every process has 1/W of each weight, of its gradient and of the optimizer's state;
    the weights of a repeated part (a block) are put together just before they are needed and dropped after it
    (Rajbhandari et al., *ZeRO*, 2020, stage 3; Zhao et al., *PyTorch FSDP*, 2023).

    All processes begin with the weights of process 0. **Make the optimizers afterwards**: FSDP makes new
    parameters.
    The loss must call the model itself, not a method of it, for that is when weights are put together.

    Args:
        model: on ``world.device``. With ``"fsdp"`` it is changed in place.
        world: of :func:`aigc_book.training.distributed.world.joined`.
        how: ``"ddp"`` or ``"fsdp"``.
        dtype: of the weights that FSDP puts together, float32 or bfloat16, which halves what is sent for them;
            gradients are added up in float32. With DDP use ``TrainConfig.dtype`` alone.

    Raises:
        ValueError: another way to share; a dtype for DDP, or one that isn't float32 or bfloat16; a model on another
            device, or one that is shared already.
    """
    if how not in HOW:
        raise ValueError(f"how must be one of {', '.join(HOW)}; got {how!r}")
    if dtype not in (torch.float32, torch.bfloat16) or (how == "ddp" and dtype != torch.float32):
        wanted = (
            "float32 or bfloat16 with how='fsdp', and float32 with 'ddp' (TrainConfig(dtype=…) computes in another)"
        )
        raise ValueError(f"dtype must be {wanted}; got {dtype} with {how!r}")
    devices = {p.device for p in model.parameters()}
    if devices != {world.device}:
        raise ValueError(f"the model must be on {world.device}; it is on {', '.join(map(str, devices))}")
    if any(isinstance(m, DistributedDataParallel) for m in model.modules()) or mesh_of(next(model.parameters())):
        raise ValueError("the model is shared already")
    if how == "ddp":
        return DistributedDataParallel(model, process_group=world.group, gradient_as_bucket_view=True)
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            dist.broadcast(tensor, group=world.group, group_src=0)
    mesh = DeviceMesh.from_group(world.group, world.device.type)
    policy = MixedPrecisionPolicy(param_dtype=None if dtype == torch.float32 else dtype, reduce_dtype=torch.float32)
    for part in repeated_parts(model):
        fully_shard(part, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    return model


@contextmanager
def gradients_sent(model: nn.Module, send: bool) -> Iterator[None]:
    """Within, a backward pass sends its gradients to the other processes, or only adds them to those of this one.

    Of the batches of one update the last alone needs to send. Nothing happens to a model that isn't shared.
    """
    copies = [m for m in model.modules() if isinstance(m, DistributedDataParallel)]
    sharded = [m for m in model.modules() if hasattr(m, "set_requires_gradient_sync")]
    own = [copy.require_backward_grad_sync for copy in copies]
    for copy in copies:
        copy.require_backward_grad_sync = send  # what DDP.no_sync() sets
    for part in sharded:
        part.set_requires_gradient_sync(send, recurse=False)
    try:
        yield
    finally:
        for copy, was in zip(copies, own, strict=True):
            copy.require_backward_grad_sync = was
        for part in sharded:
            part.set_requires_gradient_sync(True, recurse=False)
