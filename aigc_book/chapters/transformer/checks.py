"""Checks for the exercises of the chapter on the Transformer. Each takes the reader's function and gives a verdict."""

import torch

from aigc_book.chapters.attempt import Attempt
from aigc_book.chapters.comparing import expect, expect_mask
from aigc_book.chapters.verdict import check


@check
def check_block_parameters(block_parameters: Attempt) -> str:
    """4 C² + 4 C for attention, 2 C F + F + C for the feed-forward network, 4 C for two layer norms."""
    for number, (C, F) in enumerate(((24, 56), (16, 64), (32, 8), (7, 7), (768, 3072))):
        answer = block_parameters.number(C, F)
        attention, feedforward, norms = 4 * C * C + 4 * C, 2 * C * F + F + C, 4 * C
        right = attention + feedforward + norms
        mistakes = [
            (
                right - norms,
                "4 C numbers are missing. The two layer norms are missing: each learns a gain and a bias. Or is it the"
                " biases of attention's four matrices, which are as many?",
            ),
            (
                right - norms // 2,
                "Each of the two norms learns a gain and a bias: 4 C numbers in all, not 2 C.",
            ),
            (right - C * C - C, "The output matrix of attention is missing: there are four matrices, not three."),
            (right - 4 * C - F - C, "The biases of the linear layers are missing."),
            (
                right - 4 * C - F - C - norms,
                "Only the matrices are counted: linear layers have biases, and norms have two vectors each.",
            ),
            (right - F - C, "The biases of the feed-forward network are missing: d_ff, and d_model."),
            (right - F, "The first bias of the feed-forward network is missing: it has d_ff numbers."),
            (right - C, "A bias of d_model numbers is missing: attention has four, the network one."),
            (right - F + C, "The first bias of the feed-forward network has d_ff numbers, not d_model."),
            (right - feedforward + 8 * C * C + 5 * C, "The feed-forward width is an argument; you took it to be 4 C."),
            (right - C * F - C, "The feed-forward network has two matrices: up to d_ff, and down again."),
            (right - C * F - F, "The feed-forward network has two matrices: up to d_ff, and down again."),
            (attention + norms, "The feed-forward network is missing."),
            (feedforward + norms, "Attention is missing."),
            (right + norms // 2, "There are two norms, with a gain and a bias each: 4 C numbers."),
            (right + attention, "An encoder's block has one attention; a decoder's has a second, to the source."),
        ]  # fmt: skip
        said = f"For d_model = {C}, d_ff = {F} a block has {right:,} numbers; got {answer:,.10g}."
        otherwise = "Count attention, feed-forward network and norms one by one."
        if number:
            said = f"Right for one block, and for d_model = {C}, d_ff = {F} it is {right:,}; got {answer:,.10g}."
            otherwise = "Use the arguments."
        expect(answer, right, mistakes, said, otherwise, rtol=1e-9)
    return "Right, for five blocks: 12 C² and a little when d_ff = 4 C."


@check
def check_prefix_mask(prefix_mask: Attempt) -> str:
    """True where the column is in the prefix, or not later than the row."""
    for number, (P, T) in enumerate(((3, 7), (0, 4), (4, 4), (1, 5), (5, 6), (2, 9), (1, 1))):
        mask = prefix_mask.mask(P, T, shape=(T, T))
        causal = torch.ones(T, T, dtype=torch.bool).tril()
        column = (torch.arange(T) < P).expand(T, T)  # the column is in the prefix
        right = causal | column
        mistakes = [
            (~right, "True and False are exchanged: here True means may attend."),
            (right.T, "Rows and columns are exchanged: the row asks, the column is looked at."),
            (causal, "This is the causal mask: within the prefix, too, nothing looks ahead."),
            (torch.ones_like(right), "Everything sees everything: the answer sees its own future."),
            (column, "The answer doesn't see what it has written itself."),
            (causal & column, "The two conditions are joined with and; either is enough."),
            (causal ^ column, "The two conditions are joined with exclusive or; either is enough, and so are both."),
            (causal | column.T, "The prefix sees the answer: its rows are all true, its columns should be."),
            (
                (causal & ~column & ~column.T) | (column & column.T),
                "The answer doesn't see the prefix: every row sees it.",
            ),
            (causal.tril(-1) | column, "A word of the answer must see itself, too."),
        ]  # fmt: skip
        said = f"Right for a prefix of 3 of 7, and wrong for {P} of {T}." if number else ""
        expect_mask(mask, right, mistakes, said)
    return "Right: the source is read as an encoder reads, the answer written as a decoder writes."
