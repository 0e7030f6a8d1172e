"""What a GPU is used for, of what it could do: ``python benchmarks/gpu.py``.

1. Training GPT-2 small (124 M parameters) with ``fit``: ``torch.compile``, bfloat16 through autocast, the fused
   attention kernel. Tokens a second, and the model FLOP utilisation: the FLOPs that the model's formulas need, over
   those that the GPU does in plain bfloat16 matrix products, measured in the same run.
2. Greedy decoding with the key–value cache, batch 1 and larger. Tokens a second, beside the limit that reading all
   weights (bfloat16) and the cache once a token sets, at the memory bandwidth measured in the same run.

FLOPs of a training token: 6 for each parameter that is multiplied (all but the position embeddings; the token
embeddings count once, as the head) and 6 L C T for causal attention over T tokens: for each of L layers 2 products of
C numbers with T / 2 keys on average, 2 FLOPs each, three times (forward, and twice that backward). Recomputation,
optimizer and softmax count for nothing.

``--smoke`` runs all of it in a few seconds with a tiny model, on the CPU if need be, to see that it works.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from aigc_book.data.batches import RandomWindows
from aigc_book.decoding import GREEDY, generate
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.losses import cross_entropy
from aigc_book.training.optimizers import AdamW, decay_groups

AT_LEAST, GOAL = 0.40, 0.55


def synchronise(device: torch.device) -> None:
    """Wait until the GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def median_seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The median of several timings, after a warm-up."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matrix_peak(device: torch.device, size: int, repeats: int) -> float:
    """FLOPs a second of a plain bfloat16 matrix product of the given size."""
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    out = torch.empty_like(a)
    return 2 * size**3 / median_seconds(lambda: torch.mm(a, b, out=out), device, repeats)


def memory_bandwidth(device: torch.device, size: int, repeats: int) -> float:
    """Bytes a second that the GPU reads when it does nothing else: a sum over a large tensor."""
    data = torch.ones(size, dtype=torch.float32, device=device)
    return data.nbytes / median_seconds(data.sum, device, repeats)


def flops_of_a_token(model: GPT) -> int:
    """What training on one token takes, by the formula above."""
    config = model.config
    n_multiplied = sum(p.numel() for p in model.parameters()) - config.max_seq_len * config.d_model
    return 6 * n_multiplied + 6 * config.n_layers * config.d_model * config.max_seq_len


def measure_training(
    config: GPTConfig, device: torch.device, *, batch: int, accumulate: int, steps: int, compiled: bool
) -> tuple[float, float]:
    """Tokens a second, and FLOPs a second, of the second half of the steps (the first compiles and warms up)."""
    torch.manual_seed(0)
    model = GPT(config).to(device)
    ids = torch.randint(config.vocab_size, (200 * config.max_seq_len,), generator=torch.Generator().manual_seed(0))
    summed = torch.compile(cross_entropy) if compiled else cross_entropy
    history = fit(
        torch.compile(model) if compiled else model,
        RandomWindows(ids, batch_size=batch, block_size=config.max_seq_len),
        TrainConfig(steps, accumulate=accumulate, dtype=torch.bfloat16, log_every=max(1, steps // 4), progress=False),
        optimizers=AdamW(decay_groups(model), lr=6e-4, betas=(0.9, 0.95)),
        loss=lambda model, batch: summed(model(batch.ids), batch.targets),
    )
    half = next(i for i, step in enumerate(history.steps) if 2 * step >= steps)
    tokens = (history.tokens[-1] - history.tokens[half]) / (history.seconds[-1] - history.seconds[half])
    return tokens, tokens * flops_of_a_token(model)


def measure_decoding(
    config: GPTConfig, device: torch.device, bandwidth: float, *, batch: int, prompt: int, new: int, repeats: int
) -> tuple[float, float]:
    """Tokens a second, of all rows together, and the limit that the bandwidth sets."""
    torch.manual_seed(0)
    model = GPT(config).to(device, torch.bfloat16).eval()
    ids = torch.randint(config.vocab_size, (batch, prompt), device=device)
    seconds = median_seconds(lambda: generate(model, ids, new, GREEDY), device, repeats)
    n_read = sum(p.numel() for p in model.parameters()) - config.max_seq_len * config.d_model
    cache = 2 * config.n_layers * config.resolved.n_kv_heads * config.d_head * (prompt + new / 2) * batch
    return batch * new / seconds, batch * bandwidth / (2 * (n_read + cache))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32, help="sequences of 1024 tokens at a time")
    parser.add_argument("--accumulate", type=int, default=4, help="such batches an update")
    parser.add_argument("--steps", type=int, default=40, help="updates")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, a few steps, any device")
    args = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    if not has_gpu and not args.smoke:
        raise SystemExit("no CUDA GPU is present; --smoke runs a tiny model on the CPU, to see that the script works")
    device = torch.device("cuda" if has_gpu else "cpu")
    name = torch.cuda.get_device_name(device) if has_gpu else "CPU, a smoke test: these numbers mean nothing"
    print(f"{name}, torch {torch.__version__}\n")
    torch.set_float32_matmul_precision("high")

    # 50304 words: the vocabulary rounded up to a multiple of 128, which the GPU's matrix units like better.
    small = GPTConfig(vocab_size=128, max_seq_len=16, n_layers=2, n_heads=2, d_model=16)
    config = small if args.smoke else GPTConfig(vocab_size=50304, bias=False)
    peak = matrix_peak(device, 64 if args.smoke else 8192, 3 if args.smoke else 30)
    bandwidth = memory_bandwidth(device, 2**16 if args.smoke else 2**30, 3 if args.smoke else 20)
    print("| work | measured | of | share | at least | goal |\n|---|--:|--:|--:|--:|--:|", flush=True)
    training = {"batch": args.batch, "accumulate": args.accumulate, "steps": args.steps}
    tokens, flops = measure_training(
        config,
        device,
        **({"batch": 2, "accumulate": 2, "steps": 8} if args.smoke else training),
        compiled=has_gpu and not args.no_compile,
    )
    print(
        f"| training, {tokens:,.0f} tokens/s, TFLOP/s | {flops / 1e12:.3g} | {peak / 1e12:.3g} (bfloat16 product) "
        f"| {flops / peak:.1%} | {AT_LEAST:.0%} | {GOAL:.0%} |",
        flush=True,
    )
    for batch in (1, 8) if args.smoke else (1, 8, 64):
        lengths = {"prompt": 4, "new": 8, "repeats": 1} if args.smoke else {"prompt": 16, "new": 256, "repeats": 5}
        tokens, limit = measure_decoding(config, device, bandwidth, batch=batch, **lengths)
        print(
            f"| greedy decoding, batch {batch}, tokens/s | {tokens:,.0f} | {limit:,.0f} ({bandwidth / 1e9:,.0f} GB/s) "
            f"| {tokens / limit:.1%} | – | – |",
            flush=True,
        )


if __name__ == "__main__":
    main()
