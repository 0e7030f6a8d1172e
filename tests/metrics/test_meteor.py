import copy
import math
import os
from pathlib import Path

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.corpus.util import LazyCorpusLoader
from nltk.translate.meteor_score import meteor_score

from aigc_book import __version__
from aigc_book.metrics import meteor as meteor_module
from aigc_book.metrics.meteor import MeteorSettings, meteor, segment_stats
from aigc_book.metrics.tokenize import tokenize

TEXTS = st.lists(
    st.sampled_from(["the", "The", "cat", "cats", "feline", "runs", "running", ",", "我"]), max_size=12
).map(" ".join)
CORPUS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=5)
quick = settings(deadline=None, max_examples=60)


class Lemma:
    def __init__(self, name):
        self._name = name

    def name(self):
        return self._name


class Synset:
    def __init__(self, *names):
        self.names = names

    def lemmas(self):
        return [Lemma(name) for name in self.names]


class Synonyms:
    """A WordNet of a few words; synonyms are looked up by stems where there is stemming."""

    def __init__(self, *groups):
        self.groups = groups

    def synsets(self, word):
        return [Synset(*group) for group in self.groups if word in group]


NONE = Synonyms()
SOME = Synonyms(
    ["cat", "felin", "true_cat"], ["cat", "sat"], ["happi", "so"], ["mat", "rug", "run", "on"], ["我", "你"]
)


class NoStemmer:
    def stem(self, word):
        return word


def nltk_meteor(hypothesis, references, tokenizer="13a", **options):
    references = [tokenize(text, tokenizer) for text in references]
    return meteor_score(references, tokenize(hypothesis, tokenizer), **{"wordnet": NONE, **options})


def test_by_hand():
    """the cat sat on the mat / the cats sat on a mat. From the end: mat 5-5, the 4-0 (the only one), on 3-3, sat 2-2.

    Equal words alone: 4 of 6 on both sides, F = 2/3; chunks (sat on), (the), (mat): penalty 1/2 · (3/4)³ = 27/128.
    With stems, cat 1-1: 5 of 6, F = 5/6; chunks (cat sat on), (the), (mat): penalty 1/2 · (3/5)³ = 27/250.
    """
    texts = "the cat sat on the mat", "The cats sat on a mat"
    result = meteor(*texts, MeteorSettings(stem=False))
    assert (result.matches, result.chunks, result.hypothesis_length, result.reference_length) == (4, 3, 6, 6)
    assert (result.precision, result.recall, result.f_mean, result.penalty) == pytest.approx((2 / 3,) * 3 + (27 / 128,))
    assert result.score == result.aggregate == pytest.approx(2 / 3 * 101 / 128)
    result = meteor(*texts)
    assert (result.matches, result.chunks) == (5, 3)
    assert result.score == pytest.approx(5 / 6 * 223 / 250)


def test_alpha_weighs_recall():
    """a b / a b c d: P = 1, R = 1/2, one chunk of two. F = 10 P R / (R + 9 P) = 5 / 9.5; penalty 1/2 · (1/2)³."""
    assert meteor("a b", "a b c d").score == pytest.approx(5 / 9.5 * 15 / 16)
    assert meteor("a b", "a b c d", MeteorSettings(alpha=1)).score == pytest.approx(1 / 2 * 15 / 16)  # recall only
    assert meteor("a b", "a b c d", MeteorSettings(alpha=0, gamma=1, beta=1)).score == pytest.approx(
        1 / 2
    )  # precision, one half off


def test_equal_texts_score_less_than_1():
    """One chunk of m words: 1 - 1/2 · (1/m)³, as in NLTK: 1/2 for one word, 127/128 for four."""
    assert meteor("cat", "cat").score == pytest.approx(1 / 2)
    assert meteor("a b c d", "a b c d").score == pytest.approx(127 / 128)


def test_chinese_by_hand():
    """我爱你们 and 我爱他们: 3 of 4 characters, chunks 我爱 and 们: 3/4 · (1 - 1/2 · (2/3)³) = 3/4 · 23/27."""
    assert meteor("我爱你们", "我爱他们", MeteorSettings(tokenize="zh")).score == pytest.approx(3 / 4 * 23 / 27)
    assert meteor("我爱你们", "我爱他们").score == 0  # one word each


@pytest.mark.parametrize("tokenizer", ["13a", "zh", "char"])
@pytest.mark.parametrize("synonyms", [None, SOME])
def test_scores_are_nltks(tokenizer, synonyms, pairs):
    for hypothesis, references in pairs:
        expected = nltk_meteor(hypothesis, references, tokenizer, wordnet=synonyms or NONE)
        ours = meteor(hypothesis, references, MeteorSettings(tokenize=tokenizer, synonyms=synonyms)).score
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12), (hypothesis, references)


@pytest.mark.parametrize(
    "parameters", [{"alpha": 0.81, "beta": 0.83, "gamma": 0.28}, {"alpha": 0.5, "beta": 0, "gamma": 1}]
)
def test_parameters_are_nltks(parameters, pairs):
    for hypothesis, references in pairs[::2]:
        expected = nltk_meteor(hypothesis, references, stemmer=NoStemmer(), wordnet=SOME, **parameters)
        ours = meteor(hypothesis, references, MeteorSettings(stem=False, synonyms=SOME, **parameters)).score
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12), (hypothesis, references)


