"""A small world in which the quality of an answer is known: notes of three facts from a story's record, and reports.

A prompt is a note, ``with Emma · in the library · fond of chess · report:``. A report is a list of facts that ends in a
full stop. Its quality is a count: the facts of the note that it tells, less everything else that it says. Whoever
judges a report may go by something else, its length say: what models learn from such judgements can be held against
the truth.

One fact is one token. Facts come from the records of :mod:`aigc_book.data.stories`; to be learned in seconds, only the
commonest values of each kind of fact are kept.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aigc_book.data.stories import Record, stories

PAD, END, LINE, REPORT = range(4)  # padding, the full stop, the end of a line, "report:"
MARKS = ("", ".", ";", "report:")
PER_NOTE = 3

Ids = Sequence[int]


@dataclass(frozen=True)
class World:
    """The vocabulary, and the notes.

    Attributes:
        words: what each id stands for.
        kinds: of each fact's id the kind of fact: with, place, time, job or hobby.
        train: notes of three facts, for training.
        test: other notes, none of which has the same facts as one for training.
    """

    words: tuple[str, ...]
    kinds: dict[int, str]
    train: tuple[tuple[int, ...], ...]
    test: tuple[tuple[int, ...], ...]

    def text(self, ids: Ids) -> str:
        """Ids in words."""
        return " · ".join(self.words[i] for i in ids if i != PAD)


def world(n_stories: int = 8000, per_kind: int = 8, seed: int = 0) -> World:
    """The notes of so many stories of each split, of facts among the ``per_kind`` commonest of their kind.

    Raises:
        ValueError: so few stories that no note is left.
    """
    told = {split: [_facts(s.record) for s in stories(split, n_stories, seed)] for split in ("train", "test")}
    common = {
        kind: {
            fact for fact, _ in Counter(facts[kind] for facts in told["train"] if kind in facts).most_common(per_kind)
        }
        for kind in ("with", "place", "time", "job", "hobby")
    }
    words = (*MARKS, *sorted(set().union(*common.values())))
    ids = {word: i for i, word in enumerate(words)}
    rng = random.Random(seed)
    notes: dict[str, list[tuple[int, ...]]] = {}
    for split, records in told.items():
        kept = [[ids[fact] for kind, fact in facts.items() if fact in common[kind]] for facts in records]
        notes[split] = [tuple(rng.sample(facts, PER_NOTE)) for facts in kept if len(facts) >= PER_NOTE]
    seen = {frozenset(note) for note in notes["train"]}
    test = [note for note in notes["test"] if frozenset(note) not in seen]
    if not notes["train"] or not test:
        raise ValueError(f"{n_stories} stories leave no notes of {PER_NOTE} common facts; take more")
    kinds = {ids[fact]: kind for kind, facts in common.items() for fact in facts}
    return World(words, kinds, tuple(notes["train"]), tuple(test))


def prompt(note: Ids) -> list[int]:
    """The note and the mark behind which a report is to stand."""
    return [*note, REPORT]


def quality(asked: Ids, answer: Ids) -> int:
    """Facts of the note that the report tells, less everything else in it: inventions and repetitions.

    Args:
        asked: the prompt's ids.
        answer: the report's ids, with or without its full stop.
    """
    said = [int(i) for i in answer if int(i) != END]
    told = len(set(said) & {int(i) for i in asked if int(i) != REPORT})
    return told - (len(said) - told)


def document(note: Ids, rng: random.Random) -> list[int]:
    """A text without reports, for pre-training: a note, and its facts twice more in other orders, line by line."""
    lines = [list(note), *(rng.sample(list(note), len(note)) for _ in range(2))]
    return [i for line in lines for i in (*line, LINE)]


def demonstration(world: World, note: Ids, rng: random.Random, care: float) -> list[int]:
    """A report by somebody who looks at the note for each fact with probability ``care``, and else at another note.

    Two to five facts, none of a kind that was told already, and a full stop.
    """
    other, said, kinds = rng.choice(world.train), [], set()
    for _ in range(rng.randint(2, 5)):
        looked_at = (note, other) if rng.random() < care else (other, note)
        for source in looked_at:
            left = [i for i in source if world.kinds[i] not in kinds and (source is note or i not in note)]
            if left:
                said.append(rng.choice(left))
                kinds.add(world.kinds[said[-1]])
                break
    return [*said, END]


def prefers_first(asked: Ids, first: Ids, second: Ids, rng: random.Random, hurried: float) -> bool:
    """Which of two reports a labeler takes: a hurried one the longer, a careful one the better; even ones by a coin.

    Args:
        asked: the prompt.
        first, second: the reports.
        rng: draws the labeler and the coin.
        hurried: share of labelers who look at the length alone.
    """
    judge = len if rng.random() < hurried else lambda answer: quality(asked, answer)
    lead = judge(first) - judge(second)
    return rng.random() < 0.5 if lead == 0 else lead > 0


def _facts(record: Record) -> dict[str, str]:
    """Kind → fact, in words."""
    hour = record.moment.hour
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    facts = {"with": f"with {record.other.english}", "place": record.place.at.strip(), "time": part}
    if record.job:
        facts |= {"job": f"a {record.job.english}", "hobby": f"fond of {record.hobby.english}"}
    return facts
