"""Word vectors: look one up, ask for neighbours and analogies, keep them in GloVe's text format."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.files import write_aside


class Embeddings:
    """One vector a word.

    Args:
        words: V different words, without white space inside.
        vectors: (V, C), a row for each word. They are copied, as float32.

    Raises:
        ValueError: there is no word, a word is empty, has white space or comes twice, or vectors is not a (V, C) matrix
            of finite numbers.
    """

    def __init__(self, words: Sequence[str], vectors: Tensor):
        self.words = tuple(words)
        self._id_of = {word: i for i, word in enumerate(self.words)}
        if not self.words:
            raise ValueError("words must hold at least one word; got none")
        if len(self._id_of) != len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self._id_of[word] != i)
            raise ValueError(f"words must be different from one another; got {twice!r} more than once")
        if wrong := [word for word in self.words if not word or word.split() != [word]]:
            raise ValueError(f"a word must be text without white space; got {wrong[0]!r}")
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
            alike = difflib.get_close_matches(str(word), self.words, n=3)
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
            for word, row in zip(self.words, self.vectors.numpy(), strict=True):
                file.write(f"{word} {' '.join([f'{x:.9g}' for x in row.tolist()])}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike, *, max_words: int | None = None) -> Self:
        """Read GloVe's text format, or word2vec's, whose first line says how many words and numbers follow.

        Args:
            path: a UTF-8 text file. Nothing in it is ever run.
            max_words: read so many lines only; in published files the frequent words stand first.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is empty, is no UTF-8 text, a line has another number of numbers than the first, what
                should be a number is none or is not finite, or a word comes twice. The message names the line.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file of word vectors {str(path)!r}")
        if max_words is not None and max_words < 1:
            raise ValueError(f"max_words must be at least 1; got {max_words}")
        line_of: dict[str, int] = {}
        rows: list[np.ndarray] = []
        try:
            with path.open(encoding="utf-8", newline="\n") as lines:
                for number, line in enumerate(lines, start=1):
                    if max_words is not None and len(rows) == max_words:
                        break
                    word, *numbers = line.rstrip(" \r\n").split(" ")
                    if number == 1 and len(numbers) == 1 and word.isdigit() and numbers[0].isdigit():
                        continue  # word2vec's first line
                    row = _numbers(numbers, f"line {number} of {path}")
                    if not word or (rows and len(row) != len(rows[0])):
                        expected = f"a word and {len(rows[0])} numbers" if rows else "a word and numbers"
                        raise ValueError(
                            f"line {number} of {path} must hold {expected}; got {word!r} and {len(numbers)} numbers"
                        )
                    if word in line_of:
                        raise ValueError(f"line {number} of {path} has the word {word!r}, as line {line_of[word]} does")
                    line_of[word] = number
                    rows.append(row)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} must be UTF-8 text; got the byte 0x{error.object[error.start]:02x}") from error
        if not rows:
            raise ValueError(f"{path} must hold a word and its numbers on each line; it is empty")
        return cls(list(line_of), torch.from_numpy(np.stack(rows)))


def _numbers(texts: list[str], where: str) -> np.ndarray:
    if not texts:
        raise ValueError(f"{where} must hold a word and its numbers, with spaces between them; got no numbers")
    try:
        with np.errstate(over="ignore"):  # of 1e99, which is refused below
            row = np.array(texts, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{where} must hold a word and then numbers: {error}") from error
    if not np.isfinite(row).all():
        wrong = texts[int(np.argmin(np.isfinite(row)))]
        raise ValueError(f"{where} must hold finite numbers; got {wrong!r}")
    return row
