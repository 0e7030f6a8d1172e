"""From an event record to sentences in both languages, with marks around whatever is an entity.

A mark is written ``[thing:red umbrella]``: the role in the record, then the words. :func:`plain` takes the marks away,
:func:`spans` says where the marked words stand in what is left. So a label never comes from searching in the text.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from aigc_book.data.stories.kinds import CLOSINGS, GOING, INTRODUCTIONS
from aigc_book.data.stories.language import Pair, chinese_count, english_number, with_article
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.world import Person

_MARK = re.compile(r"\[(\w+):([^\]]*)\]")
_OTHER = "\0"  # where the other person is named, until it is known which mention comes first
_T = TypeVar("_T")


class Line(NamedTuple):
    """A sentence of a story with its part in it: introduction, opening, weather, event, reaction, outcome, …"""

    part: str
    template: Pair


class Wording:
    """A whole number read as a row of choices, digit by digit, each in its own base."""

    def __init__(self, number: int):
        self._left = number

    def pick(self, options: Sequence[_T]) -> _T:
        """The option that the next digit names."""
        self._left, i = divmod(self._left, len(options))
        return options[i]


def lines(record: Record, wording: int) -> list[Line]:
    """Choose the sentences that tell the record: three to eight, as templates."""
    words, kind, end = Wording(wording), record.how, record.end
    opening = words.pick(kind.openings or GOING)
    told = [
        Line("introduction", words.pick(INTRODUCTIONS)) if record.job else None,
        Line("opening", _continued(opening) if record.job else opening),
        Line("weather", record.weather.sentence) if record.weather else None,
        Line("event", words.pick(kind.events)),
        Line("reaction", words.pick(kind.reactions)) if words.pick((True, True, False)) else None,
        Line("outcome", words.pick(end.told)),
        Line("speech", words.pick(end.speech)) if words.pick((True, False)) else None,
        Line("closing", words.pick(CLOSINGS[end.sentiment])) if words.pick((True, True, False)) else None,
    ]
    return [line for line in told if line]


def _continued(opening: Pair) -> Pair:
    """The opening after an introduction: the person, its subject, has been named and becomes a pronoun."""
    return Pair(opening.english.replace("{P}", "{he}", 1), opening.chinese.replace("{P}", "{ta}", 1))


def english_slots(record: Record) -> dict[str, str]:
    """What the slots of a template become in English, with marks."""
    p, o, place = record.person, record.other, record.place
    slots = {
        "P": f"[person:{p.english}]",
        "Ps": f"[person:{p.english}]" if p.male == o.male else "he" if p.male else "she",
        "Pm": f"[person:{p.english}]" if p.male == o.male else "him" if p.male else "her",
        "O": _OTHER,
        "place": _marked_place(place.english, place.english.removeprefix("the ")),
        "at": _marked_place(place.at, place.english.removeprefix("the ")),
        "time": f"[moment:{record.moment.english}]",
        **_english_pronouns("", p),
        **_english_pronouns("O", o),
    }
    if record.thing:
        thing, noun = record.thing, record.thing.english
        full = f"{record.adjective.english} {noun}" if record.adjective else noun
        article = "a pair of " if thing.plural else with_article(full).removesuffix(full)
        slots |= {
            "thing": _mark(thing.named, "thing", full),
            "noun": _mark(thing.named, "thing", noun),
            "a_thing": article + _mark(thing.named, "thing", full),
            "another": ("another pair of " if thing.plural else "another ") + _mark(thing.named, "thing", noun),
            "it": "them" if thing.plural else "it",
            "they": "they" if thing.plural else "it",
            "was": "were" if thing.plural else "was",
        }
    if record.number is not None:
        slots["n"] = f"[number:{english_number(record.number)}]"
    if record.job:
        slots |= {"a_job": with_article(record.job.english), "hobby": record.hobby.english}
    if record.motive:
        slots["why"] = record.motive.english.format_map(slots)
    return slots


def chinese_slots(record: Record) -> dict[str, str]:
    """What the slots of a template become in Chinese, with marks."""
    p, o, place = record.person, record.other, record.place
    slots = {
        "P": f"[person:{p.chinese}]",
        "Ps": f"[person:{p.chinese}]" if p.male == o.male else "他" if p.male else "她",
        "O": _OTHER,
        "ta": "他" if p.male else "她",
        "Ota": "他" if o.male else "她",
        "tamen": "他们" if p.male or o.male else "她们",
        "place": f"[place:{place.chinese}]",
        "at": f"[place:{place.chinese}]{place.inside}",
        "time": f"[moment:{record.moment.chinese}]",
    }
    if record.thing:
        thing, noun = record.thing, record.thing.chinese
        adjective = record.adjective.chinese if record.adjective else ""
        if adjective.endswith("色") and len(noun) == 1:  # 红色雨伞, but 红色的包
            adjective += "的"
        full = adjective + noun
        slots |= {
            "thing": _mark(thing.named, "thing", full),
            "noun": _mark(thing.named, "thing", noun),
            "a_thing": f"一{thing.measure}" + _mark(thing.named, "thing", full),
            "one": f"一{thing.measure}" + _mark(thing.named, "thing", noun),
            "measure": thing.measure,
        }
    if record.number is not None:
        slots["n"] = f"[number:{chinese_count(record.number)}]"
    if record.job:
        slots |= {"job": record.job.chinese, "hobby": record.hobby.chinese}
    if record.motive:
        slots["why"] = record.motive.chinese.format_map(slots)
    return slots


def fill(record: Record, templates: Sequence[Pair], *, introduce: bool = True) -> list[Pair]:
    """Fill the slots: sentences with marks. With ``introduce`` the other person's first mention says who it is."""
    slots, other, relation = (english_slots(record), chinese_slots(record)), record.other, record.relation
    english = "\n".join([t.english.format_map(slots[0]) for t in templates])
    chinese = "\n".join([t.chinese.format_map(slots[1]) for t in templates])
    if introduce:
        english = english.replace(_OTHER, f"{slots[0]['his']} {relation.english} {_OTHER}", 1)
        # After a clause with 的 the possessor goes without saying: 懂机器的邻居汤姆.
        before = chinese.partition(_OTHER)[0]
        possessor = "" if before.endswith("的") else slots[1]["ta"] + relation.of
        chinese = chinese.replace(_OTHER, f"{possessor}{relation.chinese}{_OTHER}", 1)
    filled = (
        english.replace(_OTHER, f"[other:{other.english}]").split("\n"),
        chinese.replace(_OTHER, f"[other:{other.chinese}]").split("\n"),
    )
    return [Pair(_capital(e), c) for e, c in zip(*filled, strict=True)]


def plain(marked: str) -> str:
    """The text without marks."""
    return _MARK.sub(r"\2", marked)


def spans(marked: str) -> list[tuple[str, int, int]]:
    """Every mark as (role, start, end), in characters of the text without marks."""
    found, removed = [], 0
    for match in _MARK.finditer(marked):
        start = match.start() - removed
        found.append((match[1], start, start + len(match[2])))
        removed += len(match[0]) - len(match[2])
    return found


def _mark(named: bool, role: str, words: str) -> str:
    return f"[{role}:{words}]" if named else words


def _marked_place(words: str, name: str) -> str:
    return words.replace(name, f"[place:{name}]")


def _english_pronouns(prefix: str, person: Person) -> dict[str, str]:
    words = ("he", "him", "his", "himself") if person.male else ("she", "her", "her", "herself")
    return {prefix + slot: word for slot, word in zip(("he", "him", "his", "himself"), words, strict=True)}


def _capital(marked: str) -> str:
    """The sentence with its first letter in upper case, also within a mark."""
    start = marked.index(":") + 1 if marked.startswith("[") else 0
    return marked[:start] + marked[start].upper() + marked[start + 1 :]
