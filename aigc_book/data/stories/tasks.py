"""What can be asked about a story: questions, and an instruction with its response."""

from collections.abc import Callable
from typing import NamedTuple

from aigc_book.data.stories.choices import Choices
from aigc_book.data.stories.kinds import Ask
from aigc_book.data.stories.language import Pair, with_article
from aigc_book.data.stories.telling import Teller, join


class Question(NamedTuple):
    """A question and its answer. The answer stands in the story word for word, unless it says yes or no."""

    question: Pair
    answer: Pair
    extractive: bool  #: whether the answer is a piece of the story's text


class Told(NamedTuple):
    """A told story, as the tasks need it."""

    teller: Teller
    sentences: tuple[Pair, ...]
    parts: tuple[str, ...]  #: of each sentence its part in the story

    @property
    def end(self) -> int:
        """Where the ending begins, the index of the outcome's sentence."""
        return self.parts.index("outcome")


class Instruction(NamedTuple):
    """A task in words, and the response that fulfils it, in both languages."""

    task: str  #: write, continue, summarise, answer, mood, people or translate
    prompt: Pair
    response: Pair


_WHERE = Ask("Where was {P}?", "{place}", "{P}在哪里？", "{place}")
_WHERE_TO = Ask("Where did {P} go?", "{place}", "{P}去了哪里？", "{place}")
_WHEN = Ask("When did this happen?", "{time}", "这件事是什么时候发生的？", "{time}")
_WHY = Ask("Why did {P} go to {place}?", "{why}", "{P}去{place}做什么？", "{why}")
_JOB = Ask("What was {P}'s job?", "{a_job}", "{P}是做什么工作的？", "{job}")
_HOBBY = Ask("What did {P} love?", "{hobby}", "{P}喜欢做什么？", "{hobby}")
_WEATHER = Pair("What was the weather like?", "天气怎么样？")

_MOODS = {"positive": Pair("happy", "快乐"), "negative": Pair("sad", "悲伤"), "neutral": Pair("ordinary", "平淡")}


def questions(teller: Teller) -> tuple[Question, ...]:
    """What can be asked about the record, with the answers: where, when, why, who, what, how many, yes or no."""
    record = teller.record
    asks = [*record.how.asks, *record.end.asks, _WHEN, _WHERE_TO if record.motive else _WHERE]
    asks += [_WHY] if record.motive else []
    asks += [_JOB, _HOBBY] if record.job else []
    asked = teller.say([Pair(ask.english, ask.chinese) for ask in asks])
    # The sign in front keeps an answer such as "the library" from being given a capital.
    answers = teller.say([Pair(f"={ask.english_answer}", f"={ask.chinese_answer}") for ask in asks])
    found = [
        Question(question, Pair(answer.english[1:], answer.chinese[1:]), ask.english_answer not in ("Yes", "No"))
        for ask, question, answer in zip(asks, asked, answers, strict=True)
    ]
    if record.weather:
        found.append(Question(_WEATHER, record.weather.answer, True))
    return tuple(found)


def summary(teller: Teller) -> Pair:
    """The story in one sentence."""
    return teller.say([teller.record.end.summary])[0]


def instruction(told: Told, choices: Choices) -> Instruction:
    """One of seven tasks about the story."""
    return choices.pick(_TASKS)(told, choices)


def _write(told: Told, choices: Choices) -> Instruction:
    theme, mood = told.teller.phrase(told.teller.record.how.theme), _mood_of(told)
    a_story = with_article(f"{mood.english} story")
    asked = choices.pick((
        Pair(f"Write a short story in which {theme.english}. It should be {a_story}.",
             f"写一个小故事：{theme.chinese}。故事要{mood.chinese}。"),
        Pair(f"Tell me {a_story} in which {theme.english}.",
             f"给我讲一个{mood.chinese}的故事：{theme.chinese}。"),
    ))  # fmt: skip
    return Instruction("write", asked, join(told.sentences))


def _continue(told: Told, choices: Choices) -> Instruction:
    asked = choices.pick((
        Pair("Continue this story.", "把这个故事接着写下去。"),
        Pair("How does this story end?", "这个故事的结局是什么？"),
    ))  # fmt: skip
    return Instruction("continue", _with(asked, told.sentences[: told.end]), join(told.sentences[told.end :]))


def _summarise(told: Told, choices: Choices) -> Instruction:
    asked = choices.pick((
        Pair("Summarise this story in one sentence.", "用一句话概括这个故事。"),
        Pair("What is this story about? Answer in one sentence.", "这个故事讲了什么？请用一句话回答。"),
    ))  # fmt: skip
    return Instruction("summarise", _with(asked, told.sentences), summary(told.teller))


def _answer(told: Told, choices: Choices) -> Instruction:
    question, (english, chinese), _ = choices.pick(questions(told.teller))
    asked = Pair(f"Read the story and answer: {question.english}", f"读故事，回答问题：{question.chinese}")
    said = Pair(f"{english[0].upper()}{english[1:]}.", f"{chinese}。")
    return Instruction("answer", _with(asked, told.sentences), said)


def _mood(told: Told, choices: Choices) -> Instruction:
    mood, said = _mood_of(told), summary(told.teller)
    asked = choices.pick((
        Pair("Is this story happy, sad or ordinary?", "这个故事是快乐的、悲伤的，还是平淡的？"),
        Pair("What is the mood of this story: happy, sad or ordinary?", "这个故事的气氛怎么样：快乐、悲伤，还是平淡？"),
    ))  # fmt: skip
    a_story = with_article(f"{mood.english} story")
    response = Pair(f"It is {a_story}: {said.english}", f"这是一个{mood.chinese}的故事：{said.chinese}")
    return Instruction("mood", _with(asked, told.sentences), response)


def _people(told: Told, choices: Choices) -> Instruction:
    asked = choices.pick((
        Pair("Who are the people in this story?", "这个故事里有哪些人物？"),
        Pair("List the names of the people in this story.", "列出这个故事里人物的名字。"),
    ))  # fmt: skip
    said = told.teller.phrase(Pair("{P} and {O}.", "{P}和{O}。"))
    return Instruction("people", _with(asked, told.sentences), said)


def _translate(told: Told, choices: Choices) -> Instruction:
    english, chinese = join(told.sentences)
    asked = Pair("Translate this story into Chinese.", "把这个故事翻译成英语。")
    return Instruction("translate", _with(asked, told.sentences), Pair(chinese, english))


def _mood_of(told: Told) -> Pair:
    return _MOODS[told.teller.record.end.sentiment]


def _with(asked: Pair, sentences: tuple[Pair, ...]) -> Pair:
    english, chinese = join(sentences)
    return Pair(f"{asked.english}\n\n{english}", f"{asked.chinese}\n\n{chinese}")


_TASKS: tuple[Callable[[Told, Choices], Instruction], ...] = (
    _write, _continue, _summarise, _answer, _mood, _people, _translate,
)  # fmt: skip
