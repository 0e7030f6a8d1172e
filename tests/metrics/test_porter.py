import re
from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from aigc_book.metrics import porter

OTHERS = ["s", "sses", "ies", "ed", "ing", "eed", "ied", "y", "e", "ll", "at", "bl", "iz"]
SUFFIXES = [*porter._STEP_2, *porter._STEP_3, *porter._STEP_4, *OTHERS]
WORD = st.builds(
    lambda start, ends: start + "".join(ends),
    st.text("aeiouybcdlstwxzY'5é", max_size=6),
    st.lists(st.sampled_from(SUFFIXES), max_size=3),
)


@pytest.mark.parametrize(
    "word, stem",
    [
        ("caresses", "caress"),  # 1a: sses → ss
        ("ponies", "poni"),  # 1a: ies → i
        ("ties", "tie"),  # NLTK: of four letters, ies → ie
        ("agreed", "agre"),  # 1b: m(agr) = 1 > 0, eed → ee; 5a: m(agre-) = 1 and agr is not cvc, the e goes
        ("hopping", "hop"),  # 1b: ing goes, pp → p
        ("filing", "file"),  # 1b: ing goes, m(fil) = 1 and cvc, an e comes; 5a keeps it for the same reason
        ("happy", "happi"),  # 1c
        ("enjoy", "enjoy"),  # NLTK: y after a vowel stays
        ("relational", "relat"),  # 2: ational → ate; 5a: m(relat) = 2 > 1, the e goes
        ("electrical", "electr"),  # 3: ical → ic; 4: m(electr) = 2 > 1, ic goes
        ("controlling", "control"),  # 1b: ing goes, ll stays; 5b: m(control) = 3 > 1, ll → l
        ("skies", "sky"),  # irregular
        ("is", "is"),  # too short
        ("我", "我"),
        ("", ""),
    ],
)
def test_stems_by_hand(word, stem):
    assert porter.stem(word) == stem


def test_every_word_of_pythons_documentation_has_nltks_stem():
    words = set(re.findall(r"[\w'-]+", " ".join(topics.values())))
    expected = PorterStemmer().stem
    assert len(words) > 4000
    assert {word: porter.stem(word) for word in words} == {word: expected(word) for word in words}


@settings(deadline=None, max_examples=1000)
@given(WORD)
def test_stems_are_nltks(word):
    assert porter.stem(word) == PorterStemmer().stem(word)


@pytest.mark.parametrize("letter", ["y", "a", "s", "e", "l"])
def test_one_letter_again_and_again(letter):
    """A quarter of a million y's took minutes when each of them was looked for from the beginning."""
    for n in range(1, 9):
        assert porter.stem(letter * n) == PorterStemmer().stem(letter * n)
    assert porter.stem(letter * 250_000).startswith(letter * 249_998)
