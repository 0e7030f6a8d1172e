"""Which words there are and which stand near which: what word vectors are trained on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class WordCorpus:
    """Sentences as one array of word ids. Words that were too rare are gone, as if they had never stood there."""

    words: tuple[str, ...]  #: the vocabulary by falling count, equal ones in the order of the alphabet; V of them
    counts: Tensor  #: (V,) int64, how often each occurs
    ids: Tensor  #: (N,) int64, the words of all sentences, one after the other
    sentence: Tensor  #: (N,) int64, the number of the sentence that each stands in


def word_corpus(sentences: Iterable[Sequence[str]], *, min_count: int = 5) -> WordCorpus:
    """Count the words of sentences and number them.

    Args:
        sentences: each a sequence of words. What stands near what is looked for within a sentence only.
        min_count: rarer words are left out, and their neighbours move together, as in word2vec and GloVe.

    Raises:
        ValueError: a sentence is a string and not a sequence of words, a word is no string, min_count is below 1, there
            are no words, or fewer than two different ones are left.
    """
    if min_count < 1:
        raise ValueError(f"min_count must be at least 1; got {min_count}")
    if isinstance(sentences, str):
        raise ValueError(f"sentences must be sequences of words; got one string, {sentences[:30]!r}")
    sentences = list(sentences)
    for sentence in sentences:
        if isinstance(sentence, str):
            raise ValueError(f"a sentence must be a sequence of words; got the string {sentence[:30]!r}, not split")
        if not isinstance(sentence, Iterable):
            raise ValueError(f"a sentence must be a sequence of words; got {sentence!r}, a {type(sentence).__name__}")
    counts = Counter(word for sentence in sentences for word in sentence)
    if wrong := [word for word in counts if not isinstance(word, str)]:
        raise ValueError(f"every word must be a string; got {wrong[0]!r}, a {type(wrong[0]).__name__}")
    if not counts:
        raise ValueError(f"the text must hold words; got none in {len(sentences)} sentences")
    words = tuple(sorted((w for w, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w)))
    if len(words) < 2:
        raise ValueError(
            f"the text must hold at least two different words that occur min_count={min_count} times;"
            f" got {len(words)} of {len(counts)} different words"
        )
    id_of = {word: i for i, word in enumerate(words)}
    numbered = [[id_of[word] for word in sentence if word in id_of] for sentence in sentences]
    lengths = torch.tensor([len(ids) for ids in numbered])
    return WordCorpus(
        words=words,
        counts=torch.tensor([counts[word] for word in words]),
        ids=torch.tensor([i for ids in numbered for i in ids]),
        sentence=torch.arange(len(numbered)).repeat_interleave(lengths),
    )


def cooccurrences(corpus: WordCorpus, *, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """How often word j stands near word i, a neighbour at distance d counting 1/d {cite:p}`pennington2014glove`.

    Args:
        corpus: N words, V different ones.
        window: neighbours at most so many words away, to the left and to the right.

    Returns:
        i, j (both int64) and x (float32), all of shape (P,): the non-zero entries of the symmetric V by V matrix
        X, sorted by i and then j.

    Raises:
        ValueError: window is below 1, or no two words of a sentence stand side by side.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1; got {window}")
    n_words, ids, sentence = len(corpus.words), corpus.ids, corpus.sentence
    keys, weights = [], []
    for d in range(1, min(window, len(ids) - 1) + 1):
        together = sentence[d:] == sentence[:-d]
        left, right = ids[:-d][together], ids[d:][together]
        pairs = torch.cat([left * n_words + right, right * n_words + left])  # one number for a pair of words
        pairs, times = pairs.unique(return_counts=True)
        keys.append(pairs)
        weights.append(times / d)
    pairs, where = torch.cat(keys).unique(return_inverse=True)
    if not len(pairs):
        raise ValueError("the text must hold a sentence with two words of the vocabulary side by side; got none")
    x = torch.zeros(len(pairs)).index_add_(0, where, torch.cat(weights))
    return pairs // n_words, pairs % n_words, x
