"""The processes of a job: how one joins the others, and what they tell one another beside gradients."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aigc_book import runtime
from aigc_book.training.distributed.shards import mesh_of

T = TypeVar("T")

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# What gloo and the store say when another process is gone, in any of their wordings.
_GONE = ("closed by peer", "reset by peer", "Broken pipe", "Connection refused", "imed out", "pair closure")


class ProcessLost(RuntimeError):
    """Another process of the job has ended, or doesn't answer; the message says what there is to go on from."""


@dataclass(frozen=True)
class World:
    """One process among those of a job.

    Attributes:
        rank: its number, from 0; process 0 is the one that writes.
        size: how many there are.
        device: where this one computes.
        group: torch's process group of them.
    """

    rank: int
    size: int
    device: torch.device
    group: dist.ProcessGroup = field(repr=False)

    def sum(self, *values: float) -> list[float]:
        """Numbers, each added up over all processes, in float64; a whole sum comes as an ``int``."""
        numbers = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(numbers, group=self.group)
        return [int(number) if number.is_integer() else number for number in numbers.tolist()]

    def mean(self, number: torch.Tensor) -> torch.Tensor:
        """A number, (), averaged over all processes, in float32."""
        number = number.detach().to(self.device, torch.float64, copy=True)
        dist.all_reduce(number, group=self.group)
        return (number / self.size).float()

    def gather(self, value: T) -> list[T]:
        """What each process has, by rank; anything that pickles."""
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self.group)
        return found

    def first(self, function: Callable[[], T]) -> T:
        """Let process 0 alone call a function, and give its result to all of them; its error is raised by all."""
        said: list[Any] = [None, None]
        if self.rank == 0:
            try:
                said[0] = function()
            except Exception as error:
                said[1] = error
        dist.broadcast_object_list(said, group=self.group, group_src=0)
        if said[1] is not None:
            raise said[1]
        return said[0]


@contextmanager
def joined(backend: str | None = None, *, timeout_s: float = 600.0) -> Iterator[World]:
    """Join the other processes that ``torchrun`` has started, and leave them at the end.

    Args:
        backend: ``"gloo"`` on CPUs, ``"nccl"`` on GPUs; what fits the device of :func:`aigc_book.runtime.find_device`
            if None.
        timeout_s: how long to wait for a process that doesn't answer, in seconds.

    Yields:
        :class:`World`.

    Raises:
        ValueError: not started by ``torchrun``; another backend; nccl where a process has no GPU of its own.
        ProcessLost: another process has ended, or hasn't answered for ``timeout_s``.
    """
    missing = [name for name in VARIABLES if name not in os.environ]
    if missing:
        raise ValueError(
            f"several processes are started by torchrun, which sets {', '.join(VARIABLES)}; {missing[0]} is missing. "
            "Start the script with: torchrun --nproc-per-node 2 script.py"
        )
    device = runtime.find_device()
    backend = backend or ("nccl" if device.type == "cuda" else "gloo")
    if backend not in ("gloo", "nccl"):
        raise ValueError(f"backend must be gloo (CPU) or nccl (GPU); got {backend!r}")
    if backend == "nccl":
        number, n_gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= n_gpus:
            raise ValueError(
                f"nccl needs a GPU for each process; this machine has {n_gpus}, and this is its process {number} "
                "(from 0). Start no more processes than GPUs, or take backend='gloo' and AIGC_BOOK_DEVICE=cpu"
            )
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    with lost_in_words():
        _start(backend, timedelta(seconds=timeout_s))
        try:
            yield World(dist.get_rank(), dist.get_world_size(), device, dist.group.WORLD)
        finally:
            dist.destroy_process_group()


def _start(backend: str, timeout: timedelta) -> None:
    """Make the group of all processes.

    torchrun keeps one store of addresses for all its starts, and an address that a killed process left there would be
    called in vain (PyTorch's issue 135712): each start has keys of its own.
    """
    store, rank, size = next(dist.rendezvous("env://", timeout=timeout))
    store = dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)


def world_of(model: nn.Module) -> World | None:
    """The processes that share a model (:func:`aigc_book.training.distributed.sharing.shared`), or None of any other.

    A module that holds shared models, such as an ``nn.ModuleDict`` of two, is shared as they are.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return None
    for part in model.modules():
        if hasattr(part, "reshard"):  # after an evaluation FSDP's outermost weights are still put together
            part.reshard()
    parameter = next(model.parameters(), None)
    mesh = mesh_of(parameter)
    if mesh is not None:
        group = mesh.get_group()
    else:
        copies = next((m for m in model.modules() if isinstance(m, DistributedDataParallel)), None)
        if copies is None:
            return None
        group = copies.process_group
    return World(dist.get_rank(group), dist.get_world_size(group), parameter.device, group)


def check_alone(world: World | None, model: nn.Module, dtype: torch.dtype) -> None:
    """Refuse what several processes would do beside one another, or wrongly.

    Raises:
        ValueError: one of several processes trains a model that it doesn't share; float16 for a model in shards.
    """
    if world is None and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        raise ValueError(
            f"this is one of {dist.get_world_size()} processes, and its model is its own: all would train the same. "
            "Share it: model = shared(model, world)"
        )
    if dtype == torch.float16 and mesh_of(next(model.parameters())) is not None:
        raise ValueError("float16's gradient scaler doesn't know of other processes' shards; take dtype=torch.bfloat16")


@contextmanager
def lost_in_words(left: Callable[[], str] | None = None) -> Iterator[None]:
    """Say in words what gloo means by "Connection closed by peer": another process has ended.

    Args:
        left: gives words for where the run stood and what there is to go on from.

    Raises:
        ProcessLost: instead of gloo's error.
    """
    try:
        yield
    except ProcessLost:
        raise
    except RuntimeError as error:
        said = str(error)
        if not (isinstance(error, dist.DistError) or "gloo" in said) or not any(word in said for word in _GONE):
            raise
        where = f" {left()}" if left else ""
        raise ProcessLost(
            f"another process of this job has ended or doesn't answer{where}; torchrun --max-restarts N starts all of "
            "them again, and resume=True goes on from the last checkpoint"
        ) from error
