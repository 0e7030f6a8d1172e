"""What can be asked about a story: questions, an instruction, and a right and a wrong way to go on."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from aigc_book.data.stories.kinds import CLOSINGS, Ask
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.telling import Line, Wording, fill, plain
from aigc_book.data.stories.world import PEOPLE


class Question(NamedTuple):
    """A question and its answer. The answer stands in the story word for word, unless it says yes or no."""

    question: Pair
    answer: Pair
    extractive: bool  #: whether the answer is a piece of the story's text


class Instruction(NamedTuple):
    """A task in words, and the response that fulfils it, in both languages."""

    task: str  #: write, continue, summarise, answer, mood, people, translate
    prompt: Pair
    response: Pair


class Preference(NamedTuple):
    """The beginning of a story with its own ending, a worse one, and why that one is worse."""

    prompt: Pair
    preferred: Pair
    rejected: Pair
    flaw: str  #: a key of :data:`FLAWS`
    reason: Pair


#: What can be wrong with an ending, and how that is said.
FLAWS = {
    "wrong person": Pair("It names a person who is not in the story.", "它提到了故事里没有的人。"),
    "wrong pronoun": Pair("It takes a man for a woman or a woman for a man.", "它弄错了人物的性别。"),
    "wrong thing": Pair("It confuses the thing with another one.", "它把东西弄错了。"),
    "wrong mood": Pair("The feeling does not fit what happened.", "人物的心情和发生的事不相符。"),
    "repetition": Pair("It only repeats what was said before.", "它只是重复了前面的话。"),
    "off topic": Pair("It has nothing to do with the story.", "它和故事没有关系。"),
    "rude": Pair("It insults people.", "它侮辱了别人。"),
    "broken off": Pair("It breaks off in the middle of a sentence.", "它的句子没有说完。"),
}

_WHERE = Ask("Where was {P}?", "{place}", "{P}在哪里？", "{place}")
_GONE = Ask("Where did {P} go?", "{place}", "{P}去了哪里？", "{place}")
_WHEN = Ask("When did this happen?", "{time}", "这件事是什么时候发生的？", "{time}")
_WHY = Ask("Why did {P} go to {place}?", "{why}", "{P}去{place}做什么？", "{why}")
_JOB = Ask("What was {P}'s job?", "{a_job}", "{P}是做什么工作的？", "{job}")
_HOBBY = Ask("What did {P} love?", "{hobby}", "{P}喜欢做什么？", "{hobby}")
_WEATHER = Pair("What was the weather like?", "天气怎么样？")

_MOODS = {"positive": Pair("happy", "快乐"), "negative": Pair("sad", "悲伤"), "neutral": Pair("ordinary", "平淡")}
_OFF_TOPIC = (
    Pair("Water boils at one hundred degrees.", "水到一百度就会沸腾。"),
    Pair("The moon is smaller than the earth.", "月亮比地球小。"),
    Pair("A triangle has three sides.", "三角形有三条边。"),
    Pair("Click here to see our prices.", "点击这里查看我们的价格。"),
    Pair("Whales are not fish.", "鲸不是鱼。"),
    Pair("The yen fell against the dollar.", "日元对美元的汇率下跌了。"),
)
_RUDE = (
    Pair("{P} shouted that everybody there was an idiot.", "{P}大喊，说那里的人都是白痴。"),
    Pair("Only a fool like {P} could do such a thing.", "只有{P}这样的傻瓜才会干这种事。"),
    Pair('"Shut up, you ugly pig!" {P} told {O}.', "{P}对{O}说：“闭嘴，你这头丑猪！”"),
)


def questions(record: Record) -> tuple[Question, ...]:
    """What can be asked about the record, with the answers: where, when, why, who, what, how many, yes or no."""
    asks = [*record.how.asks, *record.end.asks, _WHEN, _GONE if record.motive else _WHERE]
    asks += [_WHY] if record.motive else []
    asks += [_JOB, _HOBBY] if record.job else []
    said = [plain_pair(pair) for ask in asks for pair in _filled_ask(record, ask)]
    found = [
        Question(question, answer, not ask.english_answer.startswith(("Yes", "No")))
        for ask, question, answer in zip(asks, said[::2], said[1::2], strict=True)
    ]
    if record.weather:
        found.append(Question(_WEATHER, record.weather.answer, True))
    return tuple(found)


def summary(record: Record) -> Pair:
    """The story in one sentence."""
    return plain_pair(fill(record, [record.end.summary], introduce=False)[0])


def instruction(record: Record, told: list[Line], wording: int) -> Instruction:
    """One of seven tasks about the story, chosen by the wording's number."""
    return Wording(wording).pick(_TASKS)(record, told, wording // len(_TASKS))


def preference(record: Record, told: list[Line], wording: int) -> Preference:
    """The story cut in two, and its end spoiled in one of eight ways, chosen by the wording's number."""
    words = Wording(wording)
    sentences = [plain_pair(pair) for pair in fill(record, [line.template for line in told])]
    parts = [line.part for line in told]
    flaws = list(FLAWS)
    while True:
        flaw = words.pick(flaws)
        cut = parts.index("closing") if flaw == "wrong mood" and "closing" in parts else parts.index("outcome")
        beginning, ending = join(sentences[:cut]), join(sentences[cut:])
        rejected = _spoiled(flaw, record, told, cut, sentences, words)
        if rejected is not None and rejected.english != ending.english and rejected.chinese != ending.chinese:
            return Preference(beginning, ending, rejected, flaw, FLAWS[flaw])
        flaws.remove(flaw)


def join(sentences: list[Pair] | tuple[Pair, ...]) -> Pair:
    """Sentences as one text: a space between them in English, nothing in Chinese."""
    return Pair(" ".join(s.english for s in sentences), "".join(s.chinese for s in sentences))


def plain_pair(marked: Pair) -> Pair:
    """Both texts without marks."""
    return Pair(plain(marked.english), plain(marked.chinese))


def _filled_ask(record: Record, ask: Ask) -> tuple[Pair, Pair]:
    # The colon keeps an answer such as "the library" from being given a capital.
    question, answer = fill(
        record,
        [Pair(ask.english, ask.chinese), Pair(f"={ask.english_answer}", f"={ask.chinese_answer}")],
        introduce=False,
    )
    return question, Pair(answer.english[1:], answer.chinese[1:])


def _spoiled(
    flaw: str, record: Record, told: list[Line], cut: int, sentences: list[Pair], words: Wording
) -> Pair | None:
    """The ending with the flaw; None where the flaw can't be made from this story, or would not be one."""
    before, after = [line.template for line in told[:cut]], [line.template for line in told[cut:]]
    if flaw == "wrong person":
        slot, field = words.pick((("{P}", "person"), ("{O}", "other")))
        if not _uses(before, slot):  # a name that was not said before can't be wrong
            return None
        male = getattr(record, field).male
        stranger = words.pick([p for p in PEOPLE if p.male == male and p not in (record.person, record.other)])
        return _ending(replace(record, **{field: stranger}), after)
    if flaw == "wrong pronoun":
        if record.person.male != record.other.male:  # the pronoun would be the other person's
            return None
        return _ending(replace(record, person=replace(record.person, male=not record.person.male)), after)
    if flaw == "wrong thing":
        if not record.thing or not _uses(before, "thing}", "noun}"):
            return None
        thing = words.pick([t for t in record.how.things if t is not record.thing and t.plural == record.thing.plural])
        return _ending(replace(record, thing=thing), after)
    if flaw == "wrong mood":
        opposite = {"positive": "negative", "negative": "positive"}.get(record.end.sentiment)
        if told[cut].part != "closing" or opposite is None:
            return None
        return _ending(record, [words.pick(CLOSINGS[opposite])])
    if flaw == "repetition":
        return sentences[cut - 1]
    if flaw == "off topic":
        return words.pick(_OFF_TOPIC)
    if flaw == "rude":
        return _ending(record, [words.pick(_RUDE)])
    ending = join(sentences[cut:])
    half = ending.english[: len(ending.english) // 2].rsplit(" ", 1)[0].rstrip('.,!?:" ')
    return Pair(half, ending.chinese[: len(ending.chinese) // 2].rstrip("。，！？：“”"))


def _ending(record: Record, templates: list[Pair]) -> Pair:
    return join([plain_pair(pair) for pair in fill(record, templates, introduce=False)])


def _uses(templates: list[Pair], *slots: str) -> bool:
    return any(slot in template.chinese for template in templates for slot in slots)


def _story(record: Record, told: list[Line]) -> Pair:
    return join([plain_pair(pair) for pair in fill(record, [line.template for line in told])])


def _with_story(asked: Pair, story: Pair) -> Pair:
    return Pair(f"{asked.english}\n\n{story.english}", f"{asked.chinese}\n\n{story.chinese}")


def _write(record: Record, told: list[Line], number: int) -> Instruction:
    theme = plain_pair(fill(record, [record.how.theme], introduce=False)[0])
    mood = _MOODS[record.end.sentiment]
    asked = Wording(number).pick((
        Pair(f"Write a short story in which {theme.english}. It should be {_with_a(mood)}.",
             f"写一个小故事：{theme.chinese}。故事要{mood.chinese}。"),
        Pair(f"Tell me {_with_a(mood)} about this: {theme.english}.",
             f"给我讲一个{mood.chinese}的故事：{theme.chinese}。"),
    ))  # fmt: skip
    return Instruction("write", asked, _story(record, told))


def _continue(record: Record, told: list[Line], number: int) -> Instruction:
    cut = [line.part for line in told].index("outcome")
    sentences = [plain_pair(pair) for pair in fill(record, [line.template for line in told])]
    asked = Wording(number).pick((
        Pair("Continue this story.", "把这个故事接着写下去。"),
        Pair("How does this story end?", "这个故事的结局是什么？"),
    ))  # fmt: skip
    return Instruction("continue", _with_story(asked, join(sentences[:cut])), join(sentences[cut:]))


def _summarise(record: Record, told: list[Line], number: int) -> Instruction:
    asked = Wording(number).pick((
        Pair("Summarise this story in one sentence.", "用一句话概括这个故事。"),
        Pair("What is this story about? Answer in one sentence.", "这个故事讲了什么？请用一句话回答。"),
    ))  # fmt: skip
    return Instruction("summarise", _with_story(asked, _story(record, told)), summary(record))


def _answer(record: Record, told: list[Line], number: int) -> Instruction:
    question = Wording(number).pick(questions(record))
    asked = Pair(
        f"Read the story and answer: {question.question.english}", f"读故事，回答问题：{question.question.chinese}"
    )
    answer = Pair(
        question.answer.english[0].upper() + question.answer.english[1:] + ".", question.answer.chinese + "。"
    )
    return Instruction("answer", _with_story(asked, _story(record, told)), answer)


def _mood(record: Record, told: list[Line], number: int) -> Instruction:
    mood = _MOODS[record.end.sentiment]
    asked = Pair("Is this story happy, sad or ordinary?", "这个故事是快乐的、悲伤的，还是平淡的？")
    said = summary(record)
    response = Pair(f"It is {_with_a(mood)}: {said.english}", f"这是一个{mood.chinese}的故事：{said.chinese}")
    return Instruction("mood", _with_story(asked, _story(record, told)), response)


def _people(record: Record, told: list[Line], number: int) -> Instruction:
    asked = Wording(number).pick((
        Pair("Who are the people in this story?", "这个故事里有哪些人物？"),
        Pair("List the names of the people in this story.", "列出这个故事里人物的名字。"),
    ))  # fmt: skip
    p, o = record.person, record.other
    response = Pair(f"{p.english} and {o.english}.", f"{p.chinese}和{o.chinese}。")
    return Instruction("people", _with_story(asked, _story(record, told)), response)


def _translate(record: Record, told: list[Line], number: int) -> Instruction:
    story = _story(record, told)
    asked = Pair("Translate this story into Chinese.", "把这个故事翻译成英语。")
    return Instruction("translate", _with_story(asked, story), Pair(story.chinese, story.english))


def _with_a(mood: Pair) -> str:
    return f"{'an' if mood.english[0] in 'aeiou' else 'a'} {mood.english} story"


_TASKS: tuple[Callable[[Record, list[Line], int], Instruction], ...] = (
    _write, _continue, _summarise, _answer, _mood, _people, _translate,
)  # fmt: skip
