"""GloVe (Pennington, Socher and Manning 2014): vectors whose dot products are logarithms of co-occurrence counts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from aigc_book.text.vectors.cooccurrence import cooccurrences, word_corpus
from aigc_book.text.vectors.embeddings import Embeddings

_STEP = 16384  # entries of X of one step


def glove_weight(x: Tensor, *, x_max: float = 100.0, alpha: float = 0.75) -> Tensor:
    """f(x) = min(1, (x / x_max)^α): rare pairs count little, frequent ones not too much (equation 9).

    Args:
        x: co-occurrence counts, of any shape.
        x_max: from this count on the weight is 1; the paper's value is for a corpus of billions of words.
        alpha: α.
    """
    return (x / x_max).clamp(max=1) ** alpha


def glove_objective(v: Tensor, u: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The terms f(x) (v·u − ln x)² of equation 8, and half their gradients, entry by entry.

    The biases of the formula are components here: where v ends in (b, 1) and u in (1, b̃), the dot product has b + b̃ in
    it. The gradients by the two ones are 0.

    Args:
        v: (P, C + 2) the vectors of the first words of P pairs, with their biases.
        u: (P, C + 2) those of the second words.
        x: (P,) how often the pairs stand together, above 0.
        weight: (P,) f(x).

    Returns:
        The terms (P,), and half their gradients by v and by u, both (P, C + 2).
    """
    error = (v * u).sum(dim=-1) - x.log()
    slope = (weight * error)[:, None]
    grad_v, grad_u = slope * u, slope * v
    grad_v[:, -1] = 0
    grad_u[:, -2] = 0
    return weight * error**2, grad_v, grad_u


class GloVe(NamedTuple):
    """Word vectors that co-occurrence counts were fitted with; :meth:`train` makes them."""

    embeddings: Embeddings  #: the sums v + u, the vectors to use
    contexts: Embeddings  #: the vectors u, of the words as neighbours
    losses: list[float]  #: the mean term f(x) (v·u − ln x)² of each epoch

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        d_model: int = 100,
        window: int = 10,
        min_count: int = 5,
        x_max: float = 100.0,
        alpha: float = 0.75,
        epochs: int = 25,
        learning_rate: float = 0.05,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> Self:
        """Fit v·u + b + b̃ to ln x for all words that stand together, by weighted least squares with AdaGrad.

        As in GloVe: the counts of :func:`~aigc_book.text.vectors.cooccurrence.cooccurrences`, the start, and the sum of
        both vectors of a word as the result. Different: a step adds up the gradients of 16,384 entries, drawn without
        replacement, before AdaGrad (Duchi, Hazan and Singer 2011) sees them; GloVe's own program takes one after the
        other.

        Args:
            sentences: each a sequence of words.
            d_model: C, the width of the vectors.
            window: neighbours are at most so many words away.
            min_count: words that occur less often get no vector.
            x_max: as in :func:`glove_weight`, like the next.
            alpha: the exponent of the weights.
            epochs: passes over the entries of X.
            learning_rate: of AdaGrad.
            seed: the same seed gives the same vectors on the same machine.
            device: where the vectors are while they are trained.

        Returns:
            The sums v + u, the vectors u, and the mean term of each epoch.

        Raises:
            ValueError: a number is out of range; or the text, as in
                :func:`~aigc_book.text.vectors.cooccurrence.word_corpus`.
        """
        settings = {"d_model": d_model, "window": window, "x_max": x_max, "alpha": alpha, "epochs": epochs}
        for name, value in (settings | {"learning_rate": learning_rate}).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0; got {value}")
        corpus = word_corpus(sentences, min_count=min_count)
        i, j, x = (entries.to(device) for entries in cooccurrences(corpus, window=window))
        weight = glove_weight(x, x_max=x_max, alpha=alpha)
        rng = torch.Generator().manual_seed(seed)
        start = (torch.rand(2, len(corpus.words), d_model + 2, generator=rng) - 0.5) / d_model
        start[0, :, -1] = start[1, :, -2] = 1
        v, u = start.to(device)
        squares_v, squares_u = torch.ones_like(v), torch.ones_like(u)  # of all gradients so far; GloVe begins at 1
        losses = []
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(len(x), generator=rng).to(device).split(_STEP):
                a, b = i[rows], j[rows]
                terms, grad_a, grad_b = glove_objective(v[a], u[b], x[rows], weight[rows])
                total += float(terms.sum())
                for table, squares, at, grad in ((v, squares_v, a, grad_a), (u, squares_u, b, grad_b)):
                    step = torch.zeros_like(table).index_add_(0, at, grad)
                    squares.addcmul_(step, step)
                    table.addcdiv_(step, squares.sqrt(), value=-learning_rate)
            losses.append(total / len(x))
        both = (v + u)[:, :d_model]
        return cls(Embeddings(corpus.words, both), Embeddings(corpus.words, u[:, :d_model]), losses)
