import copy
import math

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from aigc_book import __version__
from aigc_book.metrics.chrf import ChrfSettings, chrf, segment_stats, split_words

TEXTS = st.text("abc 我,.", max_size=12)
CORPUS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=6)
quick = settings(deadline=None, max_examples=60)
OPTIONS = [
    {},
    {"word_order": 2},
    {"word_order": 2, "eps_smoothing": True},
    {"whitespace": True, "lowercase": True},
    {"char_order": 1, "beta": 1},
    {"char_order": 3, "word_order": 1, "beta": 3, "whitespace": True},
]


def transpose(sets):
    longest = max(map(len, sets))
    return [[texts[k] if k < len(texts) else None for texts in sets] for k in range(longest)]


def test_by_hand():
    """abc and abd, characters up to pairs: a b match, 2 of 3; ab matches, 1 of 2; P = R = (2/3 + 1/2) / 2 = 7/12.

    abcd and ab, up to pairs: P = (2/4 + 1/3) / 2 = 5/12, R = 1; with β = 2, F is 5 · 5/12 / (4 · 5/12 + 1) = 25/32.
    """
    result = chrf("abc", "abd", ChrfSettings(char_order=2))
    assert result.score == pytest.approx(100 * 7 / 12)
    assert (result.counts, result.hypothesis_totals, result.reference_totals) == ((2, 1), (3, 2), (3, 2))
    result = chrf("abcd", "ab", ChrfSettings(char_order=2))
    assert (result.precision, result.recall) == pytest.approx((100 * 5 / 12, 100))
    assert result.score == pytest.approx(100 * 25 / 32)


def test_words_by_hand():
    """a b and b a, word pairs: characters 2 of 2 and 0 of 1 (ab, ba); words 2 of 2 and 0 of 1: P = R = 1/2."""
    result = chrf("a b", "b a", ChrfSettings(char_order=2, word_order=2))
    assert result.counts == (2, 0, 2, 0)
    assert result.score == pytest.approx(50)
    assert str(result) == "chrF2++ = 50.00 (precision = 50.0 recall = 50.0)"


def test_words_are_cut_as_popovic_cuts_them():
    assert split_words("(hi) so, (a ... it's") == ["(hi", ")", "so", ",", "(", "a", "..", ".", "it's"]
    peer = CHRF(word_order=2)
    for text in ["(hi)", '"so,', "...", "a", ".", "it's -x-", "我们。"]:
        assert split_words(text) == peer._remove_punctuation(text)


def test_chinese_needs_no_setting():
    """我爱你 and 我爱他, up to pairs: 2 of 3 and 1 of 2."""
    assert chrf("我爱你", "我爱他", ChrfSettings(char_order=2)).score == pytest.approx(100 * 7 / 12)


@pytest.mark.parametrize("options", OPTIONS)
def test_scores_are_sacrebleus(options, pairs):
    peer = CHRF(**options)
    for hypothesis, references in pairs:
        expected = peer.sentence_score(hypothesis, references).score
        assert chrf(hypothesis, references, ChrfSettings(**options)).score == pytest.approx(
            expected, rel=1e-9, abs=1e-9
        )
    hypotheses, sets = zip(*pairs, strict=True)
    ours, theirs = chrf(hypotheses, sets, ChrfSettings(**options)), peer.corpus_score(hypotheses, transpose(sets))
    assert ours.score == pytest.approx(theirs.score, rel=1e-9)
    assert ours.name == theirs.name
    signature = peer.get_signature().format().split("|version")[0]
    assert ours.signature == f"{signature}|beta:{options.get('beta', 2)}|version:aigc_book-{__version__}"


BASES = [
    "",
    "a",
    "walk",
    "the cat sat on the mat",
    "a man is walking down the street",
    "我爱你",
    " ",
    "(so)",
    "on a mat .",
]
MANY = st.lists(
    st.tuples(st.sampled_from(BASES) | TEXTS, st.lists(st.sampled_from(BASES) | TEXTS, min_size=1, max_size=5)),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=400)
