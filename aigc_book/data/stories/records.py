"""The event record: every fact that a story tells, how one is drawn, and which split it belongs to."""

import hashlib
from dataclasses import dataclass, replace

from aigc_book.data.stories.choices import Choices
from aigc_book.data.stories.events import KINDS
from aigc_book.data.stories.kinds import Kind, Outcome
from aigc_book.data.stories.language import Pair
from aigc_book.data.stories.world import (
    HOBBIES,
    JOBS,
    MINUTES,
    PEOPLE,
    PLACES,
    RELATIONS,
    WEATHER,
    Moment,
    Person,
    Place,
    Relation,
    Thing,
    Weather,
)

SPLITS = ("train", "validation", "test", "held_out")

_DAYS_OF_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Record:
    """What happened. Each field that is not None is a fact, and the story tells it in both languages.

    The kind, the outcome, the two people and their relation, the place and the moment are always there. The thing (with
    its adjective), the number and the motive are there where the kind of event has them; the job with the hobby, and
    the weather, where the story is told at more length.
    """

    kind: str  #: a name of :data:`KINDS`, such as ``"lose"``
    outcome: str  #: a name among the kind's outcomes, such as ``"found"``
    person: Person
    other: Person
    relation: Relation  #: what the other is to the person
    place: Place
    moment: Moment
    thing: Thing | None = None
    adjective: Pair | None = None
    number: int | None = None
    motive: Pair | None = None
    job: Pair | None = None
    hobby: Pair | None = None
    weather: Weather | None = None

    @property
    def how(self) -> Kind:
        """The kind of event with its sentences."""
        return KINDS[self.kind]

    @property
    def end(self) -> Outcome:
        """The outcome with its sentences."""
        return next(outcome for outcome in self.how.outcomes if outcome.name == self.outcome)


def is_held_out(person: Person, place: Place, kind: str) -> bool:
    """Whether this combination of person, place and kind of event is kept for the split ``held_out``: one in ten is."""
    return _bucket(f"{person.english}|{place.english}|{kind}", 10) == 0


def split_of(record: Record) -> str | None:
    """The one split that a record belongs to, decided by a digest of its facts and by nothing else.

    ``held_out`` has the records whose person, place and kind are a held-out combination. The others go to validation
    and test (a twentieth each) or to train, whatever their job, hobby and weather: stories that differ in no more than
    these are in the same split. A record whose other person would make a held-out combination is in none (None), so
    that outside ``held_out`` neither of the two people is ever met in one.
    """
    if is_held_out(record.person, record.place, record.kind):
        return "held_out"
    if is_held_out(record.other, record.place, record.kind):
        return None
    core = (
        record.kind, record.outcome, record.person.english, record.other.english, record.relation.english,
        record.place.english, record.moment.english, record.thing and record.thing.english,
        record.adjective and record.adjective.english, record.number, record.motive and record.motive.english,
    )  # fmt: skip
    return {0: "validation", 1: "test"}.get(_bucket("|".join(map(str, core)), 20), "train")


def draw(choices: Choices, split: str) -> Record:
    """Draw records until one belongs to the split."""
    while True:
        kind = choices.pick(tuple(KINDS.values()))
        person, place = choices.pick(PEOPLE), PLACES[choices.pick(kind.places)]
        if is_held_out(person, place, kind.name) != (split == "held_out"):
            continue
        core = _draw_core(choices, kind, person, place)
        if split_of(core) == split:
            return _add_detail(choices, core)


def _draw_core(choices: Choices, kind: Kind, person: Person, place: Place) -> Record:
    relation = choices.pick(RELATIONS)
    fitting = [p for p in PEOPLE if p is not person and relation.male in (None, p.male)]
    if not relation.of:  # brothers and sisters have names of the same language
        fitting = [p for p in fitting if (" " in p.english) == (" " in person.english)]
        fitting = [p for p in fitting if " " not in p.english or p.english.split()[0] == person.english.split()[0]]
    if not fitting:
        relation, fitting = RELATIONS[0], [p for p in PEOPLE if p is not person]
    thing = choices.pick(kind.things) if kind.things else None
    motives = kind.motives or (() if kind.openings else place.motives)
    return Record(
        kind=kind.name,
        outcome=choices.pick(kind.outcomes).name,
        person=person,
        other=choices.pick(fitting),
        relation=relation,
        place=place,
        moment=_draw_moment(choices, place),
        thing=thing,
        adjective=choices.pick(thing.adjectives) if thing and thing.adjectives else None,
        number=choices.pick(kind.amounts) if kind.amounts else None,
        motive=choices.pick(motives) if motives else None,
    )


def _add_detail(choices: Choices, core: Record) -> Record:
    jobs = [job for job in JOBS if core.relation.english != "colleague" or job.english != "student"]
    job, hobby, weather = choices.pick(jobs), choices.pick(HOBBIES), choices.pick(WEATHER)
    told_at_length, with_weather = choices.chance(0.4), choices.chance(0.4)
    moment = core.moment
    sheltered = weather.outdoors or not core.place.outdoors
    in_season = moment.month in (0, *weather.months) and weather.hours[0] <= moment.hour <= weather.hours[1]
    return replace(
        core,
        job=job if told_at_length else None,
        hobby=hobby if told_at_length else None,
        weather=weather if with_weather and core.how.weather and in_season and sheltered else None,
    )


def _draw_moment(choices: Choices, place: Place) -> Moment:
    day = choices.pick(("weekday", "weekday", "last", "yesterday", "date"))
    month = 1 + choices.below(12) if day == "date" else 0
    number = 1 + choices.below(_DAYS_OF_MONTH[month - 1]) if day == "date" else choices.below(7)
    hour = choices.pick(tuple(range(place.hours[0], place.hours[1] + 1)))
    return Moment(day, 0 if day == "yesterday" else number, month, hour, choices.pick(MINUTES))


def _bucket(key: str, n_buckets: int) -> int:
    digest = hashlib.blake2b(key.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % n_buckets
