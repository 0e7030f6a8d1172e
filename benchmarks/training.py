"""How fast training is beside nanoGPT: ``python benchmarks/training.py --nanogpt PATH --text PATH``.

nanoGPT's own ``train.py`` runs unchanged, in a process of its own, with the settings that its README gives for a CPU: a
character-level GPT of 4 layers, 4 heads, 128 wide (0.80 M parameters), context 64, batch 12, float32, 2000 iterations.
Three comparisons, whose runs take turns:

1. Throughput: the same architecture, batch, precision, optimizer and clipping through ``fit``. Per iteration, as both
   log it: batch, forward, backward, clipping, update.
2. Time to the loss that nanoGPT's recipe ends at, with this package's recipe.
3. The loss after the time that nanoGPT's recipe takes, with this package's recipe.

A time is that of training alone: no imports, no evaluation, no saving. Losses are of the whole validation split (the
last tenth of the text), in float32, in windows of 64 characters without overlap.
"""

import argparse
import json
import os
import pickle
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from aigc_book.data.batches import RandomWindows, SequentialWindows
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.text.tokenizers import CharTokenizer
from aigc_book.training import recipes
from aigc_book.training.evaluate import evaluate
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.optimizers import AdamW, decay_groups
from aigc_book.training.schedules import warmup_cosine

CONTEXT, BATCH, ITERATIONS = 64, 12, 2000
QUICK = 250  # nanoGPT saves its first checkpoint after so many iterations
OUR_BATCH, SHORT = 32, 125  # our recipe: the batch, and the steps to nanoGPT's loss
RECIPE = ["config/train_shakespeare_char.py", "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1"]
RECIPE += ["--block_size=64", "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--dropout=0.0"]
REPORT = "benchmark result: "


def read_ids(text: Path) -> tuple[np.ndarray, np.ndarray, CharTokenizer]:
    """The training split, the validation split (the last tenth), and the tokenizer."""
    content = text.read_text(encoding="utf-8")
    tokenizer = CharTokenizer.train([content])
    ids = np.array(tokenizer.encode(content), dtype=np.uint16)
    n = int(len(content) * 0.9)
    return ids[:n], ids[n:], tokenizer


