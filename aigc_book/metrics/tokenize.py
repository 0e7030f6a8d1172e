"""Text → tokens, as the metrics' reference implementations cut it, for English and for Chinese.

A score means something only beside the tokenization it was computed with, so a tokenizer has a name, and the name
stands in every result's signature:

========= =========================================================================================================
name      what becomes a token
========= =========================================================================================================
``13a``   words and punctuation marks of Western text, as NIST's ``mteval-v13a.pl`` and sacrebleu's default cut them
``zh``    every Chinese character, full-width mark and symbol by itself, the rest nearly as ``13a`` (sacrebleu's ``zh``)
``char``  every character that is not white space
``none``  whatever white space separates: for text that is tokenized already
``rouge`` runs of the lower-case letters a–z and digits; everything else, **Chinese included**, is dropped (rouge-score)
========= =========================================================================================================

A function ``text -> list of tokens``, such as ``jieba.lcut``, can stand wherever a name can.

Source: Post 2018, *A Call for Clarity in Reporting BLEU Scores* (why the tokenizer has to be named).
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from aigc_book.metrics.rows import Rows, running_total

Tokenizer = str | Callable[[str], Sequence[str]]

# mteval-v13a, the part for Western languages. The order matters: each rule works on what the one before left, and a
# character that one match has used is no longer there for the next.
_MARKS = '!"#$%&()*+/:;<=>?@[\\]^_`{|}~'  # all of ASCII's but ' , - .
_SPACED_MARKS = str.maketrans({mark: f" {mark} " for mark in _MARKS})
_13A_RULES = (
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),  # period and comma, unless a digit stands before them
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),  # period and comma, unless a digit stands after them
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),  # a dash after a digit
)
# What the rules come to in a word, as long as it has no two of . and , side by side: a token is a mark, or a run of
# other characters, of . and , between digits, and of - not after a digit. (With two of them side by side it depends on
# which match used which.)
_13A_TOKEN = re.compile(rf"(?:[^{re.escape(_MARKS)}.,-]|(?<![0-9])-|(?<=[0-9])[.,](?=[0-9]))+|.")
_SIDE_BY_SIDE = re.compile(r"[.,][.,]")
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))

# The blocks that sacrebleu's zh tokenizer sets apart. Its two blocks beyond U+FFFF are written there with four hex
# digits where five are meant, which makes them \u2001-\u2a6d and \u2f81-\u2fa1: general punctuation, arrows,
# mathematical signs and more. Published scores rest on it, so the same characters are meant here.
CHINESE = re.compile(
    r"([\u2001-\u2a6d\u2e80-\u2eff\u2f00-\u2fdf\u2ff0-\u2fff\u3000-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef"
    r"\u3200-\u33ff\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f"
    r"\uff00-\uffef])"
)

_ROUGE_KEEPS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_ROUGE_TABLE = bytes(byte if byte in _ROUGE_KEEPS else ord(" ") for byte in range(256))


def _apply_13a_rules(text: str) -> str:
    text = text.translate(_SPACED_MARKS)
    for pattern, replacement in _13A_RULES:
        text = pattern.sub(replacement, text)
    return text


def _prepare_13a(text: str) -> str:
    """What mteval does to a whole line before it looks at its words."""
    text = text.replace("<skipped>", "").replace("-\n", "")
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    return text


def _split_13a(word: str) -> list[str]:
    """The tokens of one word. The rules look one character to the left and to the right, so white space shields a
    word from its neighbours, and cutting word by word gives the same tokens as cutting the line."""
    if word.isalnum():
        return [word]
    return _apply_13a_rules(f" {word} ").split() if _SIDE_BY_SIDE.search(word) else _13A_TOKEN.findall(word)


def _prepare_zh(text: str) -> str:
    return _apply_13a_rules(CHINESE.sub(r" \1 ", text.strip()))


def _prepare_rouge(text: str) -> str:
    # One C loop instead of a regular expression: whatever is not ASCII becomes "?", and "?" a space.
    return text.lower().encode("ascii", "replace").translate(_ROUGE_TABLE).decode("ascii")


# name → (what happens to a text before it is cut at white space, what then happens to a word)
_TOKENIZERS: dict[str, tuple[Callable[[str], str], Callable[[str], list[str]] | None]] = {
    "13a": (_prepare_13a, _split_13a),
    "zh": (_prepare_zh, None),
    "char": (" ".join, None),
    "none": (str, None),
    "rouge": (_prepare_rouge, None),
}
TOKENIZERS = tuple(_TOKENIZERS)


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """Raise ``ValueError`` unless ``tokenizer`` is one of the names above or a function."""
    if not callable(tokenizer) and (not isinstance(tokenizer, str) or tokenizer not in _TOKENIZERS):
        raise ValueError(f"tokenize must be one of {', '.join(TOKENIZERS)}, or a function; got {tokenizer!r}")


def tokenizer_name(tokenizer: Tokenizer) -> str:
    """The tokenizer's name for a signature; a function goes by its own."""
    return tokenizer if isinstance(tokenizer, str) else getattr(tokenizer, "__name__", type(tokenizer).__name__)


def tokenize(text: str, tokenizer: Tokenizer = "13a") -> list[str]:
    """Cut a text into tokens.

    Args:
        text: any text; an empty one has no tokens.
        tokenizer: a name from the table above, or a function ``text -> list of tokens``.

    Returns:
        The tokens, none of them empty or with white space in it (a function's are taken as they are).

    Raises:
        ValueError: the tokenizer is unknown.

    >>> tokenize("It's 3.5 m, isn't it?")
    ["It's", '3.5', 'm', ',', "isn't", 'it', '?']
    >>> tokenize("我有3.5米。", "zh")
    ['我', '有', '3.5', '米', '。']
    """
    check_tokenizer(tokenizer)
    if callable(tokenizer):
        return list(tokenizer(text))
    prepare, split_word = _TOKENIZERS[tokenizer]
    words = prepare(text).split()
    return words if split_word is None else [token for word in words for token in split_word(word)]


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
        tokenizer: a name or a function, as for :func:`tokenize`.
        normalize: applied to each distinct token (lower-casing, stemming).
    """

    def __init__(self, tokenizer: Tokenizer = "13a", normalize: Callable[[str], str] | None = None):
        check_tokenizer(tokenizer)
        numbers = self._numbers = Memo(lambda token: len(numbers))  # token → id, in order of first appearance
        self._ids = numbers if normalize is None else Memo(lambda token: numbers[normalize(token)])
        if callable(tokenizer):
            self._cut, self._split_word = (lambda text: list(tokenizer(text))), None
        else:
            prepare, self._split_word = _TOKENIZERS[tokenizer]
            self._cut = lambda text: prepare(text).split()
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
