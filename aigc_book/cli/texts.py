"""The text of a run: read, cut into tokens, written down as ids; the last tenth of it is held out."""

import codecs
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click
import numpy as np

from aigc_book.cli.folders import IDS, RUN, TRAINING
from aigc_book.cli.options import arguments
from aigc_book.data.batches import SequentialWindows
from aigc_book.data.corpora import read_text
from aigc_book.data.id_files import open_ids, write_ids
from aigc_book.files import write_folder_aside
from aigc_book.text.bpe import BPETokenizer
from aigc_book.text.folders import load_tokenizer, save_tokenizer
from aigc_book.text.tokenizers import encode_corpus

FEWEST_WINDOWS = 4  # that a text must fill, one of them held out


@dataclass(frozen=True)
class Corpus:
    """A text as ids, in its two parts.

    Attributes:
        tokenizer: what cut it.
        trained: the ids to train on, mapped into memory.
        held_out: those after them: a tenth, and a window at least.
        block_size: ids in a window.
    """

    tokenizer: BPETokenizer
    trained: np.ndarray
    held_out: np.ndarray
    block_size: int

    @classmethod
    def open(cls, folder: Path, block_size: int) -> Self:
        """What :func:`prepare` has written into a folder."""
        tokenizer = load_tokenizer(folder)
        ids = open_ids(folder / TRAINING / IDS, vocab_size=tokenizer.vocab_size)
        cut = len(ids) - max(len(ids) // 10, block_size + 1)
        return cls(tokenizer, ids[:cut], ids[cut:], block_size)

    def windows(self, batch_size: int) -> SequentialWindows:
        """The held-out part, window by window."""
        return SequentialWindows(self.held_out, batch_size=batch_size, block_size=self.block_size)

    def bits_per_byte(self, nats_per_token: float) -> float:
        """The loss on the held-out part, for each byte of its text."""
        n_bytes = int(bytes_of_ids(self.tokenizer)[self.held_out].sum())
        return nats_per_token / math.log(2) * len(self.held_out) / n_bytes


def bytes_of_ids(tokenizer: BPETokenizer) -> np.ndarray:
    """How many bytes each id stands for, (V,)."""
    return np.array([len(tokenizer.decode_bytes([i])) for i in range(tokenizer.vocab_size)])


def prepare(text: str, folder: Path, chosen: dict[str, Any]) -> None:
    """Make the folder of a run, as a whole or not at all: the text's tokenizer and ids, and what was chosen.

    Raises:
        FileNotFoundError: there is no such text.
        FileExistsError: the folder holds something already.
        ValueError: the text is empty, too short, binary or in another encoding.
    """
    check_free(folder)
    read = read_settings(chosen)
    with write_folder_aside(folder) as aside:
        # No end of text among the ids: the model would never see it, and write it by chance.
        settings = arguments(BPETokenizer.train, chosen) | {"special_tokens": ()}
        tokenizer = BPETokenizer.train(chunks(text, read), **settings)
        save_tokenizer(tokenizer, aside)
        (aside / TRAINING).mkdir()
        n_ids = write_ids(aside / TRAINING / IDS, encode_corpus(tokenizer, chunks(text, read)), tokenizer.vocab_size)
        check_length(n_ids, chosen["max_seq_len"])
        (aside / TRAINING / RUN).write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{n_ids:,} tokens of {tokenizer.vocab_size:,} kinds, a tenth of them held out")


def check_free(folder: Path) -> None:
    """Refuse a folder that holds something."""
    if folder.is_file():
        raise FileExistsError(f"{folder} is a file; --out must name a new folder")
    if (folder / TRAINING / RUN).is_file():
        raise FileExistsError(
            f"{folder} holds a run already; go on with it by --resume {folder}, or choose another folder"
        )
    if folder.is_dir() and (names := sorted(path.name for path in folder.iterdir())):
        raise FileExistsError(
            f"{folder} holds {names[0]}" + f" and {len(names) - 1} more" * (len(names) > 1) + "; --out must name a new "
            "or empty folder"
        )


def read_settings(chosen: dict[str, Any]) -> dict[str, Any]:
    """How a text is read.

    Raises:
        click.UsageError: an encoding that Python doesn't know.
    """
    read = arguments(read_text, chosen)
    try:
        codecs.lookup(read.get("encoding", "utf-8"))
    except LookupError as error:
        raise click.UsageError(str(error)) from error
    return read


def chunks(path: str, read: dict[str, Any]) -> Iterator[str]:
    """The text of a file or folder, chunk by chunk.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is binary or in another encoding.
    """
    try:
        found = read_text(path, **read)
    except FileNotFoundError as error:
        hint = "; --pattern names others, such as '*.md'" if Path(path).is_dir() else ""
        raise FileNotFoundError(f"{error}{hint}") from error
    for chunk in found:
        if "\0" in chunk:
            raise ValueError(f"{path} is binary, not text: it holds the character 0")
        yield chunk


def check_length(n_ids: int, block_size: int) -> None:
    """Refuse a text that doesn't fill a few windows."""
    if n_ids < FEWEST_WINDOWS * (block_size + 1):
        fits = n_ids // FEWEST_WINDOWS - 1
        hint = f", or say --max-seq-len {fits}" if fits >= 8 else ""
        raise ValueError(
            f"the text is too short: it has {n_ids} tokens, and {FEWEST_WINDOWS} windows of max_seq_len={block_size} "
            f"tokens and one more need {FEWEST_WINDOWS * (block_size + 1)}. Give a longer text{hint}"
        )
