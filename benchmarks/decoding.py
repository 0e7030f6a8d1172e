"""How fast greedy decoding is beside transformers: ``python benchmarks/decoding.py``.

A GPT-2 of the small size (124 M parameters, random weights) continues a prompt of 16 random tokens by 128, alone and
in a batch of 8. ``transformers`` opens the very weights that this package has saved and generates with its own
``generate`` and its own key–value cache, in float32, and beside it in bfloat16. Ours is ``generate(model, …)`` and
``generate(pack(model), …)``; packing is done once, beforehand, and its time is printed.

All take turns in every round; a ratio is the peer's median time over ours. Equal is: the weights, the prompts, the
number of threads, and in float32 every token, which is asserted. What isn't: in bfloat16 weights and arithmetic have 8
significant bits, so that sooner or later another token wins; how many tokens are the same is printed.
"""

import argparse
import os
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from torch import Tensor

from aigc_book.decoding import GREEDY, generate, pack
from aigc_book.models.gpt import GPT, GPTConfig

PROMPT_TOKENS, NEW_TOKENS = 16, 128

# batch size, contender, peer, at least, goal (–: nobody set one)
ROWS = [
    (1, "float32, packed", "float32", "1.3×", "2×"),
    (1, "float32", "float32", "1.3×", "–"),
    (1, "bfloat16, packed", "float32", "2×", "3×"),
    (1, "bfloat16", "float32", "2×", "–"),
    (1, "bfloat16, packed", "bfloat16", "–", "–"),
    (8, "bfloat16, packed", "float32", "2.3×", "4×"),
    (8, "bfloat16", "float32", "2.3×", "–"),
    (8, "bfloat16, packed", "bfloat16", "–", "–"),
    (8, "float32, packed", "float32", "–", "–"),
]


def load_models() -> tuple[dict[str, GPT], dict[str, torch.nn.Module]]:
    """Ours and the peer's, with the same random weights; in bfloat16 the same weights, rounded."""
    torch.manual_seed(0)
    model = GPT(GPTConfig.gpt2()).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        peers = {
            name: transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
            for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
        }
        half = GPT.from_pretrained(folder, dtype=torch.bfloat16).eval()
    start = time.perf_counter()
    packed = pack(model)
    middle = time.perf_counter()
    packed_half = pack(half)
    end = time.perf_counter()
    print(f"Packing took {middle - start:.2f} s in float32, {end - middle:.2f} s in bfloat16.\n")
    return {
        "float32": model,
        "float32, packed": packed,
        "bfloat16": half,
        "bfloat16, packed": packed_half,
    }, peers


def measure(program: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Seconds, and the new tokens."""
    start = time.perf_counter()
    ids = program()
    return time.perf_counter() - start, ids[:, PROMPT_TOKENS:]


def run(batch_size: int, ours: dict[str, GPT], peers: dict[str, torch.nn.Module], rounds: int) -> list[str]:
    """Table rows of one batch size."""
    ids = torch.randint(50257, (batch_size, PROMPT_TOKENS), generator=torch.Generator().manual_seed(batch_size))
    settings = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "pad_token_id": 0}
    mask = torch.ones_like(ids)
    programs = {f"ours {n}": lambda m=m: generate(m, ids, NEW_TOKENS, GREEDY) for n, m in ours.items()}
    programs |= {f"peer {n}": lambda m=m: m.generate(ids, attention_mask=mask, **settings) for n, m in peers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    new: dict[str, Tensor] = {}
    for round_number in range(rounds + 1):
        for name, program in programs.items():
            spent, new[name] = measure(program)
            if round_number > 0:  # the first round warms up
                seconds[name].append(spent)
    for name in ("ours float32", "ours float32, packed"):
        if not torch.equal(new[name], new["peer float32"]):
            raise RuntimeError(f"{name} and transformers differ in float32")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    same = (new["ours bfloat16, packed"] == new["peer float32"]).float().mean().item()
    print(
        f"Batch {batch_size}: in float32 all tokens are the same; in bfloat16 {same:.0%} of them are those of float32."
    )
    for name, times in seconds.items():
        per_token = sorted(1000 * t / NEW_TOKENS for t in times)
        print(f"  {name}: {1000 * medians[name] / NEW_TOKENS:.1f} ms a step ({per_token[0]:.1f}–{per_token[-1]:.1f})")
    work = f"greedy, GPT-2 small size, batch {batch_size}, prompt {PROMPT_TOKENS}, {NEW_TOKENS} new tokens"
    return [
        f"| {work}, {contender} ({medians[f'ours {contender}']:.2f} s) "
        f"| transformers {version('transformers')}, {peer} ({medians[f'peer {peer}']:.2f} s) "
        f"| {medians[f'peer {peer}'] / medians[f'ours {contender}']:.2f}× | {least} | {goal} |"
        for row_batch_size, contender, peer, least, goal in ROWS
        if row_batch_size == batch_size
    ]


def describe_machine() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    names = re.findall(r"model name\s*: (.*)", text)
    model = names[0] if names else platform.processor() or platform.machine()
    bf16 = "with" if "avx512_bf16" in text or "amx_bf16" in text else "without"
    return (
        f"{model}, {os.cpu_count()} cores, {bf16} bfloat16 instructions; Python {platform.python_version()}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    ours, peers = load_models()
    rows = [row for size in arguments.batch_sizes for row in run(size, ours, peers, arguments.rounds)]
    print("\n| work | peer | ratio (median) | at least | goal |\n|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\nMachine: {describe_machine()}. Medians of {arguments.rounds} rounds.")


if __name__ == "__main__":
    main()
