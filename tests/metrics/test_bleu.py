import copy
import math
from dataclasses import replace

import nltk.translate.bleu_score
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from aigc_book import __version__
from aigc_book.metrics.bleu import SENTENCE, BleuSettings, corpus_bleu, segment_stats, sentence_bleu
from aigc_book.metrics.tokenize import tokenize

SMOOTHINGS = [("none", None), ("floor", None), ("floor", 0.03), ("add-k", None), ("add-k", 0.5), ("exp", None)]
WORDS = st.sampled_from(["the", "cat", "sat", "on", "a", "mat", ",", "我"])
TEXTS = st.lists(WORDS, max_size=9).map(" ".join)
CORPUS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=6)
quick = settings(deadline=None, max_examples=60)


def transpose(sets):
    """references[i][k] → sacrebleu's [k][i], filled up with None."""
    longest = max(map(len, sets))
    return [[texts[k] if k < len(texts) else None for texts in sets] for k in range(longest)]


def assert_like_sacrebleu(ours, theirs):
    assert ours.score == pytest.approx(theirs.score, rel=1e-9, abs=1e-9)
    assert ours.precisions == pytest.approx(theirs.precisions, rel=1e-9, abs=1e-9)
    assert ours.brevity_penalty == pytest.approx(theirs.bp, rel=1e-9)
    assert (ours.hypothesis_length, ours.reference_length) == (theirs.sys_len, theirs.ref_len)
    assert str(ours) == str(theirs)


def test_by_hand():
    """Hypothesis: a b c d x (5 words). Reference: a b c d e f g (7 words).

    Matches: 1-grams a b c d = 4 of 5; 2-grams ab bc cd = 3 of 4; 3-grams abc bcd = 2 of 3; 4-grams abcd = 1 of 2.
    The product is 4/5 · 3/4 · 2/3 · 1/2 = 1/5. BP = e^(1 - 7/5). BLEU = 100 · e^(-2/5) · (1/5)^(1/4) = 44.83.
    """
    result = corpus_bleu(["a b c d x"], ["a b c d e f g"])
    assert result.counts == (4, 3, 2, 1)
    assert result.totals == (5, 4, 3, 2)
    assert result.precisions == pytest.approx((80, 75, 200 / 3, 50))
    assert result.brevity_penalty == pytest.approx(math.exp(-2 / 5))
    assert result.score == pytest.approx(100 * math.exp(-2 / 5) * (1 / 5) ** (1 / 4))
    assert result.score == pytest.approx(44.8, abs=0.1)


def test_papinenis_clipping():
    """Papineni et al. 2002, example 2: seven times "the" against references with two and one: clipped to 2 of 7."""
    result = corpus_bleu(["the the the the the the the"], [["the cat is on the mat", "there is a cat on the mat"]])
    assert (result.counts[0], result.totals[0]) == (2, 7)
    assert (result.hypothesis_length, result.reference_length) == (7, 7)


def test_smoothing_by_hand():
    """Hypothesis: a x b y; reference: a b c d. 1-grams: 2 of 4; no others: 0 of 3, 0 of 2, 0 of 1; BP = 1.

    exp puts 1/2, 1/4, 1/8 for 0: p = 1/2, 1/6, 1/8, 1/8. floor puts 0.1: 1/2, 1/30, 1/20, 1/10.
    add-k puts 1 more above and below, but for 1-grams: 1/2, 1/4, 1/3, 1/2.
    """
    texts = "a x b y", "a b c d"
    expected = {"exp": (1 / 2 / 6 / 8 / 8), "floor": (1 / 2 / 30 / 20 / 10), "add-k": (1 / 2 / 4 / 3 / 2), "none": 0}
    for smoothing, product in expected.items():
        assert sentence_bleu(*texts, replace(SENTENCE, smoothing=smoothing)).score == pytest.approx(
            100 * product**0.25
        ), smoothing


