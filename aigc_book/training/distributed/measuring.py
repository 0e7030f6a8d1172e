"""What one of several processes computes, holds and sends in an update, measured."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.optim import Optimizer
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from aigc_book.data.batches import Batch
from aigc_book.training.batch import to_device
from aigc_book.training.distributed.rows import own_rows
from aigc_book.training.distributed.shards import local, parameters_by_number
from aigc_book.training.distributed.wire import Collectives, Sent
from aigc_book.training.distributed.world import World
from aigc_book.training.losses import next_token_loss
from aigc_book.training.recompute import recomputed
from aigc_book.training.step import update


def held(model: nn.Module, optimizer: Optimizer) -> int:
    """Bytes of the weights and of the optimizer's state that this process has."""
    states = [
        value
        for p in parameters_by_number(optimizer)
        for value in optimizer.state[p].values()
        if isinstance(value, torch.Tensor)
    ]
    return sum(local(tensor).nbytes for tensor in [*model.parameters(), *states])


@contextmanager
def peak_bytes(device: torch.device) -> Iterator[list[int]]:
    """The most that was allocated at once within, beyond what was there before; in a list, at the end."""
    found: list[int] = []
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        torch.cuda.synchronize(device)
        found.append(torch.cuda.max_memory_allocated(device) - before)
        return
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        yield found
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = top = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        top = max(top, now)
    found.append(top)


def measured(model: nn.Module, batch: Any, optimizer: Optimizer, *, n_timed: int = 5) -> dict[str, Any]:
    """What an update takes: held, peak, recomputed peak, calls, sent (bytes), flops, seconds, cpu (seconds).

    Args:
        model: shared or not; it and the optimizer change.
        batch: this process's own.
        optimizer: of the model.
        n_timed: updates of which the fastest counts, in seconds by the clock, and the mean in seconds of the processor.
    """
    device = next(model.parameters()).device

    def step() -> None:
        update(model, [batch], optimizer, next_token_loss)

    for _ in range(2):  # states are made, and DDP puts its buckets in order
        step()
    found: dict[str, Any] = {"held": held(model, optimizer)}
    for name, again in (("peak", nullcontext()), ("recomputed peak", recomputed(model))):
        with again, peak_bytes(device) as peak:
            step()
        found[name] = found["held"] + peak[0]
    with Collectives() as seen:
        step()
    found["calls"] = [tuple(call) for call in seen.calls]
    with Sent() as sent:
        step()
    found["sent"] = sent.total
    with FlopCounterMode(display=False) as counter:
        step()
    found["flops"] = counter.get_total_flops()
    found["seconds"], found["cpu"] = _timed(step, n_timed, device)
    return found


def _timed(step: Callable[[], None], n: int, device: torch.device) -> tuple[float, float]:
    clocks, start = [], time.process_time()
    for _ in range(n):
        begin = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        clocks.append(time.perf_counter() - begin)
    return min(clocks), (time.process_time() - start) / n


Parts = tuple[nn.Module, Iterable[Batch], Optimizer]


def all_measured(parts: Callable[[World | None, str], Parts], world: World) -> dict[str, Any]:
    """:func:`measured` for one process, while the others wait, and for all of them by DDP and by FSDP.

    Args:
        parts: ``parts(world, how)`` makes a model, its batches and its optimizer; of one process if ``world`` is None.
        world: the processes.

    Returns:
        "one" (of process 0 alone), "ddp", "fsdp"; on CPUs also "bare", of :func:`bare_bytes`.
    """
    found: dict[str, Any] = {}
    for how in ("one", "ddp", "fsdp"):
        dist.barrier(world.group)
        model, batches, optimizer = parts(None if how == "one" else world, how)
        batch = to_device(next(iter(batches)), world.device)
        if how != "one":
            batch, _ = next(own_rows([batch], world))
        if how != "one" or world.rank == 0:
            found[how] = measured(model, batch, optimizer)
    if world.device.type == "cpu":
        found["bare"] = bare_bytes(100_000, world.group)
    return found


def bare_bytes(n: int, group: dist.ProcessGroup) -> dict[str, int | None]:
    """What this process hands to its sockets for one collective each over a tensor of n float32 numbers, in bytes."""
    size = dist.get_world_size(group)
    whole, part = torch.zeros(n), torch.zeros(n // size)
    reduce_scatter, all_gather = (
        getattr(dist, new if hasattr(dist, new) else old)  # torch 2.13 gave them other names
        for new, old in (
            ("reduce_scatter_single", "reduce_scatter_tensor"),
            ("all_gather_single", "all_gather_into_tensor"),
        )
    )
    calls = {
        "all_reduce": lambda: dist.all_reduce(whole, group=group),
        "reduce_scatter": lambda: reduce_scatter(part, whole, group=group),
        "all_gather": lambda: all_gather(whole, part, group=group),
    }
    found = {}
    for name, call in calls.items():
        call()
        dist.barrier(group)
        with Sent() as sent:
            call()
            dist.barrier(group)
        found[name] = sent.total
    return found
