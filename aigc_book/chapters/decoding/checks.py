"""Checks for the exercises of the chapter on decoding. Each takes the reader's function and returns a verdict."""

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect, in_a_row
from aigc_book.chapters.verdict import check


def _nucleus(probabilities: Tensor, p: float, *, before: bool = True, strict: bool = False) -> Tensor:
    """The right answer, or that of a cut at the other side of the token that reaches p."""
    values, order = probabilities.sort(descending=True, stable=True)
    total = values.cumsum(dim=0)
    compared = total - values if before else total
    kept = torch.zeros_like(probabilities)
    stays = compared < p if not strict else compared <= p
    kept[order[stays]] = values[stays]
    return kept


@check
def check_nucleus(nucleus: Attempt) -> str:
    """The fewest most likely tokens that have at least p together, brought to a sum of 1."""
    cases = [
        ([0.3125, 0.0625, 0.5, 0.125], 0.875),
        ([0.3125, 0.0625, 0.5, 0.125], 0.75),
        ([0.125, 0.25, 0.625], 0.5),
        ([0.25, 0.125, 0.125, 0.5], 1.0),
        ([0.0625, 0.1875, 0.0, 0.75], 0.9),
        ([0.3125, 0.0625, 0.5, 0.125], 0.8125),  # reached exactly by two
    ]
    for numbers, p in cases:
        probabilities = torch.tensor(numbers)
        answer = nucleus.tensor(probabilities, p, shape=(len(numbers),))
        kept = _nucleus(probabilities, p)
        right = kept / kept.sum()
        long = _nucleus(probabilities, p, strict=True)
        short = _nucleus(probabilities, p, before=False, strict=True)
        share = torch.where(probabilities >= p * probabilities.max(), probabilities, 0.0)
        above = torch.where(probabilities >= p, probabilities, 0.0)
        in_order = torch.where(probabilities.cumsum(0) - probabilities < p, probabilities, 0.0)
        said = f"For {in_a_row(probabilities)} and p = {p:g} you say {in_a_row(answer)}."
        mistakes = [
            (kept, "Those are the right tokens. Now bring their probabilities to a sum of 1."),
            (probabilities, "Nothing is left out."),
            (kept.softmax(dim=0), "Divide by the sum; a softmax of probabilities is something else."),
            (short / short.sum().clamp_min(1e-9), "The token that reaches p belongs to the nucleus too."),
            (long / long.sum(), "A sum that is p exactly has reached it: the next token is out."),
            (short, "The token that reaches p belongs to the nucleus too."),
            (share / share.sum(), "That is min-p: a share of the largest probability."),
            (above / above.sum().clamp_min(1e-9), "p is for the sum of those that are kept, not for each of them."),
            (
                in_order / in_order.sum(),
                "Take the tokens from the most likely one down, not in the order of their ids.",
            ),
            (
                torch.where(kept > 0, 1.0, 0.0) / (kept > 0).sum(),
                "The tokens are the right ones; they keep their odds, and don't become equally likely.",
            ),
        ]
        expect(answer, right, mistakes, said, "Sort, add up until p is reached, drop the rest, divide by the sum.")
    return "Right: the fewest most likely tokens that reach p, in their own proportions."


@check
def check_replacement(replacement: Attempt) -> str:
    """The distribution that replaces a rejected token: what p has more than q, divided by its sum."""
    cases = [
        ([0.5, 0.3, 0.2, 0.0], [0.2, 0.1, 0.3, 0.4]),
        ([0.1, 0.9], [0.6, 0.4]),
        ([0.25, 0.25, 0.5], [0.5, 0.25, 0.25]),
        ([0.05, 0.15, 0.3, 0.5], [0.4, 0.3, 0.2, 0.1]),
    ]
    for p_numbers, q_numbers in cases:
        p, q = torch.tensor(p_numbers), torch.tensor(q_numbers)
        answer = replacement.tensor(p, q, shape=(len(p),))
        more = (p - q).clamp_min(0)
        fewer = (q - p).clamp_min(0)
        said = f"For p = {in_a_row(p)} and q = {in_a_row(q)} you say {in_a_row(answer)}."
        mistakes = [
            (more, "That is what p has more than q. Bring it to a sum of 1."),
            (p, "That is the tempting rule. What p and q share has had its chance already."),
            (q, "The draft has been rejected; don't draw from it again."),
            (fewer / fewer.sum(), "Turned round: this is what q has more than p."),
            ((p - q).abs() / (p - q).abs().sum(), "Where q has more than p there is nothing to make up for: 0."),
            (p - q, "A probability can't be negative."),
            (torch.minimum(p, q) / torch.minimum(p, q).sum(), "That is what stays. Take what is missing to p."),
            (more.softmax(dim=0), "Divide by the sum; a softmax would give something to every token."),
        ]
        expect(answer, more / more.sum(), mistakes, said, "Take max(0, p - q) and divide it by its sum.")
        out = torch.minimum(p, q) + (1 - torch.minimum(p, q).sum()) * answer
        if not close(out, p, atol=1e-5):
            raise Wrong(f"{said} With it, what comes out is not distributed as p.")
    return "Right: what p has more than q, brought to a sum of 1. With it, what comes out has the distribution p."
