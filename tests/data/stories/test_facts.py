"""Both texts hold every fact of the event record, and say the same.

The readers of this file know the world's words but nothing of how a story is told: they find names, places, clock times
and numbers in a text and compare them with the record, and one language with the other.
"""

import itertools
import re

import pytest

from aigc_book.data.stories import KINDS, stories
from aigc_book.data.stories.kinds import CLOSINGS, GOING, INTRODUCTIONS
from aigc_book.data.stories.world import MONTHS, PEOPLE, PLACES, WEATHER, WEEKDAYS

STORIES = [*stories("train", 1500, seed=7), *stories("held_out", 500, seed=7)]

ENGLISH_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12, "twentieth": 20,
            "thirtieth": 30}  # fmt: skip
CHINESE_DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"两": 2}


def read_english_number(words: str) -> int:
    """ "one hundred and forty-five" is 1 times 100, and 40 and 5."""
    total = 0
    for word in re.split(r"[ -]", words):
        if word == "hundred":
            total *= 100
        elif word != "and":
            total += ENGLISH_NUMBERS[word]
    return total


def read_ordinal(word: str) -> int:
    """ "twenty-third" is 20 and 3; the regular ones end in th."""
    *tens, last = word.split("-")
    one = ORDINALS[last] if last in ORDINALS else ENGLISH_NUMBERS[last.removesuffix("th")]
    return sum(ENGLISH_NUMBERS[ten] for ten in tens) + one


def read_chinese_number(words: str) -> int:
    """一百四十五 is 1 times 100 and 4 times 10 and 5; 十五 has no digit in front of its 十."""
    total, digit = 0, 0
    for character in words:
        if character in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100}[character]
            digit = 0
    return total + digit


def read_english_moment(words: str) -> tuple:
    """(yesterday, last, weekday or None, month, day, minutes since midnight) of "noon on Monday"."""
    date = re.search(r"the (\S+) of (\w+)$", words)
    weekday = re.search("|".join(WEEKDAYS), words)
    if words.startswith("noon"):
        minutes = 12 * 60
    else:
        clock = re.match(r"(?:(.+?) (past|to) )?(\w+)(?: o'clock)?", words)
        part = re.search("morning|afternoon|evening", words)[0]
        amount, side, hour = clock.groups()
        hours = ENGLISH_NUMBERS[hour]
        distance = {None: 0, "half": 30, "a quarter": 15}.get(amount)
        distance = ENGLISH_NUMBERS[amount] if distance is None else distance
        minutes = hours * 60 + (-distance if side == "to" else distance)
        if part != "morning" and minutes < 12 * 60:
            minutes += 12 * 60
    return (
        "yesterday" in words, "last" in words, WEEKDAYS.index(weekday[0]) if weekday else None,
        MONTHS.index(date[2]) + 1 if date else 0, read_ordinal(date[1]) if date else 0, minutes,
    )  # fmt: skip


def read_chinese_moment(words: str) -> tuple:
    """The same of 星期一中午十二点."""
    date, weekday = re.match(r"(\w+)月(\w+)号", words), re.search("星期(.)", words)
    part, hour, rest = re.search(r"(早上|上午|中午|下午|晚上)(.+)点(.*)", words).groups()
    minutes = {"": 0, "半": 30, "一刻": 15, "三刻": 45}.get(rest)
    minutes = read_chinese_number(rest.removesuffix("分")) if minutes is None else minutes
    hours = read_chinese_number(hour) + (12 if part in ("下午", "晚上") else 0)
    return (
        "昨天" in words, "上个" in words, "一二三四五六天".index(weekday[1]) if weekday else None,
        read_chinese_number(date[1]) if date else 0, read_chinese_number(date[2]) if date else 0, hours * 60 + minutes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("english", "chinese", "expected"),
    [
        ("half past three on Saturday afternoon", "星期六下午三点半", (False, False, 5, 0, 0, 930)),
        ("a quarter to one last Sunday afternoon", "上个星期天中午十二点三刻", (False, True, 6, 0, 0, 765)),
        ("noon yesterday", "昨天中午十二点", (True, False, None, 0, 0, 720)),
        ("ten past nine on the morning of the third of May", "五月三号上午九点十分", (False, False, None, 5, 3, 550)),
    ],
)  # fmt: skip
def test_the_readers_read(english, chinese, expected):
    assert read_english_moment(english) == read_chinese_moment(chinese) == expected