def test_chinese_by_hand():
    """我爱你们 and 我爱他们: characters 3 of 4, pairs 1 of 3 (我爱), then 0 of 2 and 0 of 1: 1/2 and 1/4 for those.

    (3/4 · 1/3 · 1/4 · 1/4)^(1/4) = (1/64)^(1/4). Cut as Western text each is one word, and nothing matches."""
    assert sentence_bleu("我爱你们", "我爱他们", replace(SENTENCE, tokenize="zh")).score == pytest.approx(
        100 / 64**0.25
    )
    assert sentence_bleu("我爱你们", "我爱他们").score == 0


@pytest.mark.parametrize("smoothing, value", SMOOTHINGS)
@pytest.mark.parametrize("tokenizer", ["13a", "zh", "char", "none"])
def test_sentences_are_sacrebleus(tokenizer, smoothing, value, pairs):
    peer = BLEU(
        tokenize=tokenizer, smooth_method=smoothing, smooth_value=value, effective_order=True, force=True
    )  # fmt: skip
    for hypothesis, references in pairs[:: 1 if tokenizer in ("13a", "zh") and smoothing == "exp" else 7]:
        ours = sentence_bleu(
            hypothesis, references, replace(SENTENCE, tokenize=tokenizer, smoothing=smoothing, smoothing_value=value)
        )
        assert_like_sacrebleu(ours, peer.sentence_score(hypothesis, references))


@pytest.mark.parametrize("smoothing, value", SMOOTHINGS)
@pytest.mark.parametrize(
    "lowercase, max_order, effective_order", [(False, 4, False), (True, 4, True), (False, 2, False)]
)
def test_a_corpus_is_sacrebleus(smoothing, value, lowercase, max_order, effective_order, pairs):
    peer = BLEU(
        lowercase=lowercase, smooth_method=smoothing, smooth_value=value, max_ngram_order=max_order,
        effective_order=effective_order, force=True,
    )  # fmt: skip
    hypotheses, sets = zip(*pairs, strict=True)
    settings = BleuSettings(
        lowercase=lowercase, smoothing=smoothing, smoothing_value=value, max_order=max_order,
        effective_order=effective_order,
    )  # fmt: skip
    ours = corpus_bleu(hypotheses, sets, settings)
    assert_like_sacrebleu(ours, peer.corpus_score(hypotheses, transpose(sets)))
    signature = peer.get_signature().format().split("|version")[0]
    order = "" if max_order == 4 else f"|order:{max_order}"
    assert ours.signature == f"{signature}{order}|version:aigc_book-{__version__}"


def test_defaults_are_sacrebleus():
    texts = ["The cat sat on the mat."], ["The cat sits on the mat."]
    assert corpus_bleu(*texts).score == pytest.approx(sacrebleu.corpus_bleu(texts[0], [texts[1]]).score)
    ours = sentence_bleu(texts[0][0], texts[1][0])
    assert ours.score == pytest.approx(sacrebleu.sentence_bleu(texts[0][0], texts[1]).score)


def test_a_corpus_is_nltks_unless_a_text_is_too_short_for_an_order(pairs):
    long = [(hypothesis, texts) for hypothesis, texts in pairs if len(tokenize(hypothesis)) >= 4]
    assert len(long) > 400
    hypotheses, sets = zip(*long, strict=True)
    expected = nltk.translate.bleu_score.corpus_bleu(
        [[tokenize(text) for text in texts] for texts in sets], [tokenize(text) for text in hypotheses]
    )
    assert corpus_bleu(hypotheses, sets, BleuSettings(smoothing="none")).score == pytest.approx(
        100 * expected, rel=1e-9
    )


@quick
@given(CORPUS, st.integers(0, 6), st.sampled_from([name for name, _ in SMOOTHINGS]))
def test_statistics_add_up(corpus, cut, smoothing):
    settings = BleuSettings(smoothing=smoothing)
    hypotheses, sets = zip(*corpus, strict=True)
    whole = corpus_bleu(hypotheses, sets, BleuSettings(smoothing=smoothing))
    parts = [
        corpus_bleu(hypotheses[part], sets[part], BleuSettings(smoothing=smoothing)).stats
        for part in (slice(0, cut), slice(cut, None))
        if hypotheses[part]
    ]
    assert sum(parts).score() == whole
    assert sum(segment_stats(hypotheses, sets, settings)).score() == whole
    backwards = corpus_bleu(hypotheses[::-1], [texts[::-1] for texts in sets[::-1]], BleuSettings(smoothing=smoothing))
    assert backwards == whole


