"""Every check of the Transformer chapter accepts the solution and names the typical mistakes."""

import pytest
import torch

from aigc_book.chapters.transformer import checks
from aigc_book.layers.attention import causal_mask

# --- the numbers in a block


def count(C, F, *, matrices=4, linear_biases=True, norms=4, feedforward=2):
    attention = matrices * (C * C + (C if linear_biases else 0))
    network = feedforward * C * F + ((F + (feedforward - 1) * C) if linear_biases and feedforward else 0)
    return attention + network + norms * C


def test_block_parameters_accepts_the_solution():
    assert checks.check_block_parameters(count)
    assert checks.check_block_parameters(lambda C, F: torch.tensor(count(C, F)))


def test_block_parameters_unanswered():
    assert "Not answered yet: block_parameters" in checks.check_block_parameters(lambda C, F: None).message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda C, F: count(C, F, norms=0), "The two layer norms are missing"),
        (lambda C, F: count(C, F, norms=2), "a gain and a bias: 4 C numbers in all, not 2 C"),
        (lambda C, F: count(C, F, matrices=3), "four matrices, not three"),
        (lambda C, F: count(C, F, linear_biases=False), "The biases of the linear layers are missing"),
        (lambda C, F: count(C, F, linear_biases=False, norms=0), "Only the matrices are counted"),
        (lambda C, F: count(C, 4 * C), "you took it to be 4 C"),
        (lambda C, F: count(C, F, feedforward=1), "two matrices: up to d_ff, and down again"),
        (lambda C, F: count(C, F, feedforward=0), "The feed-forward network is missing"),
        (lambda C, F: count(C, F) - 4 * C, "the biases of attention's four matrices, which are as many"),
        (lambda C, F: count(C, F) - F - C, "The biases of the feed-forward network are missing"),
        (lambda C, F: count(C, F) - F, "it has d_ff numbers"),
        (lambda C, F: count(C, F) - C, "attention has four, the network one"),
        (lambda C, F: 2 * C * F + F + C + 4 * C, "Attention is missing"),
        (lambda C, F: 5264, "Right for one block, and for d_model = 16, d_ff = 64 it is 3,280"),
        (lambda C, F: 12 * C * C, "For d_model = 24, d_ff = 56 a block has 5,264 numbers; got 6,912. Count attention"),
        (lambda C, F: count(24, 56), "Right for one block, and for d_model = 16, d_ff = 64"),
    ],
)
def test_block_parameters_names_the_mistake(answer, says):
    verdict = checks.check_block_parameters(answer)
    assert not verdict
    assert says in verdict.message


# --- a mask that reads both ways and writes one way


def solution(P, T):
    return causal_mask(T, T) | (torch.arange(T) < P)


def loops(P, T):
    return torch.tensor([[s < P or s <= t for s in range(T)] for t in range(T)])


@pytest.mark.parametrize("mask", [solution, loops])
def test_prefix_mask_accepts_the_solution(mask):
    assert checks.check_prefix_mask(mask)


def test_prefix_mask_unanswered():
    assert "Not answered yet: prefix_mask" in checks.check_prefix_mask(lambda P, T: None).message


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (lambda P, T: ~solution(P, T), "True and False are exchanged"),
        (lambda P, T: solution(P, T).T, "Rows and columns are exchanged"),
        (lambda P, T: causal_mask(T, T), "within the prefix, too, nothing looks ahead"),
        (lambda P, T: torch.ones(T, T).bool(), "the answer sees its own future"),
        (lambda P, T: (torch.arange(T) < P).expand(T, T), "doesn't see what it has written itself"),
        (lambda P, T: causal_mask(T, T) & (torch.arange(T) < P), "joined with and; either is enough"),
        (lambda P, T: causal_mask(T, T) | (torch.arange(T) < P)[:, None], "The prefix sees the answer"),
        (lambda P, T: solution(P, T).float(), "must be boolean (True = may attend); got torch.float32"),
        (lambda P, T: solution(P, T)[0], "must have the shape (7, 7); got (7,)"),
        (lambda P, T: [[True]], "must have the shape (7, 7); got (1, 1)"),
        (lambda P, T: causal_mask(T, T) ^ (torch.arange(T) < P), "exclusive or"),
        (lambda P, T: solution(3, 7), "the mask must have the shape (4, 4); got (7, 7)"),
        (lambda P, T: solution(P, T) if P > 1 else causal_mask(T, T).T, "wrong for 0 of 4"),
        (lambda P, T: torch.ones(T, T).tril(-1).bool() | (torch.arange(T) < P), "must see itself, too"),
        (lambda P, T: solution(P + 1, T), "Position 0 may attend to position 3, and must not"),
        (lambda P, T: solution(P - 1, T), "Position 0 may not attend to position 2, and should"),
        (lambda P, T: solution(3, T), "wrong for 0 of 4"),
    ],
)
def test_prefix_mask_names_the_mistake(mask, says):
    verdict = checks.check_prefix_mask(mask)
    assert not verdict
    assert says in verdict.message
