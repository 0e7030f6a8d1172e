"""The parser of facts: what it reads from hand-written texts, and from stories whose records are known."""

import doctest

import pytest

from aigc_book.data.stories import Facts, facts, facts_in, stories
from aigc_book.data.stories.facts import When
from aigc_book.data.stories.telling import Teller

TOLD = [*stories("train", 300, seed=21), *stories("held_out", 100, seed=21)]


def test_docstrings_tell_the_truth():
    assert doctest.testmod(facts).failed == 0


@pytest.mark.parametrize(
    ("english", "chinese", "expected"),
    [
        ("half past three on Saturday afternoon", "星期六下午三点半", When("weekday", 5, 0, 15, 30)),
        ("a quarter to one last Sunday afternoon", "上个星期天中午十二点三刻", When("last", 6, 0, 12, 45)),
        ("noon yesterday", "昨天中午十二点", When("yesterday", 0, 0, 12, 0)),
        ("ten past nine on the morning of the third of May", "五月三号上午九点十分", When("date", 3, 5, 9, 10)),
        ("noon on the twenty-first of June", "六月二十一号中午十二点", When("date", 21, 6, 12, 0)),
    ],
)  # fmt: skip
def test_moments(english, chinese, expected):
    assert facts_in(f"At {english}, Tom came.").moments == facts_in(f"{chinese}，汤姆来了。").moments == (expected,)


def test_a_text_by_hand():
    english = facts_in("Tom and his friend Anna paid one hundred and five yuan for a red bag. She was sad.")
    chinese = facts_in("汤姆和他的朋友安娜花一百零五块钱买了一个红色的包。她很难过。")
    for read in (english, chinese):
        assert [person.english for person in read.people] == ["Tom", "Anna"]
        assert [relation.chinese for relation in read.relations] == ["朋友"]
        assert (read.numbers, read.things) == ((105,), ("bag",))
        assert [adjective.english for adjective in read.adjectives] == ["red"]
        assert read.women and read.places == read.moments == read.outcomes == ()
    assert facts_in("") == Facts()


def test_a_longer_word_holds_no_shorter_one():
    """面包店 is no bag, 大提琴 has no size, 吉他 is no man, a table to put things on is nobody's load."""
    assert facts_in("安娜去了面包店，拿着一把大提琴和一把吉他。").things == ("cello", "guitar")
    assert not facts_in("安娜去了面包店，拿着一把大提琴和一把吉他。").men
    assert facts_in("Tom said thank you and put the vase on the table.").things == ("vase",)


def test_nothing_is_missed_and_nothing_is_invented():
    for story in TOLD:
        for text in (story.english, story.chinese):
            read = facts_in(text)
            assert read.missing(story.record) == read.wrong(story.record) == read.contradictions() == (), text


@pytest.mark.parametrize(
    ("flaw", "field"), [("wrong person", "people"), ("wrong thing", "things"), ("wrong pronoun", "pronouns")]
)
def test_a_spoiled_ending_is_noticed(flaw, field):
    """The beginning with the worse ending has the fault that the preference says."""
    spoiled = [story for story in stories("train", 1500, seed=22) if story.preference.flaw == flaw]
    assert len(spoiled) > 40
    for story in spoiled:
        prompt, rejected = story.preference.prompt, story.rejected
        for text in (f"{prompt.english} {rejected.english}", prompt.chinese + rejected.chinese):
            read = facts_in(text)
            assert field in read.wrong(story.record), text
            assert field in read.contradictions(), text


def test_another_outcome_and_another_number_are_noticed():
    for story in TOLD:
        others = [outcome for outcome in story.record.how.outcomes if outcome.name != story.record.outcome]
        told = Teller(story.record).say([others[0].told[0]])[0]
        for text in told:
            assert "outcomes" in facts_in(text).wrong(story.record)
        if story.record.number:
            assert "numbers" in facts_in("Two days later, 一千").missing(story.record)


def test_any_text_can_be_read():
    for text in (
        "the the of first past to",
        "At thirty past twenty on Monday morning",
        "零月零号昨天点半",
        "#@ 一百百",
        "x" * 5000,
    ):
        assert isinstance(facts_in(text), Facts)
