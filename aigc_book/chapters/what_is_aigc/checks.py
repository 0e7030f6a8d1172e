"""Checks for the exercises of the first chapter. Each takes the reader's function and returns a verdict."""

import itertools
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered


def check_posterior(posterior: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """softmax over the classes of ln p(x | y) + ln p(y), also where the likelihoods underflow."""
    log_likelihood = torch.tensor([[-1.0, -2.0, -4.0], [-3.0, -1.0, -1.0]])
    log_prior = torch.tensor([0.2, 0.5, 0.3]).log()
    answer = posterior(log_likelihood.clone(), log_prior.clone())
    if answer is None:
        return unanswered("posterior")
    if not isinstance(answer, Tensor) or answer.shape != log_likelihood.shape:
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return Verdict(False, f"The result must be a tensor of shape (2, 3), as the log-likelihoods; got {shape}.")
    joint = log_likelihood + log_prior
    right = joint.softmax(dim=1)
    mistakes = [
        (log_likelihood.softmax(dim=1), "The prior is missing: a rare digit must look better to be as probable."),
        (joint.exp(), "Those are the numerators p(x | y) p(y). Divide by their sum over the classes."),
        (joint.log_softmax(dim=1), "Those are logarithms. Take exponentials: the rows must add up to 1."),
        (joint.softmax(dim=0), "The columns add up to 1. Each image is a row: sum over the classes, dim=1."),
        ((log_likelihood + log_prior.exp()).softmax(dim=1), "The prior was added as a probability; add its logarithm."),
        (
            (log_likelihood * log_prior).softmax(dim=1),
            "Logarithms were multiplied; a product is their sum.",
        ),
        ((log_likelihood - log_prior).softmax(dim=1), "The prior was divided by. It is multiplied: add its logarithm."),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer.float(), mistake, atol=1e-4):
            return Verdict(False, why)
    if not torch.allclose(answer.float(), right, atol=1e-4):
        said = ", ".join(f"{p:.3f}" for p in answer[0].tolist())
        should = ", ".join(f"{p:.3f}" for p in right[0].tolist())
        return Verdict(False, f"For the first image the result should be ({should}); got ({said}).")
    low = posterior(log_likelihood - 1000, log_prior.clone())
    if not torch.allclose(low.float(), right, atol=1e-4):
        return Verdict(
            False,
            "Right, until all log-likelihoods are 1000 lower, which changes nothing in the ratio: e^-1000 underflows."
            " Subtract the largest of each row first, or use softmax, which does.",
        )
    return Verdict(True, "Right: softmax of ln p(x | y) + ln p(y), which is safe for the smallest likelihoods.")


def check_continuation(continuation: Callable[[list[tuple[str, str]], str], float]) -> Verdict:
    """The share of the different pairs that end in the word."""
    text = "san francisco is not san francisco bay but san francisco is a city and a city is not a bay"
    words = text.split()
    pairs = list(itertools.pairwise(words))
    kinds, seconds = set(pairs), Counter(second for _, second in pairs)
    for word in ("francisco", "a", "is"):
        answer = continuation(list(pairs), word)
        if answer is None:
            return unanswered("continuation")
        answer = float(answer)
        places = sum(second == word for _, second in kinds)
        mistakes = [
            (seconds[word] / len(pairs), f"{word!r} was counted as often as it occurs, {seconds[word]} times."
             " Count in how many different places."),
            (words.count(word) / len(words), f"That is the frequency of {word!r} in the text. Count different places."),
            (sum(first == word for first, _ in kinds) / len(kinds), "You counted what follows the word."
             " Kneser and Ney ask what stands in front of it."),
            (places / len(pairs), "The number of places is right. Divide it by the number of different pairs, not of"
             " all pairs, or the probabilities don't add up to 1."),
            (places / len(set(words)), "The number of places is right. Divide it by the number of different pairs, not"
             " of words."),
            (places, "The number of places is right. Divide it by the sum over all words to get a probability."),
        ]  # fmt: skip
        right = places / len(kinds)
        if abs(answer - right) < 1e-6:
            continue
        for mistake, why in mistakes:
            if abs(answer - mistake) < 1e-6:
                return Verdict(False, why)
        return Verdict(False, f"p₁({word!r}) should be {places} of {len(kinds)} different pairs; got {answer:.4g}.")
    unseen = continuation(list(pairs), "oakland")
    if unseen is None or float(unseen) != 0:
        return Verdict(False, f"Right for words of the text. For any other word p₁ should be 0; got {unseen}.")
    return Verdict(True, "Right: “francisco” occurs as often as “is”, and has one place where “is” has two.")
