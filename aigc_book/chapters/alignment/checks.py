"""Checks for the exercises of the chapter on alignment. Each takes the reader's function and returns a verdict."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.alignment.advantages import EPS, group_advantages
from aigc_book.alignment.dpo import dpo
from aigc_book.chapters.attempt import Attempt
from aigc_book.chapters.comparing import expect, in_a_row
from aigc_book.chapters.verdict import check


@check
def check_dpo(loss_of_pair: Attempt) -> str:
    """-ln σ(β ((better - ref_better) - (worse - ref_worse))) of one pair, from four log-likelihoods and β."""
    cases = [
        (-3.0, -5.0, -4.0, -4.5, 0.1),
        (-7.0, -2.0, -6.5, -2.5, 0.5),
        (-1.0, -1.5, -2.5, -9.0, 2.0),
        (-900.0, -100.0, -100.0, -80.0, 1.0),
    ]
    for better, worse, ref_better, ref_worse, beta in cases:
        got = loss_of_pair.number(better, worse, ref_better, ref_worse, beta)
        right = _number(dpo(*(torch.tensor([x]) for x in (better, worse, ref_better, ref_worse)), beta))
        margin = (better - ref_better) - (worse - ref_worse)
        mistakes = [
            (
                _loss(-beta * margin),
                "The sign is wrong: are the two answers exchanged, or is the policy subtracted from the reference?",
            ),
            (
                _loss(beta * (better - worse)),
                "The reference is missing: it is the lead over the reference that counts.",
            ),
            (
                _loss(beta * ((better + ref_better) - (worse + ref_worse))),
                "The reference's log-likelihoods are subtracted, not added, each from its own answer's: "
                "are yours added, or exchanged?",
            ),
            (_loss(margin), "β is missing."),
            (_loss(margin / beta), "β multiplies the lead; you divide by it."),
            (beta * _loss(margin), "β belongs inside the sigmoid."),
            (-_loss(beta * margin), "That is ln σ, which is to be made large. A loss is made small: change the sign."),
            (1 / (1 + math.exp(min(700.0, -beta * margin))), "That is σ itself; the loss is its logarithm, negated."),
            (-beta * margin, "That is the lead itself. Where are the sigmoid and the logarithm?"),
            (
                _loss(beta * (math.exp(min(700.0, better - ref_better)) - math.exp(min(700.0, worse - ref_worse)))),
                "The ratio of likelihoods enters by its logarithm: don't take exp.",
            ),
        ]
        if math.isinf(got) or math.isnan(got):
            said = f"For log-likelihoods {(better, worse, ref_better, ref_worse)} your loss is {got}."
            expect(
                0.0, 1.0, [], said, "-ln σ(-780) is 780: compute it as ln(1 + exp(…)) without overflow (F.logsigmoid)."
            )
        given = (better, worse, ref_better, ref_worse)
        said = f"For log-likelihoods {given} and β = {beta} you say {got:.5g}, not {right:.5g}."
        expect(got, right, mistakes, said, "Write down the lead of each answer over the reference first.")
    return "Right: the loss is small where the policy's lead over the reference is larger for the better answer."


@check
def check_group(advantages: Attempt) -> str:
    """(r - mean) / (std + 0.0001) within each group of G rewards, all groups side by side."""
    cases = [
        ([0.0, 1.0, 1.0, 4.0, 7.0, 1.0], 3),
        ([1.0, 3.0, 5.0, 11.0], 2),
        ([2.0, 2.0, 2.0, 9.0, -1.0, 4.0], 3),
        ([0.01, 0.02, 0.03, 0.5, 0.52, 0.51], 3),  # a deviation near 0.0001's root: inside the root it would show
    ]
    for rewards, size in cases:
        r = torch.tensor(rewards)
        right, groups = group_advantages(r, size), r.view(-1, size)
        got = advantages.tensor(r, size, shape=(len(rewards),))
        centred = groups - groups.mean(dim=1, keepdim=True)
        biased = groups.std(dim=1, keepdim=True, correction=0)
        interleaved = r.view(size, -1)
        other = (interleaved - interleaved.mean(dim=0)) / (interleaved.std(dim=0) + EPS)
        mistakes: list[tuple[Tensor, str]] = [
            (centred.flatten(), "You subtract the group's mean; the deviation is missing."),
            (
                (centred / groups.var(dim=1, keepdim=True).add(EPS)).flatten(),
                "Divide by the deviation, not the variance.",
            ),
            ((groups / groups.std(dim=1, keepdim=True).add(EPS)).flatten(), "The group's mean isn't subtracted."),
            (
                (r - r.mean()) / (r.std() + EPS),
                "That is normalised over the whole batch; each prompt has its own group.",
            ),
            ((r - r.mean()) / (r.std(correction=0) + EPS), "That is normalised over the whole batch, not in groups."),
            ((centred / (biased + EPS)).flatten(), "The deviation is the sample's, with G - 1 in its denominator."),
            (
                (centred / groups.var(dim=1, keepdim=True).add(EPS).sqrt()).flatten(),
                "The 0.0001 is added to the deviation, not to the variance under its root.",
            ),
            ((centred / (r.std() + EPS)).flatten(), "The deviation, too, is the group's own, not the whole batch's."),
            (
                (right.view(-1, size) * size / (size - 1)).flatten(),
                "The mean is that of the whole group, the answer itself included.",
            ),
            (-right, "The sign is wrong: a reward above the mean is an advantage above 0."),
            (other.flatten(), "The groups lie side by side: the first G rewards are one group. Mind the view."),
            (r, "Those are the rewards themselves."),
            (
                (centred / (centred.abs().amax(dim=1, keepdim=True) + EPS)).flatten(),
                "Divide by the deviation, not the range.",
            ),
            (groups.softmax(dim=1).flatten(), "No softmax here: subtract a mean, divide by a deviation."),
        ]
        said = f"For rewards {rewards} in groups of {size} you say {in_a_row(got)}."
        if not bool(got.isfinite().all()):
            expect(
                0.0, 1.0, [], said, "A group of equal rewards has deviation 0: the 0.0001 keeps the division finite."
            )
        expect(got, right, mistakes, said, f"It should be {in_a_row(right)}.", rtol=1e-3, atol=1e-3)
    return "Right: the group is its own baseline, and a group of equal rewards teaches nothing."


@check
def check_best_of(bound: Attempt) -> str:
    """KL of the best of n from the model that drew them, at most ln n - (n - 1) / n."""
    for n in (4, 2, 1, 16, 64):
        got, right = bound.number(n), math.log(n) - (n - 1) / n
        mistakes = [
            (math.log(n), "ln n is the most that a density can grow; the average over the answers is smaller."),
            (math.log(n) - 1 / n, "It is (n - 1) / n that is taken off, so that the best of one costs nothing."),
            (math.log(n) + (n - 1) / n, "(n - 1) / n is taken off, not added."),
            (math.log2(n) - (n - 1) / n, "In nats: take the natural logarithm."),
            (math.log(n) - 1, "That is negative for n = 1; only for large n is it right."),
            ((n - 1) / n - math.log(n), "A divergence isn't negative: change the sign."),
        ]
        expect(
            got, right, mistakes, f"For n = {n} you say {got:.4g}.", "Integrate n u^(n-1) ln(n u^(n-1)) from 0 to 1."
        )
    return "Right: the best of n is ln n - (n - 1) / n nats away, less than 4 of them for a hundred answers."


def _loss(lead: float) -> float:
    return _number(-F.logsigmoid(torch.tensor([lead], dtype=torch.float64)))


def _number(tensor: Tensor) -> float:
    return tensor.item()