def run(command: list[str], folder: Path | None = None) -> str:
    """What a process prints; if it fails, this one ends with its error."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def validation_loss(model: torch.nn.Module, ids: np.ndarray) -> float:
    """Nats per character of the whole split."""
    return evaluate(model, SequentialWindows(ids, batch_size=256, block_size=CONTEXT)).mean


# --- nanoGPT ---------------------------------------------------------------------------------------------------------


def set_up_peer(checkout: Path, text: Path, folder: Path) -> None:
    """A copy of the checkout, with the text prepared as its ``prepare.py`` would (which wants to download it)."""
    for name in ("train.py", "model.py", "configurator.py", "config"):
        source = checkout / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    train, validation, tokenizer = read_ids(text)
    data = folder / "data" / "shakespeare_char"
    data.mkdir(parents=True)
    train.tofile(data / "train.bin")
    validation.tofile(data / "val.bin")
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": tokenizer.vocab_size}))


def run_peer(folder: Path, iterations: int, *, whole: bool) -> list[float]:
    """Seconds of each iteration, as ``train.py`` prints them; with ``whole`` it evaluates and saves in between."""
    arguments = [f"--max_iters={iterations}", f"--lr_decay_iters={iterations}", "--always_save_checkpoint=True"]
    if not whole:
        arguments.append("--eval_interval=1000000")
    out = run([sys.executable, "-W", "ignore", "train.py", *RECIPE, *arguments], folder)
    times = [float(ms) / 1000 for ms in re.findall(r"^iter \d+: .*time ([\d.]+)ms", out, re.MULTILINE)]
    # Iterations that evaluated, and the first few, count as a usual one.
    usual = statistics.median(times)
    evaluated = re.findall(r"^step (\d+):", out, re.MULTILINE)
    slow = {int(n) for n in evaluated} | set(range(5))
    return [usual if n in slow else t for n, t in enumerate(times)]


def peer_loss(folder: Path, ids: np.ndarray) -> tuple[float, int]:
    """Loss on the whole validation split of the checkpoint that nanoGPT has saved, and its number of parameters."""
    sys.path.insert(0, str(folder))
    from model import GPT as PeerGPT
    from model import GPTConfig as PeerConfig

    class Logits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, ids):
            return self.model(ids, ids)[0]  # with targets it gives the logits of all positions

    saved = torch.load(folder / "out-shakespeare-char" / "ckpt.pt", weights_only=True)
    model = PeerGPT(PeerConfig(**saved["model_args"]))
    model.load_state_dict(saved["model"])
    return validation_loss(Logits(model), ids), sum(p.numel() for p in model.parameters())


# --- this package ----------------------------------------------------------------------------------------------------


def train_alike(train: np.ndarray, vocab_size: int, steps: int) -> list[float]:
    """Seconds of each step, with nanoGPT's architecture and settings."""
    torch.manual_seed(0)
    model = GPT(
        GPTConfig(
            vocab_size=vocab_size,
            max_seq_len=CONTEXT,
            n_layers=4,
            n_heads=4,
            d_model=128,
            activation="gelu",
            bias=False,
        )
    )
    history = fit(
        model,
        RandomWindows(train, batch_size=BATCH, block_size=CONTEXT),
        TrainConfig(steps, clip=1.0, log_every=1, progress=False),
        optimizers=AdamW(decay_groups(model, 0.1), lr=1e-3, betas=(0.9, 0.99)),
        schedule=warmup_cosine(steps, warmup=min(100, steps // 2), floor=0.1),
    )
    seconds = np.diff(history.seconds, prepend=0.0).tolist()
    return [statistics.median(seconds)] * 5 + seconds[5:]


def train_well(train: np.ndarray, validation: np.ndarray, vocab_size: int, steps: int, seed: int) -> dict:
    """This package's recipe for the same text: seconds, loss, parameters."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    model = GPT(GPTConfig.small(vocab_size, CONTEXT, n_layers=4, n_heads=4, d_model=128))
    dtype = recipes.fastest_dtype(torch.device("cpu"))
    optimizers, schedule = recipes.small(
        model, steps, matrix_rate=0.04, other_rate=0.02, warmup=steps // 20, ns_dtype=dtype
    )
    fit(
        model,
        RandomWindows(train, batch_size=OUR_BATCH, block_size=CONTEXT, seed=seed),
        TrainConfig(steps, clip=None, dtype=dtype, log_every=100, progress=False),
        optimizers=optimizers,
        schedule=schedule,
    )
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "loss": validation_loss(model, validation), "parameters": model.count_parameters()}


# --- side by side ----------------------------------------------------------------------------------------------------


def in_a_fresh_process(part: str, **arguments: object) -> object:
    """Run a part of this script in a process of its own, as nanoGPT is, and read what it reports."""
    command = [sys.executable, __file__, "--part", part]
    for name, value in arguments.items():
        command += [f"--{name}", str(value)]
    return json.loads(run(command).rpartition(REPORT)[2])


def run_part(args: argparse.Namespace) -> None:
    """What :func:`in_a_fresh_process` has asked for."""
    train, validation, tokenizer = read_ids(args.text)
    if args.part == "alike":
        result = train_alike(train, tokenizer.vocab_size, args.steps)
    elif args.part == "well":
        result = train_well(train, validation, tokenizer.vocab_size, args.steps, args.seed)
    else:
        result = peer_loss(args.nanogpt, validation)
    print(REPORT + json.dumps(result))


def machine() -> str:
    """The processor, the threads, and the versions."""
    cpu_info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpu_info.read_text()) if cpu_info.exists() else []
    name = names[0] if names else platform.processor()
    threads = torch.get_num_threads()
    return f"{name}, {threads} of {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"


def compare_throughput(folder: Path, text: Path, rounds: int, iterations: int) -> None:
    """Print a row of tokens a second."""
    ratios, ours, theirs = [], [], []
    for number in range(rounds):
        peer = statistics.median(run_peer(folder, iterations, whole=False))
        own = statistics.median(in_a_fresh_process("alike", text=text, steps=iterations))
        ratios.append(peer / own)
        theirs.append(BATCH * CONTEXT / peer)
        ours.append(BATCH * CONTEXT / own)
        print(
            f"<!-- round {number + 1}: nanoGPT {1e3 * peer:.1f} ms, ours {1e3 * own:.1f} ms an iteration -->",
            flush=True,
        )
    print(
        f"| throughput, tokens/s ({rounds} × {iterations} iterations): {statistics.median(ours):,.0f} "
        f"| nanoGPT: {statistics.median(theirs):,.0f} | {statistics.median(ratios):.2f}× | 1.1× | 1.3× |",
        flush=True,
    )


def compare_recipes(folder: Path, text: Path, rounds: int, iterations: int, short: int) -> None:
    """Print a row of the time to nanoGPT's loss, and one of the loss after nanoGPT's time."""
    speedups, losses, peers, lines = [], [], [], []
    for number in range(rounds):
        seconds = sum(run_peer(folder, iterations, whole=True))
        peer, peer_parameters = in_a_fresh_process("loss", text=text, nanogpt=folder)
        quick = in_a_fresh_process("well", text=text, steps=short, seed=number)
        # As many steps as fit into nanoGPT's time, at the pace of the short run, with 3 % to spare.
        steps = int(0.97 * seconds / quick["seconds"] * short)
        long = in_a_fresh_process("well", text=text, steps=steps, seed=number)
        reached = quick["loss"] <= peer and quick["parameters"] <= 810_000
        in_time = long["seconds"] <= seconds
        speedups.append(seconds / quick["seconds"] if reached else 0.0)
        losses.append(long["loss"] if in_time else float("inf"))
        peers.append(peer)
        lines.append(
            f"<!-- round {number + 1}: nanoGPT ({peer_parameters:,} parameters) {seconds:.1f} s to {peer:.4f}; ours "
            f"({quick['parameters']:,}) {quick['seconds']:.1f} s to {quick['loss']:.4f} in {short} steps, and "
            f"{long['seconds']:.1f} s to {long['loss']:.4f} in {steps} steps -->"
        )
        print(lines[-1], flush=True)
    print(
        f"| time to nanoGPT's final loss ({rounds} runs, {iterations} iterations) "
        f"| nanoGPT: {statistics.median(peers):.3f} | {statistics.median(speedups):.1f}× sooner | 5× | 10× |"
    )
    print(
        f"| loss after the same time: {statistics.median(losses):.3f} | nanoGPT: {statistics.median(peers):.3f} "
        f"| {statistics.median(peers) - statistics.median(losses):.3f} lower | 1.65 | 1.60 |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, help="a checkout of github.com/karpathy/nanoGPT")
    parser.add_argument("--text", type=Path, help="its Shakespeare text, input.txt")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is run")
    parser.add_argument("--only", choices=("throughput", "recipes"), help="one of the comparisons")
    parser.add_argument("--quick", action="store_true", help="one round of short runs, to see that it works")
    parser.add_argument("--part", choices=("alike", "well", "loss"), help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=SHORT, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        return run_part(args)
    for path, name in ((args.nanogpt, "train.py"), (args.text, "")):
        if path is None or not (path / name).is_file():
            parser.error("--nanogpt must be a checkout of nanoGPT, and --text a file; see --help")

    print("| work | peer | ratio | at least | goal |\n|---|---|---|---|---|", flush=True)
    rounds = 1 if args.quick else args.rounds
    with tempfile.TemporaryDirectory() as name:
        folder, text = Path(name), args.text.resolve()
        set_up_peer(args.nanogpt, text, folder)
        if args.only != "recipes":
            compare_throughput(folder, text, 1 if args.quick else max(5, rounds), 60 if args.quick else 300)
        if args.only != "throughput":
            compare_recipes(folder, text, rounds, QUICK if args.quick else ITERATIONS, 20 if args.quick else SHORT)
    print(f"\n{machine()}")
    print(
        "\nEqual: the text and its split, the context, the number of threads, one process each at a time; for the "
        "throughput also the architecture, batch, float32, AdamW, clipping and schedule.\nNot equal: for the other two "
        "rows the architecture's details, the optimizer (Muon and AdamW), the batch, the schedule and the precision "
        "(bfloat16 products where they are faster) are this package's choice, at no more parameters."
    )
    return None


if __name__ == "__main__":
    main()