@quick
@given(CORPUS)
def test_bounds(corpus):
    hypotheses, sets = zip(*corpus, strict=True)
    result = corpus_bleu(hypotheses, sets)
    assert 0 <= result.score <= 100 + 1e-9
    assert 0 <= result.brevity_penalty <= 1
    assert all(0 <= count <= total for count, total in zip(result.counts, result.totals, strict=True))
    more = corpus_bleu(hypotheses, [[*texts, "the cat sat"] for texts in sets])
    assert all(after >= before for before, after in zip(result.counts, more.counts, strict=True))


@quick
@given(st.lists(TEXTS.filter(lambda text: len(text.split()) >= 4), min_size=1, max_size=5))
def test_a_text_equal_to_a_reference_scores_100(texts):
    assert corpus_bleu(texts, [["the mat", text] for text in texts]).score == pytest.approx(100)


def test_empty_texts_score_0():
    assert sentence_bleu("", "the cat").score == 0
    assert sentence_bleu("the cat", "").score == 0
    empty = corpus_bleu(["", ""], ["", ""])
    assert (empty.score, empty.totals, str(empty)[:11]) == (0, (0, 0, 0, 0), "BLEU = 0.00")


def test_a_function_can_be_the_tokenizer():
    def letters(text):
        return list(text)

    result = sentence_bleu("abcd e", "abcd f", replace(SENTENCE, tokenize=letters))
    assert result.counts == (5, 4, 3, 2)
    assert "tok:letters|" in result.signature


def test_segments_by_themselves():
    stats = segment_stats(["a b", "c"], [["a b", "a"], ["c"]])
    assert [s.hypothesis_length for s in stats] == [2, 1]
    assert [s.n_references for s in stats] == ["2", "1"]
    assert stats[0].score().counts == (2, 1, 0, 0)
    assert (stats[0] + stats[1]).n_references == "var"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokenize": "14a"}, "tokenize must be one of 13a, zh, char, none, rouge, or a function; got '14a'"),
        ({"smoothing": "linear"}, "smoothing must be one of none, floor, add-k, exp; got 'linear'"),
        ({"smoothing": "floor", "smoothing_value": 0}, "smoothing_value must be above 0 and finite; got 0"),
        ({"smoothing": "floor", "smoothing_value": math.nan}, "smoothing_value must be above 0 and finite; got nan"),
        ({"smoothing": "add-k", "smoothing_value": math.inf}, "smoothing_value must be above 0 and finite; got inf"),
        ({"smoothing": "exp", "smoothing_value": 1}, "smoothing 'exp' takes no smoothing_value; got 1"),
        ({"max_order": 0}, "max_order must be at least 1; got 0"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        corpus_bleu(["a"], ["a"], BleuSettings(**options))
    with pytest.raises(ValueError, match=message):
        sentence_bleu("a", "a", replace(SENTENCE, **options))


def test_input_that_is_refused():
    with pytest.raises(
        ValueError, match=r"hypotheses must be a list of texts; got the string 'a' \(sentence_bleu takes"
    ):
        corpus_bleu("a", ["a"])
    with pytest.raises(ValueError, match="references must be a list of texts; got the string 'a'"):
        corpus_bleu(["a"], "a")
    with pytest.raises(ValueError, match=r"hypothesis must be one text; got list \(corpus_bleu takes a list"):
        sentence_bleu(["a"], ["a"])
    with pytest.raises(ValueError, match="must hold at least one text; got an empty list"):
        corpus_bleu([], [])
    with pytest.raises(ValueError, match="same length; got 1 and 2"):
        corpus_bleu(["a"], ["a", "b"])
    with pytest.raises(ValueError, match=r"references\[0\] must hold at least one text; got none"):
        sentence_bleu("a", [])


def test_input_is_left_as_it_was():
    hypotheses, references = ["The cat. "], [["The cat.", "A CAT"]]
    before = copy.deepcopy((hypotheses, references))
    corpus_bleu(hypotheses, references, BleuSettings(lowercase=True))
    assert (hypotheses, references) == before
