"""Checks for the exercises of the chapter on the Transformer. Each takes the reader's function and gives a verdict."""

from collections.abc import Callable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.layers.attention import causal_mask
from aigc_book.layers.encoder_block import EncoderBlock


def check_block_parameters(block_parameters: Callable[[int, int], int]) -> Verdict:
    """4 C² + 4 C for attention, 2 C F + F + C for the feed-forward network, 4 C for two layer norms."""
    C, F = 24, 56
    answer = block_parameters(C, F)
    if answer is None:
        return unanswered("block_parameters")
    attention, feedforward, norms = 4 * C * C + 4 * C, 2 * C * F + F + C, 4 * C
    right = attention + feedforward + norms
    mistakes = {
        right - norms: "The two layer norms are missing: each learns a gain and a bias.",
        right - norms // 2: "Each of the two norms learns a gain and a bias: 4 C numbers in all, not 2 C.",
        right - C * C - C: "The output matrix of attention is missing: there are four matrices, not three.",
        right - 4 * C - F - C: "The biases of the linear layers are missing.",
        right - 4 * C - F - C - norms: "Only the matrices are counted: linear layers have biases, and norms have two "
        "vectors each.",
        right - feedforward + 8 * C * C + 5 * C: "The feed-forward width is an argument; you took it to be 4 C.",
        right - C * F - C: "The feed-forward network has two matrices: up to d_ff, and down again.",
        attention + norms: "The feed-forward network is missing.",
    }
    if answer != right:
        why = mistakes.get(answer, "Count attention, feed-forward network and norms one by one.")
        return Verdict(False, f"For d_model = {C}, d_ff = {F} a block has {right:,} numbers; got {answer:,}. {why}")
    for C, F in ((16, 64), (32, 8)):
        built = sum(p.numel() for p in EncoderBlock(C, 4, F).parameters())
        if block_parameters(C, F) != built:
            return Verdict(
                False, f"Right for one block, and for d_model = {C}, d_ff = {F} it is {built:,}: use the arguments."
            )
    return Verdict(True, "Right, for three blocks: 12 C² and a little when d_ff = 4 C.")


def check_prefix_mask(prefix_mask: Callable[[int, int], Tensor]) -> Verdict:
    """True where the column is in the prefix, or not later than the row."""
    P, T = 3, 7
    mask = prefix_mask(P, T)
    if mask is None:
        return unanswered("prefix_mask")
    if not isinstance(mask, Tensor) or mask.shape != (T, T):
        shape = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        return Verdict(False, f"For {T} positions the mask must be a tensor of shape {(T, T)}; got {shape}.")
    if mask.dtype != torch.bool:
        return Verdict(False, f"The mask must be boolean (True = may attend); got {mask.dtype}.")
    causal = causal_mask(T, T)
    prefix = (torch.arange(T) < P).expand(T, T)  # the column is in the prefix
    right = causal | prefix
    mistakes = [
        (~right, "True and False are exchanged: here True means may attend."),
        (right.T, "Rows and columns are exchanged: the row asks, the column is looked at."),
        (causal, "This is the causal mask: within the prefix, too, nothing looks ahead."),
        (torch.ones_like(right), "Everything sees everything: the answer sees its own future."),
        (prefix, "The answer doesn't see what it has written itself."),
        (causal & prefix, "The two conditions are joined with and; either is enough."),
        (causal | prefix.T, "The prefix sees the answer: the rows of the prefix are all true, its columns should be."),
    ]
    if not torch.equal(mask, right):
        for mistake, why in mistakes:
            if torch.equal(mask, mistake):
                return Verdict(False, why)
        row, column = (mask != right).nonzero()[0].tolist()
        says, should = ("may", "must not") if mask[row, column] else ("may not", "should")
        return Verdict(False, f"With a prefix of {P}, position {row} {says} attend to position {column}, and {should}.")
    for P, T in ((0, 4), (4, 4), (1, 5)):
        if not torch.equal(prefix_mask(P, T), causal_mask(T, T) | (torch.arange(T) < P)):
            return Verdict(False, f"Right for a prefix of 3 of 7, and wrong for {P} of {T}.")
    return Verdict(True, "Right: the source is read as an encoder reads, the answer written as a decoder writes.")
