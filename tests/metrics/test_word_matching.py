import random

import numpy as np
import pytest
from nltk.translate.meteor_score import _count_chunks, align_words

from aigc_book.metrics.counting import Rows, chunk_starts
from aigc_book.metrics.meteor import MeteorSettings, align
from aigc_book.metrics.tokenize import tokenize
from aigc_book.metrics.word_matching import StemIds, align_rows


class NoSynonyms:
    def synsets(self, word):
        return []


class Lemma(str):
    def name(self):
        return str(self)


class Synset(list):
    def lemmas(self):
        return [Lemma(name) for name in self]


class BigIsLarge:
    def synsets(self, word):
        return [Synset(["big", "large"]), Synset(["big", "enormous", "of_size"])] if word == "big" else []


def test_by_hand():
    """he-he and home-home are equal, walks and walked have the stem walk."""
    assert align("he walks home", "Home he walked") == [(0, 1, "exact"), (1, 2, "stem"), (2, 0, "exact")]
    assert align("he walks home", "Home he walked", MeteorSettings(stem=False)) == [(0, 1, "exact"), (2, 0, "exact")]


def test_from_the_end():
    """Of the three a of the hypothesis the last two are taken, for the two of the reference."""
    assert align("a a b a", "a c a") == [(1, 0, "exact"), (3, 2, "exact")]


def test_synonyms_come_last_and_are_looked_up_by_stem():
    """big is not large's equal, nor is its stem: big; large has the stem larg, which the dictionary does not have."""
    assert align("big cat", "large cat", MeteorSettings(stem=False, synonyms=BigIsLarge())) == [
        (0, 0, "synonym"),
        (1, 1, "exact"),
    ]
    assert align("big cat", "large cat", MeteorSettings(synonyms=BigIsLarge())) == [(1, 1, "exact")]
    assert (
        align("of_size", "big", MeteorSettings(stem=False, synonyms=BigIsLarge(), tokenize="none")) == []
    )  # no phrases


@pytest.mark.parametrize("reference", ["large enormous", "enormous large"])
def test_of_several_synonyms_the_last_one_is_taken(reference):
    assert align("big", reference, MeteorSettings(stem=False, synonyms=BigIsLarge())) == [(0, 1, "synonym")]


def test_alignments_are_nltks(pairs):
    for hypothesis, references in pairs:
        for reference in references:
            ours = [(i, j) for i, j, _ in align(hypothesis, reference)]
            theirs, _, _ = align_words(tokenize(hypothesis), tokenize(reference), wordnet=NoSynonyms())
            assert ours == theirs, (hypothesis, reference)


def test_rows_are_aligned_and_cut_into_chunks_as_if_alone():
    rng = random.Random(0)
    rows = [[[rng.randrange(5) for _ in range(rng.randrange(9))] for _ in range(40)] for _ in range(2)]
    left, right = (Rows.from_lists(lists) for lists in rows)
    stems = StemIds([str(i) for i in range(5)], stem=False)
    i, j = align_rows(left, right, stems, stem=False, synonyms=None)["exact"]
    row_of = left.row_of
    assert (row_of[i] == right.row_of[j]).all()
    starts = chunk_starts(i, j, row_of)
    for row, (hypothesis, reference) in enumerate(zip(*rows, strict=True)):
        theirs, _, _ = align_words(list(map(str, hypothesis)), list(map(str, reference)), wordnet=NoSynonyms())
        here = row_of[i] == row
        ours = zip(i[here] - left.starts[row], j[here] - right.starts[row], strict=True)
        assert sorted(ours) == theirs
        assert (row_of[starts] == row).sum() == (_count_chunks(theirs) if theirs else 0)


def test_chunks_by_hand():
    """Left 0 1 2 3 | 4 5 go with right 0 1 5 2 | 6 7: chunks (0 1), (2), (3) and, in the next row, (4 5)."""
    i, j = np.array([0, 1, 2, 3, 4, 5]), np.array([0, 1, 5, 2, 6, 7])
    assert chunk_starts(i, j, np.array([0, 0, 0, 0, 1, 1])).tolist() == [0, 2, 3, 4]
    assert chunk_starts(i[:2], j[:2], np.array([0, 1])).tolist() == [0, 1]  # adjacent, but in two rows


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"hypothesis must be one text; got list \(meteor takes a list\)"):
        align(["a"], "a")
    with pytest.raises(ValueError, match=r"reference must be one text; got list \(meteor takes a list\)"):
        align("a", ["a"])
    with pytest.raises(ValueError, match=r"tokenize must be one of .*; got '14a'"):
        align("a", "a", MeteorSettings(tokenize="14a"))
    with pytest.raises(ValueError, match=r"synonyms must have a method synsets\(word\); got int"):
        align("a", "a", MeteorSettings(synonyms=5))
