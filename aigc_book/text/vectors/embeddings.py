"""Word vectors: look one up, ask for neighbours and analogies, keep them in GloVe's text format."""

import codecs
import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.files import write_aside

_HEADER = re.compile("([0-9]+) ([0-9]+)")  # word2vec's first line: how many words, and how many numbers each has
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")  # float() takes "1_0" and "１" as well
_NOT_FINITE = {"nan", "inf", "infinity"}
_PLAIN = re.compile(r"[0-9eE+\-. ]*")  # what the numbers of a line are written with
# How files begin that hold vectors, or should, in another form, and what to do with one.
_OTHER_FORMS = {
    b"\x1f\x8b": "compressed with gzip; unpack it first (gunzip)",
    b"PK\x03\x04": "a zip archive; unpack it first and give the text file that was in it",
    b"BZh91AY&SY": "compressed with bzip2; unpack it first (bunzip2)",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it first (unxz)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first (unzstd)",
    b"\x93NUMPY": "an array of NumPy's; give its rows to Embeddings(words, vectors)",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"version https://git": "Git's pointer to a large file; run git lfs pull in its folder, or download it",
    b"<!DOCTYPE html": "a web page; download the file itself",
    b"<!doctype html": "a web page; download the file itself",
    b"<html>\n": "a web page; download the file itself",
}
_MARK = "\ufeff"  # the byte order mark, with which some programs begin a file
_SEARCHED = 20_000  # words that are compared with an unknown one


