"""How fast our LSTM is beside PyTorch's: ``python benchmarks/rnn.py``.

One layer, forward and backward through all steps, gradients of the weights and the inputs included, in float32. Ours is
:class:`aigc_book.layers.recurrence.RecurrentLayer`, whose recurrence is a loop in Python; ``torch.nn.LSTM`` on a CPU
hands the whole sequence to oneDNN. The weights are the same, and the states and gradients are compared before anything
is measured. The two take turns in every round. A ratio is the time of ``nn.LSTM`` over ours: above 1 ours is faster.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from aigc_book.layers.recurrence import RecurrentLayer

# batch, steps, width
SHAPES = [(16, 64, 128), (24, 64, 160), (32, 64, 256), (64, 128, 256)]
OURS, PEER = "ours", "nn.LSTM"


def contenders(C: int) -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """Name → its module, and inputs (B, T, C) → states (B, T, C); all with the same weights."""
    torch.manual_seed(0)
    ours, peer = RecurrentLayer(C, C, "lstm"), nn.LSTM(C, C, batch_first=True)
    with torch.no_grad():
        for name, linear in (("ih", ours.input), ("hh", ours.recurrent)):
            getattr(peer, f"weight_{name}_l0").copy_(linear.weight)
            getattr(peer, f"bias_{name}_l0").copy_(linear.bias)
    return {OURS: (ours, lambda x: ours(x)[0]), PEER: (peer, lambda x: peer(x)[0])}


def run(module: nn.Module, layer: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """States, gradients of the inputs and of the recurrent weight, and seconds."""
    module.zero_grad()
    x = x.detach().requires_grad_()
    start = time.perf_counter()
    states = layer(x)
    states.square().sum().backward()
    seconds = time.perf_counter() - start
    weight = module.recurrent.weight if isinstance(module, RecurrentLayer) else module.weight_hh_l0
    return states.detach(), x.grad, weight.grad, seconds


def measure(B: int, T: int, C: int, rounds: int) -> dict[str, float]:
    """Median seconds of each contender."""
    layers, x = contenders(C), torch.randn(B, T, C)
    results = {name: run(*layer, x)[:3] for name, layer in layers.items()}
    for one, other in zip(results[OURS], results[PEER], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()))
    times: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(rounds):
        for name, layer in layers.items():
            times[name].append(run(*layer, x)[3])
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{platform.processor() or platform.machine()}, {arguments.threads} threads, torch {torch.__version__}")
    print("| batch × steps × width | nn.LSTM | ours | ratio |\n|---|--:|--:|--:|")
    for B, T, C in SHAPES:
        seconds = measure(B, T, C, arguments.rounds)
        peer, ours = seconds[PEER], seconds[OURS]
        print(f"| {B} × {T} × {C} | {1000 * peer:.1f} ms | {1000 * ours:.1f} ms | {peer / ours:.2f} |")


if __name__ == "__main__":
    main()
