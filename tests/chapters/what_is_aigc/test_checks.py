"""Every check of the first chapter accepts the solution and names the typical mistakes."""

from collections import Counter

import pytest
import torch

from aigc_book.chapters.what_is_aigc import checks

# --- Bayes' theorem in logarithms


def with_exponentials(log_likelihood, log_prior):
    joint = log_likelihood.exp() * log_prior.exp()
    return joint / joint.sum(dim=1, keepdim=True)


def by_subtraction(log_likelihood, log_prior):
    joint = log_likelihood + log_prior
    joint = (joint - joint.amax(dim=1, keepdim=True)).exp()
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
        (lambda ll, lp: (ll + lp).softmax(dim=1)[0], r"shape \(2, 3\), as the log-likelihoods; got \(3,\)"),
        (lambda ll, lp: [0.1], r"shape \(2, 3\), as the log-likelihoods; got list"),
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
