"""Analogy questions, *a* is to *b* as *c* is to *d*: read, asked, and compared with chance."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional as F

from aigc_book.text.vectors.embeddings import Embeddings

Question = tuple[str, str, str, str]

_TOGETHER = 512  # questions answered by one matrix product


class AnalogyScore(NamedTuple):
    """How many questions were answered right, and what answering without the analogy would have given."""

    n_right: int  #: with b − a + c
    n_asked: int  #: all four words have a vector
    n_skipped: int  #: a word has none
    n_right_without: int  #: with c alone, whose nearest word that is not in the question is taken
    chance: float  #: of a guess among all words that are not in the question

    @property
    def accuracy(self) -> float:
        """The share of the asked questions that were answered right; NaN when none could be asked."""
        return self.n_right / self.n_asked if self.n_asked else float("nan")

    @property
    def accuracy_without(self) -> float:
        """The share that the nearest word of c gets right, which is nearness and no analogy (Linzen 2016)."""
        return self.n_right_without / self.n_asked if self.n_asked else float("nan")


def score_analogies(embeddings: Embeddings, questions: Sequence[Question]) -> AnalogyScore:
    """Ask every question whose words are known: as :meth:`Embeddings.analogy` does, many at a time.

    Args:
        embeddings: V words.
        questions: (a, b, c, d), where d is the right answer.

    Raises:
        ValueError: there are no questions, one has not four words, the answer stands in its own question, or there
            are fewer than four words to choose from.
    """
    if not questions:
        raise ValueError("questions must hold at least one; got none")
    if len(embeddings) < 4:
        raise ValueError(f"an analogy needs at least 4 words to choose from; got {len(embeddings)}")
    for question in questions:
        if isinstance(question, str) or len(question) != 4:
            raise ValueError(f"a question must be four words (a, b, c, d); got {question!r}")
        if question[3] in question[:3]:
            raise ValueError(f"the answer must not stand in its own question; got {question!r}")
    known = [question for question in questions if all(word in embeddings for word in question)]
    unit = F.normalize(embeddings.vectors, dim=1)  # (V, C)
    right = right_without = 0
    for start in range(0, len(known), _TOGETHER):
        ids = torch.tensor([[embeddings.id_of(word) for word in q] for q in known[start : start + _TOGETHER]])
        a, b, c, d = ids.T
        for with_analogy in (True, False):
            target = unit[b] - unit[a] + unit[c] if with_analogy else unit[c]
            scores = target @ unit.T  # (questions, V); the target's length changes no order
            scores.scatter_(1, ids[:, :3], -torch.inf)
            n = int((scores.argmax(dim=1) == d).sum())
            if with_analogy:
                right += n
            else:
                right_without += n
    return AnalogyScore(
        n_right=right,
        n_asked=len(known),
        n_skipped=len(questions) - len(known),
        n_right_without=right_without,
        chance=1 / (len(embeddings) - 3),
    )


def pairs_to_questions(pairs: Sequence[tuple[str, str]]) -> list[Question]:
    """Every pair asks every other: from (file, files) and (key, keys) come two questions.

    Raises:
        ValueError: there are fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError(f"an analogy needs at least two pairs; got {len(pairs)}")
    return [(*p, *q) for p in pairs for q in pairs if not set(p) & set(q)]


def read_analogies(path: str | os.PathLike) -> dict[str, list[Question]]:
    """Read the format of Google's analogy set: sections that begin with a line ``: name``, then four words a line.

    Args:
        path: a UTF-8 text file, such as ``questions-words.txt``.

    Returns:
        Section → questions, in lower case.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty or no UTF-8 text, or a line has not four words; the message names it.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of analogies {str(path)!r}")
    sections: dict[str, list[Question]] = {}
    name = ""
    with path.open("rb") as lines:  # in which only \n ends a line
        for number, raw in enumerate(lines, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").lower().strip(" \t\r\n")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"line {number} of {path} must be UTF-8 text; got the byte 0x{raw[error.start]:02x}"
                ) from error
            if line.startswith(":"):
                name = line[1:].strip()
                sections[name] = []
            elif line:
                words = re.split("[ \t]+", line)
                if len(words) != 4:
                    raise ValueError(f"line {number} of {path} must hold four words; got {len(words)}: {line[:60]!r}")
                sections.setdefault(name, []).append(tuple(words))
    if not any(sections.values()):
        raise ValueError(f"{path} must hold analogies; it has none")
    return sections