class Embeddings:
    """One vector a word.

    Args:
        words: V different words. A word may hold any character but the space and the line end, which separate words
            and numbers in a file.
        vectors: (V, C), a row for each word. They are copied, as float32.

    Raises:
        ValueError: there is no word, a word is no string, is empty, has a space or a line end, or comes twice; or
            vectors is not a (V, C) tensor of finite numbers.
    """

    def __init__(self, words: Sequence[str], vectors: Tensor):
        self.words = tuple(words)
        self._id_of = {word: i for i, word in enumerate(self.words)}
        if not self.words:
            raise ValueError("words must hold at least one word; got none")
        if len(self._id_of) != len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self._id_of[word] != i)
            raise ValueError(f"words must be different from one another; got {twice!r} more than once")
        if wrong := [word for word in self.words if not _is_word(word)]:
            raise ValueError(f"a word must be text without a space or a line end; got {wrong[0]!r}")
        if not isinstance(vectors, Tensor):
            raise ValueError(
                f"vectors must be a tensor with a row for each word; got {type(vectors).__name__}"
                " (torch.as_tensor makes one of an array or a list)"
            )
        if vectors.ndim != 2 or len(vectors) != len(self.words) or not vectors.size(1):
            raise ValueError(
                f"vectors must be a matrix with a row for each of {len(self.words)} words; got {tuple(vectors.shape)}"
            )
        self.vectors = vectors.detach().to("cpu", torch.float32, copy=True)  # (V, C)
        if not (finite := self.vectors.isfinite().all(dim=1)).all():
            word = self.words[int((~finite).to(torch.int8).argmax())]
            raise ValueError(f"vectors must be finite numbers; that of {word!r} is not")
        self._unit = F.normalize(self.vectors, dim=1)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._id_of

    def __getitem__(self, word: str) -> Tensor:
        """The vector (C,) of a word.

        Raises:
            ValueError: the word has none; the message names words that are spelled alike.
        """
        return self.vectors[self.id_of(word)].clone()

    def id_of(self, word: str) -> int:
        """The row of a word.

        Raises:
            ValueError: the word has no vector; the message names words that are spelled alike.
        """
        if word not in self._id_of:
            alike = difflib.get_close_matches(str(word), self.words[:_SEARCHED], n=3)
            hint = f"; spelled alike: {', '.join(alike)}" if alike else ""
            raise ValueError(f"the word {word!r} is not among the {len(self)} words that have a vector{hint}")
        return self._id_of[word]

    def similarity(self, a: str, b: str) -> float:
        """The cosine of the angle between the vectors of two words, from −1 to 1.

        Raises:
            ValueError: a word has no vector.
        """
        return float(self._unit[self.id_of(a)] @ self._unit[self.id_of(b)])

    def neighbours(self, word: str | Tensor, n: int = 10) -> list[tuple[str, float]]:
        """The words whose vectors have the largest cosine with a word's, and the cosines; the word itself is left out.

        Args:
            word: a word, or a vector (C,), of which no word is left out.
            n: how many; fewer when there are no more words.

        Raises:
            ValueError: the word has no vector, the vector has the wrong shape, or n is below 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1; got {n}")
        if isinstance(word, str):
            i = self.id_of(word)
            return self._nearest(self._unit[i], [i], n)
        if not isinstance(word, Tensor):
            raise ValueError(f"word must be a word or a vector (a tensor); got {type(word).__name__}")
        if word.shape != self.vectors[0].shape:
            raise ValueError(f"a vector must have the shape {tuple(self.vectors[0].shape)}; got {tuple(word.shape)}")
        return self._nearest(F.normalize(word.detach().cpu().float(), dim=0), [], n)

    def analogy(self, a: str, b: str, c: str, n: int = 1) -> list[tuple[str, float]]:
        """*a* is to *b* as *c* is to what? The words nearest to b − a + c, all three made unit vectors before.

        The three words themselves are no answers (Mikolov, Yih and Zweig 2013; "3CosAdd" of Levy and Goldberg 2014).
        Without that rule the answer would mostly be c or b: Linzen (2016) shows what follows from it.

        Returns:
            The n best words with their cosines.

        Raises:
            ValueError: a word has no vector, or n is below 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1; got {n}")
        ids = [self.id_of(word) for word in (a, b, c)]
        target = self._unit[ids[1]] - self._unit[ids[0]] + self._unit[ids[2]]
        return self._nearest(F.normalize(target, dim=0), ids, n)

    def _nearest(self, unit: Tensor, without: list[int], n: int) -> list[tuple[str, float]]:
        cosines = self._unit @ unit  # (V,)
        cosines[without] = -torch.inf
        best = cosines.topk(max(0, min(n, len(self) - len(set(without)))))
        return [(self.words[i], c) for i, c in zip(best.indices.tolist(), best.values.tolist(), strict=True)]

    def save(self, path: str | os.PathLike) -> None:
        """Write the vectors in GloVe's text format: a word and its C numbers on each line, with spaces between them.

        torchtext's ``Vectors`` and :meth:`load` read it. The numbers have 9 digits, so that float32 comes back exactly.
        The file is written aside and renamed.

        Raises:
            FileNotFoundError: the folder does not exist.
        """
        with write_aside(path) as file:
            if self.words[0].startswith(_MARK):
                file.write(_MARK.encode())  # reading takes the first one for a byte order mark
            for word, row in zip(self.words, self.vectors.numpy(), strict=True):
                numbers = " ".join([f"{x:.9g}" for x in row.tolist()])
                point = ".0" if _HEADER.fullmatch(f"{word} {numbers}") else ""  # the word 7 with the number 5
                file.write(f"{word} {numbers}{point}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike, *, max_words: int | None = None) -> Self:
        """Read GloVe's text format, or word2vec's, whose first line says how many words and numbers follow.

        Args:
            path: a UTF-8 text file. Nothing in it is ever run.
            max_words: read so many lines only; in published files the frequent words stand first.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is empty, compressed or of another format, a line is no UTF-8 text or has another
                number of numbers than the first, what should be a number is none or is not finite, a word comes twice,
                the last line has no line end (so that its last number may be cut), or the first line announces other
                words and numbers than there are. The message names the line.
        """
        path = Path(path).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"there is no file of word vectors {str(path)!r}")
        if max_words is not None and max_words < 1:
            raise ValueError(f"max_words must be at least 1; got {max_words}")
        line_of: dict[str, int] = {}
        rows: list[np.ndarray] = []
        header = None  # line 1, if it may be one
        with path.open("rb") as lines:  # in which only \n ends a line
            _refuse_other_forms(lines.peek(), path)
            for number, raw in enumerate(lines, start=1):
                if len(rows) == max_words:
                    break
                where = f"line {number} of {path}"
                line = _decoded(raw, where)
                if number == 1:
                    line = line.removeprefix(_MARK)
                    if header := _HEADER.fullmatch(line):
                        continue
                word, row = _entry(line, where, len(rows[0]) if rows else None)
                if word in line_of:
                    raise ValueError(f"{where} has the word {word!r}, as line {line_of[word]} does")
                line_of[word] = number
                rows.append(row)
        if header:
            first = _first_entry(header, rows, path, cut_off=len(rows) == max_words)
            if first and first[0] in line_of:
                raise ValueError(f"line {line_of[first[0]]} of {path} has the word {first[0]!r}, as line 1 does")
            line_of, rows = ({first[0]: 1} | line_of, [first[1], *rows]) if first else (line_of, rows)
        if not rows:
            raise ValueError(f"{path} must hold a word and its numbers on each line; it is empty")
        return cls(list(line_of)[:max_words], torch.from_numpy(np.stack(rows[:max_words])))


