"""What a text says: people, places, times, things, numbers and outcomes, read from the text alone.

The text may be anybody's, a model's for instance. So one can count what a written story gets wrong:

    >>> facts = facts_in("Tom lost his red umbrella in the park. Anna found it.")
    >>> [person.english for person in facts.people], [place.chinese for place in facts.places]
    (['Tom', 'Anna'], ['公园'])
    >>> facts.things, [adjective.english for adjective in facts.adjectives]
    (('umbrella',), ['red'])

The reader knows the world's words and the sentences of outcomes, and nothing of how a story was drawn.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from aigc_book.data.stories.events import KINDS
from aigc_book.data.stories.kinds import CLOSINGS
from aigc_book.data.stories.language import Pair, english_number
from aigc_book.data.stories.records import Record
from aigc_book.data.stories.world import (
    HOBBIES,
    JOBS,
    MONTHS,
    PEOPLE,
    PLACES,
    RELATIONS,
    WEATHER,
    WEEKDAYS,
    Person,
    Place,
    Relation,
    Weather,
)


class When(NamedTuple):
    """A day and a clock time as a text says them."""

    day: str  #: "yesterday", "weekday", "last" or "date", as in a :class:`~aigc_book.data.stories.world.Moment`
    number: int  #: the weekday (0 is Monday) or the day of the month; 0 for yesterday
    month: int  #: 1 to 12 for a date, otherwise 0
    hour: int
    minute: int


class Facts(NamedTuple):
    """Everything that was found, each once, in the order of the first mention."""

    people: tuple[Person, ...] = ()
    relations: tuple[Relation, ...] = ()
    places: tuple[Place, ...] = ()
    moments: tuple[When, ...] = ()
    things: tuple[str, ...] = ()  #: their English names, whatever the text's language
    adjectives: tuple[Pair, ...] = ()  #: that stand before a thing
    numbers: tuple[int, ...] = ()  #: but for those of clock times and dates
    jobs: tuple[Pair, ...] = ()
    hobbies: tuple[Pair, ...] = ()
    weather: tuple[Weather, ...] = ()
    motives: tuple[Pair, ...] = ()
    outcomes: tuple[tuple[str, str], ...] = ()  #: (kind, outcome) of the sentences that tell one
    men: bool = False  #: whether a pronoun for a man stands in the text (he, 他)
    women: bool = False  #: whether one for a woman does (she, 她)

    def missing(self, record: Record) -> tuple[str, ...]:
        """The fields of the record that the text does not tell."""
        told = _told(record)
        return tuple(name for name, facts in told.items() if not set(facts) <= set(getattr(self, name)))

    def wrong(self, record: Record) -> tuple[str, ...]:
        """The fields in which the text says something that the record does not hold.

        Numbers are left out, for sentences have numbers of their own ("two days later"); a number of the record that is
        not told is :meth:`missing`. A pronoun is wrong where nobody of its gender is in the record.
        """
        told = _told(record)
        found = [
            name
            for name, value in zip(self._fields, self, strict=True)
            if isinstance(value, tuple) and name != "numbers" and not set(value) <= set(told.get(name, ()))
        ]
        males = {record.person.male, record.other.male}
        if (self.men and True not in males) or (self.women and False not in males):
            found.append("pronouns")
        return tuple(found)

    def contradictions(self) -> tuple[str, ...]:
        """What cannot be together in one story of this world, for a text without a record.

        Each story has two people, one relation, one place, one moment, and at most one each of thing, adjective, job,
        hobby, motive, weather and outcome. More than that, or a pronoun for nobody named, is a contradiction.
        """
        limits = {"people": 2}
        found = [
            name
            for name, value in zip(self._fields, self, strict=True)
            if isinstance(value, tuple) and name != "numbers" and len(value) > limits.get(name, 1)
        ]
        males = {person.male for person in self.people}
        if males and ((self.men and True not in males) or (self.women and False not in males)):
            found.append("pronouns")
        return tuple(found)


def facts_in(text: str) -> Facts:
    """Read a text of this world, in English or in Chinese: Chinese if any Chinese character stands in it.

    A word is found wherever it stands, and the longest one counts: 面包店 holds no bag (包). "At home" is a place only
    in a sentence with a clock time, for others tell of going home.
    """
    return _read(text, chinese=bool(re.search("[\u4e00-\u9fff]", text)))


def _told(record: Record) -> dict[str, tuple]:
    """The record's facts, by the fields of Facts."""
    moment = record.moment
    single = {
        "relations": record.relation, "places": record.place,
        "things": record.thing and record.thing.english, "adjectives": record.adjective,
        "jobs": record.job, "hobbies": record.hobby, "weather": record.weather, "motives": record.motive,
    }  # fmt: skip
    return {
        "people": (record.person, record.other),
        "moments": (When(moment.day, moment.number, moment.month, moment.hour, moment.minute),),
        "numbers": () if record.number is None else (record.number,),
        "outcomes": ((record.kind, record.outcome),),
        **{name: () if fact is None else (fact,) for name, fact in single.items()},
    }


