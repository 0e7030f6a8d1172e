"""``aigc-book doctor``: what is installed here, where it computes, which data there are, and what runs."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from aigc_book import __version__
from aigc_book.cli.options import Command, option

NEEDED = ("torch", "numpy", "safetensors", "tokenizers", "datasets", "evaluate", "nltk", "torchtext", "matplotlib")
EXTRAS = {
    "chapters": ("myst_nb", "peft", "rouge_score", "sacrebleu", "transformers"),
    "book": ("jupyter_book", "jupyterlab"),
    "test": ("pytest", "hypothesis", "playwright", "trl"),
}
HELP = """Show what is installed here and what runs.

Each line under "works" is tried, not guessed. The exit status is 1 if one of them fails.
"""


def run(given: dict[str, Any]) -> None:
    """Look, try, report."""
    found = {"versions": versions(), "extras": extras(), "machine": machine(), "data": data(), "works": works()}
    if given.get("json"):
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for heading, rows in found.items():
            click.echo(f"{heading}\n" + "\n".join(f"  {name:22s} {value}" for name, value in rows.items()))
    if failed := [name for name, value in found["works"].items() if value != "yes"]:
        raise ValueError(f"{len(failed)} of {len(found['works'])} don't work here: {', '.join(failed)}")


def versions() -> dict[str, str]:
    """Python's, ours, and those of what we need."""
    own = {"python": f"{platform.python_version()}, {sys.executable}", "aigc_book": __version__}
    return own | {name: _version(name) for name in NEEDED}


def extras() -> dict[str, str]:
    """Which extras of the package are installed."""
    lacking = {
        extra: [name for name in names if importlib.util.find_spec(name) is None] for extra, names in EXTRAS.items()
    }
    return {extra: f"lacks {', '.join(names)}" if names else "installed" for extra, names in lacking.items()}


def machine() -> dict[str, str]:
    """Where it computes, with which kernels and settings."""
    import torch

    from aigc_book import runtime
    from aigc_book.kernels import processor
    from aigc_book.training.recipes import fastest_dtype

    device = runtime.find_device()
    free = shutil.disk_usage(tempfile.gettempdir()).free
    rows = {
        "system": platform.platform(terse=True),
        "device": f"{device}" + (f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""),
        "scale": runtime.find_scale(),
        "trains fastest in": str(fastest_dtype(device)).removeprefix("torch."),
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()} processors",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "kernels": f"{processor.NAME} (measured for AMD and Intel with AVX-512; plain: torch's own)",
        "base seed": str(runtime.seed(0)),
        "several processes": ", ".join(_backends(torch)) or "not in this build of torch",
        "temporary folder": f"{tempfile.gettempdir()}, {free / 2**30:.1f} GiB free",
    }
    if memory := _memory():
        rows["memory"] = memory
    return rows


def data() -> dict[str, str]:
    """Which of the texts, pictures and sets that the book can use are here."""
    from aigc_book.data.files import data_folder

    rows = {name: _tried(look) for name, look in SETS.items()}
    try:
        folder = data_folder()
    except FileNotFoundError as error:
        return rows | {"AIGC_BOOK_DATA": str(error)}
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder else []
    return rows | {"AIGC_BOOK_DATA": f"{folder}: {', '.join(names) or 'empty'}" if folder else "not set"}


def works() -> dict[str, str]:
    """The book's jobs in small: each is tried, and says yes or what is wrong."""
    return {name: _tried(job) for name, job in JOBS.items()}


def _docs() -> str:
    from aigc_book.data.corpora import python_docs

    return f"{len(python_docs()):,} characters"


def _stories() -> str:
    from aigc_book.data.stories import stories

    first = next(iter(stories("train", 1, seed=0)))
    return f"made as they are asked for, such as: {first.english[:40]} …"


def _digits() -> str:
    from sklearn.datasets import load_digits

    return f"{len(load_digits().images):,} pictures"


def _wordnet() -> str:
    from nltk.corpus import wordnet

    try:
        return f"{len(wordnet.synsets('cat'))} meanings of cat"
    except LookupError:
        return "not installed (METEOR works without synonyms)"


def _train() -> str:
    from aigc_book.data.batches import RandomWindows
    from aigc_book.models.gpt import GPT, GPTConfig
    from aigc_book.training.loop import TrainConfig, fit

    model = GPT(GPTConfig(vocab_size=7, max_seq_len=5, n_layers=1, n_heads=1, d_model=8)).to(_device())
    batches = RandomWindows([i % 7 for i in range(50)], batch_size=2, block_size=5)
    with tempfile.TemporaryDirectory() as folder:
        fit(model, batches, TrainConfig(2, progress=False), checkpoints=Path(folder) / "run")
        model.save_pretrained(folder)
        GPT.from_pretrained(folder)
    return "yes"


def _generate() -> str:
    from aigc_book.decoding import generate
    from aigc_book.models.gpt import GPT, GPTConfig

    model = GPT(GPTConfig(vocab_size=7, max_seq_len=5, n_layers=1, n_heads=1, d_model=8)).to(_device())
    generate(model, [1], 3, seed=0)
    return "yes"


def _score() -> str:
    from aigc_book.metrics.table import METRICS

    for metric in METRICS.values():
        metric.score(["a text"], ["a text"], metric.settings())
    return "yes"


def _draw() -> str:
    import matplotlib as mpl

    from aigc_book import plotting

    with mpl.rc_context({"backend": "agg"}):
        plotting.use_style()
    return "yes"


def _device() -> Any:
    from aigc_book import runtime

    return runtime.find_device()


SETS: dict[str, Callable[[], str]] = {
    "Python's documentation": _docs,
    "story world": _stories,
    "digits": _digits,
    "WordNet": _wordnet,
}
JOBS: dict[str, Callable[[], str]] = {"train": _train, "generate": _generate, "score": _score, "draw": _draw}


def _tried(job: Callable[[], str]) -> str:
    """What a job says, or what went wrong: looking for what is broken must not break."""
    try:
        return job()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _backends(torch: Any) -> list[str]:
    distributed = torch.distributed
    if not distributed.is_available():
        return []
    there = {"gloo": distributed.is_gloo_available(), "nccl": distributed.is_nccl_available()}
    return [name for name, is_there in there.items() if is_there]


def _memory() -> str | None:
    info = Path("/proc/meminfo")
    if not info.exists():
        return None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in info.read_text().splitlines() if line.endswith("kB")}
    return f"{kib['MemAvailable'] / 2**20:.1f} of {kib['MemTotal'] / 2**20:.1f} GiB free"


command = Command(
    "doctor", run, help=HELP, groups={"Output": [option("json", "Write JSON.", is_flag=True, default=False)]}
)
