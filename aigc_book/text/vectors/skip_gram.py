"""Skip-gram with negative sampling, the word2vec of Mikolov et al. (2013), in blocks of matrix products.

The program word2vec takes one pair of words after the other. Here a block of running text is taken at once: all its
words against all their neighbours, and against noise words that the block shares (as in Ji et al. 2016), so that nearly
all the work is three matrix products. The expected gradient is the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.text.vectors.cooccurrence import word_corpus
from aigc_book.text.vectors.embeddings import Embeddings

_BLOCK = 32  # words of running text in a block
_NOISE = 32  # noise words that they share
_STEP = 32  # blocks of one step, from all over the text
_MOST = 2.0  # learning rate times weight of pairs with which one vector moves in one step
_FAR = -(10**9)  # the place of a word that is none


def noise_distribution(counts: Tensor, *, power: float = 0.75) -> Tensor:
    """P(w) ∝ count(w)^power, from which noise words are drawn: at 0.75, rare words more often than they occur.

    Args:
        counts: (V,) how often each word occurs.
        power: 1 for the words' own frequencies, 0 for all words alike; Mikolov et al. (2013) found 3/4 best.

    Returns:
        (V,) float64 probabilities.
    """
    weights = counts.double() ** power
    return weights / weights.sum()


def keep_probability(counts: Tensor, *, threshold: float = 1e-3) -> Tensor:
    """min(1, √(t / f)): how often an occurrence of a word is kept (Mikolov et al. 2013, equation 5).

    Args:
        counts: (V,) how often each word occurs; f is that divided by their sum.
        threshold: t; words that make up no more than this share of the text are always kept.

    Returns:
        (V,) float64 probabilities.
    """
    frequency = counts.double() / counts.sum()
    return (threshold / frequency).sqrt().clamp(max=1)


def negative_sampling(v: Tensor, u: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What it costs to tell neighbours from noise, and the gradients, for all pairs of two groups of vectors.

    A pair has the score s = v·u. A neighbour (label 1) costs −ln σ(s), a noise word (label 0) −ln σ(−s); the derivative
    by s is σ(s) − label either way. The sum is the negative of equation 4 of Mikolov et al. (2013) when a centre word
    has its neighbours with weight 1 and k noise words with weight 1 for each neighbour.

    Args:
        v: (..., T, C) vectors of centre words.
        u: (..., S, C) vectors of the words they are paired with.
        labels: 1 or 0, of a shape that broadcasts to (..., T, S).
        weights: (..., T, S), how much a pair counts; 0 for a pair that is none.

    Returns:
        The cost of each pair (..., T, S), and the gradients of their weighted sum by v (..., T, C) and u (..., S, C).
    """
    scores = v @ u.mT
    slopes = weights * (scores.sigmoid() - labels)
    return F.softplus(scores) - labels * scores, slopes @ u, slopes.mT @ v


