"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import math

import pytest
import torch

from aigc_book.chapters.alignment import checks


def minus_log_sigmoid(z):
    return math.log1p(math.exp(-z)) if z > -30 else -z


def right_dpo(w, v, rw, rv, beta):
    return minus_log_sigmoid(beta * ((w - rw) - (v - rv)))


DPO = {
    "are the two answers exchanged": lambda w, v, rw, rv, b: right_dpo(v, w, rv, rw, b),
    "The reference is missing": lambda w, v, rw, rv, b: minus_log_sigmoid(b * (w - v)),
    "is the policy subtracted from the reference": lambda w, v, rw, rv, b: minus_log_sigmoid(b * ((rw - w) - (rv - v))),
    "subtracted, not added": lambda w, v, rw, rv, b: minus_log_sigmoid(b * ((w + rw) - (v + rv))),
    "or exchanged": lambda w, v, rw, rv, b: minus_log_sigmoid(b * ((w - rv) - (v - rw))),
    "β is missing": lambda w, v, rw, rv, b: right_dpo(w, v, rw, rv, 1.0),
    "you divide by it": lambda w, v, rw, rv, b: right_dpo(w, v, rw, rv, 1 / b),
    "β belongs inside": lambda w, v, rw, rv, b: b * right_dpo(w, v, rw, rv, 1.0),
    "change the sign": lambda *a: -right_dpo(*a),
    "That is σ itself": lambda *a: math.exp(-right_dpo(*a)),
    "That is the lead itself": lambda w, v, rw, rv, b: -b * ((w - rw) - (v - rv)),
    "don't take exp": lambda w, v, rw, rv, b: minus_log_sigmoid(b * (math.exp(w - rw) - math.exp(v - rv))),
    "without overflow": lambda w, v, rw, rv, b: -float(torch.tensor(b * ((w - rw) - (v - rv))).sigmoid().log()),
    "Write down the lead": lambda *a: 0.3,
}


def groups(rewards, G):
    return rewards.view(-1, G)


def right_group(r, G):
    g = groups(r, G)
    return ((g - g.mean(1, keepdim=True)) / (g.std(1, keepdim=True) + 1e-4)).flatten()


def by_columns(r, G):
    g = r.view(G, -1)
    return ((g - g.mean(0)) / (g.std(0) + 1e-4)).flatten()


GROUP = {
    "the deviation is missing": lambda r, G: (groups(r, G) - groups(r, G).mean(1, keepdim=True)).flatten(),
    "not the variance": lambda r, G: (
        (groups(r, G) - groups(r, G).mean(1, keepdim=True)) / (groups(r, G).var(1, keepdim=True) + 1e-4)
    ).flatten(),
    "mean isn't subtracted": lambda r, G: (groups(r, G) / (groups(r, G).std(1, keepdim=True) + 1e-4)).flatten(),
    "over the whole batch": lambda r, G: (r - r.mean()) / (r.std() + 1e-4),
    "G - 1 in its denominator": lambda r, G: (
        (groups(r, G) - groups(r, G).mean(1, keepdim=True)) / (groups(r, G).std(1, keepdim=True, correction=0) + 1e-4)
    ).flatten(),
    "The sign is wrong": lambda r, G: -right_group(r, G),
    "Mind the view": by_columns,
    "the rewards themselves": lambda r, G: r,
    "not the range": lambda r, G: (
        (c := groups(r, G) - groups(r, G).mean(1, keepdim=True)) / (c.abs().amax(1, keepdim=True) + 1e-4)
    ).flatten(),
    "No softmax": lambda r, G: groups(r, G).softmax(1).flatten(),
    "keeps the division finite": lambda r, G: (
        (groups(r, G) - groups(r, G).mean(1, keepdim=True)) / groups(r, G).std(1, keepdim=True)
    ).flatten(),
    "must have the shape (6,)": lambda r, G: groups(r, G),
    "not to the variance under its root": lambda r, G: (
        (groups(r, G) - groups(r, G).mean(1, keepdim=True)) / (groups(r, G).var(1, keepdim=True) + 1e-4).sqrt()
    ).flatten(),
    "not the whole batch's": lambda r, G: (
        (groups(r, G) - groups(r, G).mean(1, keepdim=True)) / (r.std() + 1e-4)
    ).flatten(),
    "the answer itself included": lambda r, G: (
        (groups(r, G) - (groups(r, G).sum(1, keepdim=True) - groups(r, G)) / (G - 1))
        / (groups(r, G).std(1, keepdim=True) + 1e-4)
    ).flatten(),
}

BEST = {
    "the average over the answers is smaller": math.log,
    "so that the best of one costs nothing": lambda n: math.log(n) - 1 / n,
    "taken off, not added": lambda n: math.log(n) + (n - 1) / n,
    "natural logarithm": lambda n: math.log2(n) - (n - 1) / n,
    "only for large n": lambda n: math.log(n) - 1,
    "A divergence isn't negative": lambda n: (n - 1) / n - math.log(n),
    "Integrate": lambda n: n,
}
SOLUTIONS = {
    checks.check_dpo: (right_dpo, DPO),
    checks.check_group: (right_group, GROUP),
    checks.check_best_of: (lambda n: math.log(n) - (n - 1) / n, BEST),
}


@pytest.mark.parametrize("check", SOLUTIONS)
def test_the_solution_is_right(check):
    verdict = check(SOLUTIONS[check][0])
    assert verdict and verdict.message.startswith("Right"), verdict.message


@pytest.mark.parametrize(("check", "message"), [(check, m) for check, (_, wrong) in SOLUTIONS.items() for m in wrong])
def test_the_mistake_is_named(check, message):
    verdict = check(SOLUTIONS[check][1][message])
    assert not verdict and message in verdict.message, verdict.message


@pytest.mark.parametrize("check", SOLUTIONS)
def test_a_stub_is_not_answered_yet(check):
    verdict = check(lambda *arguments: None)
    assert not verdict and verdict.message.startswith("Not answered yet")
