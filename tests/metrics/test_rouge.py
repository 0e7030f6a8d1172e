import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from aigc_book import __version__
from aigc_book.metrics.rouge import RougeSettings, corpus_rouge, rouge, segment_stats
from aigc_book.metrics.tokenize import tokenize

KINDS = ["rouge1", "rouge2", "rouge3", "rouge9", "rougeL", "rougeLsum"]
TEXTS = st.lists(st.sampled_from(["the", "cat", "cats", "running", "runs", ",", "\n", "5"]), max_size=12).map(" ".join)
CORPUS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=5)
quick = settings(deadline=None, max_examples=60)


class Cut:
    """This package's tokens for rouge-score."""

    def __init__(self, name):
        self.name = name

    def tokenize(self, text):
        return tokenize(text.lower(), self.name)


def assert_like_rouge_score(ours, theirs, where):
    expected = (theirs.precision, theirs.recall, theirs.fmeasure)
    assert (ours.precision, ours.recall, ours.fmeasure) == pytest.approx(expected, rel=1e-9, abs=1e-12), where


def test_rouge_n_by_hand():
    """the cat sat / the cat is on the mat: words the, cat: 2 of 3 and 2 of 6, F = 2 · 2/3 · 1/3 / 1 = 4/9;
    pairs: the cat: 1 of 2 and 1 of 5, F = 2 · 1/2 · 1/5 / (7/10) = 2/7."""
    texts = "The cat sat.", "the cat is on the mat"
    result = corpus_rouge(*texts, RougeSettings("rouge1"))
    assert (result.hits, result.hypothesis_total, result.reference_total) == (2, 3, 6)
    assert (result.precision, result.recall, result.fmeasure) == pytest.approx((2 / 3, 1 / 3, 4 / 9))
    result = corpus_rouge(*texts, RougeSettings("rouge2"))
    assert (result.precision, result.recall, result.fmeasure) == pytest.approx((1 / 2, 1 / 5, 2 / 7))
    assert result.score == result.fmeasure


def test_short_tokens_are_not_stemmed():
    """The stem of was is wa, of runs run; tokens of up to three characters stay."""
    assert corpus_rouge("was", "wa", RougeSettings("rouge1", stem=True)).fmeasure == 0
    assert corpus_rouge("runs", "run", RougeSettings("rouge1", stem=True)).fmeasure == 1


def test_rouge_l_by_hand():
    """Lin 2004, section 3.1: police killed the gunman; police kill the gunman is 3 of 4, the gunman kill police 2."""
    reference = "police killed the gunman"
    assert corpus_rouge("police kill the gunman", reference, RougeSettings("rougeL")).fmeasure == pytest.approx(3 / 4)
    assert corpus_rouge("the gunman kill police", reference, RougeSettings("rougeL")).fmeasure == pytest.approx(2 / 4)
    assert corpus_rouge("police kill the gunman", reference, RougeSettings("rougeL", stem=True)).fmeasure == 1


def test_rouge_lsum_by_hand():
    """Lin 2004, section 3.2: reference w1 w2 w3 w4 w5, sentences w1 w3 w8 w9 w5 and w1 w2 w6 w7 w8: the LCS are
    w1 w3 w5 and w1 w2, their union w1 w2 w3 w5: recall 4/5, precision 4/10. As one text: w1 w3 w5, recall 3/5."""
    result = corpus_rouge("w1 w3 w8 w9 w5\nw1 w2 w6 w7 w8", "w1 w2 w3 w4 w5", RougeSettings("rougeLsum"))
    assert (result.recall, result.precision) == pytest.approx((4 / 5, 4 / 10))
    assert corpus_rouge(
        "w1 w3 w8 w9 w5\nw1 w2 w6 w7 w8", "w1 w2 w3 w4 w5", RougeSettings("rougeL")
    ).recall == pytest.approx(3 / 5)


def test_chinese_by_hand():
    """我爱你们。 and 我爱他们。 by character: 4 of 5 are hit, in order. Without the setting nothing is left of them."""
    for kind in ("rouge1", "rougeL", "rougeLsum"):
        zh = RougeSettings(kind, tokenize="zh")
        assert corpus_rouge("我爱你们。", "我爱他们。", zh).fmeasure == pytest.approx(4 / 5)
        assert corpus_rouge("我爱你们。", "我爱他们。", RougeSettings(kind)).fmeasure == 0


@pytest.mark.parametrize("stem", [False, True])
def test_scores_are_rouge_scores(stem, pairs):
    peer = RougeScorer(KINDS, use_stemmer=stem)
    for hypothesis, references in pairs:
        theirs = peer.score_multi(references, hypothesis)
        for kind, ours in rouge(hypothesis, references, KINDS, RougeSettings(stem=stem)).items():
            assert_like_rouge_score(ours, theirs[kind], (kind, hypothesis, references))


@pytest.mark.parametrize("tokenizer", ["zh", "char", "13a"])
def test_other_tokens_in_rouge_score(tokenizer, pairs):
    peer = RougeScorer(KINDS, tokenizer=Cut(tokenizer))
    for hypothesis, references in pairs[::3]:
        theirs = peer.score_multi(references, hypothesis)
        for kind, ours in rouge(hypothesis, references, KINDS, RougeSettings(tokenize=tokenizer)).items():
            assert_like_rouge_score(ours, theirs[kind], (kind, hypothesis, references))


