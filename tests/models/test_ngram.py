"""Kneser–Ney n-grams: a case by hand, NLTK as the oracle, the laws of probability, every documented error."""

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.lm import MLE, KneserNeyInterpolated, Vocabulary
from nltk.lm.preprocessing import pad_both_ends, padded_everygram_pipeline

from aigc_book.models.ngram import END, START, UNKNOWN, NGram

TEXTS = [list("the cat sat on the mat"), list("a cat ate the rat that the bat sat at"), list("no rat sat")]
ALPHABET = sorted(set(itertools.chain(*TEXTS)))


def nltk_model(texts, order, discount=0.75, vocabulary=None) -> KneserNeyInterpolated:
    """NLTK's own pipeline from texts to a model, with nothing of ours in it."""
    grams, tokens = padded_everygram_pipeline(order, texts)
    model = KneserNeyInterpolated(order, discount=discount, vocabulary=vocabulary)
    model.fit(grams, tokens)
    return model


def test_a_bigram_by_hand():
    """One text, a b a c, padded: <s> a b a c </s>. D = 0.5.

    The pairs are <s>a, ab, ba, ac, c</s>, five kinds. In front of a stood <s> and b, in front of b, c, </s> one each:
    p_1(a) = 2/5, p_1(b) = p_1(c) = p_1(</s>) = 1/5. After a came b and c, once each, so kinds = 2 and the sum is 2:
    p(b | a) = (1 - 0.5 + 0.5 · 2 · 1/5) / 2 = 0.35, p(a | a) = (0 + 1 · 2/5) / 2 = 0.2.
    After b came a alone: p(a | b) = (1 - 0.5 + 0.5 · 1 · 2/5) / 1 = 0.7. Nothing follows </s>: p(a | </s>) = 2/5.
    """
    model = NGram.train(["abac"], order=2, discount=0.5)
    assert model.probability("a") == pytest.approx(2 / 5)
    assert model.probability("b") == pytest.approx(1 / 5)
    assert model.probability("b", "a") == pytest.approx(0.35)
    assert model.probability("a", "a") == pytest.approx(0.2)
    assert model.probability("a", "b") == pytest.approx(0.7)
    assert model.probability("a", [END]) == pytest.approx(2 / 5)
    # p(a | <s>) = (1 - 0.5 + 0.5 · 2/5) / 1 = 0.7, then p(b | a) = 0.35
    np.testing.assert_allclose(model.log_probabilities("ab"), np.log([0.7, 0.35]))
    assert model.log_probability("ab") == pytest.approx(math.log(0.7 * 0.35))
    assert model.perplexity("ab") == pytest.approx((0.7 * 0.35) ** -0.5)


def test_the_number_of_counts_is_that_of_different_n_grams():
    """<s> a b a b </s> has the pairs <s>a, ab, ba, ab, b</s>: four different ones."""
    assert NGram.train(["abab"], order=2).n_counts == 4
    for order in (1, 2, 3):
        model = NGram.train(TEXTS, order=order)
        counts = model.nltk.counts[order] if order > 1 else {(): model.nltk.counts.unigrams}
        assert model.n_counts == sum(len(followers) for followers in counts.values())


@pytest.mark.parametrize("order", [2, 3, 5])
@pytest.mark.parametrize("discount", [0.1, 0.75, 1.0])
def test_every_probability_is_nltks(order, discount):
    ours, theirs = NGram.train(TEXTS, order=order, discount=discount), nltk_model(TEXTS, order, discount)
    rng = random.Random(0)
    seen = [tuple(text[i : i + k]) for text in TEXTS for k in range(order) for i in range(len(text) - k + 1)]
    contexts = [*dict.fromkeys(seen), *(tuple(rng.choices(ALPHABET, k=order - 1)) for _ in range(50))]
    for context in rng.sample(contexts, min(len(contexts), 60)):
        for token in rng.sample([*ALPHABET, END], 5):
            expected = theirs.score(token, context)
            assert ours.probability(token, context) == pytest.approx(expected, rel=1e-12)
            assert ours.nltk.score(token, context) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [2, 4])
def test_a_texts_perplexity_is_nltks(order):
    model, text = NGram.train(TEXTS, order=order), list("that cat on a bat")
    theirs = nltk_model(TEXTS, order)
    padded = list(pad_both_ends(text, n=order))
    grams = [tuple(padded[i : i + order]) for i in range(len(text))]  # the end's marks are not asked for
    assert model.perplexity(text) == pytest.approx(theirs.perplexity(grams), rel=1e-12)
    assert model.log_probability(text) == pytest.approx(-theirs.entropy(grams) * math.log(2) * len(text), rel=1e-12)


def test_rare_and_unknown_tokens_are_nltks_too():
    words = [text.split() for text in ("the cat sat on the mat", "the cat ate the rat", "a rat sat on a mat")]
    model = NGram.train(words, order=3, min_count=2)
    counts = Counter(itertools.chain(*words)) | Counter({START: 9, END: 9})
    theirs = nltk_model(words, 3, vocabulary=Vocabulary(counts, unk_cutoff=2))
    assert model.vocabulary == tuple(sorted([UNKNOWN, "the", "cat", "sat", "on", "mat", "rat", "a"]))
    for token, context in (("ate", ["the", "cat"]), ("dog", ["the", "cat"]), ("rat", ["dog", "the"]), ("cat", [])):
        assert model.probability(token, context) == pytest.approx(theirs.score(token, context), rel=1e-12)
    assert model.probability("dog", ["the", "cat"]) == model.probability("ate", ["the", "cat"]) > 0


