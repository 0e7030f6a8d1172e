"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import pytest
import torch

from aigc_book.chapters.fine_tuning import checks


def answer_targets(ids, of_answer):
    return torch.where(of_answer[1:], ids[1:], -100)


TARGETS = {
    "the inputs": (lambda ids, m: torch.where(m[:-1], ids[:-1], -100), "They are the inputs"),
    "as long as the ids": (lambda ids, m: torch.where(m, ids, -100), "14 ids have 13 targets: nothing follows"),
    "one more": (
        lambda ids, m: torch.cat([torch.where(m[1:], ids[1:], -100), torch.tensor([-100])]),
        "nothing follows the last one, so leave it out",
    ),
    "off by one": (lambda ids, m: torch.where(m[:-1], ids[1:], -100), "The mask is off by one"),
    "nothing masked": (lambda ids, m: ids[1:], "Nothing is masked"),
    "first lost": (lambda ids, m: torch.where(m[1:] & m[:-1], ids[1:], -100), "The answer's first id doesn't count"),
    "after the end": (lambda ids, m: torch.where(m[1:] | m[:-1], ids[1:], -100), "What follows the end of an answer"),
    "upside down": (lambda ids, m: torch.where(~m[1:], ids[1:], -100), "The mask is upside down"),
    "zeros": (lambda ids, m: torch.where(m[1:], ids[1:], 0), "must be -100; 0 is the id of a token"),
    "no end": (
        lambda ids, m: torch.where(m[1:] & torch.cat([m[2:], torch.tensor([False])]), ids[1:], -100),
        "the mark of its end, doesn't count",
    ),
    "only the answer": (lambda ids, m: ids[m], "14 ids have 13 targets, in one dimension; got shape"),
}


def merge(W, A, B, alpha):
    return W + alpha / len(A) * B @ A


MERGES = {
    "no scale": (lambda W, A, B, alpha: W + B @ A, "The scale s = α / r is missing"),
    "α alone": (lambda W, A, B, alpha: W + alpha * B @ A, "You multiply with α"),
    "W missing": (lambda W, A, B, alpha: alpha / len(A) * B @ A, "That is the correction alone"),
    "sign": (lambda W, A, B, alpha: W - alpha / len(A) * B @ A, "The sign is wrong"),
    "upside down": (lambda W, A, B, alpha: W + len(A) / alpha * B @ A, "upside down: α / r"),
    "root": (lambda W, A, B, alpha: W + alpha / len(A) ** 0.5 * B @ A, "rank-stabilised"),
    "columns": (lambda W, A, B, alpha: W + alpha / A.shape[1] * B @ A, "You divide by A's columns"),
    "rows": (lambda W, A, B, alpha: W + alpha / len(B) * B @ A, "You divide by B's rows"),
    "twice": (lambda W, A, B, alpha: W + 2 * alpha / len(A) * B @ A, "It is W + (α / r) B A"),
    "nothing": (lambda W, A, B, alpha: W.clone(), "W as it was"),
    "transposed": (
        lambda W, A, B, alpha: W + alpha / len(A) * ((B @ A).T if len(W) == W.shape[1] else B @ A),
        "The correction is transposed",
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_answer_targets_names_the_mistake(name):
    wrong, words = TARGETS[name]
    verdict = checks.check_answer_targets(wrong)
    assert not verdict and words in str(verdict)


@pytest.mark.parametrize("name", MERGES)
def test_merge_names_the_mistake(name):
    wrong, words = MERGES[name]
    verdict = checks.check_merge(wrong)
    assert not verdict and words in str(verdict)


def test_solutions_pass():
    assert checks.check_answer_targets(answer_targets)
    assert checks.check_merge(merge)
