"""Tokens of both languages, and entities as spans and as BIO tags over the tokens."""

import re
from collections.abc import Iterable
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
#: All tags; their places in this order are class ids for a tagger.
BIO_TAGS = ("O", *(f"{letter}-{name}" for name in dict.fromkeys(TYPES.values()) for letter in "BI"))

# A Chinese character is a token. Hyphens stay in an English word; 's and n't are words of their own, as in the
# Penn Treebank.
_TOKEN = re.compile(
    r"[\u4e00-\u9fff]|o'clock\b|[A-Za-zé]+?(?=n't\b)|n't\b|'[a-z]+\b|[A-Za-zé]+(?:-[A-Za-z]+)*|\d+|[^\w\s]"
)


class Entity(NamedTuple):
    """Somebody or something in a story, with every place where each language names it.

    The spans are (start, end) in characters. A later mention may be shorter ("umbrella" for "red umbrella").
    """

    role: str  #: the field of the event record, one of person, other, place, moment, thing or number
    type: str  #: PERSON, PLACE, TIME, THING or NUMBER
    english: str
    chinese: str
    english_spans: tuple[tuple[int, int], ...]
    chinese_spans: tuple[tuple[int, int], ...]


def tokens(text: str) -> list[str]:
    """Cut a text of this world into English words, Chinese characters and signs.

    >>> tokens("Anna's forty-five keys, don't!")
    ['Anna', "'s", 'forty-five', 'keys', ',', 'do', "n't", '!']
    >>> tokens("安娜笑了。")
    ['安', '娜', '笑', '了', '。']
    """
    return _TOKEN.findall(text)


def bio_tags(text: str, entities: Iterable[tuple[str, int, int]]) -> list[str]:
    """The BIO tag of each of the text's :func:`tokens`: B-X begins an entity of type X, I-X continues it, O is outside.

    >>> bio_tags("Li Na smiled.", [("PERSON", 0, 5)])
    ['B-PERSON', 'I-PERSON', 'O', 'O']

    Args:
        text: in either language.
        entities: as (type, start, end) in characters of the text, without overlap.

    Raises:
        ValueError: an entity begins or ends within a token, or two of them overlap.
    """
    bounds = [match.span() for match in _TOKEN.finditer(text)]
    first = {start: i for i, (start, _) in enumerate(bounds)}
    last = {end: i for i, (_, end) in enumerate(bounds)}
    tags = ["O"] * len(bounds)
    for name, start, end in entities:
        if start not in first or end not in last:
            raise ValueError(f"an entity must begin and end with a token; got {name} from {start} to {end}")
        for i in range(first[start], last[end] + 1):
            if tags[i] != "O":
                raise ValueError(f"entities must not overlap; got {name} from {start} to {end} on top of another")
            tags[i] = f"B-{name}" if i == first[start] else f"I-{name}"
    return tags
