"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import pytest
import torch

from aigc_book.chapters.decoding import checks


def nucleus(probabilities, p):
    values, order = probabilities.sort(descending=True)
    n = int((values.cumsum(0) - values < p).sum())
    kept = torch.zeros_like(probabilities)
    kept[order[:n]] = values[:n]
    return kept / kept.sum()


def short(probabilities, p):
    values, order = probabilities.sort(descending=True)
    n = int((values.cumsum(0) <= p).sum())
    kept = torch.zeros_like(probabilities)
    kept[order[:n]] = values[:n]
    return kept / kept.sum().clamp_min(1e-9)


def long(probabilities, p):
    values, order = probabilities.sort(descending=True)
    n = int((values.cumsum(0) - values <= p).sum())
    kept = torch.zeros_like(probabilities)
    kept[order[:n]] = values[:n]
    return kept / kept.sum()


def divided(kept):
    return kept / kept.sum().clamp_min(1e-9)


def replacement(p, q):
    return divided((p - q).clamp_min(0))


NUCLEUS = {
    "bring their probabilities to a sum of 1": lambda x, p: torch.where(nucleus(x, p) > 0, x, 0.0),
    "Nothing is left out": lambda x, p: x,
    "The token that reaches p belongs to the nucleus too": short,
    "the next token is out": long,
    "That is min-p": lambda x, p: divided(torch.where(x >= p * x.max(), x, 0.0)),
    "in the order of their ids": lambda x, p: divided(torch.where(x.cumsum(0) - x < p, x, 0.0)),
    "don't become equally likely": lambda x, p: divided((nucleus(x, p) > 0).float()),
    "Divide by the sum": lambda x, p: torch.where(nucleus(x, p) > 0, x, 0.0).softmax(0),
    "Sort, add up until p is reached": lambda x, p: nucleus(x, p).flip(0),
}
REPLACEMENT = {
    "Bring it to a sum of 1": lambda p, q: (p - q).clamp_min(0),
    "That is the tempting rule": lambda p, q: p,
    "don't draw from it again": lambda p, q: q,
    "Turned round": lambda p, q: replacement(q, p),
    "there is nothing to make up for": lambda p, q: divided((p - q).abs()),
    "A probability can't be negative": lambda p, q: p - q,
    "That is what stays": lambda p, q: divided(torch.minimum(p, q)),
    "a softmax would give something to every token": lambda p, q: (p - q).clamp_min(0).softmax(0),
}


def test_the_solutions_are_accepted():
    assert checks.check_nucleus(nucleus)
    assert checks.check_replacement(replacement)


@pytest.mark.parametrize("message", NUCLEUS)
def test_nucleus_names_the_mistake(message):
    verdict = checks.check_nucleus(NUCLEUS[message])
    assert not verdict and message in verdict.message


@pytest.mark.parametrize("message", REPLACEMENT)
def test_replacement_names_the_mistake(message):
    verdict = checks.check_replacement(REPLACEMENT[message])
    assert not verdict and message in verdict.message
