"""A story: its text in two languages, and everything known about it. Drawn from a seed, endlessly."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from aigc_book.data.stories import tasks
from aigc_book.data.stories.choices import Choices
from aigc_book.data.stories.labels import TYPES, Entity, bio_tags, tokens
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.preferences import Preference, preference
from aigc_book.data.stories.records import SPLITS, Record, draw
from aigc_book.data.stories.tasks import Instruction, Question, Told
from aigc_book.data.stories.telling import Line, Teller, join, lines, plain, spans

#: The classes of sentiment, in the order of their class ids.
SENTIMENTS = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Story:
    """A story told in English and in Chinese: the record of what happened, and the choices of how to tell it.

    Everything else is computed from these two when it is asked for.
    """

    record: Record  #: the facts
    wording: int  #: the seed for the choice of sentences, of the task, and of what is wrong with the worse ending

    @cached_property
    def sentences(self) -> tuple[Pair, ...]:
        """The three to eight sentences of the story; ``.english`` and ``.chinese`` of each say the same."""
        return tuple(plain(pair) for pair in self._marked)

    @cached_property
    def english(self) -> str:
        """The whole story in English."""
        return join(self.sentences).english

    @cached_property
    def chinese(self) -> str:
        """The whole story in Chinese."""
        return join(self.sentences).chinese

    @property
    def kind(self) -> str:
        """The kind of event, one of 18, such as ``"lose"``."""
        return self.record.kind

    @property
    def sentiment(self) -> str:
        """How it ends, ``"negative"``, ``"neutral"`` or ``"positive"``."""
        return self.record.end.sentiment

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """The people, the place, the time, the thing and the number, with all their mentions in both texts."""
        marked = join(self._marked)
        mentions: dict[str, tuple[list, list]] = {}
        for language, text in enumerate(marked):
            for role, start, end in spans(text):
                mentions.setdefault(role, ([], []))[language].append((start, end))
        return tuple(
            Entity(
                role,
                TYPES[role],
                _longest(self.english, in_english),
                _longest(self.chinese, in_chinese),
                tuple(in_english),
                tuple(in_chinese),
            )
            for role, (in_english, in_chinese) in mentions.items()
        )

    @property
    def english_tokens(self) -> list[str]:
        """The words and signs of the English text."""
        return tokens(self.english)

    @property
    def chinese_tokens(self) -> list[str]:
        """The characters of the Chinese text."""
        return tokens(self.chinese)

    @property
    def english_tags(self) -> list[str]:
        """The BIO tag of each English token."""
        return bio_tags(self.english, [(e.type, *span) for e in self.entities for span in e.english_spans])

    @property
    def chinese_tags(self) -> list[str]:
        """The BIO tag of each Chinese token."""
        return bio_tags(self.chinese, [(e.type, *span) for e in self.entities for span in e.chinese_spans])

    @cached_property
    def summary(self) -> Pair:
        """The story in one sentence."""
        return tasks.summary(self._teller)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Questions with their answers."""
        return tasks.questions(self._teller)

    @cached_property
    def task(self) -> Instruction:
        """An instruction with its response, and which task it is."""
        return tasks.instruction(self._told, Choices(f"task {self.wording}"))

    @property
    def instruction(self) -> Pair:
        """The instruction of :attr:`task`."""
        return self.task.prompt

    @property
    def response(self) -> Pair:
        """The response of :attr:`task`."""
        return self.task.response

    @cached_property
    def preference(self) -> Preference:
        """The beginning of the story, its own ending, a worse one, and what is wrong with that."""
        return preference(self._told, self._lines, Choices(f"flaw {self.wording}"))

    @property
    def preferred(self) -> Pair:
        """The better ending of :attr:`preference`."""
        return self.preference.preferred

    @property
    def rejected(self) -> Pair:
        """The worse ending of :attr:`preference`."""
        return self.preference.rejected

    @cached_property
    def _lines(self) -> list[Line]:
        return lines(self.record, Choices(f"telling {self.wording}"))

    @cached_property
    def _marked(self) -> list[Pair]:
        return self._teller.marked([line.template for line in self._lines], introduce=True)

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.record)

    @cached_property
    def _told(self) -> Told:
        return Told(self._teller, self.sentences, tuple(line.part for line in self._lines))


def story(seed: int, split: str = "train") -> Story:
    """The story of a seed: the first of ``stories(split, 1, seed)``.

    Raises:
        ValueError: the split is not one of :data:`SPLITS`, or the seed is not a whole number.
    """
    return next(endless(split, seed))


def stories(split: str = "train", n: int = 1000, seed: int = 0) -> list[Story]:
    """So many different stories of a split; the first of them are the same for every ``n``.

    Raises:
        ValueError: n is not a whole number of at least 1, the split is not one of :data:`SPLITS`, or the seed is not a
            whole number.
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a whole number of at least 1; got {n!r}")
    return list(islice(endless(split, seed), n))


def endless(split: str = "train", seed: int = 0) -> Iterator[Story]:
    """Stories without end, no record told twice.

    Raises:
        ValueError: the split is not one of :data:`SPLITS`, or the seed is not a whole number.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}; got {split!r}")
    if not isinstance(seed, int):
        raise ValueError(f"seed must be a whole number; got {seed!r}")
    return _draw_endlessly(split, seed)


def _draw_endlessly(split: str, seed: int) -> Iterator[Story]:
    choices = Choices(f"{split} {seed}")
    told: set[Record] = set()
    while True:
        record, wording = draw(choices, split), choices.below(2**53)
        if record not in told:
            told.add(record)
            yield Story(record, wording)


def _longest(text: str, found: list[tuple[int, int]]) -> str:
    return max((text[start:end] for start, end in found), key=len)