def found(names: list[str], text: str, *, words: bool) -> set[str]:
    """Which of the names stand in the text, a longer one before one that is a part of it."""
    pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return set(re.findall(rf"\b(?:{pattern})\b" if words else pattern, text))


def test_people():
    for story in STORIES:
        both = story.record.person, story.record.other
        assert found([p.english for p in PEOPLE], story.english, words=True) == {p.english for p in both}
        assert found([p.chinese for p in PEOPLE], story.chinese, words=False) == {p.chinese for p in both}


def test_relation():
    for story in STORIES:
        relation, other = story.record.relation, story.record.other
        assert f" {relation.english} {other.english}" in story.english
        assert f"{relation.chinese}{other.chinese}" in story.chinese


def test_place():
    # "home" is no name of a place, and stands in many sentences.
    names = {name: place for name, place in PLACES.items() if name != "home"}
    for story in STORIES:
        place = story.record.place
        if place.english == "home":
            assert "home" in story.english and "家" in story.chinese
            continue
        assert [names[name] for name in found(list(names), story.english, words=True)] == [place]
        chinese = re.sub("|".join(p.chinese for p in PEOPLE), "，", story.chinese)  # 保罗马上 holds no 罗马
        assert found([p.chinese for p in names.values()], chinese, words=False) == {place.chinese}


def test_moment():
    for story in STORIES:
        moment, entity = story.record.moment, next(e for e in story.entities if e.role == "moment")
        read = read_english_moment(entity.english)
        assert read == read_chinese_moment(entity.chinese)
        assert read[-1] == moment.hour * 60 + moment.minute and read[3] == moment.month
        assert read[4] == (moment.number if moment.day == "date" else 0)
        assert read[2] == (moment.number if moment.day in ("weekday", "last") else None)


def test_thing():
    for story in STORIES:
        record, kind = story.record, story.record.how
        if record.thing:
            assert record.thing.english in story.english and record.thing.chinese in story.chinese
            words = [t.english for t in kind.things], [t.chinese for t in kind.things if len(t.chinese) > 1]
            text = story.english.replace("pen friend", "").replace("o'clock", "")
            if record.motive:  # such as "to watch the ships"
                text = text.replace(record.motive.english, "")
            assert found(words[0], text, words=True) == {record.thing.english}
            # 书 and 包 are a part of many words
            assert found(words[1], story.chinese, words=False) <= {record.thing.chinese}
        if record.adjective:
            assert f"{record.adjective.english} {record.thing.english}" in story.english
            assert re.search(f"{record.adjective.chinese}的?{record.thing.chinese}", story.chinese)


def test_number():
    for story in STORIES:
        entity = next((e for e in story.entities if e.role == "number"), None)
        assert (entity is None) == (story.record.number is None) == (not story.record.how.amounts)
        if entity:
            assert read_english_number(entity.english.lower()) == story.record.number
            assert read_chinese_number(entity.chinese) == story.record.number


