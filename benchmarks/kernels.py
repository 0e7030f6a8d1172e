"""Whether each kernel pays on this machine: ``python benchmarks/kernels.py``.

Every kernel of ``aigc_book/kernels`` takes turns with torch's plain way to the same numbers, at the sizes that the
chapters use. A ratio is the plain time over the chosen one; where both take the same way it is 1, up to noise. A row
below 0.95 is marked: there the kernel should not have been chosen. Then the share of the machine's own read bandwidth
(a sum over 256 MiB) at which the weights of GPT-2 small are read when one token is decoded.

Weights in the rows "decoding" are cold: as many matrices take turns as fill 128 MiB, since a model is larger than the
processor's cache.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.kernels import processor
from aigc_book.kernels.attention import fused_attention
from aigc_book.kernels.norms import rms_norm
from aigc_book.kernels.packed import pack
from aigc_book.layers.linear import Linear
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.optimizers import AdamW

Call = Callable[[], object]
HERE = processor.NAME
MIB = 2**20


def under(name: str, call: Call) -> Call:
    """The call, with the kernels that are chosen on a processor of this name."""

    def go() -> object:
        processor.NAME = name
        try:
            return call()
        finally:
            processor.NAME = HERE

    return go


def seconds(calls: list[Call], rounds: int, span: float = 0.03) -> list[float]:
    """The median time of each; they take turns, and each turn lasts about ``span`` seconds."""
    repeats = []
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        repeats.append(max(1, int(span / max(time.perf_counter() - start, 1e-7))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, n, spent in zip(calls, repeats, times, strict=True):
            start = time.perf_counter()
            for _ in range(n):
                call()
            spent.append((time.perf_counter() - start) / n)
    return [statistics.median(spent) for spent in times]


def backward(forward: Callable[..., Tensor], *inputs: Tensor, dtype: torch.dtype = torch.float32) -> Call:
    """Forward and backward, as in training."""

    def go() -> None:
        for tensor in inputs:
            tensor.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float32):
            forward(*inputs).float().sum().backward()

    return go


def in_training() -> Iterator[tuple[str, Call]]:
    """Products, attention, norms and updates with gradients."""
    for batch, length, C in ((12, 64, 64), (12, 64, 128), (32, 64, 128), (32, 64, 160), (8, 256, 256), (32, 256, 256)):
        for width_in, width_out in ((C, C), (C, 4 * C), (4 * C, C)):
            layer = Linear(width_in, width_out, bias=False)
            x = torch.randn(batch, length, width_in, requires_grad=True)
            yield f"linear, training, {batch} × {length} × {width_in} → {width_out}", backward(layer, x)
    for batch, length, heads, D in (
        (12, 64, 4, 32),
        (32, 64, 4, 32),
        (32, 64, 4, 64),
        (8, 128, 4, 64),
        (8, 256, 4, 64),
    ):
        for dtype in (torch.float32, torch.bfloat16):
            qkv = [torch.randn(batch, heads, length, D, requires_grad=True) for _ in range(3)]

            def attend(q: Tensor, k: Tensor, v: Tensor, dtype: torch.dtype = dtype) -> Tensor:
                parts = (x.to(dtype) for x in (q, k, v))
                return fused_attention(*parts, None, True, softmax_scale=None, dropout=0.0)

            yield (
                f"causal attention, training, {batch} × {heads} × {length} × {D}, {short(dtype)}",
                backward(attend, *qkv),
            )
    for rows, C in ((12 * 64, 128), (32 * 64, 128), (32 * 64 * 4, 32), (8 * 256, 256)):
        x = torch.randn(rows, C, requires_grad=True)
        yield f"RMS norm, training, {rows} × {C}", backward(lambda x: rms_norm(x, None, 1e-6), x)
    model = GPT(GPTConfig(65, 64, d_model=128, n_layers=4, n_heads=4))
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    yield f"AdamW, {model.count_parameters():,} parameters", AdamW(model.parameters(), lr=1e-6).step


def in_decoding() -> Iterator[tuple[str, Call, Call]]:
    """Products and attention without gradients, plain and chosen."""
    for dtype, (n_out, n_in), rows in itertools.product(
        (torch.float32, torch.bfloat16), ((128, 128), (768, 768), (3072, 768), (768, 3072)), (1, 8, 128)
    ):
        count = max(1, min(64, 128 * MIB // (n_out * n_in * dtype.itemsize)))
        layers = nn.Sequential(*(Linear(n_in, n_out, bias=False, dtype=dtype) for _ in range(count)))
        x = torch.randn(rows, n_in, dtype=dtype)
        name = f"decoding, {rows} × {n_in} → {n_out}, {short(dtype)}"
        yield f"linear, {name}", *turns(layers, x)
        yield f"packed linear, {name}", turns(layers, x)[0], turns(pack(layers), x)[1]
    for dtype, (B, H, G, S, D) in itertools.product(
        (torch.float32, torch.bfloat16),
        ((1, 12, 12, 128, 64), (8, 12, 12, 512, 64), (8, 8, 2, 1024, 64), (1, 32, 8, 2048, 64)),
    ):
        q, k, v = torch.randn(B, H, 1, D, dtype=dtype), *torch.randn(2, B, G, S, D, dtype=dtype)
        yield (
            f"one query, {B} × {H} heads on {G} × {S} × {D}, {short(dtype)}",
            lambda q=q, k=k, v=v: F.scaled_dot_product_attention(q, k, v, enable_gqa=q.size(1) != k.size(1)),
            lambda q=q, k=k, v=v: fused_attention(q, k, v, None, False, softmax_scale=None, dropout=0.0),
        )


def turns(layers: nn.Sequential, x: Tensor) -> tuple[Call, Call]:
    """The next layer at every call, plain and chosen."""
    plain, chosen = (itertools.cycle(layers) for _ in range(2))
    return under(processor.PLAIN, lambda: next(plain)(x)), lambda: next(chosen)(x)


def short(dtype: torch.dtype) -> str:
    """torch.float32 → float32."""
    return str(dtype).removeprefix("torch.")


def row(name: str, plain: Call, chosen: Call, rounds: int) -> None:
    """Print one comparison."""
    before, after = seconds([plain, chosen], rounds)
    mark = " **slower**" if before / after < 0.95 else ""
    print(f"| {name} | {1e3 * before:.3f} ms | {1e3 * after:.3f} ms | {before / after:.2f}{mark} |", flush=True)


def compare_bandwidth(rounds: int) -> None:
    """Print how fast weights are read while a token is decoded, beside what memory gives."""
    big = torch.randn(64 * MIB)
    (spent,) = seconds([big.sum], rounds)
    limit = big.nbytes / spent
    print(f"\nRead bandwidth, a sum over 256 MiB: {limit / 1e9:.1f} GB/s\n")
    print("| one token, GPT-2 small | ms | GB/s | share |\n|---|--:|--:|--:|")
    model = GPT(GPTConfig.gpt2()).eval()
    id_ = torch.tensor([[1]])
    n_weights = model.count_parameters() - model.position_embedding.weight.numel()
    contenders: dict[str, tuple[nn.Module, int, str]] = {}
    for dtype in (torch.float32, torch.bfloat16):
        own = GPT(GPTConfig.gpt2()).eval().to(dtype)
        contenders[f"{short(dtype)}, plain"] = (own, dtype.itemsize, processor.PLAIN)
        contenders[f"{short(dtype)}, chosen"] = (own, dtype.itemsize, HERE)
        contenders[f"{short(dtype)}, packed"] = (pack(own), dtype.itemsize, HERE)
    calls = [under(name, lambda m=m: m(id_)) for m, _, name in contenders.values()]
    for (label, (_, width, _)), spent in zip(contenders.items(), seconds(calls, rounds), strict=True):
        rate = n_weights * width / spent
        print(f"| {label} | {1e3 * spent:.1f} | {rate / 1e9:.1f} | {rate / limit:.0%} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("training", "decoding", "bandwidth"), help="one of the three parts")
    parser.add_argument(
        "--as", dest="name", choices=(processor.AMD, processor.INTEL), help="choose as on this processor"
    )
    args = parser.parse_args()
    global HERE
    HERE = processor.NAME = args.name or processor.NAME
    print(f"Kernels of {HERE}; {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    torch.manual_seed(0)
    head = "| kernel | plain | chosen | ratio |\n|---|--:|--:|--:|"
    if args.only in (None, "training"):
        print(head)
        for name, call in in_training():
            row(name, under(processor.PLAIN, call), call, args.rounds)
    with torch.no_grad():
        if args.only in (None, "decoding"):
            print(head)
            for name, plain, chosen in in_decoding():
                row(name, plain, chosen, args.rounds)
        if args.only in (None, "bandwidth"):
            compare_bandwidth(args.rounds)


if __name__ == "__main__":
    main()
