"""``aigc-book train``: a text becomes a model in a folder, with samples on the way; stopped, it goes on from there."""

import dataclasses
import json
import math
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import click
import torch
from tqdm import tqdm

from aigc_book import runtime
from aigc_book.cli.folders import RUN, TRAINING
from aigc_book.cli.options import (
    Command,
    arguments,
    call,
    device_option,
    option,
    options_of,
    set_device,
    usage,
)
from aigc_book.cli.texts import Corpus, prepare, read_settings
from aigc_book.data.batches import RandomWindows
from aigc_book.data.corpora import read_text
from aigc_book.decoding import Sampling, generate
from aigc_book.files import write_aside
from aigc_book.models.disk.folder import read_json
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.text.bpe import BPETokenizer
from aigc_book.training import recipes
from aigc_book.training.checkpoint import Checkpoints
from aigc_book.training.loop import TrainConfig, train

# What fits a text of a novel's size and half a minute on a laptop; all other defaults are the package's own.
DEFAULTS = {"steps": 500, "batch_size": 16, "max_seq_len": 128, "seed": 0, "prompt": "\n", "sample_tokens": 60}
MAY_CHANGE = ("steps", "log_every", "eval_every", "checkpoint_every", "progress", "prompt", "sample_tokens", "device")

HELP = """Train a model on a text of yours, from scratch.

TEXT is a file, or a folder whose text files are read one after the other (--pattern says which). Its last tenth is held
out: the loss there tells what was learned, the training loss also what was memorised; a passage that stands in both
flatters it. The model is a small GPT, trained with Muon and AdamW; all its settings may be changed.

\b
    aigc-book train novel.txt --out my_model
    aigc-book train my_sources --pattern '*.py' --out my_coder --steps 2000
    aigc-book train --resume my_model                  after Ctrl-C, a crash, a power cut
    aigc-book train --resume my_model --steps 3000     to train it longer

Ctrl-C saves a checkpoint. A run that goes on gives the same model as one that was never stopped, bit for bit, on the
same machine. The folder then opens with GPT.from_pretrained and `aigc-book generate`; its tokenizer.json is read by
transformers too.
"""


def run(chosen: dict[str, Any]) -> None:
    """Start a run, or go on with one, and write the model at its end."""
    folder, chosen = _resumed(chosen) if "resume" in chosen else _started(chosen)
    device = _device(chosen)
    corpus = Corpus.open(folder, chosen["max_seq_len"])
    model = GPT(_model_config(chosen, corpus.tokenizer.vocab_size)).to(device)
    config = _train_config(chosen)
    recipe = _recipe(chosen, model)
    checkpoints = Checkpoints(folder / TRAINING)
    n_parameters = model.count_parameters()
    click.echo(f"{n_parameters:,} parameters, {config.steps:,} steps of {chosen['batch_size']} windows, on {device}")
    sizes = {"block_size": chosen["max_seq_len"], "batch_size": chosen["batch_size"]}
    start = time.monotonic()
    try:
        for entry in train(
            model,
            RandomWindows(corpus.trained, **sizes, seed=runtime.seed(chosen["seed"])),
            config,
            optimizers=recipe.optimizers,
            schedule=recipe.schedule,
            validation=corpus.windows(chosen["batch_size"]),
            checkpoints=checkpoints,
            resume=True,
        ):
            if entry.validation_loss is not None:
                seconds = time.monotonic() - start
                bits = corpus.bits_per_byte(entry.validation_loss)
                loss = entry.history.losses[-1] if entry.history.losses else math.nan
                tqdm.write(
                    f"step {entry.step:,}: loss {loss:.3f}, held out {entry.validation_loss:.3f} nats a token "
                    f"({bits:.3f} bits a byte), {seconds:.0f} s"
                )
            if entry.checkpoint is not None and chosen["sample_tokens"]:
                tqdm.write(textwrap.indent(_sample(model, corpus, chosen), "    "))
    except KeyboardInterrupt:
        latest = checkpoints.latest()
        kept = f"step {int(latest.name.removeprefix('step-')):,} is saved" if latest else "no step was done yet"
        click.echo(f"\nStopped; {kept}. Go on with:\n    aigc-book train --resume {_quoted(folder)}", err=True)
        raise
    model.save_pretrained(folder)
    click.echo(
        f"The model is in {folder}. Let it write, or train it longer:\n"
        f"    aigc-book generate {_quoted(folder)} --temperature 0.8\n"
        f"    aigc-book train --resume {_quoted(folder)} --steps {2 * config.steps}"
    )


