"""Every check of the chapter on word embeddings accepts the solution and names the typical mistakes."""

import math

import pytest
import torch
from torch.nn import functional as F

from aigc_book.chapters.word_embeddings import checks


def says(verdict, words: str) -> None:
    assert not verdict
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict.message)


# --- how noise is drawn


def noise(counts, power=0.75, divide=True):
    weights = [count**power for count in counts]
    return [weight / sum(weights) if divide else weight for weight in weights]


def test_noise_accepts_the_solution():
    assert checks.check_noise(noise)
    assert checks.check_noise(lambda counts: torch.tensor(noise(counts)))
    assert "Not answered yet: noise" in checks.check_noise(lambda counts: None).message


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda c: noise(c, power=1), "words' own frequencies"),
        (lambda c: noise(c, power=0), "that is the power 0"),
        (lambda c: noise(c, power=4 / 3), "upside down"),
        (lambda c: noise(c, power=0.25), "the power 1/4"),
        (lambda c: noise(c, power=0.5), "a square root"),
        (lambda c: noise(c, power=-0.75), "the sign of the power"),
        (lambda c: noise(c, divide=False), "The proportions are right, and the sum is 1133"),
        (lambda c: [1.0, 0.0, 0.0], "A softmax of counts"),
        (lambda c: noise(c)[:2], r"must have the shape \(3,\); got \(2,\)"),
        (lambda c: [0.8826, 0.1103, 0.00706], r"must have the shape \(5,\)|should be"),
        (lambda c: [share**0.75 for share in noise(c, power=1)], "proportions are right, and the sum is 1.081"),
        (lambda c: [math.log(n) / sum(map(math.log, c)) for n in c], "logarithms of the counts"),
        (lambda c: sorted(noise(c), reverse=True), r"For counts \[3, 900"),
        (lambda c: noise(c, power=0.6), r"should be \(0.8826, 0.1103, 0.007061\); got \("),
    ],
)
def test_noise_names_the_mistake(answer, why):
    says(checks.check_noise(answer), why)


# --- the gradient of CBOW


def gradient(vs, u, noise, *, labels=(1, 0), divide=True, mean=True, sign=1, average=False):
    v = vs.mean(0) if mean else vs.sum(0)
    of_noise = (torch.sigmoid(noise @ v) - labels[1]) @ noise
    by_v = (torch.sigmoid(u @ v) - labels[0]) * u + (of_noise / len(noise) if average else of_noise)
    return sign * by_v / (len(vs) if divide else 1)


def by_autograd(vs, u, noise):
    vs = vs.requires_grad_()
    v = vs.mean(0)
    (-F.logsigmoid(u @ v) - F.logsigmoid(-(noise @ v)).sum()).backward()
    return vs.grad[0]


@pytest.mark.parametrize("solution", [gradient, by_autograd])
def test_cbow_accepts_the_solution(solution):
    assert checks.check_cbow_gradient(solution)


def test_cbow_unanswered():
    assert "Not answered yet: cbow_gradient" in checks.check_cbow_gradient(lambda vs, u, noise: None).message


@pytest.mark.parametrize(
    ("mistake", "why"),
    [
        ({"divide": False}, "the gradient by the mean. How does the mean move"),
        ({"sign": -1}, "The sign is flipped: the slope is belief minus truth"),
        ({"sign": -1, "divide": False}, "flipped, and the division by m is missing"),
        ({"mean": False, "divide": False}, "CBOW takes their mean"),
        ({"mean": False}, "CBOW takes their mean"),
        ({"labels": (1, 1)}, "The noise words have the label 1 too"),
        ({"labels": (0, 1)}, "The labels are exchanged"),
        ({"labels": (0, 0)}, "as if it were noise"),
        ({"average": True}, "The noise words are averaged"),
    ],
)
def test_cbow_names_the_mistake(mistake, why):
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs, u, noise, **mistake)), why)


def test_cbow_other_mistakes():
    def without_noise(vs, u, noise):
        return gradient(vs, u, noise[:0])

    def without_sigmoid(vs, u, noise):
        v = vs.mean(0)
        return ((u @ v - 1) * u + (noise @ v) @ noise) / len(vs)

    says(checks.check_cbow_gradient(without_noise), "The noise words are missing")
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs[:1], u, noise)), "Only the first neighbour")
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs, u, noise, divide=False) / 4), "Right for 4 neigh")
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs, u, noise) * len(vs) ** 2), "You multiplied by m")
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs, u, noise) / len(noise)), "number of noise words")
    says(checks.check_cbow_gradient(without_sigmoid), r"The slope needs σ\(s\)")
    says(checks.check_cbow_gradient(lambda vs, u, noise: gradient(vs, u, noise) + 1), "the gradient should be")
    says(checks.check_cbow_gradient(lambda vs, u, noise: vs), r"has the shape \(3,\); got \(4, 3\)")


# --- the odd one out


def odd(vectors, words, *, unit=True, pick=torch.argmin, dot=False, columns=False):
    table = torch.stack([vectors[word] for word in words])
    rows = F.normalize(table, dim=1) if unit else table
    rows = F.normalize(table, dim=0) if columns else rows
    mean = rows.mean(0)
    return words[int(pick(table @ mean if dot else F.cosine_similarity(rows, mean, dim=1)))]


def by_distance(vectors, words):
    table = torch.stack([vectors[word] for word in words])
    return words[int((table - table.mean(0)).norm(dim=1).argmax())]


def by_nearest(vectors, words):
    units = F.normalize(torch.stack([vectors[word] for word in words]), dim=1)
    return words[int((units @ units.T - 2 * torch.eye(len(words))).amax(1).argmin())]


def by_unit_distance(vectors, words):
    """The same order: all unit vectors are as far from the mean as their cosine with it is low."""
    units = F.normalize(torch.stack([vectors[word] for word in words]), dim=1)
    return words[int((units - units.mean(0)).norm(dim=1).argmax())]


def test_odd_accepts_the_solution():
    assert checks.check_odd_one_out(by_unit_distance)
    assert checks.check_odd_one_out(odd)
    assert "Not answered yet: odd_one_out" in checks.check_odd_one_out(lambda vectors, words: None).message


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda v, w: odd(v, w, pick=torch.argmax), "You took the highest cosine"),
        (lambda v, w: odd(v, w, unit=False), "A long vector draws the mean to itself"),
        (lambda v, w: odd(v, w, dot=True, unit=False), "Make all (vectors|of them) as long as 1 first"),
        (lambda v, w: odd(v, w, dot=True), "You took the lowest dot product"),
        (by_distance, "largest distance from the mean of vectors as long as they came"),
        (lambda v, w: odd(v, w, unit=False, columns=True), r"F.normalize\(…, dim=1\)"),
        (by_nearest, "whose nearest neighbour is farthest"),
        (lambda v, w: odd(v, v.words), "must be one of the words|apart from the others"),
        (lambda v, w: min(w, key=lambda word: v[word].norm()), "You took the shortest vector"),
        (lambda v, w: max(w, key=lambda word: v[word].norm()), "You took the longest vector"),
        (lambda v, w: w[-1], "apart from the others the answer was 'queue'"),
        (lambda v, w: 2, "must be one of the words .* got 2"),
        (lambda v, w: "other", "must be one of the words .* got 'other'"),
        (lambda v, w: w[0] if w[0] != odd(v, w) else w[1], "with 'lock' apart from the others the answer was 'thread'"),
    ],
)
def test_odd_names_the_mistake(answer, why):
    says(checks.check_odd_one_out(answer), why)
