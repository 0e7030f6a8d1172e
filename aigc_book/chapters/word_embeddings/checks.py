"""Checks for the exercises of the chapter on word embeddings. Each takes the reader's function."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.chapters.attempt import Attempt, Wrong, in_short
from aigc_book.chapters.comparing import close, expect, in_a_row
from aigc_book.chapters.verdict import check
from aigc_book.text.vectors.embeddings import Embeddings


@check
def check_noise(noise: Attempt) -> str:
    """Negative sampling draws words with probabilities proportional to count^(3/4)."""
    for counts in ([10_000, 625, 16], [3, 900, 41, 5, 77], [7, 7], [12]):
        answer = noise.tensor(counts, shape=(len(counts),))
        n = torch.tensor(counts, dtype=torch.float64)

        def share(power: float, n: Tensor = n) -> Tensor:
            return n**power / (n**power).sum()

        right = share(0.75)
        if close(answer / answer.sum(), right, rtol=1e-3) and not close(answer, right, rtol=1e-3):
            raise Wrong(f"The proportions are right, and the sum is {float(answer.sum()):.4g}: it must be 1.")
        mistakes = [
            (share(1), "These are the words' own frequencies. Where is the power that raises rare words?"),
            (share(0), "All words are equally likely: that is the power 0."),
            (share(4 / 3), "The power is upside down: 4/3 makes frequent words still more frequent."),
            (share(0.25), "That is the power 1/4; the paper's is 3/4."),
            (share(0.5), "That is a square root, as in the thinning of frequent words; noise has the power 3/4."),
            (share(-0.75), "The rarest word is drawn most: the sign of the power is wrong."),
            (share(1) ** 0.75, "The power was taken of the shares, which no longer add up to 1: divide after it."),
            (F.softmax(n, dim=0), "A softmax of counts gives all to the largest."),
            (F.softmax(n**0.75, dim=0), "A softmax of powers gives all to the largest: divide by the sum instead."),
            (n.log() / n.log().sum(), "Those are logarithms of the counts; the paper takes the power 3/4."),
        ]
        otherwise = f"For counts {counts} the probabilities should be {in_a_row(right)}; got {in_a_row(answer)}."
        said = "" if counts[0] == 10_000 else f"For counts {counts} you get {in_a_row(answer)}."
        expect(answer, right, mistakes, said, otherwise, rtol=1e-3)
    return "Right: bacon is 0.15 % of these words and 0.7 % of the noise."


@check
def check_cbow_gradient(cbow_gradient: Attempt) -> str:
    """The gradient of CBOW's loss by one of m neighbours: (Σ (σ − y) u) / m, at the neighbours' mean."""
    rng = torch.Generator().manual_seed(0)
    for number, (m, C, k) in enumerate(((4, 3, 5), (1, 4, 2), (3, 3, 3), (6, 2, 1))):
        vs, u, noise = (torch.randn(*shape, generator=rng) for shape in ((m, C), (C,), (k, C)))
        answer = cbow_gradient.as_tensor(cbow_gradient(vs, u, noise), None)
        if answer.shape != (C,):
            raise Wrong(f"A gradient by one vector of width {C} has the shape ({C},); got {tuple(answer.shape)}.")
        right, mistakes = _cbow(vs.double(), u.double(), noise.double())
        where = "For a small case" if number == 0 else f"Right for 4 neighbours; for {m} of width {C}, {k} noise words"
        said = "" if number == 0 else f"{where} it is wrong."
        otherwise = f"{where if number == 0 else ''} the gradient should be {in_a_row(right)}; got {in_a_row(answer)}."
        expect(answer, right, mistakes, said, otherwise.strip(), atol=1e-4)
    return "Right: belief minus truth, times the other vector, divided among the m neighbours."


def _cbow(vs: Tensor, u: Tensor, noise: Tensor) -> tuple[Tensor, list[tuple[Tensor, str]]]:
    """The right gradient, and what mistakes give."""

    def gradient(v: Tensor, labels: tuple[float, float] = (1, 0), mean_of_noise: bool = False) -> Tensor:
        of_noise = (torch.sigmoid(noise @ v) - labels[1]) @ noise
        return (torch.sigmoid(u @ v) - labels[0]) * u + (of_noise / len(noise) if mean_of_noise else of_noise)

    mean, total, m = vs.mean(dim=0), vs.sum(dim=0), len(vs)
    right = gradient(mean) / m
    wrong_noise = (torch.sigmoid(u @ mean) - 1) * u + (torch.sigmoid(-(noise @ mean))) @ noise
    of_first = gradient(vs[0])
    return right, [
        (gradient(mean), "This is the gradient by the mean. How does the mean move when one of m vectors does?"),
        (gradient(mean) * m, "You multiplied by m. The mean moves by 1/m when one of m vectors moves by 1."),
        (-right, "The sign is flipped: the slope is belief minus truth. (A step goes against the gradient.)"),
        (-gradient(mean), "The sign is flipped, and the division by m is missing."),
        (gradient(total), "The neighbours are added up; CBOW takes their mean."),
        (gradient(total) / m, "The neighbours are added up; CBOW takes their mean."),
        (of_first, "Only the first neighbour was looked at; CBOW takes the mean of all."),
        (of_first / m, "Only the first neighbour was looked at; CBOW takes the mean of all."),
        (gradient(mean, labels=(1, 1)) / m, "The noise words have the label 1 too: theirs is 0."),
        (gradient(mean, labels=(0, 1)) / m, "The labels are exchanged: the word in the middle has 1, noise has 0."),
        (gradient(mean, labels=(0, 0)) / m, "The word in the middle has the label 0, as if it were noise."),
        (gradient(mean, mean_of_noise=True) / m, "The noise words are averaged; the loss adds up their terms."),
        (gradient(mean) / (m * len(noise)), "You divided by the number of noise words, too."),
        (wrong_noise / m, "The slope of a noise word is σ(s), not σ(-s): its label is 0."),
        ((torch.sigmoid(u @ mean) - 1) * u / m, "The noise words are missing."),
        (((torch.sigmoid(noise @ mean)) @ noise) / m, "The word in the middle is missing."),
        (((u @ mean - 1) * u + (noise @ mean) @ noise) / m, "The slope needs σ(s), not the score itself."),
    ]  # fmt: skip


WORDS = ["lock", "thread", "bacon", "queue"]
SIX_WORDS = ["thread", "lock", "semaphore", "bacon", "queue", "signal"]


@check
def check_odd_one_out(odd_one_out: Attempt) -> str:
    """The word with the lowest cosine with the mean of the unit vectors."""
    cases = []
    for odd in range(4):  # the odd one in each place, once very long and once very short
        for length in (30.0, 0.05):
            rows = [[2.0 - 0.4 * i, 0.1 * i, 0.2] for i in range(4)]
            rows[odd] = [0.0, length, 0.0]
            cases.append((WORDS, torch.tensor(rows)))
    for odd in range(4):  # a typical word is very long
        rows = torch.tensor([[2.0 - 0.4 * i, 0.1 * i, 0.2] for i in range(4)])
        rows[odd] = torch.tensor([0.0, 1.0, 0.0])
        rows[odd - 1] *= 40
        cases.append((WORDS, rows))
    # Two words apart from the others are near each other: the nearest neighbour says nothing of them.
    angles = torch.deg2rad(torch.tensor([0.0, 100.0, 5.0, 70.0, 10.0, -40.0]))
    cases.append((SIX_WORDS, torch.stack((angles.cos(), angles.sin()), dim=1)))
    cases += _drawn_words()
    answers = []
    for words, table in cases:
        others = [f"other{i}" for i in range(3)]  # the table has more words than are asked for, in another order
        vectors = Embeddings([*others, *words[::-1]], torch.cat((torch.eye(3, table.size(1)), table.flip(0))))
        answer = odd_one_out(vectors, words)
        if not isinstance(answer, str) or answer not in words:
            got = repr(answer) if isinstance(answer, str) else in_short(answer)
            raise Wrong(f"The answer must be one of the words {words}; got {got}.")
        answers.append(str(answer))
    right = _lowest(cases, lambda table, units: units @ units.mean(dim=0))
    for score, why in _MISTAKEN_SCORES:
        if answers == _lowest(cases, score) != right:
            raise Wrong(why)
    for (words, table), answer, expected in zip(cases, answers, right, strict=True):
        if answer != expected:
            said = f"For {words} with {expected!r} apart from the others the answer was {answer!r}."
            rows = "; ".join(f"{word} {in_a_row(row)}" for word, row in zip(words, table, strict=True))
            raise Wrong(f"{said} The vectors: {rows}.")
    return "Right, and however long the vectors are."


def _lowest(cases: list, score: Callable[[Tensor, Tensor], Tensor]) -> list[str]:
    return [words[int(score(table, F.normalize(table, dim=1)).argmin())] for words, table in cases]


def _drawn_words() -> list[tuple[list[str], Tensor]]:
    """Random words of all lengths, in which one has clearly the lowest cosine."""
    rng = torch.Generator().manual_seed(0)
    cases = []
    while len(cases) < 12:
        n = 3 + len(cases) % 4
        table = torch.randn(n, 4, generator=rng) + torch.tensor([1.5, 0.0, 0.0, 0.0])
        table *= (2 * torch.randn(n, 1, generator=rng)).exp()
        units = F.normalize(table, dim=1)
        lowest, second = F.cosine_similarity(units, units.mean(dim=0), dim=1).sort().values[:2]
        if second - lowest > 0.2:
            cases.append((SIX_WORDS[:n], table))
    return cases


def _to_nearest(table: Tensor, units: Tensor) -> Tensor:
    return (units @ units.T - 2 * torch.eye(len(units))).amax(dim=1)


_MISTAKEN_SCORES = [
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
    (
        lambda table, units: -(table - table.mean(dim=0)).norm(dim=1),
        "You took the largest distance from the mean of vectors as long as they came: a long one is far from all.",
    ),
    (
        lambda table, units: F.cosine_similarity(F.normalize(table, dim=0), F.normalize(table, dim=0).mean(0), dim=1),
        "Columns were made as long as 1. Each word is a row: F.normalize(…, dim=1).",
    ),
    (_to_nearest, "You looked for the word whose nearest neighbour is farthest. Compare each with the mean of all."),
    (lambda table, units: table.norm(dim=1), "You took the shortest vector, wherever it points."),
    (lambda table, units: -table.norm(dim=1), "You took the longest vector, wherever it points."),
]
