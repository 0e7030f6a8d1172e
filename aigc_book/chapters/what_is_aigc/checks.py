"""Checks for the exercises of the first chapter. Each takes the reader's function and returns a verdict."""

import itertools
import random
from collections import Counter

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import close, expect, in_a_row
from aigc_book.chapters.verdict import check


@check
def check_posterior(posterior: Attempt) -> str:
    """softmax over the classes of ln p(x | y) + ln p(y), also where the likelihoods underflow."""
    log_likelihood = torch.tensor([[-1.0, -2.0, -4.0], [-3.0, -1.0, -1.0]])
    log_prior = torch.tensor([0.2, 0.5, 0.3]).log()
    rng = torch.Generator().manual_seed(0)
    cases = [(log_likelihood, log_prior)]
    for N, K in ((4, 2), (3, 3), (1, 5)):
        cases.append((-3 * torch.rand(N, K, generator=rng), torch.rand(K, generator=rng).log_softmax(dim=0)))
    for number, (ll, lp) in enumerate(cases):
        got, right = posterior.tensor(ll, lp, shape=ll.shape), (ll + lp).softmax(dim=1)
        said = "" if number == 0 else f"Right for a small case, and wrong for {ll.size(0)} images of {len(lp)} classes."
        row = f"For the first image the result should be {in_a_row(right[0])}; got {in_a_row(got[0])}."
        expect(got, right, _mistaken_posteriors(ll, lp), said, row, atol=1e-4)
    low = posterior.tensor(log_likelihood - 1000, log_prior, shape=(2, 3))
    if not close(low, cases[0][0].add(log_prior).softmax(dim=1), atol=1e-4):
        raise Wrong(
            "Right, until all log-likelihoods are 1000 lower, which changes nothing in the ratio: e^-1000 underflows."
            " Subtract the largest of each row first, or use softmax, which does."
        )
    apart = torch.tensor([[-4.0, -2.0, -9.0], [-1001.0, -1000.0, -2600.0], [-3000.0, -3001.0, -3000.5]])
    got, right = posterior.tensor(apart, log_prior, shape=(3, 3)), (apart + log_prior).softmax(dim=1)
    if not close(got, right, atol=1e-4):
        n = next(n for n in range(3) if not close(got[n], right[n], atol=1e-4))
        raise Wrong(
            f"Right, until one image is far less likely than another: with the log-likelihoods {in_a_row(apart[n])} it"
            f" should be {in_a_row(right[n])}; got {in_a_row(got[n])}. Subtract the largest of each row, not one number"
            " for all rows."
        )
    return "Right: softmax of ln p(x | y) + ln p(y), safe also where the likelihoods of a row underflow."


def _mistaken_posteriors(ll: Tensor, lp: Tensor) -> list[tuple[Tensor, str]]:
    joint = ll + lp
    return [
        (ll.softmax(dim=1), "The prior is missing: a rare digit must look better to be as probable."),
        (joint, "Those are logarithms, and of the numerators only. Take exponentials; the rows must add up to 1."),
        (joint.exp(), "Those are the numerators p(x | y) p(y). Divide by their sum over the classes."),
        (joint.log_softmax(dim=1), "Those are logarithms. Take exponentials: the rows must add up to 1."),
        (joint.softmax(dim=0), "The columns add up to 1. Each image is a row: sum over the classes, dim=1."),
        (joint.exp() / joint.exp().sum(), "All numbers together add up to 1. Each image is a row: sum over dim=1."),
        ((ll + lp.exp()).softmax(dim=1), "The prior was added as a probability; add its logarithm."),
        ((ll * lp).softmax(dim=1), "Logarithms were multiplied; a product is their sum."),
        ((ll - lp).softmax(dim=1), "The prior was divided by. It is multiplied: add its logarithm."),
        ((-joint).softmax(dim=1), "The sign is flipped: the least probable class got the most."),
        (joint.exp() / ll.exp().sum(dim=1, keepdim=True), "The prior is missing in the sum that you divide by."),
        (joint.sigmoid(), "Sigmoids don't add up to 1: the classes compete, so divide by their sum."),
    ]


@check
def check_continuation(continuation: Attempt) -> str:
    """The share of the different pairs that end in the word."""
    text = "san francisco is not san francisco bay but san francisco is a city and a city is not a bay"
    rng = random.Random(0)
    texts = [text.split(), *(rng.choices("abcdefg", k=n) for n in (9, 30, 60))]
    texts.append(rng.choices(["a", "ba", "ab", "b", "aba", "A"], k=40))  # words that end in words, or hold them
    for number, words in enumerate(texts):
        pairs = list(itertools.pairwise(words))
        asked = ["francisco", "a", "is"] if number == 0 else []
        for word in (*asked, *sorted(set(words))):
            answer, right = continuation.number(pairs, word), _places(pairs, word) / len(set(pairs))
            said = (
                f"p₁({word!r}) should be {_places(pairs, word)} of {len(set(pairs))} different pairs; got {answer:.4g}."
            )
            said = said if number == 0 else f"Right for one text, and wrong for {' '.join(words)!r}: {said}"
            expect(answer, right, _mistaken_shares(pairs, word), said if number else "", said)
    pairs = list(itertools.pairwise(texts[0]))
    try:
        unseen = continuation.number(pairs, "oakland")
    except Raised as raised:
        raise Wrong(f"{raised} For a word that isn't in the text p₁ should be 0.") from None
    if unseen != 0:
        raise Wrong(f"Right for words of the text. For any other word p₁ should be 0; got {unseen}.")
    return "Right: “francisco” occurs as often as “is”, and has one place where “is” has two."


def _places(pairs: list[tuple[str, str]], word: str) -> int:
    return sum(second == word for _, second in set(pairs))


def _mistaken_shares(pairs: list[tuple[str, str]], word: str) -> list[tuple[float, str]]:
    kinds, places = set(pairs), _places(pairs, word)
    words = [pairs[0][0], *(second for _, second in pairs)]
    times = Counter(second for _, second in pairs)[word]
    after = sum(first == word for first, _ in kinds)
    return [
        (times / len(pairs), f"{word!r} was counted as often as it occurs, {times} times. Count in how many different"
         " places."),
        (times / len(kinds), f"{word!r} was counted as often as it occurs, {times} times. Count in how many different"
         " places."),
        (words.count(word) / len(words), f"That is the frequency of {word!r} in the text. Count different places."),
        (after / len(kinds), "You counted what follows the word. Kneser and Ney ask what stands in front of it."),
        (places / len(pairs), "The number of places is right. Divide it by the number of different pairs, not of all"
         " pairs, or the probabilities don't add up to 1."),
        (places / len(set(words)), "The number of places is right. Divide it by the number of different pairs, not of"
         " words."),
        (places / len({second for _, second in kinds}), "The number of places is right. Divide it by the number of"
         " different pairs, not of words."),
        (places / max(times, 1), "The number of places is right. Divide it by the number of different pairs, not by"
         " how often the word occurs."),
        (places, "The number of places is right. Divide it by the sum over all words to get a probability."),
    ]  # fmt: skip
