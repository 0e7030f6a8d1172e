"""The world of notes: what is counted as quality, who prefers what, and that nothing leaks."""

import random
from collections import Counter

import pytest

from aigc_book.data import reports
from aigc_book.data.reports import END, LINE, REPORT


@pytest.fixture(scope="module")
def small():
    return reports.world(2000)


def test_quality_by_hand():
    """The note has 10, 11, 12. Two of them and one invention: 2 - 1. One said twice counts once and costs once."""
    asked = [10, 11, 12, REPORT]
    assert reports.quality(asked, [12, 10, END]) == 2
    assert reports.quality(asked, [12, 10, 99, END]) == 1
    assert reports.quality(asked, [10, 10, 11, END]) == 1
    assert reports.quality(asked, [10, 11, 12]) == 3
    assert reports.quality(asked, [END]) == 0
    assert reports.quality(asked, [REPORT, LINE, END]) == -2


def test_notes_are_three_facts_of_different_kinds_and_test_notes_are_new(small):
    for note in (*small.train, *small.test):
        assert len(note) == 3 and len({small.kinds[i] for i in note}) == 3
    seen = {frozenset(note) for note in small.train}
    assert small.test and not seen & {frozenset(note) for note in small.test}
    assert small.text(reports.prompt(small.test[0])).endswith("report:")
    assert len(small.words) == len(small.kinds) + 4


def test_the_same_seed_gives_the_same_world(small):
    assert reports.world(2000) == small
    assert reports.world(2000, seed=1).train != small.train


def test_documents_have_no_reports(small):
    text = reports.document(small.train[0], random.Random(0))
    assert REPORT not in text and END not in text and text.count(LINE) == 3
    assert [sorted(text[i : i + 3]) for i in (0, 4, 8)] == [sorted(small.train[0])] * 3


def test_careful_writers_tell_the_note_and_careless_ones_other_facts(small):
    rng = random.Random(0)
    told = Counter()
    for note in small.train[:300]:
        for care in (1.0, 0.0):
            report = reports.demonstration(small, note, rng, care)
            assert report[-1] == END and 3 <= len(report) <= 6
            facts = report[:-1]
            assert len({small.kinds[i] for i in facts}) == len(facts)
            told[care] += sum(i in note for i in facts) / len(facts) / 300
    assert told[1.0] > 0.8 and told[0.0] < 0.5


def test_who_prefers_what():
    asked, long, good = [10, 11, 12, REPORT], [1, 2, 3, END], [10, END]
    rng = random.Random(0)
    assert all(reports.prefers_first(asked, long, good, rng, hurried=1.0) for _ in range(20))
    assert not any(reports.prefers_first(asked, long, good, rng, hurried=0.0) for _ in range(20))
    even = sum(reports.prefers_first(asked, [10, END], [11, END], rng, hurried=0.0) for _ in range(200))
    assert 60 < even < 140
    mixed = sum(reports.prefers_first(asked, long, good, rng, hurried=0.25) for _ in range(400))
    assert 50 < mixed < 150


def test_too_few_stories_are_refused():
    with pytest.raises(ValueError, match="3 stories leave no notes of 3 common facts"):
        reports.world(3)
