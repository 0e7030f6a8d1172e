"""``aigc-book generate``: a prompt in, text out, as it is written."""

import itertools
import sys
from pathlib import Path
from typing import Any

import click

from aigc_book import runtime
from aigc_book.cli.folders import open_model, open_tokenizer
from aigc_book.cli.options import Command, call, device_option, option, options_of, set_device, usage
from aigc_book.decoding import Sampling, stream
from aigc_book.decoding.prompts import check_lengths
from aigc_book.models.disk.folder import CONFIG, GENERATION, read_json
from aigc_book.models.gpt import GPT
from aigc_book.text.bpe import END_OF_TEXT
from aigc_book.text.encoding import Tokenizer

MOST = 200  # tokens, where nobody says how many
DEFAULTS = {"n": 1, "seed": 0, "echo": True, "prompt": "\n"}

HELP = """Let a trained model write.

FOLDER is what `aigc-book train` made, or a folder in Hugging Face's GPT-2 or Llama layout (config.json, safetensors
and tokenizer.json; or GPT-2's vocab.json and merges.txt). PROMPT is what the text begins with: a line's end if there is
none, "-" to read it from stdin. Text comes out as it is written.

\b
    aigc-book generate my_model "It was" --temperature 0.8 --top-p 0.95
    aigc-book generate my_model "It was" --temperature 0 --max-new-tokens 50
    echo "Once upon a time" | aigc-book generate gpt2_folder - --seed 3
"""


def run(chosen: dict[str, Any]) -> None:
    """Open the model, read the prompt, write."""
    chosen = {**DEFAULTS, **chosen}
    sampling = call(Sampling, chosen, {})
    set_device(chosen)
    with usage():
        device = runtime.setup(chosen["seed"]).device
    kind, folder = open_model(chosen["folder"])
    model = call(kind.from_pretrained, chosen, {"name": folder}).to(device)
    tokenizer = open_tokenizer(folder, model, chosen.get("tokenizer"))
    prompt = sys.stdin.read().removesuffix("\n") if chosen["prompt"] == "-" else chosen["prompt"]
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError("the prompt must hold at least one character; got none")
    n_new = chosen.get("max_new_tokens")
    if n_new is None:
        n_new = max(1, min(MOST, model.config.max_seq_len - len(ids)))
    with usage():
        check_lengths(model, [ids], n_new)
    ends, texts = stop_ids(folder, tokenizer), list(chosen.get("stop", ()))
    stopping = {"stop_ids": ends, "stop_sequences": texts, "decode": tokenizer.decode if texts else None}
    for number in range(chosen["n"]):
        seed = runtime.seed(chosen["seed"]) + number
        new = map(int, stream(model, ids, n_new, sampling, seed=seed, **stopping))
        text = tokenizer.decode_stream(itertools.takewhile(lambda i: i not in ends, new))
        for piece in itertools.chain([prompt.lstrip("\n")] if chosen["echo"] else [], text):
            click.echo(piece, nl=False)
            sys.stdout.flush()
        click.echo("\n" if number + 1 < chosen["n"] else "")


def stop_ids(folder: Path, tokenizer: Tokenizer) -> list[int]:
    """The ids that end a text: those that the model's folder names, else the tokenizer's end of text."""
    for name in (GENERATION, CONFIG):
        if (folder / name).is_file() and (ids := read_json(folder / name).get("eos_token_id")) is not None:
            return [ids] if isinstance(ids, int) else list(ids)
    return [i for token, i in tokenizer.special_tokens.items() if token == END_OF_TEXT]


command = Command(
    "generate",
    run,
    help=HELP,
    arguments=[click.Argument(["folder"]), click.Argument(["prompt"], required=False)],
    groups={
        "Sampling": options_of(Sampling),
        "Text": [
            option("max_new_tokens", f"The most tokens to add; as many as fit, up to {MOST}, if not given.", kind=int),
            option("stop", "A text that ends what is written, and stays at its end.", is_many=True),
            option("n", "How many texts, each with a seed of its own.", kind=click.IntRange(1), default=DEFAULTS["n"]),
            option("seed", "The same seed gives the same text.", kind=click.IntRange(0), default=DEFAULTS["seed"]),
            option("echo", "Write the prompt too.", is_flag=True, default=DEFAULTS["echo"]),
        ],
        "Model": [
            option("tokenizer", "A folder or file of a tokenizer, where the model's folder has none."),
            *options_of(GPT.from_pretrained, skip=["name"]),
            device_option(),
        ],
    },
)
