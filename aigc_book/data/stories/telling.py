"""From an event record to sentences in both languages, with marks around whatever is an entity.

A mark is written ``[thing:red umbrella]``: the role in the record, then the words. :func:`plain` takes the marks away,
:func:`spans` says where the marked words stand in what is left. So a label never comes from searching in the text.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from aigc_book.data.stories.choices import Choices
from aigc_book.data.stories.kinds import CLOSINGS, GOING, INTRODUCTIONS
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.slots import OTHER, chinese_slots, english_slots

_MARK = re.compile(r"\[(\w+):([^\]]*)\]")
_SIGNS_OF_MARKS = re.compile(r"\[\w+:|\]")


class Line(NamedTuple):
    """A sentence of a story, as a template, and its part in the story."""

    part: str  #: introduction, opening, weather, event, reaction, outcome, speech or closing
    template: Pair


def lines(record: Record, choices: Choices) -> list[Line]:
    """Choose the sentences that tell the record: three to eight, as templates."""
    kind, end = record.how, record.end
    opening = choices.pick(kind.openings or GOING)
    told = [
        Line("introduction", choices.pick(INTRODUCTIONS)) if record.job else None,
        Line("opening", _continued(opening) if record.job else opening),
        Line("weather", record.weather.sentence) if record.weather else None,
        Line("event", choices.pick(kind.events)),
        Line("reaction", choices.pick(kind.reactions)) if choices.chance(0.6) else None,
        Line("outcome", choices.pick(end.told)),
        Line("speech", choices.pick(end.speech)) if choices.chance(0.5) else None,
        Line("closing", choices.pick(CLOSINGS[end.sentiment])) if choices.chance(0.6) else None,
    ]
    return [line for line in told if line]


class Teller:
    """Says sentences about one record: fills the slots of templates with its words."""

    def __init__(self, record: Record):
        self.record = record

    @cached_property
    def _slots(self) -> tuple[dict[str, str], dict[str, str]]:
        return english_slots(self.record), chinese_slots(self.record)

    def marked(self, templates: Sequence[Pair], *, introduce: bool = False) -> list[Pair]:
        """The sentences with marks; with ``introduce`` the other person's first mention says who it is."""
        english, chinese = self._fill(templates, introduce)
        return [Pair(_capital(e), c) for e, c in zip(english.split("\n"), chinese.split("\n"), strict=True)]

    def say(self, templates: Sequence[Pair], *, introduce: bool = False) -> list[Pair]:
        """The sentences as a reader sees them, without marks."""
        english, chinese = plain(self._fill(templates, introduce))
        return [Pair(_capital(e), c) for e, c in zip(english.split("\n"), chinese.split("\n"), strict=True)]

    def _fill(self, templates: Sequence[Pair], introduce: bool) -> Pair:
        (english_words, chinese_words), other, relation = self._slots, self.record.other, self.record.relation
        english = "\n".join([t.english for t in templates]).format_map(english_words)
        chinese = "\n".join([t.chinese for t in templates]).format_map(chinese_words)
        if introduce:
            english = english.replace(OTHER, f"{english_words['his']} {relation.english} {OTHER}", 1)
            # After a clause with 的 the possessor goes without saying: 懂机器的邻居汤姆.
            before = chinese.partition(OTHER)[0]
            possessor = "" if before.endswith("的") else chinese_words["ta"] + relation.of
            chinese = chinese.replace(OTHER, f"{possessor}{relation.chinese}{OTHER}", 1)
        names = f"[other:{other.english}]", f"[other:{other.chinese}]"
        return Pair(english.replace(OTHER, names[0]), chinese.replace(OTHER, names[1]))

    def phrase(self, template: Pair) -> Pair:
        """A piece of a sentence, which begins with no capital of its own."""
        return Pair(*(text[1:] for text in self.say([Pair(f"={template.english}", f"={template.chinese}")])[0]))


def plain(marked: Pair) -> Pair:
    """Both texts without marks."""
    return Pair(_SIGNS_OF_MARKS.sub("", marked.english), _SIGNS_OF_MARKS.sub("", marked.chinese))


def spans(marked: str) -> list[tuple[str, int, int]]:
    """Every mark as (role, start, end), in characters of the text without marks."""
    found, removed = [], 0
    for match in _MARK.finditer(marked):
        start = match.start() - removed
        found.append((match[1], start, start + len(match[2])))
        removed += len(match[0]) - len(match[2])
    return found


def join(sentences: Sequence[Pair]) -> Pair:
    """Sentences as one text: a space between them in English, nothing in Chinese."""
    return Pair(" ".join([s.english for s in sentences]), "".join([s.chinese for s in sentences]))


def _continued(opening: Pair) -> Pair:
    """The opening after an introduction: the person, its subject, has been named and becomes a pronoun."""
    return Pair(opening.english.replace("{P}", "{he}", 1), opening.chinese.replace("{P}", "{ta}", 1))


def _capital(marked: str) -> str:
    """The sentence with its first letter in upper case, also within a mark."""
    start = marked.index(":") + 1 if marked.startswith("[") else 0
    return marked[:start] + marked[start].upper() + marked[start + 1 :]