class SkipGram(NamedTuple):
    """Word vectors that tell neighbours from noise; :meth:`train` makes them."""

    embeddings: Embeddings  #: the vectors v of the words as centres, those to use
    contexts: Embeddings  #: the vectors u of the words as neighbours; the products v·u were trained
    losses: list[float]  #: the loss of each epoch, in nats per neighbour

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        d_model: int = 100,
        window: int = 5,
        n_negatives: int = 5,
        min_count: int = 5,
        threshold: float = 1e-3,
        epochs: int = 5,
        learning_rate: float = 0.025,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Train word vectors to tell the neighbours of a word from noise words.

        As in word2vec: a neighbour is a word of the same sentence at most r words away, with r drawn from 1 to
        ``window`` for each centre word; frequent words are left out at random; the learning rate falls to 0 in a
        straight line; the vectors start small and random, the context vectors at 0. Different: the words of a block
        share 32 noise words, each weighted by k/32 for each neighbour, in place of k of its own for every pair; a noise
        word that happens to be the neighbour stays in, as in the paper's formula; and a step adds up the gradients of
        32 blocks of 32 words, where a vector that takes part in so many pairs that the sum would overshoot moves less.

        Args:
            sentences: each a sequence of words.
            d_model: C, the width of the vectors.
            window: the largest r.
            n_negatives: k, noise words for each neighbour.
            min_count: words that occur less often get no vector.
            threshold: as in :func:`keep_probability`.
            epochs: passes over the text.
            learning_rate: of the first step.
            seed: the same seed gives the same vectors on the same machine.
            device: where the vectors are while they are trained.

        Returns:
            The vectors, the context vectors, and the loss of each epoch, in nats per neighbour (measured in every
            eighth step). An untrained model has (k + 1) ln 2.

        Raises:
            ValueError: a number is out of range; or the text, as in
                :func:`~aigc_book.text.vectors.cooccurrence.word_corpus`.
        """
        settings = {"d_model": d_model, "window": window, "n_negatives": n_negatives, "epochs": epochs}
        for name, value in (settings | {"threshold": threshold, "learning_rate": learning_rate}).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0; got {value}")
        corpus = word_corpus(sentences, min_count=min_count)
        rng = torch.Generator().manual_seed(seed)
        start = (torch.rand(len(corpus.words), d_model, generator=rng) - 0.5) / d_model
        centre, context = start.to(device), torch.zeros_like(start, device=device)
        keep = keep_probability(corpus.counts, threshold=threshold)[corpus.ids]
        noise = noise_distribution(corpus.counts).cumsum(dim=0)
        labels = torch.cat([torch.ones(_BLOCK + 2 * window), torch.zeros(_NOISE)]).to(device)
        losses = []
        for epoch in range(epochs):
            kept = torch.rand(len(keep), generator=rng) < keep
            words, places = _blocks(corpus.ids[kept], corpus.sentence[kept], window)
            steps = torch.randperm(len(words), generator=rng).split(_STEP)
            cost = n_neighbours = 0.0
            for i, rows in enumerate(steps):
                neighbours = _neighbours(places[rows], window, rng)  # (B, T, T + 2 window)
                drawn = torch.rand(len(rows), _NOISE, generator=rng, dtype=torch.float64)
                negatives = torch.searchsorted(noise, drawn).clamp_(max=len(noise) - 1)
                per_noise_word = neighbours.sum(dim=-1, keepdim=True) * (n_negatives / _NOISE)
                weights = torch.cat([neighbours, per_noise_word.expand(-1, -1, _NOISE)], dim=-1).to(device)
                middle = words[rows, window:-window].to(device)  # (B, T)
                others = torch.cat([words[rows], negatives], dim=1).to(device)  # (B, S)

                costs, grad_v, grad_u = negative_sampling(centre[middle], context[others], labels, weights)
                rate = learning_rate * (1 - (epoch + i / len(steps)) / epochs)
                _descend(centre, middle, grad_v, weights.sum(dim=2), rate)
                _descend(context, others, grad_u, weights.sum(dim=1), rate)
                if i % 8 == 0:
                    cost += float((weights * costs).sum())
                    n_neighbours += float(neighbours.sum())
            losses.append(cost / max(n_neighbours, 1))
        return cls(Embeddings(corpus.words, centre), Embeddings(corpus.words, context), losses)


def _blocks(ids: Tensor, sentence: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Cut text (N,) into blocks of T words with ``window`` more on either side: the ids and places, (B, T + 2 window).

    Two words of one sentence are as far apart as their places; words of different sentences are out of reach.
    """
    places = torch.arange(len(ids)) + window * sentence
    n_blocks = max(1, -(-len(ids) // _BLOCK))
    fill = (window, n_blocks * _BLOCK - len(ids) + window)
    words, places = F.pad(ids, fill), F.pad(places, fill, value=_FAR)
    return words.unfold(0, _BLOCK + 2 * window, _BLOCK), places.unfold(0, _BLOCK + 2 * window, _BLOCK)


def _neighbours(places: Tensor, window: int, rng: torch.Generator) -> Tensor:
    """1 where a column's word is a neighbour of a row's, else 0: places (B, T + 2 window) -> (B, T, T + 2 window)."""
    middle = places[:, window:-window]
    radius = torch.randint(1, window + 1, middle.shape, generator=rng).masked_fill_(middle == _FAR, 0)
    distance = (places[:, None, :] - middle[:, :, None]).abs_()
    return ((distance > 0) & (distance <= radius[:, :, None])).float()


def _descend(table: Tensor, ids: Tensor, grad: Tensor, weight: Tensor, rate: float) -> None:
    """One step down the gradient, in place. A row may come many times in ids (B, R); its gradients (B, R, C) add up.

    The curvature of the loss is at most |u|²/4 for each unit of weight. One pair after the other, that never
    overshoots; the sum over a step may, where a row has much weight (B, R) in it. Such a row moves less.
    """
    load = torch.zeros(len(table), device=table.device).index_add_(0, ids.flatten(), weight.flatten())
    rates = rate / (load * (rate / _MOST)).clamp(min=1)  # (V,)
    table.index_add_(0, ids.flatten(), (grad * rates[ids][..., None]).flatten(0, 1), alpha=-1)
