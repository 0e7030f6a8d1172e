"""Tokens of both languages, and entities as spans and as BIO tags over the tokens."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: The types of entities, by the role that they have in the event record.
TYPES = {
    "person": "PERSON",
    "other": "PERSON",
    "place": "PLACE",
    "moment": "TIME",
    "thing": "THING",
    "number": "NUMBER",
}
#: All tags, in a fixed order: their places are class ids for a tagger.
BIO_TAGS = ("O", *(f"{letter}-{name}" for name in dict.fromkeys(TYPES.values()) for letter in "BI"))

# Hyphens stay in a word; 's and n't are words of their own, as in the Penn Treebank.
_ENGLISH_TOKEN = re.compile(r"o'clock\b|[A-Za-zé]+?(?=n't\b)|n't\b|'[a-z]+\b|[A-Za-zé]+(?:-[A-Za-z]+)*|\d+|[^\w\s]")


class Token(NamedTuple):
    """A token and where it stands in its text."""

    text: str
    start: int
    end: int


class Entity(NamedTuple):
    """Somebody or something in a story, with every place where each language names it.

    The spans are (start, end) in characters. A later mention may be shorter ("umbrella" for "red umbrella").
    """

    role: str  #: the field of the event record: person, other, place, moment, thing or number
    type: str  #: PERSON, PLACE, TIME, THING or NUMBER
    english: str
    chinese: str
    english_spans: tuple[tuple[int, int], ...]
    chinese_spans: tuple[tuple[int, int], ...]


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens: English words and signs, or, where the text has Chinese characters, single characters.

    >>> [token.text for token in tokens("Anna's forty-five keys, don't!")]
    ['Anna', "'s", 'forty-five', 'keys', ',', 'do', "n't", '!']
    >>> [token.text for token in tokens("安娜笑了。")]
    ['安', '娜', '笑', '了', '。']
    """
    if any("\u4e00" <= character <= "\u9fff" for character in text):
        return [Token(character, i, i + 1) for i, character in enumerate(text) if not character.isspace()]
    return [Token(match[0], match.start(), match.end()) for match in _ENGLISH_TOKEN.finditer(text)]


def bio_tags(cut: Sequence[Token], typed_spans: Iterable[tuple[str, int, int]]) -> list[str]:
    """The BIO tag of every token: B-X begins an entity of type X, I-X continues it, O is outside.

    Args:
        cut: the tokens of a text, as :func:`tokens` gives them.
        typed_spans: the entities as (type, start, end), without overlap.

    Raises:
        ValueError: a span begins or ends within a token, or two spans overlap.
    """
    tags = ["O"] * len(cut)
    starts = {token.start: i for i, token in enumerate(cut)}
    ends = {token.end: i for i, token in enumerate(cut)}
    for name, start, end in typed_spans:
        if start not in starts or end not in ends:
            raise ValueError(f"an entity must begin and end with a token; got {name} from {start} to {end}")
        inside = range(starts[start], ends[end] + 1)
        if any(tags[i] != "O" for i in inside):
            raise ValueError(f"entities must not overlap; got {name} from {start} to {end} on top of another")
        for i in inside:
            tags[i] = f"{'B' if i == inside[0] else 'I'}-{name}"
    return tags
