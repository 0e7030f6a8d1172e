"""A right and a wrong way to end a story: the story's own ending, and one that is spoiled in a known way."""

from dataclasses import replace
from typing import NamedTuple

from aigc_book.data.stories.choices import Choices
from aigc_book.data.stories.kinds import CLOSINGS
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.tasks import Told
from aigc_book.data.stories.telling import Line, Teller, join
from aigc_book.data.stories.world import PEOPLE


class Preference(NamedTuple):
    """The beginning of a story with its own ending, a worse one, and why that one is worse."""

    prompt: Pair
    preferred: Pair
    rejected: Pair
    flaw: str  #: a key of ``FLAWS``
    reason: Pair


# What can be wrong with an ending, and how that is said.
FLAWS = {
    "wrong person": Pair("It names a person who is not in the story.", "它提到了故事里没有的人。"),
    "wrong pronoun": Pair("It takes a man for a woman or a woman for a man.", "它弄错了人物的性别。"),
    "wrong thing": Pair("It confuses the thing with another one.", "它把东西弄错了。"),
    "wrong mood": Pair("The feeling does not fit what happened.", "人物的心情和发生的事不相符。"),
    "repetition": Pair("It repeats what was said before.", "它重复了前面说过的话。"),
    "off topic": Pair("A sentence of it has nothing to do with the story.", "其中有一句话和故事没有关系。"),
    "rude": Pair("It insults people.", "它侮辱了别人。"),
    "broken off": Pair("It breaks off in the middle of a sentence.", "它的句子没有说完。"),
}

_OFF_TOPIC = (
    Pair("Water boils at one hundred degrees.", "水到一百度就会沸腾。"),
    Pair("The moon is smaller than the earth.", "月亮比地球小。"),
    Pair("A triangle has three sides.", "三角形有三条边。"),
    Pair("Click here to see our prices.", "点击这里查看我们的价格。"),
    Pair("Whales are not fish.", "鲸不是鱼。"),
    Pair("Gold is heavier than iron.", "金子比铁重。"),
)
_RUDE = (
    Pair("{P} shouted that everybody there was an idiot.", "{P}大喊，说那里的人都是白痴。"),
    Pair("Only a fool like {P} could do such a thing.", "只有{P}这样的傻瓜才会干这种事。"),
    Pair('"Shut up, you ugly pig!" said {P} to a child.', "{P}对一个孩子说：“闭嘴，你这头丑猪！”"),
)


def preference(told: Told, lines: list[Line], choices: Choices) -> Preference:
    """The story cut in two, and its ending spoiled in one of eight ways.

    Only the flaws that this story can have are chosen from; the last three and the repetition are always among them.
    """
    flaws = list(FLAWS)
    while True:
        flaw = choices.pick(flaws)
        cut = told.parts.index("closing") if flaw == "wrong mood" and "closing" in told.parts else told.end
        ending, spoiled = join(told.sentences[cut:]), _spoiled(flaw, told, lines, cut, choices)
        if spoiled and spoiled.english != ending.english and spoiled.chinese != ending.chinese:
            return Preference(join(told.sentences[:cut]), ending, spoiled, flaw, FLAWS[flaw])
        flaws.remove(flaw)


def _spoiled(flaw: str, told: Told, lines: list[Line], cut: int, choices: Choices) -> Pair | None:
    """The ending with the flaw; None where this story can't have it, or where it would be none."""
    record = told.teller.record
    templates = [line.template for line in lines]

    def told_by(changed: Record) -> Pair:
        return join(Teller(changed).say(templates, introduce=True)[cut:])

    if flaw == "wrong person":
        slot, field = choices.pick((("{P}", "person"), ("{O}", "other")))
        if not _uses(templates[:cut], slot):  # a name that was not said before can't be wrong
            return None
        male = getattr(record, field).male
        stranger = choices.pick([p for p in PEOPLE if p.male == male and p not in (record.person, record.other)])
        return told_by(replace(record, **{field: stranger}))
    if flaw == "wrong pronoun":
        if record.person.male != record.other.male:  # it would be right for the other person
            return None
        return told_by(replace(record, person=replace(record.person, male=not record.person.male)))
    if flaw == "wrong thing":
        if not record.thing or not _uses(templates[:cut], "thing}", "noun}"):
            return None
        alike = [t for t in record.how.things if t is not record.thing and t.plural == record.thing.plural]
        return told_by(replace(record, thing=choices.pick(alike)))
    if flaw == "wrong mood":
        opposite = {"positive": "negative", "negative": "positive"}.get(record.end.sentiment)
        if lines[cut].part != "closing" or opposite is None:
            return None
        return join(told.teller.say([choices.pick(CLOSINGS[opposite])]))
    # One sentence is replaced and the others stay, so that length gives nothing away.
    if flaw == "repetition":
        return join((told.sentences[cut - 1], *told.sentences[cut + 1 :]))
    if flaw == "off topic":
        return join((choices.pick(_OFF_TOPIC), *told.sentences[cut + 1 :]))
    if flaw == "rude":
        return join((*told.sentences[cut:-1], *told.teller.say([choices.pick(_RUDE)])))
    english, chinese = told.sentences[cut]
    half = english[: len(english) // 2].rsplit(" ", 1)[0]
    return Pair(half.rstrip('.,!?:;" '), chinese[: len(chinese) // 2].rstrip("。，！？：“”"))


def _uses(templates: list[Pair], *slots: str) -> bool:
    return any(slot in template.chinese for template in templates for slot in slots)