@given(MANY, st.integers(1, 7), st.integers(0, 3), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_several_references_are_sacrebleus(corpus, char_order, word_order, beta, lowercase, whitespace, eps_smoothing):
    options = {
        "char_order": char_order, "word_order": word_order, "beta": beta, "lowercase": lowercase,
        "whitespace": whitespace, "eps_smoothing": eps_smoothing,
    }  # fmt: skip
    hypotheses, sets = zip(*corpus, strict=True)
    expected = CHRF(**options).corpus_score(hypotheses, transpose(sets)).score
    assert chrf(hypotheses, sets, ChrfSettings(**options)).score == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_an_empty_hypothesis_and_the_order_of_references():
    """walk has 4 letters: the orders 5 and 6 are worth 1e-16 each, and that makes it the better of the two."""
    hypotheses, other = ["", "the cat sat on the mat"], ["the cat sat on the mat", "a cat sat on a mat"]
    for first in (["a man is walking down the street", "walk"], ["walk", "a man is walking down the street"]):
        result = chrf(hypotheses, [first, other], ChrfSettings(eps_smoothing=True))
        assert result.score == pytest.approx(92.68, abs=0.005)


def test_defaults_are_sacrebleus():
    expected = sacrebleu.corpus_chrf(["The cat sat."], [["A cat sits."]])
    assert chrf(["The cat sat."], ["A cat sits."]).score == pytest.approx(expected.score)


@quick
@given(CORPUS, st.sampled_from(OPTIONS))
def test_statistics_add_up(corpus, options):
    hypotheses, sets = zip(*corpus, strict=True)
    whole = chrf(hypotheses, sets, ChrfSettings(**options))
    assert sum(segment_stats(hypotheses, sets, ChrfSettings(**options))).score() == whole
    if len(hypotheses) > 1:
        parts = [
            chrf(hypotheses[part], sets[part], ChrfSettings(**options)).stats for part in (slice(0, 1), slice(1, None))
        ]
        assert (parts[0] + parts[1]).score() == whole


@quick
@given(TEXTS, TEXTS)
def test_bounds_and_symmetry(left, right):
    result, swapped = chrf(left, right, ChrfSettings(beta=1)), chrf(right, left, ChrfSettings(beta=1))
    assert 0 <= result.score <= 100 + 1e-9
    assert result.score == pytest.approx(swapped.score)  # F_1 treats both sides alike
    assert (result.precision, result.recall) == pytest.approx((swapped.recall, swapped.precision))


@quick
@given(TEXTS.filter(lambda text: bool(text.split())))
def test_a_text_scores_100_against_itself(text):
    assert chrf(text, ["b", text]).score == pytest.approx(100)


def test_empty_texts_score_0():
    assert chrf("", "a").score == chrf("a", "").score == chrf("", "").score == 0


@pytest.mark.parametrize(
    "options, message",
    [
        ({"char_order": 0}, "char_order must be at least 1; got 0"),
        ({"word_order": -1}, "word_order must be at least 0; got -1"),
        ({"beta": 0}, r"beta must be above 0 and at most 1e\+100; got 0"),
        ({"beta": math.nan}, r"beta must be above 0 and at most 1e\+100; got nan"),
        ({"beta": 1e300}, r"beta must be above 0 and at most 1e\+100; got 1e\+300"),
        ({"beta": math.inf}, r"beta must be above 0 and at most 1e\+100; got inf"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        chrf("a", "a", ChrfSettings(**options))


def test_input_that_is_refused():
    with pytest.raises(ValueError, match="must hold at least one text; got an empty list"):
        chrf([], [])
    with pytest.raises(ValueError, match="same length; got 1 and 2"):
        chrf(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="references must be a list of texts; got the string 'a'"):
        chrf(["a"], "a")
    with pytest.raises(ValueError, match="must hold at least one text; got none"):
        chrf("a", [])
    with pytest.raises(ValueError, match=r"got the string 'a' \(chrf takes one pair"):
        segment_stats("a", ["a"])


def test_input_is_left_as_it_was():
    hypotheses, references = ["The cat "], [["A cat", "CAT"]]
    before = copy.deepcopy((hypotheses, references))
    chrf(hypotheses, references, ChrfSettings(lowercase=True, word_order=2))
    assert (hypotheses, references) == before
