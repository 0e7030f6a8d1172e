"""Distinct-n and self-BLEU: by hand, against NLTK and sacrebleu, laws, errors."""

import random

import pytest
import sacrebleu
from nltk.util import ngrams

from aigc_book.metrics.bleu import BleuSettings
from aigc_book.metrics.diversity import DistinctSettings, distinct, self_bleu

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "so", "it", "goes"]


def new_texts(n=9, seed=0):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randrange(5, 15))) for _ in range(n)]


def test_distinct_on_paper():
    """a b a b: three pairs, ab twice; a b c: ab and bc. Of five pairs ab, ba and bc are different ones. Words: a, b, c
    of seven. Triples: aba, bab, abc, all different.
    """
    texts = ["a b a b", "a b c"]
    found = distinct(texts)
    assert (found.score, found.n_distinct, found.n_total) == (3 / 5, 3, 5)
    assert distinct(texts, DistinctSettings(order=1)).score == 3 / 7
    assert distinct(texts, DistinctSettings(order=3)).score == 1
    assert distinct(texts, DistinctSettings(order=5)).score == 0  # there is none
    assert (
        distinct(["A b", "a b"]).score == 1 and distinct(["A b", "a b"], DistinctSettings(lowercase=True)).score == 0.5
    )
    assert distinct(["我们我们"], DistinctSettings(tokenize="zh")).score == 2 / 3


@pytest.mark.parametrize("order", [1, 2, 3])
def test_distinct_as_counted_by_nltk(order):
    texts = new_texts()
    grams = [gram for text in texts for gram in ngrams(text.split(), order)]
    assert distinct(texts, DistinctSettings(order=order)).score == len(set(grams)) / len(grams)


def test_self_bleu_on_paper():
    """a b c d against a b c e, with one to three words: 3/4, 2/3, 1/2 of its n-grams stand there, no pair of four.
    With a maximum order of 2 it is √(3/4 · 2/3) = √(1/2), and the same the other way round.
    """
    found = self_bleu(["a b c d", "a b c e"], BleuSettings(max_order=2))
    assert found.score == pytest.approx(100 * 0.5**0.5)
    assert found.of_texts == pytest.approx((100 * 0.5**0.5,) * 2)


def test_self_bleu_as_sacrebleu():
    texts = new_texts()
    theirs = [sacrebleu.sentence_bleu(text, texts[:i] + texts[i + 1 :]).score for i, text in enumerate(texts)]
    found = self_bleu(texts)
    assert found.of_texts == pytest.approx(theirs)
    assert found.score == pytest.approx(sum(theirs) / len(theirs))


def test_laws():
    texts = new_texts()
    assert self_bleu([texts[0]] * 4).score == pytest.approx(100)
    assert self_bleu(["a b c d", "e f g h"]).score == 0
    assert distinct(texts + texts).score == pytest.approx(distinct(texts).score / 2)
    assert distinct(texts[::-1]).score == distinct(texts).score
    assert self_bleu(texts[::-1]).of_texts[::-1] == pytest.approx(self_bleu(texts).of_texts)


def test_signatures_and_reports():
    found = distinct(["a b", "c"], DistinctSettings(order=1))
    assert found.signature.startswith("n:1|texts:2|case:mixed|tok:13a|version:aigc_book-")
    assert found.report() == {"distinct_1": 1.0, "n_distinct": 3, "n_total": 3, "signature": found.signature}
    found = self_bleu(["a b", "c", "d"])
    assert found.signature.startswith("nrefs:2|case:mixed|eff:yes|tok:13a|smooth:exp|")
    assert found.report() == {"self_bleu": found.score, "signature": found.signature}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distinct("a b"), "texts must be a list of texts; got the string 'a b'"),
        (lambda: distinct([]), "texts must hold at least 1; got 0"),
        (lambda: distinct(["a", 3]), r"texts\[1\] must be a text; got int"),
        (lambda: distinct(["a"], 2), r"settings must be DistinctSettings\(…\); got 2"),
        (lambda: DistinctSettings(order=0), "order must be at least 1; got 0"),
        (lambda: DistinctSettings(order=True), "order must be at least 1; got True"),
        (lambda: DistinctSettings(tokenize="x"), "x"),
        (lambda: self_bleu("a b"), "texts must be a list of texts; got the string 'a b'"),
        (lambda: self_bleu(["a"]), "texts must hold at least 2; got 1"),
        (lambda: self_bleu(["a", None]), r"texts\[1\] must be a text; got NoneType"),
        (lambda: self_bleu(["a", "b"], None), r"settings must be BleuSettings\(…\); got None"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_input_is_left_as_it_was():
    texts = new_texts()
    distinct(texts)
    self_bleu(texts)
    assert texts == new_texts()
