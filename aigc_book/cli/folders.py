"""The folder of a model on the command line: what stands in it, and how it opens.

::

    my_model/
        config.json, model.safetensors   the model, once it is trained: opens with from_pretrained
        tokenizer.json                   its tokenizer, which transformers reads too
        training/run.json                what was chosen, to go on from
        training/ids.bin                 the text as ids
        training/step-00000500/          checkpoints
"""

from pathlib import Path

import click
from torch import nn

from aigc_book.models.disk.folder import CONFIG, find_folder, read_json
from aigc_book.models.gpt import GPT
from aigc_book.models.rnn import RNN
from aigc_book.text.encoding import Tokenizer
from aigc_book.text.folders import load_tokenizer
from aigc_book.training.checkpoint import Checkpoints

TRAINING, RUN, IDS = "training", "run.json", "ids.bin"
KINDS = {layout.model_type: kind for kind in (GPT, RNN) for layout in kind.layouts}


def open_model(folder: str) -> tuple[type, Path]:
    """The class that opens a model's folder, and the folder: of a run that hasn't ended its latest checkpoint.

    Raises:
        FileNotFoundError: there is no such folder, or no model in it.
        ValueError: a model that doesn't write text.
    """
    path = find_folder(folder)
    if not (path / CONFIG).is_file() and (path / TRAINING).is_dir():
        latest = Checkpoints(path / TRAINING).latest()
        if latest is None:
            raise FileNotFoundError(f"{path} holds no model yet; go on with: aigc-book train --resume {folder}")
        click.echo(f"The run in {path} hasn't ended; this is its checkpoint {latest.name}.", err=True)
        path = latest
    kind = read_json(path / CONFIG).get("model_type")
    if kind not in KINDS:
        raise ValueError(f"{path / CONFIG}: model_type must be one of {', '.join(KINDS)}; got {kind!r}")
    return KINDS[kind], path


def open_tokenizer(folder: Path, model: nn.Module, other: str | None) -> Tokenizer:
    """The tokenizer of a model: beside it, for a checkpoint beside its run, or another one that was named.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it has more ids than the model has rows.
    """
    run = folder.parent
    place = Path(other) if other else run.parent if (run / RUN).is_file() else folder
    try:
        tokenizer = load_tokenizer(place)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; --tokenizer names one that is elsewhere") from error
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"the tokenizer in {place} has {tokenizer.vocab_size} ids, the model {model.config.vocab_size}: "
            "it is another model's"
        )
    return tokenizer