def _read(text: str, *, chinese: bool) -> Facts:
    language = int(chinese)
    outcomes = _outcomes_in(text, language)
    moments, rest = _moments_in(text, language)
    found: dict[str, tuple] = {}
    for name in ("weather", "people", "hobbies", "jobs", "skills"):
        found[name], rest = _cut_out(rest, _names(name), language)
    rest = _without_fixed(rest, language)
    for name in ("motives", "relations", "places"):
        found[name], rest = _cut_out(rest, _names(name), language)
    if (home := _home_in(text, language)) and home not in found["places"]:
        found["places"] += (home,)
    things, adjectives = _things_in(rest, language)
    skills = tuple(skill.english for skill in found.pop("skills"))
    words = set(re.findall(r"[a-z]+", text.lower()))
    return Facts(
        moments=moments,
        things=(*skills, *things),
        adjectives=adjectives,
        numbers=_numbers_in(rest, language),
        outcomes=outcomes,
        men=bool(re.search("(?<![吉其])他(?!们)", text)) if chinese else bool(words & {"he", "him", "his", "himself"}),
        women="她" in text if chinese else bool(words & {"she", "her", "hers", "herself"}),
        **found,
    )


# -- Words that are found as they stand in the world ----------------------------------------------------------------


@cache
def _names(field: str) -> tuple:
    """What a field's words are, as (the fact, English, Chinese)."""
    kinds = list(KINDS.values())
    if field == "motives":
        motives = {m for k in kinds for m in k.motives} | {m for p in PLACES.values() for m in p.motives}
        return tuple((motive, *motive) for motive in sorted(motives))
    if field == "places":
        others = [place for name, place in PLACES.items() if name != "home"]
        return tuple((place, place.english.removeprefix("the "), place.chinese) for place in others)
    if field == "skills":
        things = dict.fromkeys(thing for kind in kinds for thing in kind.things if thing.english.startswith("to "))
        return tuple((t, f"{verb} {t.english}", f"学{t.chinese}") for t in things for verb in ("learn", "how"))
    if field == "weather":
        return tuple((weather, *weather.sentence) for weather in WEATHER)
    if field == "jobs":
        articles = (("a ", "是"), ("an ", "的"))
        return tuple(
            (job, f"was {a}{job.english}", f"{chinese}{job.chinese}") for job in JOBS for a, chinese in articles
        )
    if field == "hobbies":
        return tuple((hobby, f"loved {hobby.english}", f"喜欢{hobby.chinese}") for hobby in HOBBIES)
    words: Iterable = {"people": PEOPLE, "relations": RELATIONS}[field]
    return tuple((word, word.english, word.chinese) for word in words)


@cache
def _pattern(words: tuple[str, ...], language: int) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    # A Chinese letter may follow an English word, and does not belong to it.
    return re.compile(longest_first if language else rf"(?<![A-Za-z])(?:{longest_first})(?![A-Za-z])", re.IGNORECASE)


def _home_in(text: str, language: int) -> Place | None:
    """Home, if a sentence that says when says at home too: other sentences are about coming or going home."""
    moment, at_home = ((_ENGLISH_MOMENT, "at home"), (_CHINESE_MOMENT, "(?:在|于)家|家里"))[language]
    said = re.split("[.!?。！？]", text)
    return PLACES["home"] if any(re.search(at_home, one) and moment.search(one) for one in said) else None


def _cut_out(text: str, names: tuple, language: int) -> tuple[tuple, str]:
    """The facts whose words stand in the text, and the text without them, so that no word is read twice."""
    facts = {name[1 + language].lower(): name[0] for name in names}
    pattern = _pattern(tuple(facts), language)
    found = tuple(dict.fromkeys(facts[match[0].lower()] for match in pattern.finditer(text)))
    return found, pattern.sub(" # ", text)


# Words that hold a thing's character and name no thing of the world.
_COMPOUNDS = re.compile(
    "面包|包裹|包起来|包了起来|书包|书架|证书|钱包|手提包|笔记本|书店|看书|喝杯|养花|鼓掌|鼓起掌|打鼓"
)


@cache
def _thing_names(language: int) -> dict[str, tuple[str, tuple[Pair, ...]]]:
    """The English name and all adjectives of the things of a name; skills are found before, as "to sing"."""
    found: dict[str, tuple[str, tuple[Pair, ...]]] = {}
    for thing in (thing for kind in KINDS.values() for thing in kind.things if not thing.english.startswith("to ")):
        name = thing.chinese if language else thing.english
        adjectives = found.get(name, ("", ()))[1]
        found[name] = thing.english, tuple(dict.fromkeys((*adjectives, *thing.adjectives)))
    return found


