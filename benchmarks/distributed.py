"""Two processes against one, and against PyTorch's DDP written straight: ``python benchmarks/distributed.py``.

A GPT of ``GPTConfig.small``'s choices, 4 layers, 4 heads, 128 wide, context 128, batch 16 in all, float32, AdamW and
clipping, on gloo. One core a process: process r of a job keeps to the r-th core that may be used. Three loops take
turns in one job, each timed over the same number of updates, with a barrier before and after; medians over the rounds:

1. the update of ``fit`` by process 0 alone, on the whole batch, while the other waits;
2. ``fit`` by both, ``shared(…, "ddp")``;
3. the straight way: ``DistributedDataParallel(model)``, ``torch.optim.AdamW``, ``clip_grad_norm_``, the mean loss
   of its own rows, whose number is fetched at each update, as ``fit`` does.

It starts its own job with torchrun; inside it is ``python benchmarks/distributed.py --inside``.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from aigc_book.data.batches import RandomWindows
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.distributed import World, joined, shared
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.losses import next_token_loss
from aigc_book.training.optimizers import AdamW, decay_groups
from aigc_book.training.step import update

V, T, B, N_PARALLEL = 512, 128, 16, 2
CONFIG = GPTConfig.small(V, T, n_layers=4, n_heads=4, d_model=128)


def new_model() -> GPT:
    torch.manual_seed(0)
    return GPT(CONFIG)


def windows(batch_size: int, seed: int = 0) -> RandomWindows:
    ids = torch.randint(V, (100_000,), generator=torch.Generator().manual_seed(1))
    return RandomWindows(ids, batch_size=batch_size, block_size=T, seed=seed)


def ours(world: World) -> Callable[[int], None]:
    model = shared(new_model(), world, "ddp")
    optimizer = AdamW(decay_groups(model), lr=1e-3, betas=(0.9, 0.95))
    batches = windows(B)
    return lambda n: fit(model, batches, TrainConfig(n, log_every=n, progress=False), optimizers=optimizer)


def straight(world: World) -> Callable[[int], None]:
    model = DistributedDataParallel(new_model())
    optimizer = torch.optim.AdamW(decay_groups(model), lr=1e-3, betas=(0.9, 0.95))
    batches = windows(B // world.size, seed=world.rank)

    def run(n: int) -> None:
        for _ in range(n):
            batch = next(batches)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(batch.ids).flatten(0, 1), batch.targets.flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()

    return run


def inside(n_updates: int, rounds: int) -> None:
    torch.set_num_threads(1)
    with joined("gloo") as world:
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[world.rank % len(cores)]})
        loops = {"two, fit": ours(world), "two, DDP straight": straight(world)}
        alone = ours_alone(world)
        seconds: dict[str, list[float]] = {name: [] for name in ("one, update", *loops)}
        for turn in range(rounds + 1):
            for name, loop in {"one, update": alone, **loops}.items():
                dist.barrier()
                start = time.perf_counter()
                loop(n_updates)
                dist.barrier()
                if turn > 0:  # the first warms up
                    seconds[name].append(time.perf_counter() - start)
        if world.rank == 0:
            report(seconds, n_updates)


def ours_alone(world: World) -> Callable[[int], None]:
    """``fit``'s update by process 0, while the others wait; ``fit`` itself refuses a model that isn't shared."""
    model, batches = new_model(), windows(B)
    optimizer = AdamW(decay_groups(model), lr=1e-3, betas=(0.9, 0.95))

    def run(n: int) -> None:
        for _ in range(n if world.rank == 0 else 0):
            update(model, [next(batches)], optimizer, next_token_loss, clip=1.0)

    return run


def report(seconds: dict[str, list[float]], n_updates: int) -> None:
    tokens = n_updates * B * T
    rates = {name: [tokens / s for s in times] for name, times in seconds.items()}
    print(f"{platform.machine()}, torch {torch.__version__}, {GPT(CONFIG).count_parameters():,} parameters")
    for name, values in rates.items():
        print(f"{name:18s} {statistics.median(values):9,.0f} tokens/s ({min(values):,.0f} to {max(values):,.0f})")
    for other in ("one, update", "two, DDP straight"):
        ratios = [a / b for a, b in zip(rates["two, fit"], rates[other], strict=True)]
        print(f"two, fit : {other:18s} {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=20, help="in a turn")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--inside", action="store_true", help="what torchrun starts")
    options = parser.parse_args()
    if options.inside:
        inside(options.updates, options.rounds)
        return
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={N_PARALLEL}",
        __file__,
    ]
    command += ["--inside", f"--updates={options.updates}", f"--rounds={options.rounds}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "AIGC_BOOK_DEVICE": "cpu"}
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
