"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import math

import pytest
import torch

from aigc_book.chapters.self_supervision import checks

LN2 = math.log(2)


def scores(mean, tokens, size):
    return math.exp(mean), mean * tokens / (size * LN2)


def corrupt(ids, chosen, fate, drawn, mask_id):
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, inputs)
    return inputs, torch.where(chosen, ids, -100)


def pseudo(joint, i, j):
    return (joint[i, j] / joint[:, j].sum()).log() + (joint[i, j] / joint[i].sum()).log()


SCORES = {
    "the base is e": lambda m, t, b: (2**m, scores(m, t, b)[1]),
    "exp of the sum": lambda m, t, b: (math.exp(m * t), scores(m, t, b)[1]),
    "divided by the number of tokens already": lambda m, t, b: (math.exp(m / t), scores(m, t, b)[1]),
    "for a token, not for a byte": lambda m, t, b: (math.exp(m * t / b), scores(m, t, b)[1]),
    "Perplexity is its inverse": lambda m, t, b: (math.exp(-m), scores(m, t, b)[1]),
    "the mean loss itself": lambda m, t, b: (m, scores(m, t, b)[1]),
    "in the wrong order": lambda m, t, b: scores(m, t, b)[::-1],
    "nats per byte": lambda m, t, b: (math.exp(m), m * t / b),
    "You multiplied by ln 2": lambda m, t, b: (math.exp(m), m * t / b * LN2),
    "bits per token": lambda m, t, b: (math.exp(m), m / LN2),
    "take the sum over all tokens": lambda m, t, b: (math.exp(m), m / b / LN2),
    "exchanged": lambda m, t, b: (math.exp(m), m * b / t / LN2),
    "there is no 8 in it": lambda m, t, b: (math.exp(m), m * t / b / LN2 / 8),
    "must return 2 things": lambda m, t, b: math.exp(m),
}
CORRUPT = {
    "All places are asked for": lambda i, c, f, d, m: (corrupt(i, c, f, d, m)[0], i),
    "The wrong way round: you ask": lambda i, c, f, d, m: (corrupt(i, c, f, d, m)[0], torch.where(c, -100, i)),
    "0 is a token": lambda i, c, f, d, m: (corrupt(i, c, f, d, m)[0], torch.where(c, i, 0)),
    "which the loss leaves out": lambda i, c, f, d, m: (corrupt(i, c, f, d, m)[0], torch.where(c, i, -1)),
    "the next token, not for the hidden": lambda i, c, f, d, m: (
        corrupt(i, c, f, d, m)[0],
        torch.where(c, i.roll(-1, 1), -100),
    ),
    "also where another word stands now": lambda i, c, f, d, m: (
        corrupt(i, c, f, d, m)[0],
        torch.where(c, corrupt(i, c, f, d, m)[0], -100),
    ),
    "Nothing is hidden": lambda i, c, f, d, m: (i, corrupt(i, c, f, d, m)[1]),
    "All chosen places became": lambda i, c, f, d, m: (torch.where(c, m, i), corrupt(i, c, f, d, m)[1]),
    "places that were not chosen": lambda i, c, f, d, m: (
        corrupt(i, torch.ones_like(c), f, d, m)[:1] + corrupt(i, c, f, d, m)[1:]
    ),
    "the drawn word should stand": lambda i, c, f, d, m: (
        torch.where(c & (f < 0.8), m, i),
        corrupt(i, c, f, d, m)[1],
    ),
    "From 0.9 on the word stays": lambda i, c, f, d, m: (
        torch.where(c & (f < 0.8), m, torch.where(c, d, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "wrong way round: 80 %": lambda i, c, f, d, m: (
        torch.where(c & (f > 0.8), m, i),
        corrupt(i, c, f, d, m)[1],
    ),
    "Up to 0.9 you masked": lambda i, c, f, d, m: (torch.where(c & (f < 0.9), m, i), corrupt(i, c, f, d, m)[1]),
    "At exactly 0.8 the drawn word stands, not": lambda i, c, f, d, m: (
        torch.where(c & (f <= 0.8), m, torch.where(c & (f < 0.9), d, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "At exactly 0.9 the word stays": lambda i, c, f, d, m: (
        torch.where(c & (f < 0.8), m, torch.where(c & (f <= 0.9), d, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "at 0.9 the old": lambda i, c, f, d, m: (
        torch.where(c & (f <= 0.8), m, torch.where(c & (f <= 0.9), d, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "The drawn word stands where": lambda i, c, f, d, m: (
        torch.where(c & (f < 0.9), d, torch.where(c & (f < 0.8), m, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "are exchanged": lambda i, c, f, d, m: (
        torch.where(c & (f < 0.8), d, torch.where(c & (f < 0.9), m, i)),
        corrupt(i, c, f, d, m)[1],
    ),
    "must return 2 things": lambda i, c, f, d, m: i,
    "must have the shape": lambda i, c, f, d, m: (i[0], i[0]),
}
PSEUDO = {
    "the chain rule": lambda p, i, j: p[i, j].log(),
    "the joint probability twice": lambda p, i, j: 2 * p[i, j].log(),
    "neither of which sees the other": lambda p, i, j: p[i].sum().log() + p[:, j].sum().log(),
    "the first word only": lambda p, i, j: (p[i, j] / p[:, j].sum()).log(),
    "the second word only": lambda p, i, j: (p[i, j] / p[i].sum()).log(),
    "in bits": lambda p, i, j: pseudo(p, i, j) / LN2,
    "The sign": lambda p, i, j: -pseudo(p, i, j),
    "product of the two": lambda p, i, j: pseudo(p, i, j).exp(),
    "add their logarithms": lambda p, i, j: (p[i, j] / p[:, j].sum() + p[i, j] / p[i].sum()).log(),
    "the pseudo-log-likelihood is the sum": lambda p, i, j: pseudo(p, i, j) / 2,
    "divided by the sum of its column": lambda p, i, j: p[i, j],
    "must return a number": lambda p, i, j: "low",
}


@pytest.mark.parametrize("name", ["scores", "corrupt", "pseudo"])
def test_solutions_are_accepted(name):
    verdict = getattr(checks, f"check_{name}")(globals()[name])
    assert verdict and "Right" in verdict.message, verdict


def test_corrupt_may_be_written_as_a_loop_over_numbers():
    def looped(ids, chosen, fate, drawn, mask_id):
        inputs, targets, fates = ids.tolist(), torch.where(chosen, ids, -100).tolist(), fate.tolist()
        for b, t in chosen.nonzero().tolist():
            if fates[b][t] < 0.8:
                inputs[b][t] = mask_id
            elif fates[b][t] < 0.9:
                inputs[b][t] = drawn[b, t].item()
        return inputs, targets

    assert checks.check_corrupt(looped)


@pytest.mark.parametrize(("words", "answer"), SCORES.items())
def test_mistakes_in_scores(words, answer):
    verdict = checks.check_scores(answer)
    assert not verdict and words in verdict.message, verdict


@pytest.mark.parametrize(("words", "answer"), CORRUPT.items())
def test_mistakes_in_corrupt(words, answer):
    verdict = checks.check_corrupt(answer)
    assert not verdict and words in verdict.message, verdict


@pytest.mark.parametrize(("words", "answer"), PSEUDO.items())
def test_mistakes_in_pseudo(words, answer):
    verdict = checks.check_pseudo(answer)
    assert not verdict and words in verdict.message, verdict


@pytest.mark.parametrize("name", ["scores", "corrupt", "pseudo"])
def test_unanswered_and_other_kinds(name):
    check = getattr(checks, f"check_{name}")
    assert "Not answered yet" in check(lambda *arguments: None).message
    assert not check(None) and not check(3) and not check(lambda *arguments: "words")
