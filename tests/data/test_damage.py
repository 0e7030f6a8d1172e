"""Sentences and their damaged copies: every rule on a sentence small enough to judge by eye, and what holds for all."""

import re

import pytest

from aigc_book.data import damage
from aigc_book.data.corpora import python_docs

ORIGINAL = "Mutable sequences can be changed after they are created."
OTHER = "If the name is unbound, an error will be raised."


@pytest.fixture(scope="module")
def originals():
    return damage.sentences(python_docs())


def test_sentences_of_a_small_text():
    """Code (indented), short lines, and sentences with marks of code are passed over; a repetition is left out."""
    text = (
        "The title\n*********\n\nThe first sentence goes\nover two lines of text.  It is short.\n\n"
        "   code = never.Read(this block of many words)\n\n"
        "The first sentence goes over two lines of text. Here *one* mark of code rules the sentence out.\n"
    )
    assert damage.sentences(text) == ["The first sentence goes over two lines of text."]


def test_sentences_of_the_documentation(originals):
    assert len(originals) > 400
    assert len(set(originals)) == len(originals)
    for sentence in originals:
        assert 8 <= len(sentence.split()) <= 30 and sentence.endswith(".") and sentence[0].isupper()


@pytest.mark.parametrize("bounds", [(0, 5), (6, 5)])
def test_sentences_wants_bounds_that_leave_something(bounds):
    with pytest.raises(ValueError, match=r"min_words must be from 1 to max_words; got min_words=\d, max_words=5"):
        damage.sentences("A sentence.", min_words=bounds[0], max_words=bounds[1])


@pytest.mark.parametrize(
    ("make", "sentence", "copy"),
    [
        (damage.reworded, ORIGINAL, "Mutable sequences may be changed after they are made."),
        (damage.reworded, "An additional item is used.", "A further element is employed."),
        (
            damage.reworded,
            "Otherwise, an item that would otherwise stay goes.",
            "If not, an element that would otherwise stay goes.",
        ),
        (damage.reworded, 'The "if" statement is a statement of the language.', None),
        (damage.reworded, "It is as if nothing of the kind had been done.", None),
        (
            damage.clauses_swapped,
            "If the key is absent, the default is taken.",
            "The default is taken if the key is absent.",
        ),
        (damage.clauses_swapped, "When it ends, it returns.", None),
        (damage.clauses_swapped, ORIGINAL, None),
        (damage.negated, ORIGINAL, "Mutable sequences can not be changed after they are created."),
        (damage.negated, "Names are not found.", "Names are found."),
        (damage.negated, "It cannot be changed.", "It can be changed."),
        (damage.negated, "There is no such thing.", None),
        (damage.negated, 'The keyword "is" compares identities.', None),
        (damage.number_changed, "At most 255 characters.", "At most 250 characters."),
        (damage.number_changed, "New in version 3.10.", "New in version 3.15."),
        (damage.number_changed, "The names x1 and utf8 stay.", None),
        (damage.opposite, ORIGINAL, "Immutable sequences can be changed after they are created."),
        (damage.opposite, "This comes before that.", "This comes after that."),
        (damage.opposite, "The first-class object.", None),
        (damage.opposite, "It is a mutable object.", "It is an immutable object."),
        (damage.opposite, "Next, there is one with no arguments.", None),
        (damage.cut_in_half, ORIGINAL, "Mutable sequences can be."),
    ],
)
def test_rules(make, sentence, copy):
    assert make(sentence) == copy


def test_shuffled_keeps_the_words():
    copy = damage.shuffled(ORIGINAL, seed=1)
    assert copy != ORIGINAL and copy.endswith(".") and copy[0].isupper()
    assert sorted(re.findall(r"\w+", copy.lower())) == sorted(re.findall(r"\w+", ORIGINAL.lower()))
    assert copy == damage.shuffled(ORIGINAL, seed=1) != damage.shuffled(ORIGINAL, seed=2)


def test_copies(originals):
    """Every kind applies to enough sentences for a rate, and a copy differs from its original."""
    before = list(originals)
    kinds = damage.copies(originals, seed=0)
    assert originals == before
    assert list(kinds) == [
        "rewritten by hand", "reworded", "clauses swapped", "negated", "wrong number", "opposite word",
        "words shuffled", "cut in half", "padded", "another sentence",
    ]  # fmt: skip
    for kind, pairs in kinds.items():
        assert len(pairs) >= 20, kind
        assert all(original != copy for original, copy in pairs), kind
    assert all(copy.startswith(original) for original, copy in kinds["padded"])
    assert kinds == damage.copies(originals, seed=0) != damage.copies(originals, seed=1)


def test_reworded_touches_as_many_words_as_are_asked_for():
    sentence = "The item stays where it was until the end of all days."
    assert damage.reworded(sentence) is None  # one word of twelve
    assert damage.reworded(sentence, least=1) is None  # the share is too small
    assert damage.reworded(sentence, share=0) is None  # at least two
    assert damage.reworded(sentence, share=0, least=1) == sentence.replace("item", "element")


def test_copies_wants_two_sentences():
    with pytest.raises(ValueError, match="originals must be at least two sentences; got 1"):
        damage.copies([ORIGINAL])
    assert damage.copies([ORIGINAL, OTHER])["another sentence"] == [(ORIGINAL, OTHER), (OTHER, ORIGINAL)]


def test_opposites_go_both_ways():
    assert all(damage.OPPOSITES[other] == word for word, other in damage.OPPOSITES.items())