def _started(given: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Check every setting, then the folder, then the text; make the folder of the run."""
    if "text" not in given or "out" not in given:
        raise click.UsageError("say what to train on and where to: TEXT --out FOLDER, or --resume FOLDER to go on")
    chosen = {**DEFAULTS, **given}
    text, folder = chosen.pop("text"), Path(chosen.pop("out")).expanduser()
    device = _device(chosen)
    chosen.setdefault("dtype", str(recipes.fastest_dtype(device)).removeprefix("torch."))
    read_settings(chosen)
    tokenizer = call(BPETokenizer.train, chosen, {"texts": "a", "special_tokens": ()})
    with torch.device("meta"):
        model = GPT(_model_config(chosen, tokenizer.vocab_size))
    _train_config(chosen)
    _recipe(chosen, model)
    _check_prompt(chosen)
    prepare(text, folder, chosen)
    return folder, chosen


def _resumed(given: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """What was chosen when the run began, and what may be chosen anew."""
    folder = Path(given.pop("resume")).expanduser()
    file = folder / TRAINING / RUN
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no run to go on with; it lacks {TRAINING}/{RUN}")
    if fixed := [name for name in given if name not in MAY_CHANGE]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in MAY_CHANGE)
        raise click.UsageError(f"{fixed[0]} is settled when a run begins; what may change when it goes on: {names}")
    chosen = {**read_json(file), **given}
    _train_config(chosen)
    _check_prompt(chosen)
    latest = Checkpoints(folder / TRAINING).latest()
    if latest is not None and int(latest.name.removeprefix("step-")) > chosen["steps"]:
        raise click.UsageError(f"the run has reached {latest.name} already; got --steps {chosen['steps']}")
    with write_aside(file) as opened:
        opened.write((json.dumps(chosen, indent=1) + "\n").encode())
    return folder, chosen


def _device(chosen: dict[str, Any]) -> torch.device:
    """Seed everything, and say where to run."""
    set_device(chosen)
    with usage():
        return runtime.setup(chosen["seed"]).device


def _model_config(chosen: dict[str, Any], vocab_size: int) -> GPTConfig:
    fields = arguments(GPTConfig, {**chosen, "vocab_size": vocab_size})
    with usage():
        return dataclasses.replace(GPTConfig.small(vocab_size), **fields)


def _train_config(chosen: dict[str, Any]) -> TrainConfig:
    """An evaluation and a checkpoint ten times a run, and a bar where somebody sees it, unless chosen otherwise."""
    own = {"eval_every": max(1, chosen["steps"] // 10), "progress": sys.stderr.isatty()}
    return call(TrainConfig, {**own, **chosen}, {})


def _recipe(chosen: dict[str, Any], model: GPT) -> recipes.Recipe:
    return call(recipes.small, chosen, {"model": model, "steps": chosen["steps"]})


def _sample(model: GPT, corpus: Corpus, chosen: dict[str, Any]) -> str:
    """What the model writes now, always with the same seed."""
    prompt = corpus.tokenizer.encode(chosen["prompt"])
    n_new = min(chosen["sample_tokens"], model.config.max_seq_len - len(prompt))
    ids = generate(model, prompt, n_new, Sampling(temperature=0.8), seed=runtime.seed(chosen["seed"]))
    return corpus.tokenizer.decode(ids.tolist()).strip()


def _check_prompt(chosen: dict[str, Any]) -> None:
    """A token is a byte at least, so that a prompt of fewer bytes than the context has tokens leaves room to write."""
    n_bytes = len(chosen["prompt"].encode("utf-8", "surrogatepass"))
    if not 1 <= n_bytes < chosen["max_seq_len"]:
        raise click.UsageError(
            f"prompt must have from 1 to {chosen['max_seq_len'] - 1} bytes, fewer than max_seq_len; got {n_bytes}"
        )
    if chosen["sample_tokens"] < 0:
        raise click.UsageError(f"sample_tokens must be at least 0; got {chosen['sample_tokens']}")


def _quoted(folder: Path) -> str:
    """A path as it is written in a shell."""
    return f'"{folder}"' if " " in str(folder) else str(folder)


command = Command(
    "train",
    run,
    help=HELP,
    arguments=[click.Argument(["text"], required=False)],
    groups={
        "Where": [
            option("out", "A new folder for the model, its tokenizer and its checkpoints."),
            option("resume", "The folder of a run to go on with; all that was chosen for it holds."),
            device_option(),
        ],
        "Text": [
            *options_of(read_text, skip=["path", "chunk_bytes"]),
            *options_of(BPETokenizer.train, skip=["texts", "special_tokens"]),
        ],
        "Training": [
            *options_of(
                TrainConfig,
                defaults=DEFAULTS,
                notes={
                    "dtype": "If not given, the fastest on this machine.",
                    "eval_every": "If not given, ten times a run.",
                    "progress": "If not given, where it goes to a screen.",
                },
            ),
            option("batch_size", "Windows in a batch.", kind=click.IntRange(1), default=DEFAULTS["batch_size"]),
            option("seed", "The same seed gives the same model.", kind=click.IntRange(0), default=DEFAULTS["seed"]),
            *options_of(recipes.small, skip=["model", "steps"]),
        ],
        "Samples on the way": [
            option("prompt", "What they begin with; a line's end if not given."),
            option("sample_tokens", "Tokens to write each time; 0 for none.", kind=int, default=60),
        ],
        "Model": options_of(GPTConfig, skip=["vocab_size"], defaults=dataclasses.asdict(GPTConfig.small(1)) | DEFAULTS),
    },
)