def test_a_corpus_is_the_mean_of_its_pairs(pairs):
    hypotheses, sets = zip(*pairs, strict=True)
    peer = RougeScorer(KINDS)
    theirs = [peer.score_multi(references, hypothesis) for hypothesis, references in pairs]
    for kind, ours in rouge(hypotheses, sets, KINDS).items():
        for part in ("precision", "recall", "fmeasure"):
            mean = sum(getattr(scores[kind], part) for scores in theirs) / len(theirs)
            assert getattr(ours, part) == pytest.approx(mean, rel=1e-9)
        assert ours.n_pairs == len(pairs)


@quick
@given(CORPUS, st.sampled_from(KINDS), st.booleans())
def test_statistics_add_up(corpus, kind, stem):
    hypotheses, sets = zip(*corpus, strict=True)
    whole = rouge(hypotheses, sets, [kind], RougeSettings(stem=stem))[kind]
    parts = segment_stats(hypotheses, sets, RougeSettings(kind, stem=stem))
    total = sum(parts).score()
    assert (total.hits, total.hypothesis_total, total.reference_total, total.n_pairs, total.signature) == (
        whole.hits, whole.hypothesis_total, whole.reference_total, whole.n_pairs, whole.signature,
    )  # fmt: skip
    assert (total.precision, total.recall, total.fmeasure) == pytest.approx(
        (whole.precision, whole.recall, whole.fmeasure), abs=1e-12
    )


@quick
@given(TEXTS, TEXTS)
def test_bounds_and_symmetry(left, right):
    results, swapped = rouge(left, right, KINDS), rouge(right, left, KINDS)
    for kind, result in results.items():
        assert 0 <= result.fmeasure <= 1
        assert result.hits <= min(result.hypothesis_total, result.reference_total)
        if kind != "rougeLsum":  # which joins what it finds for each sentence of the reference
            assert (result.precision, result.recall) == pytest.approx((swapped[kind].recall, swapped[kind].precision))
    assert results["rougeL"].hits <= results["rouge1"].hits  # in order is harder than in any order


@quick
@given(TEXTS.filter(lambda text: tokenize(text, "rouge")))
def test_a_text_scores_1_against_itself(text):
    for result in rouge(text, ["5 5", text], ["rouge1", "rougeL", "rougeLsum"]).values():
        assert result.fmeasure == 1


def test_empty_texts_score_0():
    for left, right in [("", "a"), ("a", ""), ("", ""), ("...", "...")]:
        assert {result.fmeasure for result in rouge(left, right, KINDS).values()} == {0}


def test_what_a_result_says():
    result = corpus_rouge(["a b", "c"], [["a b", "b"], ["c"]], RougeSettings("rouge1", tokenize="zh", stem=True))
    assert str(result) == (
        "rouge1 = 1.0000 (precision = 1.0000 recall = 1.0000 hits = 3 hyp_total = 3 ref_total = 3 pairs = 2)"
    )
    assert result.signature == f"nrefs:var|case:lc|tok:zh|stem:porter|agg:mean|version:aigc_book-{__version__}"


@pytest.mark.parametrize("kind", ["rouge0", "rouge10", "rougel", "bleu", "", "rouge²"])
def test_unknown_kind(kind):
    with pytest.raises(ValueError, match="kind must be rouge1 to rouge9, rougeL or rougeLsum; got"):
        rouge("a", "a", [kind])


def test_input_that_is_refused():
    with pytest.raises(ValueError, match="kind must be rouge1 to rouge9, rougeL or rougeLsum; got 'rouge0'"):
        corpus_rouge("a", "a", RougeSettings("rouge0"))
    with pytest.raises(ValueError, match="kinds must be a list of names; got the string 'rouge1'"):
        rouge("a", "a", "rouge1")
    with pytest.raises(ValueError, match="kinds must name at least one kind of ROUGE; got none"):
        rouge("a", "a", [])
    with pytest.raises(ValueError, match=r"tokenize must be one of .*; got '14a'"):
        RougeSettings(tokenize="14a")
    for function in (rouge, corpus_rouge):
        with pytest.raises(ValueError, match="must hold at least one text; got an empty list"):
            function([], [])
        with pytest.raises(ValueError, match="same length; got 1 and 2"):
            function(["a"], ["a", "b"])
        with pytest.raises(ValueError, match="references must be a list of texts; got the string 'a'"):
            function(["a"], "a")
        with pytest.raises(ValueError, match="must hold at least one text; got none"):
            function("a", [])
    with pytest.raises(ValueError, match=r"got the string 'a' \(rouge takes one pair"):
        segment_stats("a", ["a"])


def test_input_is_left_as_it_was():
    hypotheses, references, kinds = ["The cat "], [["A cat", "CAT"]], ["rougeL", "rouge1"]
    before = copy.deepcopy((hypotheses, references, kinds))
    assert list(rouge(hypotheses, references, kinds, RougeSettings(stem=True))) == kinds
    assert (hypotheses, references, kinds) == before