@cache
def _fixed(language: int) -> re.Pattern[str]:
    """The fixed pieces of sentences that name a thing or a motive: "put the {noun} on the table" is of no table."""
    motives = {name[1 + language] for name in _names("motives")}
    names = _pattern((*_thing_names(language), *motives), language)
    sentences = [pair for pairs in CLOSINGS.values() for pair in pairs]
    for kind in KINDS.values():
        sentences += (*kind.openings, *kind.events, *kind.reactions)
        sentences += (pair for outcome in kind.outcomes for pair in (*outcome.told, *outcome.speech, outcome.summary))
    pieces = (piece for sentence in sentences for piece in re.split(r"\{\w+\}", sentence[language]))
    found = dict.fromkeys(piece.strip() for piece in pieces if names.search(piece) and len(piece) > 2)
    return re.compile("|".join(re.escape(piece) for piece in sorted(found, key=len, reverse=True)), re.IGNORECASE)


def _without_fixed(text: str, language: int) -> str:
    return _fixed(language).sub(" # ", text)


def _things_in(text: str, language: int) -> tuple[tuple[str, ...], tuple[Pair, ...]]:
    names = _thing_names(language)
    pattern = _pattern(tuple(names), language)
    things: dict[str, None] = {}
    adjectives: dict[Pair, None] = {}
    for match in pattern.finditer(text):
        before, word = text[: match.start()], match[0] if language else match[0].lower()
        compounds = _COMPOUNDS.finditer(text, max(0, match.start() - 3), match.end() + 3) if language else ()
        if any(c.start() <= match.start() and match.end() <= c.end() and c[0] != word for c in compounds):
            continue
        if not language and before.endswith((" to ", " no ", "golden ")):  # to fan; no umbrella; a golden cup to win
            continue
        name, fitting = names[word]
        things[name] = None
        for adjective in fitting:
            ends = (f"{adjective.chinese}的", adjective.chinese) if language else (f"{adjective.english} ",)
            if before.endswith(ends):
                adjectives[adjective] = None
    return tuple(things), tuple(adjectives)


# -- Numbers and times ----------------------------------------------------------------------------------------------

_ENGLISH_NUMBERS = {english_number(n): n for n in range(1000)}
_WORD = "|".join(sorted({w for words in _ENGLISH_NUMBERS for w in re.split("[ -]", words)} - {"and"}, key=len))
_ENGLISH_NUMBER = re.compile(rf"\b(?:{_WORD})(?:(?:-| and | )(?:{_WORD}))*\b", re.IGNORECASE)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12, "twentieth": 20,
             "thirtieth": 30}  # fmt: skip
_CHINESE_DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_COUNTED = "分钟|天|个小时|小时|块|元|页|公斤|度|位|个|棵|颗|次|遍|个星期|份|岁"
_CHINESE_NUMBER = re.compile(f"(?!一个(?!小时|星期))([零一二两三四五六七八九十百]+)(?={_COUNTED})")
_PARTS = {"morning": 0, "afternoon": 12, "evening": 12, "早上": 0, "上午": 0, "中午": 0, "下午": 12, "晚上": 12}

_CLOCK = (
    rf"(?:noon|(?:(?P<amount>half|a quarter|(?:{_WORD})(?:-(?:{_WORD}))?) (?P<side>past|to) )?"
    rf"(?P<hour>{_WORD})(?: o'clock)?)"
)
_DAY = (
    rf"(?:on the (?P<part_of_date>\w+) of the (?P<date>[\w-]+) of (?P<month>{'|'.join(MONTHS)})"
    rf"|on the (?P<noon_date>[\w-]+) of (?P<noon_month>{'|'.join(MONTHS)})"
    rf"|(?P<day>yesterday|(?:on|last) (?:{'|'.join(WEEKDAYS)}))(?: (?P<part>morning|afternoon|evening))?)"
)
_ENGLISH_MOMENT = re.compile(f"{_CLOCK} {_DAY}", re.IGNORECASE)
_CHINESE_MOMENT = re.compile(
    "(?:(?P<month>[一二三四五六七八九十]+)月(?P<date>[一二三四五六七八九十]+)[号日]|(?P<day>昨天|(?:上个)?星期[一二三四五六天日]))"
    "(?P<part>早上|上午|中午|下午|晚上)(?P<hour>[一二两三四五六七八九十]+)点(?P<rest>半|一刻|三刻|[零一二三四五六七八九十]+分)?"
)


