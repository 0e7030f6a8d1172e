"""Every check of the first chapter accepts the solution and names the typical mistakes."""

from collections import Counter

import pytest
import torch

from aigc_book.chapters.what_is_aigc import checks


def ends_in(pairs, word):
    return sum(second.endswith(word) for _, second in set(pairs)) / len(set(pairs))


def joined(pairs, word):
    different = {first + second: second for first, second in pairs}
    return sum(second == word for second in different.values()) / len(different)


def in_lower_case(pairs, word):
    pairs = {(first.lower(), second.lower()) for first, second in pairs}
    return sum(second == word.lower() for _, second in pairs) / len(pairs)


@pytest.mark.parametrize("continuation", [ends_in, joined, in_lower_case])
def test_words_are_compared_as_they_are_and_whole(continuation):
    verdict = checks.check_continuation(continuation)
    assert not verdict and "Right for one text, and wrong for" in verdict.message


# --- Bayes' theorem in logarithms


def with_exponentials(log_likelihood, log_prior):
    joint = log_likelihood.exp() * log_prior.exp()
    return joint / joint.sum(dim=1, keepdim=True)


def by_subtraction(log_likelihood, log_prior):
    joint = log_likelihood + log_prior
    joint = (joint - joint.amax(dim=1, keepdim=True)).exp()
    return joint / joint.sum(dim=1, keepdim=True)


def with_one_maximum(log_likelihood, log_prior):
    joint = log_likelihood + log_prior
    joint = (joint - joint.max()).exp()
    return joint / joint.sum(dim=1, keepdim=True)


def with_the_first_row_s_maximum(log_likelihood, log_prior):
    joint = log_likelihood + log_prior
    joint = (joint - joint[0].max()).exp()
    return joint / joint.sum(dim=1, keepdim=True)


def with_a_mean_subtracted(log_likelihood, log_prior):
    joint = log_likelihood + log_prior
    joint = (joint - joint.mean(dim=1, keepdim=True)).exp()
    return joint / joint.sum(dim=1, keepdim=True)


def clamped(log_likelihood, log_prior):
    joint = (log_likelihood + log_prior).clamp_min(-700).double().exp()
    return joint / joint.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("posterior", [by_subtraction, lambda ll, lp: (ll + lp).softmax(1).double()])
def test_posterior_accepts_the_solution(posterior):
    assert checks.check_posterior(posterior)


def test_posterior_unanswered():
    assert "Not answered yet: posterior" in checks.check_posterior(lambda ll, lp: None).message


@pytest.mark.parametrize(
    ("posterior", "says"),
    [
        (lambda ll, lp: ll.softmax(dim=1), "The prior is missing"),
        (lambda ll, lp: (ll + lp).exp(), r"Those are the numerators p\(x \| y\) p\(y\)"),
        (lambda ll, lp: (ll + lp).log_softmax(dim=1), "Those are logarithms"),
        (lambda ll, lp: (ll + lp).softmax(dim=0), r"The columns add up to 1.*dim=1"),
        (lambda ll, lp: (ll + lp.exp()).softmax(dim=1), "added as a probability; add its logarithm"),
        (lambda ll, lp: (ll * lp).softmax(dim=1), "Logarithms were multiplied"),
        (lambda ll, lp: (ll - lp).softmax(dim=1), "The prior was divided by"),
        (with_exponentials, r"until all log-likelihoods are 1000 lower.*e\^-1000 underflows"),
        (with_one_maximum, "far less likely than another.*Subtract the largest of each row, not one number"),
        (with_the_first_row_s_maximum, "Subtract the largest of each row, not one number"),
        (with_a_mean_subtracted, "Subtract the largest of each row"),
        (clamped, "1000 lower"),
        (lambda ll, lp: (ll + torch.tensor([0.2, 0.5, 0.3]).log()).softmax(dim=1), "raised RuntimeError: .*size of"),
        (lambda ll, lp: (ll + lp).exp() / (ll + lp).exp().sum(), "All numbers together add up to 1"),
        (lambda ll, lp: (-(ll + lp)).softmax(dim=1), "The sign is flipped"),
        (lambda ll, lp: (ll + lp).exp() / ll.exp().sum(1, keepdim=True), "missing in the sum that you divide by"),
        (lambda ll, lp: (ll + lp).softmax(dim=1).round(decimals=2), "For the first image the result should be"),
        (lambda ll, lp: (ll + lp).softmax(dim=1)[0], r"must have the shape \(2, 3\); got \(3,\)"),
        (lambda ll, lp: [0.1], r"must have the shape \(2, 3\); got \(1,\)"),
        (lambda ll, lp: (ll + lp).softmax(dim=1) / 2, r"should be \(0\.344, 0\.317, 0\.026\)|For the first image"),
    ],
)
def test_posterior_names_the_mistake(posterior, says):
    verdict = checks.check_posterior(posterior)
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)


