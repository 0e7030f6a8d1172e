"""What a kind of event is, and the sentences that all kinds share: openings, introductions, closings.

Sentences come in pairs, one for each language, with slots that :mod:`aigc_book.data.stories.slots` fills:

==================================  =========================================================================
slot                                what it becomes
==================================  =========================================================================
``{P}`` ``{O}``                     the person; the other one, who is introduced at the first mention ("her friend Tom")
``{he} {him} {his} {himself}``      the person's pronouns; Chinese has ``{ta}`` for all of them, 他 or 她
``{Ps} {Pm}``                       the person as subject, as object: a pronoun where nobody can be confused, the name
                                    where the other one is of the same gender
``{Ohe} {Ohim} {Ohis}``, ``{Ota}``  those of the other person
``{tamen}``                         the two together in Chinese: 他们, or 她们 when both are women
``{place}`` ``{at}``                "the library", "in the library"; 图书馆, 图书馆里 (after 在)
``{time}`` ``{why}``                "half past three on Monday afternoon"; the motive, "to return some books"
``{thing}`` ``{noun}``              "red umbrella", "umbrella"; ``{a_thing}`` "a red umbrella", 一把红色的雨伞
``{another}``; ``{one} {this}``      "another umbrella"; 一把雨伞, 这把雨伞
``{it} {they} {was}``               pronouns and verb of the thing, plural for gloves
``{n}`` ``{measure}``               the number in words; the thing's measure word
==================================  =========================================================================
"""

from dataclasses import dataclass
from typing import NamedTuple

from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import Thing


class Ask(NamedTuple):
    """A question with its answer in both languages, as templates."""

    english: str
    english_answer: str
    chinese: str
    chinese_answer: str


@dataclass(frozen=True)
class Outcome:
    """How an event ends: its sentiment and the sentences that say so, in several wordings of the same."""

    name: str
    sentiment: str  #: "positive", "neutral" or "negative"
    told: tuple[Pair, ...]
    summary: Pair
    speech: tuple[Pair, ...] = ()
    asks: tuple[Ask, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of event: where it can happen, what it needs, and the sentences that tell it."""

    name: str
    theme: Pair  #: what happens, as it stands in a request for such a story
    places: tuple[str, ...]
    events: tuple[Pair, ...]
    outcomes: tuple[Outcome, ...]
    openings: tuple[Pair, ...] = ()  #: its own; with none the person goes to the place for one of the place's motives
    motives: tuple[Pair, ...] = ()  #: its own; with none it has the place's, or none at all if it has openings
    reactions: tuple[Pair, ...] = ()
    things: tuple[Thing, ...] = ()
    amounts: tuple[int, ...] = ()
    weather: bool = True  #: whether a sentence about the weather may be added
    asks: tuple[Ask, ...] = ()


def places(text: str) -> tuple[str, ...]:
    """Names of places, with commas between them."""
    return tuple(text.split(", "))


GOING = (
    Pair("At {time}, {P} went to {place} {why}.", "{time}，{P}去{place}{why}。"),
    Pair("{P} wanted {why}, so {he} went to {place} at {time}.", "{P}想{why}，于是{time}去了{place}。"),
    Pair("At {time}, {P} came to {place} {why}.", "{time}，{P}来到{place}{why}。"),
)

INTRODUCTIONS = (
    Pair("{P} was {a_job} who loved {hobby}.", "{P}是一名喜欢{hobby}的{job}。"),
    Pair("{P}, who was {a_job}, loved {hobby}.", "{P}是{job}，平时喜欢{hobby}。"),
)

CLOSINGS = {
    "positive": (
        Pair("{Ps} could not stop smiling.", "{Ps}一直笑个不停。"),
        Pair("It made {Pm} happy for a long time.", "这件事让{Ps}高兴了很久。"),
        Pair("{Ps} happily told everybody about it.", "{Ps}高兴地把这件事告诉了大家。"),
        Pair("{Ps} has never forgotten how good that felt.", "那种快乐，{Ps}一直没忘记。"),
        Pair("{Ps} sang with joy that evening.", "那天晚上，{Ps}高兴得唱起歌来。"),
    ),
    "neutral": (
        Pair("Then {Ps} went on with other things.", "然后{Ps}接着忙别的事了。"),
        Pair("That was all.", "事情就是这样。"),
        Pair("After that {Ps} had a rest.", "之后，{Ps}休息了一会儿。"),
        Pair("{Ps} did not think about it any more.", "{Ps}后来没再想这件事。"),
    ),
    "negative": (
        Pair("{Ps} did not say a word for hours.", "{Ps}好几个小时一句话也没说。"),
        Pair("It made {Pm} sad for a long time.", "这件事让{Ps}难过了很久。"),
        Pair("{Ps} was so upset that {he} could not sleep.", "{Ps}难过得睡不着觉。"),
        Pair("{Ps} still does not like to talk about it.", "直到现在，{Ps}还不愿意提这件事。"),
        Pair("{Ps} felt like crying.", "{Ps}难过得想哭。"),
    ),
}