def test_marks_are_known_however_rare():
    model = NGram.train(["abcab"], order=2, min_count=2)  # one start, one end
    assert UNKNOWN in model.vocabulary
    assert model.probability("a", [START]) == pytest.approx(model.nltk.score("a", [START]), rel=1e-12)
    assert model.probability(END, "b") == pytest.approx(model.nltk.score(END, ["b"]), rel=1e-12)


def test_order_one_is_relative_frequency():
    model = NGram.train(["abacaba", "cc"], order=1)
    assert isinstance(model.nltk, MLE)
    for token, count in {"a": 4, "b": 2, "c": 3}.items():
        assert model.probability(token) == pytest.approx(count / 9) == model.nltk.score(token)
        assert model.probability(token, "ab") == pytest.approx(count / 9)
    assert model.log_probability("ab") == pytest.approx(math.log(4 / 9 * 2 / 9))


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=4), st.text("abc", max_size=4))
@settings(max_examples=40, deadline=None)
def test_probabilities_add_up_to_one(texts, context):
    texts = [*texts, "abcab"]
    model = NGram.train(texts, order=3)
    total = sum(model.probability(token, context) for token in (*model.vocabulary, START, END))
    assert total == pytest.approx(1)


def test_only_the_last_tokens_of_a_context_count():
    model = NGram.train(TEXTS, order=3)
    assert model.probability("t", "eeca") == model.probability("t", "ca")
    assert model.log_probabilities("the cat")[-1] == pytest.approx(math.log(model.probability("t", "ca")))


def test_a_future_token_changes_nothing_before_it():
    model = NGram.train(TEXTS, order=4)
    one, other = model.log_probabilities("the cat"), model.log_probabilities("the bat")
    np.testing.assert_array_equal(one[:4], other[:4])
    assert one[4] != other[4]


def test_a_longer_context_predicts_better():
    text = "the rat sat on the mat"
    scores = [NGram.train(TEXTS, order=n).perplexity(text) for n in (1, 2, 3)]
    assert scores == sorted(scores, reverse=True)


def test_draws_have_the_models_probabilities():
    model = NGram.train(["abacab", "bca"], order=2, discount=0.6)
    expected = {token: model.probability(token, "a") for token in (*model.vocabulary, START, END)}
    allowed = 1 - expected.pop(START)  # a start's mark is drawn again
    n = 6000
    drawn = Counter("".join(model.generate(1, prompt="a", seed=seed)) or END for seed in range(n))
    for token, p in expected.items():
        p /= allowed
        assert abs(drawn[token] / n - p) < 5 * math.sqrt(p * (1 - p) / n) + 1e-12, token


def test_generation_repeats_with_its_seed_and_stops_at_the_end():
    model = NGram.train(TEXTS, order=3)
    first = model.generate(40, prompt="the", seed=1)
    assert first == model.generate(40, prompt="the", seed=1)
    assert len({tuple(model.generate(40, prompt="the", seed=seed)) for seed in range(5)}) > 1
    assert not {START, END} & set(first)
    lengths = [len(model.generate(200, seed=seed)) for seed in range(20)]
    assert min(lengths) < 200  # the end was drawn
    assert len(NGram.train(["abab"], order=1).generate(50)) == 50  # without marks there is no end


def test_generated_text_holds_only_seen_n_grams_without_a_discount():
    model = NGram.train(TEXTS, order=4, discount=0.0)
    made = "".join(model.generate(30, seed=2))
    padded = [START] * 3 + list(made)
    seen = {tuple(([START] * 3 + t)[i : i + 4]) for t in TEXTS for i in range(len(t))}
    assert made and all(tuple(padded[i : i + 4]) in seen for i in range(len(made)))


def test_nothing_is_changed():
    texts = [["a", "b", "a"], ["b", "c"]]
    before = [list(text) for text in texts]
    model = NGram.train(texts, order=2)
    prompt = ["a"]
    model.generate(5, prompt=prompt)
    model.log_probability(prompt)
    assert texts == before and prompt == ["a"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"order": 0}, "order must be at least 1; got 0"),
        ({"discount": 1.5}, r"discount must be from 0 to 1; got 1\.5"),
        ({"discount": -0.1}, r"discount must be from 0 to 1; got -0\.1"),
        ({"min_count": 0}, "min_count must be at least 1; got 0"),
        ({"texts": "one text"}, r"texts must be a list of texts; got one string: write \[text\]"),
        ({"texts": []}, "at least one text must have two tokens or more; got 0 texts with 0 at most"),
        ({"texts": [""]}, "got 1 texts with 0 at most"),
        ({"texts": ["a"]}, "got 1 texts with 1 at most"),
        ({"texts": ["a", "b", "a"]}, r"got 3 texts with 1 at most \(is texts a single text\? write \[text\]\)"),
        ({"texts": [[1, 2, 3]]}, r"every token must be a string; turn ids into strings with map\(str, ids\)"),
    ],
)
def test_bad_training(arguments, says):
    with pytest.raises(ValueError, match=says):
        NGram.train(**{"texts": ["abab"], "order": 2} | arguments)


def test_bad_questions():
    model = NGram.train(["abab"], order=2)
    for ask in (
        lambda: model.probability("x"),
        lambda: model.probability("a", "x"),
        lambda: model.log_probabilities("axb"),
        lambda: model.generate(3, prompt="x"),
    ):
        with pytest.raises(ValueError, match=r"the token 'x' is not among the 2 .* min_count=2 or more"):
            ask()
    with pytest.raises(ValueError, match="tokens must hold at least one token; got none"):
        model.perplexity("")
    with pytest.raises(ValueError, match="max_tokens must be at least 1; got 0"):
        model.generate(0)
