"""Interpolated Kneser–Ney n-grams: NLTK's definition, with tables that make whole texts quick.

A token's probability mixes what followed its context with what follows the context's end:

    p_k(w | c) = (max(N_k(c w) - D, 0) + D · kinds(c) · p_{k-1}(w | c without its first token)) / Σ_w N_k(c w)

N_n(c w) at the highest order n: how often w followed the context c of n - 1 tokens. N_k(c w) below: how many different
tokens stood in front of ``c w``. D: the ``discount``. kinds(c): how many different tokens followed c. p_1(w) is
N_1(w) / Σ_w N_1(w), and a context that was never seen is cut at its front until it was.

Source: Kneser and Ney 1995, *Improved backing-off for m-gram language modeling*; interpolated as in Chen and Goodman
1999, *An empirical study of smoothing techniques for language modeling*, section 3, with one discount for all orders.
``nltk.lm.KneserNeyInterpolated`` computes the same numbers from the same counts. It looks through all the contexts of
an order for each token that it scores; here the sums that it needs are taken once.
"""

import functools
import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

Counts = dict[tuple[str, ...], dict[str, int]]  # context → token → how often
START, END, UNKNOWN = "<s>", "</s>", "<UNK>"  # as NLTK calls them


class Followers(NamedTuple):
    """What came after one context."""

    counts: dict[str, int]  #: N_k(c w) for each token w with a count
    total: int  #: their sum
    kinds: int  #: how many different tokens followed the context in the training texts


class NGram:
    """A trained n-gram model; :meth:`train` makes one.

    Attributes:
        order: n, the number of tokens in the longest n-grams; the context is one shorter.
        discount: D, what is taken from each count.
        vocabulary: the tokens that the model knows, sorted, without the marks of start and end.
    """

    def __init__(self, counts: list[Counts], tokens: Counter[str], discount: float, min_count: int):
        self.order, self.discount = len(counts), discount
        self.vocabulary = tuple(sorted(set(counts[0][()]) - {START, END}))
        self._known = {*self.vocabulary, START, END}
        self._counts, self._tokens, self._min_count = counts, tokens, min_count
        self._levels = _levels(counts)

    @functools.cached_property
    def nltk(self):
        """The same model as NLTK has it, over the same counts (``KneserNeyInterpolated``; ``MLE`` for order 1).

        It is made when it is asked for, which takes longer than the training.
        """
        return _nltk_model(self._counts, self._tokens, self.discount, self._min_count)

    @property
    def n_counts(self) -> int:
        """How many different n-grams of n tokens the texts have, marks included. They are the numbers that the model is
        made of (those of fewer tokens are in them)."""
        return sum(map(len, self._counts[-1].values()))

    @classmethod
    def train(cls, texts: Iterable[Sequence[str]], *, order: int, discount: float = 0.75, min_count: int = 1) -> Self:
        """Count the n-grams of texts, each between n - 1 marks of its start and of its end (NLTK's ``pad_both_ends``).

        Args:
            texts: each a sequence of tokens; a string is the sequence of its characters.
            order: n. With 1, tokens have their relative frequencies and no discount.
            discount: D, from 0 to 1. (NLTK's default is 0.1, which trusts rare n-grams far too much.)
            min_count: rarer tokens are replaced by ``"<UNK>"``, and so is every token that is not known later. With 1
                all tokens are kept, and an unknown one is an error, because it would have probability 0.

        Raises:
            ValueError: there is no text with two tokens, a token is no string, or a setting is out of range.
        """
        if order < 1:
            raise ValueError(f"order must be at least 1; got {order}")
        if not 0 <= discount <= 1:
            raise ValueError(f"discount must be from 0 to 1; got {discount}")
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1; got {min_count}")
        if isinstance(texts, str):
            raise ValueError("texts must be a list of texts; got one string: write [text] to train on its characters")
        texts = [list(text) for text in texts]
        if not all(isinstance(token, str) for text in texts for token in text):
            raise ValueError("every token must be a string; turn ids into strings with map(str, ids)")
        if not any(len(text) > 1 for text in texts):
            raise ValueError(
                f"at least one text must have two tokens or more; got {len(texts)} texts"
                f" with {max(map(len, texts), default=0)} at most (is texts a single text? write [text])"
            )
        tokens = Counter(token for text in texts for token in text)
        known = {token: token if count >= min_count else UNKNOWN for token, count in tokens.items()}
        start, end = [START] * (order - 1), [END] * (order - 1)
        padded = [[*start, *[known[token] for token in text], *end] for text in texts]
        marks = dict.fromkeys((START, END), max(min_count, (order - 1) * len(texts)))  # never too rare
        return cls([_count(padded, k) for k in range(1, order + 1)], tokens | Counter(marks), discount, min_count)

    def probability(self, token: str, context: Sequence[str] = ()) -> float:
        """p(token | context), of which the last n - 1 tokens count. Without a context the token may be anywhere.

        Raises:
            ValueError: the token or one of the context is not known and there is no ``"<UNK>"``.
        """
        (token,), context = self._lookup([token]), tuple(self._lookup(context))
        return self._probability(token, context[max(0, len(context) - self.order + 1) :])

    def log_probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        """ln p of each of the T tokens of a text given those before it, (T,) in nats; the end's mark is not counted.

        Raises:
            ValueError: there are no tokens, or one is not known and there is no ``"<UNK>"``.
        """
        tokens, n = self._lookup(tokens), self.order - 1
        if not tokens:
            raise ValueError("tokens must hold at least one token; got none")
        padded = (*[START] * n, *tokens)
        # A known token can still have probability 0: a mark of start or end in the text.
        return np.array([_log(self._probability(w, padded[i : i + n])) for i, w in enumerate(tokens)])

    def log_probability(self, tokens: Sequence[str]) -> float:
        """ln p of a text in nats: the sum of :meth:`log_probabilities`."""
        return float(self.log_probabilities(tokens).sum())

    def perplexity(self, tokens: Sequence[str]) -> float:
        """exp of the mean of -ln p over the tokens of a text."""
        return math.exp(-self.log_probability(tokens) / len(tokens))

    def generate(self, max_tokens: int, *, prompt: Sequence[str] = (), seed: int = 0) -> list[str]:
        """Tokens drawn one by one from the model's distribution, until a text ends or there are max_tokens.

        Each draw asks the longest context first. With the probability that the discount has left there, it takes one of
        that context's followers; otherwise it asks the next shorter context. That is a draw from :meth:`probability`
        and never looks at the whole vocabulary.

        Args:
            max_tokens: at most so many new tokens.
            prompt: the tokens to go on from; none: the start of a text.
            seed: the same seed gives the same tokens, on every machine.

        Returns:
            The new tokens, without the prompt.

        Raises:
            ValueError: max_tokens is below 1, or a token of the prompt is not known and there is no ``"<UNK>"``.
        """
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1; got {max_tokens}")
        rng, n = random.Random(seed), self.order - 1
        tokens = [*[START] * n, *self._lookup(prompt)]
        begin = len(tokens)
        while len(tokens) < begin + max_tokens:
            token = self._draw(tuple(tokens[len(tokens) - n :]), rng)
            if token == END:
                break
            if token != START:  # which NLTK counts like any other token
                tokens.append(token)
        return tokens[begin:]

    def _lookup(self, tokens: Sequence[str]) -> list[str]:
        found = [token if token in self._known else UNKNOWN for token in tokens]
        if UNKNOWN not in self._known and UNKNOWN in found:
            token = tokens[found.index(UNKNOWN)]
            raise ValueError(
                f"the token {token!r} is not among the {len(self.vocabulary)} that the model was trained on;"
                f" min_count=2 or more would make rare and unknown tokens {UNKNOWN}"
            )
        return found

    def _seen(self, context: tuple[str, ...]) -> list[Followers]:
        """The followers of the context's ends, from the empty one to the longest that was seen."""
        found = []
        for level, table in enumerate(self._levels[: len(context) + 1]):
            followers = table.get(context[len(context) - level :])
            if followers is None:  # then no longer context was seen either
                break
            found.append(followers)
        return found

    def _probability(self, token: str, context: tuple[str, ...]) -> float:
        shortest, *longer = self._seen(context)
        p = shortest.counts.get(token, 0) / shortest.total
        for counts, total, kinds in longer:
            p = (max(counts.get(token, 0) - self.discount, 0) + self.discount * kinds * p) / total
        return p

    def _draw(self, context: tuple[str, ...], rng: random.Random) -> str:
        shortest, *longer = self._seen(context)
        for counts, total, _ in reversed(longer):
            rest = rng.random() * total
            for token, count in counts.items():
                rest -= max(count - self.discount, 0)
                if rest < 0:
                    return token
        return rng.choices(list(shortest.counts), list(shortest.counts.values()))[0]


