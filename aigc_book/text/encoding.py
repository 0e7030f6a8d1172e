"""What all tokenizers share: their protocol, cutting long text where no token crosses, and coding whole corpora."""

import json
import operator
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np

from aigc_book.files import write_aside

# Between a character that is no space and a space (or a line's end) no token of ours goes on: GPT-2's pattern allows
# spaces only in front of a token, and words end there. torchtext's "<br />", in capitals or not, is the one pattern
# with a space inside.
CUT = re.compile(r"(?<=\S)(?<!<br)(?=[ \n])", re.IGNORECASE)


@runtime_checkable
class Tokenizer(Protocol):
    """Text to ids and back. Every id is from 0 to ``vocab_size - 1``."""

    @property
    def vocab_size(self) -> int:
        """The number of different ids."""
        ...

    @classmethod
    def train(cls, texts: Iterable[str]) -> Self:
        """Make the vocabulary from texts; each class documents its own settings."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""
        ...

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids piece by piece, as they come; the pieces joined are what :meth:`decode` gives."""
        ...

    def save(self, path: str | os.PathLike) -> None:
        """Write the tokenizer to one file, aside and then renamed."""
        ...

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what :meth:`save` wrote."""
        ...


def encode_corpus(
    tokenizer: Tokenizer, texts: Iterable[str], *, end_of_text: int | None = None, piece_chars: int = 1 << 20
) -> Iterator[np.ndarray]:
    """The ids of a corpus of any length, in arrays of bounded size, for :func:`aigc_book.data.id_files.write_ids`.

    ::

        write_ids("train.bin", encode_corpus(tokenizer, read_text("corpus/")), tokenizer.vocab_size)

    Args:
        tokenizer: any tokenizer. Where it has an attribute ``cut``, a pattern, long text is cut where that matches,
            otherwise before white space.
        texts: one text or several, never held in memory as a whole.
        end_of_text: None: the texts are parts of one, and the ids are those of all of them joined.
            An id: each text stands for itself, and this id follows it.
        piece_chars: about how many characters are coded at a time; the ids do not depend on it. (Only a stretch of
            text that is 16 times as long and can't be cut, because it has no space, is cut inside.)

    Yields:
        One-dimensional int64 arrays.

    Raises:
        ValueError: end_of_text is no id of the tokenizer, piece_chars is below 1, a text is no string, or as the
            tokenizer's ``encode``.
    """
    if end_of_text is not None and not (is_whole(end_of_text) and 0 <= end_of_text < tokenizer.vocab_size):
        raise ValueError(
            f"end_of_text must be from 0 to vocab_size - 1 = {tokenizer.vocab_size - 1}, or None; got {end_of_text}"
        )
    if not is_whole(piece_chars) or piece_chars < 1:
        raise ValueError(f"piece_chars must be at least 1; got {piece_chars}")
    texts, cut = as_texts(texts), getattr(tokenizer, "cut", CUT)
    for document in [texts] if end_of_text is None else ([text] for text in texts):
        for piece in pieces(document, piece_chars, cut):
            yield np.array(tokenizer.encode(piece), dtype=np.int64)
        if end_of_text is not None:
            yield np.array([end_of_text], dtype=np.int64)


def pieces(texts: Iterable[str], size: int, cut: re.Pattern = CUT) -> Iterator[str]:
    """All of the texts joined, cut into pieces of at least ``size`` characters where no token crosses the cut.

    Memory stays bounded: a stretch without any such place is cut after ``16 * size`` characters.
    """
    waiting: list[str] = []
    n_waiting, enough = 0, size
    for text in texts:
        waiting.append(text)
        n_waiting += len(text)
        if n_waiting <= enough:
            continue
        joined, start, enough = "".join(waiting), 0, size
        while len(joined) - start > size:
            place = cut.search(joined, start + size, min(len(joined), start + 16 * size))
            if place is None and len(joined) - start <= 16 * size:
                enough = min(2 * (len(joined) - start), 16 * size)  # searched again when there is as much again
                break
            end = place.start() if place else start + 16 * size
            yield joined[start:end]
            start = end
        waiting, n_waiting = [joined[start:]], len(joined) - start
    if n_waiting:
        yield "".join(waiting)


def checked_text(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: it is no string.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a string; got {type(text).__name__}")
    return text


def id_row(ids: Iterable[int]) -> list | Iterator[int]:
    """A list, tensor or array of ids as a list; what only gives its ids one by one, as an iterator.

    Raises:
        ValueError: ids is no row of anything.
    """
    if hasattr(ids, "tolist"):
        if getattr(ids, "ndim", 1) != 1:
            raise ValueError(
                f"ids must be one row of ids; got shape {tuple(ids.shape)} (of a batch, decode each row: ids[0])"
            )
        return ids.tolist()
    if isinstance(ids, str | bytes | Mapping | set | frozenset) or not isinstance(ids, Iterable):
        raise ValueError(f"ids must be a list, array or tensor of integers; got {type(ids).__name__}")
    return ids if isinstance(ids, Iterator) else list(ids)


def checked_ids(ids: Iterable[int], vocab_size: int) -> list[int]:
    """A list, tensor or array of ids as a list.

    Raises:
        ValueError: the ids are no row of integers, or one is not from 0 to vocab_size − 1.
    """
    ids = list(id_row(ids))
    if not set(map(type, ids)) <= {int}:
        if wrong := [i for i in ids if not is_whole(i)]:
            raise ValueError(f"ids must be integers; got {wrong[0]!r}, a {type(wrong[0]).__name__}")
        ids = list(map(operator.index, ids))
    if ids and (min(ids) < 0 or max(ids) >= vocab_size):
        raise ValueError(f"ids must be from 0 to vocab_size - 1 = {vocab_size - 1}; got {min(ids)} to {max(ids)}")
    return ids


def is_whole(value: object) -> bool:
    """Whether this is a whole number, of Python or NumPy or a tensor of one, and no truth value."""
    if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def check_number(name: str, value: object, least: int | None = None) -> None:
    """Raise ``ValueError`` unless a setting is a whole number, and at least so large."""
    if not is_whole(value) or (least is not None and value < least):
        limit = "" if least is None else f" of at least {least}"
        raise ValueError(f"{name} must be a whole number{limit}; got {value!r}")


def as_texts(texts: str | Iterable[str]) -> Iterator[str]:
    """One text, or several, as an iterator of texts.

    Raises:
        ValueError: at the first use: texts is neither, its members are names (of a dict or a table) or have no order (a
            set), or a text is no string.
    """
    refused = bytes | Mapping | set | frozenset
    if isinstance(texts, refused) or hasattr(texts, "columns") or not isinstance(texts, Iterable):
        hint = " (whose order changes from one run to the next; sort it)" if isinstance(texts, set | frozenset) else ""
        raise ValueError(f"texts must be a string or an iterable of strings; got {type(texts).__name__}{hint}")
    for number, text in enumerate([texts] if isinstance(texts, str) else texts):
        if not isinstance(text, str):
            raise ValueError(f"every text must be a string; got {text!r}, a {type(text).__name__}, as text {number}")
        yield text


def as_tokens(tokens: str | Iterable[str], *, ordered: bool = True) -> list[str]:
    """Special tokens, each once, in their order; a string is one token and not its characters.

    Raises:
        ValueError: there is no list of tokens (or a set, where ``ordered``), or a token is no string, or empty.
    """
    # Where the order gives the ids, a set won't do: its order changes from one run to the next.
    if not isinstance(tokens, Iterable) or (ordered and isinstance(tokens, set | frozenset)):
        raise ValueError(f"special tokens must be a list of strings, or one string; got {tokens!r}")
    tokens = [tokens] if isinstance(tokens, str) else list(dict.fromkeys(tokens))
    if wrong := [token for token in tokens if not isinstance(token, str) or not token]:
        raise ValueError(f"a special token must be a string and not empty; got {wrong[0]!r}")
    return tokens


def save_json(path: str | os.PathLike, kind: str, content: dict) -> None:
    """Write a tokenizer's vocabulary as JSON, aside and then renamed."""
    document = {"format": f"aigc_book.{kind}", "version": 1, **content}
    with write_aside(path) as file:
        file.write(json.dumps(document, indent=1).encode())


def load_json(path: str | os.PathLike, kind: str) -> dict:
    """Read what :func:`save_json` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, or it is not a tokenizer of that kind and version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {kind} file {str(path)!r}")
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not a {kind} file: it is truncated or foreign ({error})") from error
    found = document.get("format") if isinstance(document, dict) else type(document).__name__
    if found != f"aigc_book.{kind}" or document.get("version") != 1:
        raise ValueError(f"{path} is not a {kind} file of version 1: its format is {found!r}")
    return document
