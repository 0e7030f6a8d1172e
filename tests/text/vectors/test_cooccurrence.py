"""Words counted and numbered, and co-occurrences: by hand, against loops, and every documented error."""

from collections import defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_book.text.vectors.cooccurrence import cooccurrences, word_corpus


def test_numbered_by_falling_count_and_then_the_alphabet():
    corpus = word_corpus([["b", "a", "rare"], ["c", "c", "b", "a"]], min_count=2)
    assert corpus.words == ("a", "b", "c")
    assert corpus.counts.tolist() == [2, 2, 2]
    assert corpus.ids.tolist() == [1, 0, 2, 2, 1, 0]
    assert corpus.sentence.tolist() == [0, 0, 1, 1, 1, 1]
    assert word_corpus([["b", "a", "a"]], min_count=1).words == ("a", "b")


def test_counts_by_hand():
    """rose is a rose, window 2: rose–is 1 + 1/2, rose–a 1/2 + 1, is–a 1, and no rose is two words from another."""
    corpus = word_corpus([["rose", "is", "a", "rose"]], min_count=1)
    assert corpus.words == ("rose", "a", "is")
    i, j, x = cooccurrences(corpus, window=2)
    assert list(zip(i.tolist(), j.tolist(), x.tolist(), strict=True)) == [
        (0, 1, 1.5), (0, 2, 1.5), (1, 0, 1.5), (1, 2, 1.0), (2, 0, 1.5), (2, 1, 1.0)
    ]  # fmt: skip


def test_a_word_beside_itself_counts_from_both_sides():
    """a a: the left one sees the right one, and the right one sees the left one."""
    i, j, x = cooccurrences(word_corpus([["a", "a"], ["b"]], min_count=1), window=5)
    assert (i.tolist(), j.tolist(), x.tolist()) == ([0], [0], [2.0])


SENTENCES = st.lists(st.lists(st.sampled_from("abcde"), max_size=7), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(SENTENCES, st.integers(1, 8))
def test_counts_equal_loops(sentences, window):
    expected = defaultdict(float)
    for sentence in sentences:
        for t, word in enumerate(sentence):
            for s in range(max(0, t - window), min(len(sentence), t + window + 1)):
                if s != t:
                    expected[word, sentence[s]] += 1 / abs(t - s)
    if not expected or len({word for sentence in sentences for word in sentence}) < 2:
        return
    corpus = word_corpus(sentences, min_count=1)
    i, j, x = cooccurrences(corpus, window=window)
    found = {(corpus.words[a], corpus.words[b]): c for a, b, c in zip(i.tolist(), j.tolist(), x.tolist(), strict=True)}
    assert found == pytest.approx(dict(expected))
    dense = torch.zeros(len(corpus.words), len(corpus.words)).index_put((i, j), x)
    torch.testing.assert_close(dense, dense.T)


def test_rare_words_bring_their_neighbours_together():
    corpus = word_corpus([["a", "x", "b"], ["a"], ["b"]], min_count=2)
    _, _, x = cooccurrences(corpus, window=1)
    assert x.tolist() == [1.0, 1.0]


def test_sentences_are_left_as_they_were():
    sentences = [["b", "a"], ["a", "b"]]
    word_corpus(sentences, min_count=2)
    assert sentences == [["b", "a"], ["a", "b"]]
    assert word_corpus((s for s in sentences), min_count=2).words == ("a", "b")  # and once is enough


@pytest.mark.parametrize(
    ("sentences", "min_count", "says"),
    [
        ([], 1, "the text must hold words; got none in 0 sentences"),
        ([[], []], 1, "the text must hold words; got none in 2 sentences"),
        ([["one"]], 1, r"at least two different words that occur min_count=1 times; got 1 of 1"),
        ([["a", "b", "a"]], 2, r"at least two different words that occur min_count=2 times; got 1 of 2"),
        ("a text", 1, "must be sequences of words; got one string, 'a text'"),
        (["a text", "not split"], 1, "a sentence must be a sequence of words; got the string 'a text', not split"),
        ([["a", "b"], float("nan")], 1, "a sentence must be a sequence of words; got nan, a float"),
        ([["a", "b"], ["a", None]], 1, "every word must be a string; got None, a NoneType"),
        ([["a", "b"]], 0, "min_count must be at least 1; got 0"),
    ],
)
def test_what_is_no_text(sentences, min_count, says):
    with pytest.raises(ValueError, match=says):
        word_corpus(sentences, min_count=min_count)


def test_what_has_no_cooccurrences():
    corpus = word_corpus([["a"], ["b"]], min_count=1)
    with pytest.raises(ValueError, match="a sentence with two words of the vocabulary side by side; got none"):
        cooccurrences(corpus, window=3)
    with pytest.raises(ValueError, match="window must be at least 1; got 0"):
        cooccurrences(corpus, window=0)