def test_motive_job_hobby_and_weather():
    """Each is in both texts where the record has it, and in neither where it has none."""
    for story in STORIES:
        record = story.record
        if record.motive:
            assert record.motive.english in story.english and record.motive.chinese in story.chinese
        # Who somebody is comes first, and then the opening, which says when it happened.
        assert record.moment.english in story.sentences[1 if record.job else 0].english
        assert record.moment.chinese in story.sentences[1 if record.job else 0].chinese
        if record.job:
            for told in (record.job, record.hobby):
                assert told.english in story.sentences[0].english and told.chinese in story.sentences[0].chinese
        told = {sentence.english for sentence in story.sentences}, {sentence.chinese for sentence in story.sentences}
        expected = {record.weather.sentence} if record.weather else set()
        assert told[0] & {w.sentence.english for w in WEATHER} == {pair.english for pair in expected}
        assert told[1] & {w.sentence.chinese for w in WEATHER} == {pair.chinese for pair in expected}


def test_outcome_is_told_in_its_own_words():
    """No sentence that tells an outcome, in either language, is one of another outcome's: the sentiment can be read."""
    for kind in KINDS.values():
        for one, other in itertools.combinations(kind.outcomes, 2):
            for language in (0, 1):
                assert not {t[language] for t in one.told} & {t[language] for t in other.told}


def test_genders():
    """He, 他, she, 她: a pronoun of each gender that is told, and of no other; 她们 are women only."""
    for story in STORIES:
        men = [person.male for person in (story.record.person, story.record.other)]
        english = set(re.findall(r"\w+", story.english.lower()))
        chinese = story.chinese.replace("吉他", "").replace(
            "他们会", ""
        )  # a guitar; the police, who will find the owner
        if all(men):
            assert not english & {"she", "her", "herself"} and "她" not in chinese
        if not any(men):
            assert not english & {"he", "him", "his", "himself"} and "他" not in chinese
        if any(men):
            assert "她们" not in chinese


def test_direct_speech_is_in_both_or_in_neither():
    for story in STORIES:
        for english, chinese in story.sentences:
            assert english.count('"') == 2 * chinese.count("“") == 2 * chinese.count("”")
            if '"' in english:
                said, thing_said = re.search(r'"(.+?)"', english)[1], re.search("“(.+?)”", chinese)[1]
                assert ("?" in said) == ("？" in thing_said), (english, chinese)


def templates():
    yield from (*GOING, *INTRODUCTIONS, *itertools.chain(*CLOSINGS.values()))
    for kind in KINDS.values():
        yield from (kind.theme, *kind.openings, *kind.events, *kind.reactions)
        for outcome in kind.outcomes:
            yield from (*outcome.told, *outcome.speech, outcome.summary)


# Words that hold a negation and deny nothing, or deny with no word for it: "I'm sorry" is 对不起.
IDIOMS = re.compile(
    "不过|不见|不动|对不起|不停|不得不|不舒服|没过多久|别人|别的|特别|落下|怎么也|没买错|没走|没休息|不让|不能|不来|没了|没有你|一量体温"
    "|can't believe|for nothing|not miss|no good|other"
)


def test_negation_is_in_both_or_in_neither():
    pairs = set(templates())
    assert len(pairs) > 350
    denied = 0
    for english, chinese in pairs:
        if IDIOMS.search(english + chinese):
            continue
        in_english = bool(re.search(r"\b(not|never|no|nobody|nothing|neither|hardly)\b|n't", english, re.IGNORECASE))
        assert in_english == bool(re.search("没|不|别|谁也", chinese)), (english, chinese)
        denied += in_english
    assert denied > 30


def test_the_pairs_use_the_same_slots():
    """What one language names the other names: people, place, time, thing, number."""
    same = {"thing": "thing", "noun": "thing", "a_thing": "thing", "another": "thing", "one": "thing", "this": "thing"}
    for english, chinese in templates():
        slots = [{same.get(slot, slot) for slot in re.findall(r"\{(\w+)\}", text)} for text in (english, chinese)]
        for slot in ("n", "time", "why", "O", "hobby"):
            assert (slot in slots[0]) == (slot in slots[1]), (english, chinese)
        assert ({"place", "at"} & slots[0] != set()) == ({"place", "at"} & slots[1] != set()), (english, chinese)