def _is_word(word: object) -> bool:
    return isinstance(word, str) and word != "" and " " not in word and "\n" not in word


def _decoded(raw: bytes, where: str) -> str:
    """A line without what ends it."""
    if not raw.endswith(b"\n"):
        raise ValueError(
            f"{where}, the last one, has no line end: its last number may be cut (an interrupted download?);"
            f" if the line is whole, add a line end; got {raw[-30:]!r}"
        )
    try:
        return raw.decode().rstrip(" \r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} must be UTF-8 text; got the byte 0x{raw[error.start]:02x}") from error


def _entry(line: str, where: str, width: int | None) -> tuple[str, np.ndarray]:
    word, *numbers = line.split(" ")  # not split(), for which a no-break space separates, too
    row = _numbers(numbers, where)
    if not word or (width is not None and len(row) != width):
        expected = "a word and numbers" if width is None else f"a word and {width} numbers"
        raise ValueError(f"{where} must hold {expected}; got {word!r} and {len(numbers)} numbers")
    return word, row


def _first_entry(header: re.Match, rows: list, path: Path, cut_off: bool) -> tuple[str, np.ndarray] | None:
    """What line 1, two whole numbers, is: word2vec's header (None), or a word of digits and its only number.

    Raises:
        ValueError: it is a header, and what follows is not what it announces; or it could be either.
    """
    n_words, width = int(header[1]), int(header[2])
    found = len(rows[0]) if rows else None
    if found == width and (len(rows) == n_words or (cut_off and n_words > len(rows))):
        return None
    if found == 1 and width != 1:
        return header[1], _numbers([header[2]], f"line 1 of {path}")
    numbers = f" of {found} numbers" if rows else ""
    either = f", unless it is the word {header[1]!r} with its only number: then write {width}.0" if found == 1 else ""
    raise ValueError(
        f"line 1 of {path} announces {n_words} words of {width} numbers; got {len(rows)} words{numbers}"
        f" (an interrupted download?){either}"
    )


def _numbers(texts: list[str], where: str) -> np.ndarray:
    if not texts:
        raise ValueError(
            f"{where} must hold a word and its numbers, with spaces between them (not tabs or commas); got no numbers"
        )
    try:
        if not _PLAIN.fullmatch(" ".join(texts)):
            raise ValueError
        with np.errstate(over="ignore"):  # of 1e99, which is refused below
            row = np.array(texts, dtype=np.float32)
    except ValueError:
        wrong = next(text for text in texts if not _NUMBER.fullmatch(text))
        kind = "finite numbers" if wrong.lstrip("+-").lower() in _NOT_FINITE else "a word and then numbers"
        raise ValueError(f"{where} must hold {kind}; got {wrong!r}") from None
    if not np.isfinite(row).all():
        wrong = texts[int(np.argmin(np.isfinite(row)))]
        raise ValueError(f"{where} must hold finite numbers; got {wrong!r}")
    return row


def _refuse_other_forms(begin: bytes, path: Path) -> None:
    for mark, form in _OTHER_FORMS.items():
        if begin.startswith(mark):
            raise ValueError(f"{path} must be a text file with a word and its numbers on each line; it is {form}")
    first, _, rest = begin.partition(b"\n")
    header = _HEADER.fullmatch(first.strip().decode("ascii", "replace"))
    if header and _is_binary(rest.partition(b" ")[2][: 4 * int(header[2])]):
        raise ValueError(
            f"{path} must be a text file with a word and its numbers on each line; it is word2vec's binary form: have"
            " another program write it as text (gensim's save_word2vec_format with binary=False)"
        )


def _is_binary(numbers: bytes) -> bool:
    """Whether this is no text: in word2vec's binary form four bytes for each number come after the word."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(numbers)
    except UnicodeDecodeError:
        return True
    return any(byte < ord("\t") for byte in numbers)