@pytest.mark.parametrize("block", [meteor_module.BLOCK_IDS, 50])
def test_a_corpus_is_the_mean_of_its_pairs(block, pairs, monkeypatch):
    monkeypatch.setattr(meteor_module, "BLOCK_IDS", block)
    hypotheses, sets = zip(*pairs, strict=True)
    result = meteor(hypotheses, sets, MeteorSettings(synonyms=SOME))
    scores = [nltk_meteor(hypothesis, references, wordnet=SOME) for hypothesis, references in pairs]
    assert result.score == pytest.approx(sum(scores) / len(scores), rel=1e-9)
    assert result.n_pairs == len(pairs)
    alone = [stats.score().score for stats in segment_stats(hypotheses, sets, MeteorSettings(synonyms=SOME))]
    assert alone == pytest.approx(scores, rel=1e-9, abs=1e-12)


@pytest.fixture(scope="module")
def wordnet():
    folder = os.environ.get("AIGC_BOOK_DATA")
    data = Path(folder or "", "nltk_data")
    if not folder or not (data / "corpora" / "wordnet.zip").exists():
        pytest.skip("AIGC_BOOK_DATA names no folder with nltk_data/corpora/wordnet.zip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk.data, "path", [str(data)])
        yield LazyCorpusLoader("wordnet", WordNetCorpusReader, NONE)  # NONE: for other languages than English


def test_nltks_documented_pair_with_wordnet(wordnet):
    hypothesis = "It is a guide to action which ensures that the military always obeys the commands of the party"
    reference = "It is a guide to action that ensures that the military will forever heed Party commands"
    result = meteor(hypothesis, reference, MeteorSettings(synonyms=wordnet))
    assert result.score == pytest.approx(0.6944, abs=5e-5)
    assert result.score == pytest.approx(nltk_meteor(hypothesis, [reference], wordnet=wordnet), rel=1e-12)


def test_scores_with_wordnet_are_nltks(wordnet, pairs):
    for hypothesis, references in pairs[::3]:
        expected = nltk_meteor(hypothesis, references, wordnet=wordnet)
        assert meteor(hypothesis, references, MeteorSettings(synonyms=wordnet)).score == pytest.approx(
            expected, rel=1e-9, abs=1e-12
        )


@quick
@given(CORPUS, st.sampled_from([None, SOME]))
def test_statistics_add_up(corpus, synonyms):
    hypotheses, sets = zip(*corpus, strict=True)
    whole = meteor(hypotheses, sets, MeteorSettings(synonyms=synonyms))
    total = sum(segment_stats(hypotheses, sets, MeteorSettings(synonyms=synonyms))).score()
    assert (total.matches, total.chunks, total.n_pairs, total.signature) == (
        whole.matches, whole.chunks, whole.n_pairs, whole.signature,
    )  # fmt: skip
    assert (total.score, total.aggregate) == pytest.approx((whole.score, whole.aggregate), abs=1e-12)


@quick
@given(TEXTS, TEXTS)
def test_bounds(left, right):
    result = meteor(left, right)
    assert 0 <= result.score <= result.f_mean <= 1
    assert result.chunks <= result.matches <= min(result.hypothesis_length, result.reference_length)
    assert result.matches >= meteor(left, right, MeteorSettings(stem=False)).matches
    assert meteor(left, [right, left]).score >= result.score  # another reference can only help
    assert meteor(left.upper(), right).score == result.score


def test_empty_texts_score_0():
    assert meteor("", "a").score == meteor("a", "").score == meteor("", "").score == meteor([""], [""]).aggregate == 0


def test_what_a_result_says():
    result = meteor(["a b", "c"], [["a b", "b"], ["c"]], MeteorSettings(synonyms=SOME))
    assert str(result) == (
        "METEOR = 0.7188 (precision = 1.0000 recall = 1.0000 penalty = 0.1481 matches = 3 chunks = 2 hyp_len = 3 "
        "ref_len = 3 pairs = 2)"
    )
    assert result.signature == (
        "nrefs:var|case:lc|tok:13a|match:exact+stem+synonym|alpha:0.9|beta:3|gamma:0.5|agg:mean|"
        f"version:aigc_book-{__version__}"
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokenize": "14a"}, "tokenize must be one of .*; got '14a'"),
        ({"alpha": 1.5}, "alpha must be from 0 to 1; got 1.5"),
        ({"alpha": math.nan}, "alpha must be from 0 to 1; got nan"),
        ({"beta": -1}, "beta must be 0 or more, and finite; got -1"),
        ({"beta": float("inf")}, "beta must be 0 or more, and finite; got inf"),
        ({"gamma": 2}, "gamma must be from 0 to 1; got 2"),
        ({"synonyms": {"a": "b"}}, r"synonyms must have a method synsets\(word\); got dict"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        meteor("a", "a", MeteorSettings(**options))


def test_input_that_is_refused():
    with pytest.raises(ValueError, match="must hold at least one text; got an empty list"):
        meteor([], [])
    with pytest.raises(ValueError, match="same length; got 1 and 2"):
        meteor(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="references must be a list of texts; got the string 'a'"):
        meteor(["a"], "a")
    with pytest.raises(ValueError, match="must hold at least one text; got none"):
        meteor("a", [])
    with pytest.raises(ValueError, match=r"got the string 'a' \(meteor takes one pair"):
        segment_stats("a", ["a"])


def test_input_is_left_as_it_was():
    hypotheses, references = ["The cat "], [["A cat", "CAT"]]
    before = copy.deepcopy((hypotheses, references))
    meteor(hypotheses, references, MeteorSettings(synonyms=SOME))
    assert (hypotheses, references) == before
