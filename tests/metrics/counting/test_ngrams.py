import random
from collections import Counter

import numpy as np
import pytest

from aigc_book.metrics.counting import ngrams
from aigc_book.metrics.counting.ngrams import clipped_matches, ngram_totals
from aigc_book.metrics.counting.rows import Rows


def count(ids, n):
    return Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))


def clipped(hypothesis, references, n):
    """Papineni's clipped count, as it is written."""
    best = Counter()
    for reference in references:
        best |= count(reference, n)
    return (count(hypothesis, n) & best).total()


def draw(rng, vocab):
    return [rng.choice(vocab) for _ in range(rng.choice([0, 1, 2, 3, 7, 31]))]


@pytest.mark.parametrize("block", [ngrams.BLOCK_IDS, 100, 1])
@pytest.mark.parametrize("vocab", [[0], [0, 1, 2], range(300), [2**20, 2**35, 2**40, 7]])  # the last leave no room
def test_matches_are_papinenis(vocab, block, monkeypatch):
    monkeypatch.setattr(ngrams, "BLOCK_IDS", block)
    rng = random.Random(0)
    hypotheses = [draw(rng, vocab) for _ in range(60)]
    references = [[draw(rng, vocab) for _ in range(rng.choice([1, 1, 2, 5]))] for _ in hypotheses]
    references[7] = [hypotheses[7]]
    matches = clipped_matches(
        Rows.from_lists(hypotheses),
        Rows.from_lists([ids for texts in references for ids in texts]),
        5,
        np.array([len(texts) for texts in references]),
    )
    expected = [
        [clipped(hypothesis, texts, n) for n in range(1, 6)]
        for hypothesis, texts in zip(hypotheses, references, strict=True)
    ]
    assert matches.tolist() == expected


def test_neither_ngrams_nor_counts_reach_over_the_end_of_a_text():
    """1 2 | 3 and 2 3: the bigram 2 3 runs over the end of the first text. 5 5 | 5: each text has its own fives."""
    matches = clipped_matches(Rows.from_lists([[1, 2], [3]]), Rows.from_lists([[2, 3], [3, 3]]), 2)
    assert matches.tolist() == [[1, 0], [1, 0]]
    matches = clipped_matches(Rows.from_lists([[5, 5, 5]]), Rows.from_lists([[5], [5, 5]]), 2, np.array([2]))
    assert matches.tolist() == [[2, 1]]


def test_totals():
    assert ngram_totals(np.array([0, 1, 3]), 3).tolist() == [[0, 0, 0], [1, 0, 0], [3, 2, 1]]


def test_one_text_against_very_many():
    """2^18 references of 4 ids below 2^26: keys of (n-gram, reference) don't fit into 63 bits as they are."""
    rng = np.random.default_rng(0)
    ids = rng.integers(2**26, size=(2**18, 4))
    ids[-2, 1:] = ids[0, :3]  # 0 1 2 stand in another reference after something else
    matches = clipped_matches(
        Rows.from_lists([ids[0].tolist()]), Rows(ids.ravel(), np.full(len(ids), 4)), 4, np.array([len(ids)])
    )
    assert matches.tolist() == [[4, 3, 2, 1]]
    others = Rows(ids[1:].ravel(), np.full(len(ids) - 1, 4))
    matches = clipped_matches(Rows.from_lists([ids[0].tolist()]), others, 4, np.array([len(ids) - 1]))
    assert matches.tolist() == [[3, 2, 1, 0]]
