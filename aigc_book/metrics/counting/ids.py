"""Texts → small integers: equal tokens have equal ids, and nothing else is counted.

Plainly: ``ids.setdefault(token, len(ids))`` for every token of every text, one after the other.
"""

from collections.abc import Callable, Sequence

import numpy as np

from aigc_book.metrics.counting.rows import Rows, running_total
from aigc_book.metrics.tokenize import Tokenizer, cutting


class Memo(dict):
    """``memo[x]`` is ``function(x)``, worked out when first asked for. (A hit is a plain dictionary's, in C.)"""

    def __init__(self, function: Callable):
        super().__init__()
        self._function = function

    def __missing__(self, key):
        value = self[key] = self._function(key)
        return value


class TokenIds:
    """Texts → small integers, one for each distinct token: what the counting works on.

    Every distinct word is cut, and every distinct token normalized, only once; that is where most of the time goes
    otherwise. An object lives as long as one call of a metric, so nothing is kept between calls.

    Args:
        tokenizer: a name or a function, as for :func:`aigc_book.metrics.tokenize.tokenize`.
        normalize: applied to each distinct token (lower-casing, stemming).
    """

    def __init__(self, tokenizer: Tokenizer = "13a", normalize: Callable[[str], str] | None = None):
        numbers = self._numbers = Memo(lambda token: len(numbers))  # token → id, in order of first appearance
        self._ids = numbers if normalize is None else Memo(lambda token: numbers[normalize(token)])
        self._cut, self._split_word = cutting(tokenizer)
        self._pieces: list[list[int]] = []  # the ids of the tokens of each distinct word, where words are cut further
        self._words = Memo(self._cut_word)

    def encode(self, texts: Sequence[str]) -> Rows:
        """The ids of the texts' tokens, a row for each text."""
        number = (self._ids if self._split_word is None else self._words).__getitem__
        ids, lengths = [], []
        for text in texts:  # one after the other, so that only one text's words are in memory (and in the cache)
            words = self._cut(text)
            lengths.append(len(words))
            ids += map(number, words)
        rows = Rows(np.array(ids, np.int64), np.array(lengths, np.int64))
        return rows if self._split_word is None else self._split_words(rows)

    def tokens(self) -> list[str]:
        """The distinct tokens so far; the one at place ``i`` has the id ``i``."""
        return list(self._numbers)

    def _cut_word(self, word: str) -> int:
        self._pieces.append([self._ids[token] for token in self._split_word(word)])
        return len(self._pieces) - 1

    def _split_words(self, words: Rows) -> Rows:
        """Put the tokens of each word in its place."""
        tokens = Rows.from_lists(self._pieces).take(words.ids)
        lengths = np.diff(running_total(tokens.lengths)[words.starts])
        return Rows(tokens.ids, lengths)


class CharacterIds:
    """A text's code points are its characters' ids; white space is left out unless it is asked for."""

    def __init__(self, whitespace: bool):
        self._whitespace = whitespace

    def encode(self, texts: Sequence[str]) -> Rows:
        """The ids of the texts' characters, a row for each text."""
        if not self._whitespace:
            texts = ["".join(text.split()) for text in texts]
        lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
        code_points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        return Rows(code_points.astype(np.int64), lengths)
