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

A function ``text -> list of tokens``, such as ``jieba.lcut``, can stand wherever a name can. Its tokens are texts or
whole numbers (ids; each counts as the text of its digits); if it gives one text, as sacrebleu's tokenizers do, that is
split at white space.

Source: Post 2018, *A Call for Clarity in Reporting BLEU Scores* (why the tokenizer has to be named).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from operator import index

Tokenizer = str | Callable[[str], Sequence[str] | Sequence[int] | str]

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


def read_tokens(tokens: Sequence[str] | Sequence[int] | str) -> list[str]:
    """What a tokenizer function gave, as a list of texts.

    Raises:
        ValueError: it is neither a text nor a list of texts or whole numbers.
    """
    if isinstance(tokens, str):
        return tokens.split()
    if isinstance(tokens, bytes | Mapping | Set) or not isinstance(tokens, Iterable):
        raise ValueError(f"a tokenizer must give a list of tokens, or one text; got {type(tokens).__name__}")
    tokens = list(tokens)
    return tokens if set(map(type, tokens)) <= {str} else list(map(_read_token, tokens))


def _read_token(token: object) -> str:
    if isinstance(token, str):
        return str(token)
    try:
        if isinstance(token, bool):
            raise TypeError
        return str(index(token))
    except TypeError:
        raise ValueError(f"a token must be a text or a whole number; got {token!r}") from None


def cutting(tokenizer: Tokenizer) -> tuple[Callable[[str], list[str]], Callable[[str], list[str]] | None]:
    """How a tokenizer works: what cuts a text into words, and what then cuts a word into tokens, if anything does.

    Raises:
        ValueError: the tokenizer is unknown.
    """
    check_tokenizer(tokenizer)
    if callable(tokenizer):
        return (lambda text: read_tokens(tokenizer(text))), None
    prepare, split_word = _TOKENIZERS[tokenizer]
    return (lambda text: prepare(text).split()), split_word


def tokenize(text: str, tokenizer: Tokenizer = "13a") -> list[str]:
    """Cut a text into tokens.

    Args:
        text: any text; an empty one has no tokens.
        tokenizer: a name from the table above, or a function ``text -> list of tokens``.

    Returns:
        The tokens, none of them empty or with white space in it (a function's texts are taken as they are).

    Raises:
        ValueError: the tokenizer is unknown, or a function that gives something else than tokens, or no text to cut.

    >>> tokenize("It's 3.5 m, isn't it?")
    ["It's", '3.5', 'm', ',', "isn't", 'it', '?']
    >>> tokenize("我有3.5米。", "zh")
    ['我', '有', '3.5', '米', '。']
    """
    cut, split_word = cutting(tokenizer)
    if not isinstance(text, str):
        raise ValueError(f"text must be one text; got {type(text).__name__}")
    words = cut(text)
    return words if split_word is None else [token for word in words for token in split_word(word)]