def _moments_in(text: str, language: int) -> tuple[tuple[When, ...], str]:
    pattern, reader = (_CHINESE_MOMENT, _chinese_moment) if language else (_ENGLISH_MOMENT, _english_moment)
    read = (reader(match) for match in pattern.finditer(text))
    return tuple(dict.fromkeys(moment for moment in read if moment)), pattern.sub(" # ", text)


def _english_moment(match: re.Match[str]) -> When | None:
    day, date, month = (match["day"] or "").lower(), match["date"] or match["noon_date"], match["month"]
    if match["hour"]:
        hour, amount = _ENGLISH_NUMBERS.get(match["hour"].lower()), (match["amount"] or "").lower()
        distance = {"": 0, "half": 30, "a quarter": 15}.get(amount, _ENGLISH_NUMBERS.get(amount))
        if hour is None or distance is None:
            return None
        minutes = 60 * hour + (-distance if (match["side"] or "").lower() == "to" else distance)
        part = _PARTS.get((match["part"] or match["part_of_date"] or "").lower(), 0)
        minutes += 60 * part if minutes < 12 * 60 else 0
    else:
        minutes = 12 * 60
    if date:
        number = _ordinal(date)
        month = (month or match["noon_month"]).capitalize()
        return None if number is None else When("date", number, MONTHS.index(month) + 1, *divmod(minutes, 60))
    if day == "yesterday":
        return When("yesterday", 0, 0, *divmod(minutes, 60))
    said, weekday = day.split()
    return When("weekday" if said == "on" else "last", WEEKDAYS.index(weekday.capitalize()), 0, *divmod(minutes, 60))


def _chinese_moment(match: re.Match[str]) -> When:
    rest = match["rest"] or ""
    minute = {"": 0, "半": 30, "一刻": 15, "三刻": 45}.get(rest)
    minute = _chinese_number(rest.removesuffix("分")) if minute is None else minute
    hour = _chinese_number(match["hour"]) + _PARTS[match["part"]]
    if match["date"]:
        return When("date", _chinese_number(match["date"]), _chinese_number(match["month"]), hour, minute)
    if match["day"] == "昨天":
        return When("yesterday", 0, 0, hour, minute)
    weekday = "一二三四五六天".index(match["day"][-1].replace("日", "天"))
    return When("last" if match["day"].startswith("上个") else "weekday", weekday, 0, hour, minute)


def _numbers_in(text: str, language: int) -> tuple[int, ...]:
    if language:
        numbers = [_chinese_number(match[1]) for match in _CHINESE_NUMBER.finditer(text)]
    else:
        said = (match[0].lower() for match in _ENGLISH_NUMBER.finditer(text))
        numbers = [_ENGLISH_NUMBERS[words] for words in said if words in _ENGLISH_NUMBERS]
    return tuple(dict.fromkeys(numbers))


def _ordinal(word: str) -> int | None:
    """ "twenty-third" is 20 and 3; None if it is no ordinal."""
    *tens, last = word.lower().split("-")
    one = _ORDINALS.get(last, _ENGLISH_NUMBERS.get(last.removesuffix("th")))
    parts = [_ENGLISH_NUMBERS.get(ten) for ten in tens] + [one]
    return None if None in parts else sum(part for part in parts if part)


def _chinese_number(words: str) -> int:
    """一百四十五 is 1 times 100 and 4 times 10 and 5; 十五 has no digit in front of its 十."""
    total, digit = 0, 0
    for character in words:
        if character in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100}[character]
            digit = 0
    return total + digit


# -- Outcomes -------------------------------------------------------------------------------------------------------


@cache
def _outcome_patterns(language: int) -> tuple[tuple[str, re.Pattern[str], tuple[str, str]], ...]:
    """For each sentence that tells an outcome: its longest fixed piece, its pattern, and (kind, outcome)."""
    found = []
    for kind in KINDS.values():
        for outcome in kind.outcomes:
            for template in outcome.told:
                pieces = re.split(r"\{\w+\}", template[language].rstrip(".。"))
                shape = ".{1,60}?".join(map(re.escape, pieces)).removeprefix(".{1,60}?").removesuffix(".{1,60}?")
                longest = max(pieces, key=len)
                found.append((longest.lower(), re.compile(shape, re.IGNORECASE), (kind.name, outcome.name)))
    return tuple(found)


def _outcomes_in(text: str, language: int) -> tuple[tuple[str, str], ...]:
    lowered = text.lower()
    found = {}
    for piece, pattern, outcome in _outcome_patterns(language):
        if piece in lowered and (match := pattern.search(text)):
            found.setdefault(outcome, (match.start(), -len(match[0])))
    return tuple(sorted(found, key=lambda outcome: found[outcome]))