def test_posterior_survives_a_function_that_changes_its_arguments():
    def vandal(log_likelihood, log_prior):
        log_likelihood += log_prior
        return log_likelihood.softmax(dim=1)

    assert checks.check_posterior(vandal)


# --- in how many places?


def continuation(pairs, word):
    fronts = {}
    for first, second in pairs:
        fronts.setdefault(second, set()).add(first)
    return len(fronts.get(word, ())) / sum(map(len, fronts.values()))


def share(pairs, word, of):
    return sum(second == word for _, second in set(pairs)) / of


@pytest.mark.parametrize("answer", [continuation, lambda pairs, word: torch.tensor(continuation(pairs, word))])
def test_continuation_accepts_the_solution(answer):
    assert checks.check_continuation(answer)


def test_continuation_unanswered():
    assert "Not answered yet: continuation" in checks.check_continuation(lambda pairs, word: None).message


def words_of(pairs):
    return [pairs[0][0], *(second for _, second in pairs)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda pairs, word: Counter(b for _, b in pairs)[word] / len(pairs), "'francisco' was counted as often as it"),
        (
            lambda pairs, word: words_of(pairs).count(word) / len(words_of(pairs)),
            "That is the frequency of 'francisco'",
        ),
        (lambda pairs, word: sum(a == word for a, _ in set(pairs)) / len(set(pairs)), "You counted what follows"),
        (lambda pairs, word: share(pairs, word, len(pairs)), "different pairs, not of all pairs"),
        (lambda pairs, word: share(pairs, word, len(set(words_of(pairs)))), "different pairs, not of words"),
        (lambda pairs, word: share(pairs, word, 1), "Divide it by the sum over all words"),
        (
            lambda pairs, word: {"francisco": 1, "a": 3, "is": 2}.get(word, 0) / 14,
            "should be . of 14",
        ),
        (lambda pairs, word: sum(b == word for _, b in set(pairs)) / 14, "Right for one text, and wrong for"),
        (lambda pairs, word: share(pairs, word, len({b for _, b in pairs})), "different pairs, not of words"),
        (lambda pairs, word: Counter(b for _, b in pairs)[word] / len(set(pairs)), "counted as often as it occurs"),
        (lambda pairs, word: continuation(pairs, word) / {b: 1 for _, b in pairs}[word], "KeyError.* should be 0"),
        (lambda pairs, word: 0.5, r"p₁\('francisco'\) should be 1 of 14 different pairs; got 0\.5"),
        (lambda pairs, word: 1 / 14 if word == "francisco" else 0.5, r"p₁\('a'\) should be 3 of 14"),
        (lambda pairs, word: continuation(pairs, word) or 1.0, r"For any other word p₁ should be 0; got 1\.0"),
    ],
)
def test_continuation_names_the_mistake(answer, says):
    verdict = checks.check_continuation(answer)
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)
