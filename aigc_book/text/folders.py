"""The tokenizer that lies beside a model, in the folder of both."""

import os
from pathlib import Path

from aigc_book.text.bpe import BPETokenizer
from aigc_book.text.encoding import Tokenizer
from aigc_book.text.published import PublishedTokenizer
from aigc_book.text.tokenizers import CharTokenizer, WordTokenizer

# The name that a tokenizer's file has beside a model. The first is the one that transformers reads.
FILES = {"tokenizer.json": BPETokenizer, "characters.json": CharTokenizer, "words.json": WordTokenizer}


def save_tokenizer(tokenizer: Tokenizer, folder: str | os.PathLike) -> Path:
    """Write a tokenizer beside a model, under the name by which :func:`load_tokenizer` finds it.

    Returns:
        the file.

    Raises:
        ValueError: it is none of the classes in :data:`FILES`.
        FileNotFoundError: there is no such folder.
    """
    name = next((name for name, kind in FILES.items() if type(tokenizer) is kind), None)
    if name is None:
        kinds = ", ".join(kind.__name__ for kind in FILES.values())
        raise ValueError(f"tokenizer must be one of {kinds}; got {type(tokenizer).__name__}")
    path = Path(folder).expanduser() / name
    tokenizer.save(path)
    return path


def load_tokenizer(path: str | os.PathLike) -> Tokenizer:
    """The tokenizer in a folder, or in a file.

    Args:
        path: a folder with one of :data:`FILES`, or with GPT-2's ``vocab.json`` and ``merges.txt``; or one of
            :data:`FILES` itself. A ``tokenizer.json`` that isn't a byte-level BPE with GPT-2's pattern, such as
            Llama's, is run by the ``tokenizers`` library.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a file is truncated or foreign, or the folder holds two tokenizers.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r} to read a tokenizer from")
    found = [path / name for name in FILES if (path / name).is_file()] if path.is_dir() else [path]
    if len(found) > 1:
        raise ValueError(f"{path} holds two tokenizers, {found[0].name} and {found[1].name}; take the wrong one away")
    if not found:
        try:
            return BPETokenizer.load(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"the folder {str(path)!r} holds no tokenizer: expected one of {', '.join(FILES)}, "
                "or vocab.json and merges.txt"
            ) from error
    (file,) = found
    if file.name not in FILES:
        raise ValueError(f"a tokenizer's file must be named {', '.join(FILES)}; got {file.name}")
    try:
        return FILES[file.name].load(file)
    except ValueError:
        if FILES[file.name] is not BPETokenizer:
            raise
        return PublishedTokenizer.load(file)
