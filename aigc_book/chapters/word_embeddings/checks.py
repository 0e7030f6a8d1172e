"""Checks for the exercises of the chapter on word embeddings."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.text.vectors.embeddings import Embeddings


def check_noise(noise: Callable[[list[int]], Sequence[float]]) -> Verdict:
    """Negative sampling draws words with probabilities proportional to count^(3/4)."""
    counts = [10_000, 625, 16]
    answer = noise(list(counts))
    if answer is None:
        return unanswered("noise")
    answer = torch.as_tensor(answer, dtype=torch.float64)
    if answer.shape != (3,):
        return Verdict(False, f"For three counts there must be three probabilities; got {tuple(answer.shape)}.")

    def share(power: float) -> Tensor:
        weights = torch.tensor(counts, dtype=torch.float64) ** power
        return weights / weights.sum()

    right = share(0.75)
    if torch.allclose(answer / answer.sum(), right, rtol=1e-3) and not torch.allclose(answer, right, rtol=1e-3):
        return Verdict(False, f"The proportions are right, and the sum is {float(answer.sum()):.4g}: it must be 1.")
    mistakes = [
        (share(1), "These are the words' own frequencies. Where is the power that raises rare words?"),
        (share(0), "All words are equally likely: that is the power 0."),
        (share(4 / 3), "The power is upside down: 4/3 makes frequent words still more frequent."),
        (share(0.25), "That is the power 1/4; the paper's is 3/4."),
        (share(0.5), "That is a square root, as in the thinning of frequent words; noise has the power 3/4."),
        (share(-0.75), "The rarest word is drawn most: the sign of the power is wrong."),
        (F.softmax(torch.tensor(counts, dtype=torch.float64), dim=0), "A softmax of counts gives all to the largest."),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer, mistake, rtol=1e-3):
            return Verdict(False, why)
    if not torch.allclose(answer, right, rtol=1e-3):
        return Verdict(False, f"For counts {counts} the probabilities should be {_row(right)}; got {_row(answer)}.")
    return Verdict(True, "Right: bacon is 0.15 % of these words and 0.7 % of the noise.")


def check_cbow_gradient(cbow_gradient: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Verdict:
    """The gradient of CBOW's loss by one of m neighbours: (Σ (σ − y) u) / m, at the neighbours' mean."""
    rng = torch.Generator().manual_seed(0)
    vs, u, noise = (torch.randn(*shape, generator=rng) for shape in ((4, 3), (3,), (5, 3)))
    answer = cbow_gradient(vs.clone(), u.clone(), noise.clone())
    if answer is None:
        return unanswered("cbow_gradient")
    answer = torch.as_tensor(answer, dtype=torch.float32)
    if answer.shape != (3,):
        return Verdict(False, f"A gradient by one vector of width 3 has the shape (3,); got {tuple(answer.shape)}.")

    def gradient(v: Tensor, labels: tuple[float, float] = (1, 0), mean_of_noise: bool = False) -> Tensor:
        of_noise = (torch.sigmoid(noise @ v) - labels[1]) @ noise
        return (torch.sigmoid(u @ v) - labels[0]) * u + (of_noise / len(noise) if mean_of_noise else of_noise)

    mean, m = vs.mean(dim=0), len(vs)
    right = gradient(mean) / m
    mistakes = [
        (gradient(mean), "This is the gradient by the mean. How does the mean move when one of m vectors does?"),
        (-right, "The sign is flipped: the slope is belief minus truth. (A step goes against the gradient.)"),
        (-gradient(mean), "The sign is flipped, and the division by m is missing."),
        (gradient(vs.sum(dim=0)), "The neighbours are added up; CBOW takes their mean."),
        (gradient(vs.sum(dim=0)) / m, "The neighbours are added up; CBOW takes their mean."),
        (gradient(mean, labels=(1, 1)) / m, "The noise words have the label 1 too: theirs is 0."),
        (gradient(mean, labels=(0, 1)) / m, "The labels are exchanged: the word in the middle has 1, noise has 0."),
        (gradient(mean, labels=(0, 0)) / m, "The word in the middle has the label 0, as if it were noise."),
        (gradient(mean, mean_of_noise=True) / m, "The noise words are averaged; the loss adds up their terms."),
        ((torch.sigmoid(u @ mean) - 1) * u / m, "The noise words are missing."),
        (((u @ mean - 1) * u + (noise @ mean) @ noise) / m, "The slope needs σ(s), not the score itself."),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer, mistake, atol=1e-4):
            return Verdict(False, why)
    if not torch.allclose(answer, right, atol=1e-4):
        return Verdict(False, f"For a small case the gradient should be {_row(right)}; got {_row(answer)}.")
    return Verdict(True, "Right: belief minus truth, times the other vector, divided among the m neighbours.")


def check_odd_one_out(odd_one_out: Callable[[Embeddings, list[str]], str]) -> Verdict:
    """The word with the lowest cosine with the mean of the unit vectors."""
    words = ["lock", "thread", "bacon", "queue"]
    tables = []
    for odd in range(4):  # the odd one in each place, once very long and once very short
        for length in (30.0, 0.05):
            rows = [[2.0 - 0.4 * i, 0.1 * i, 0.2] for i in range(4)]
            rows[odd] = [0.0, length, 0.0]
            tables.append(torch.tensor(rows))
    answers = [odd_one_out(Embeddings(words, table), list(words)) for table in tables]
    if None in answers:
        return unanswered("odd_one_out")
    for answer in answers:
        if answer not in words:
            return Verdict(False, f"The answer must be one of the words {words}; got {answer!r}.")

    def lowest(score: Callable[[Tensor, Tensor], Tensor]) -> list[str]:
        return [words[int(score(table, F.normalize(table, dim=1)).argmin())] for table in tables]

    right = lowest(lambda table, units: units @ units.mean(dim=0))
    mistakes = [
        (lambda table, units: -(units @ units.mean(dim=0)), "You took the highest cosine: that is the most typical."),
        (
            lambda table, units: F.cosine_similarity(table, table.mean(dim=0), dim=1),
            "A long vector draws the mean to itself. Make all vectors as long as 1 first.",
        ),
        (
            lambda table, units: table @ units.mean(dim=0),
            "You took the lowest dot product, which may come from a short vector. Take the cosine.",
        ),
        (
            lambda table, units: table @ table.mean(dim=0),
            "You took dot products of vectors as long as they came. Make all of them as long as 1 first.",
        ),
    ]
    for score, why in mistakes:
        if answers == lowest(score) != right:
            return Verdict(False, why)
    for answer, expected in zip(answers, right, strict=True):
        if answer != expected:
            return Verdict(False, f"For {words} with {expected!r} apart from the others the answer was {answer!r}.")
    return Verdict(True, "Right, and however long the vectors are.")


def _row(vector: Tensor) -> str:
    return "(" + ", ".join(f"{x:.4g}" for x in vector.tolist()) + ")"