def _count(texts: list[list[str]], k: int) -> Counts:
    """The n-grams of k tokens: context → how often each token followed it."""
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        grams.update(zip(*(text[i:] for i in range(k)), strict=False))
    counts: Counts = {}
    for gram, count in grams.items():
        counts.setdefault(gram[:-1], {})[gram[-1]] = count
    return counts


def _levels(counts: list[Counts]) -> list[dict[tuple[str, ...], Followers]]:
    """For contexts of 0 to n - 1 tokens: context → followers."""
    levels = []
    for raw, longer in itertools.pairwise(counts):
        fronts: Counts = {}  # in front of how many tokens?
        for context, followers in longer.items():
            front = fronts.setdefault(context[1:], {})
            for token in followers:
                front[token] = front.get(token, 0) + 1
        levels.append({c: Followers(f, sum(f.values()), len(raw[c])) for c, f in fronts.items()})
    levels.append({context: Followers(f, sum(f.values()), len(f)) for context, f in counts[-1].items()})
    return levels


def _nltk_model(counts: list[Counts], tokens: Counter[str], discount: float, min_count: int):
    """NLTK's model over these counts."""
    from nltk.lm import MLE, KneserNeyInterpolated, NgramCounter, Vocabulary

    counter = NgramCounter()
    for k, table in enumerate(counts, start=1):
        for context, followers in table.items():
            own = counter[k][context] if context else counter.unigrams
            for token, count in followers.items():
                own[token] = count
    vocabulary = Vocabulary(tokens, unk_cutoff=min_count, unk_label=UNKNOWN)
    if len(counts) == 1:  # NLTK's Kneser–Ney divides by zero there
        return MLE(1, vocabulary=vocabulary, counter=counter)
    return KneserNeyInterpolated(len(counts), discount=discount, vocabulary=vocabulary, counter=counter)


def _log(p: float) -> float:
    return math.log(p) if p > 0 else -math.inf
