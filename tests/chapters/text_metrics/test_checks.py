"""Every check accepts the solution and names the typical mistakes."""

import math
from collections import Counter

import pytest

from aigc_book.chapters.text_metrics import checks


def ngrams(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def clipped_matches(hypothesis, references, n):
    theirs = [ngrams(reference, n) for reference in references]
    return sum(min(count, max(other[gram] for other in theirs)) for gram, count in ngrams(hypothesis, n).items())


def no_clipping(hypothesis, references, n):
    known = set().union(*(ngrams(reference, n) for reference in references))
    return sum(count for gram, count in ngrams(hypothesis, n).items() if gram in known)


def clipped_at_the_sum(hypothesis, references, n):
    theirs = [ngrams(reference, n) for reference in references]
    return sum(min(count, sum(other[gram] for other in theirs)) for gram, count in ngrams(hypothesis, n).items())


def distinct_only(hypothesis, references, n):
    return len(set(ngrams(hypothesis, n)) & set().union(*(ngrams(reference, n) for reference in references)))


def best_single_reference(hypothesis, references, n):
    return max((ngrams(hypothesis, n) & ngrams(reference, n)).total() for reference in references)


def only_words(hypothesis, references, n):
    return clipped_matches(hypothesis, references, 1)


def brevity_penalty(hypothesis_lengths, reference_lengths):
    c, r = sum(hypothesis_lengths), sum(reference_lengths)
    return 0.0 if c == 0 else min(1.0, math.exp(1 - r / c))


def each_penalty(hypothesis_lengths, reference_lengths):
    return [brevity_penalty([c], [r]) for c, r in zip(hypothesis_lengths, reference_lengths, strict=True)]


def bits_per_byte(perplexity, n_tokens, text):
    return n_tokens * math.log2(perplexity) / len(text.encode())


@pytest.mark.parametrize(
    ("check", "solution"),
    [
        (checks.check_clipped_matches, clipped_matches),
        (checks.check_brevity_penalty, brevity_penalty),
        (checks.check_bits_per_byte, bits_per_byte),
    ],
)
def test_the_solution_is_right_and_a_stub_is_not_answered(check, solution):
    verdict = check(solution)
    assert verdict and verdict.message.startswith("Right")
    unanswered = check(lambda *arguments: None)
    assert not unanswered and unanswered.message.startswith("Not answered yet")
    broken = check(lambda: 0)
    assert not broken and "raised TypeError" in broken.message
    text = check(lambda *arguments: "seven")
    assert not text and "must return a number; it returned str" in text.message
    wrong = check(lambda *arguments: 123.0)
    assert not wrong and "it should be" in wrong.message


def test_clipped_matches_by_hand():
    """the: 4 in the hypothesis, 2 in one reference; cat, sat, on, a, red, mat: once each in one or the other: 2 + 6."""
    assert clipped_matches(checks.HYPOTHESIS, checks.REFERENCES, 1) == 8


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (no_clipping, "copy of an n-gram counts"),
        (clipped_at_the_sum, "clip at the sum over the references"),
        (distinct_only, "distinct n-gram counts once"),
        (best_single_reference, "one reference at a time"),
        (only_words, "answer for single words"),
        (lambda h, r, n: clipped_matches(h, r[:1], n), "one reference at a time"),
        (lambda h, r, n: clipped_matches(h, r[-1:], n), "one reference at a time"),
        (lambda h, r, n: {1: 8, 2: 4}[n], "n=1 you get 8; it should be 7"),
        (lambda h, r, n: 8 if n == 1 else 4, "it should be"),
        (lambda h, r, n: clipped_matches(h, r, min(n, 2)), "it should be"),
        (lambda h, r, n: clipped_matches(h, r, n) / max(1, len(h) - n + 1), "That is the precision"),
    ],
)
def test_clipped_matches_names_the_mistake(wrong, names):
    verdict = checks.check_clipped_matches(wrong)
    assert not verdict and names in verdict.message


def test_clipped_matches_tries_a_short_hypothesis():
    verdict = checks.check_clipped_matches(lambda h, r, n: clipped_matches(h, r, n) if len(h) >= n else -1)
    assert not verdict and "no bigram" in verdict.message


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (lambda c, r: sum(each_penalty(c, r)) / len(c), "mean of the sentences"),
        (lambda c, r: math.prod(each_penalty(c, r)), "multiplied the sentences"),
        (lambda c, r: min(1, sum(c) / sum(r)), "ratio of the lengths"),
        (lambda c, r: math.exp(1 - sum(c) / sum(r)), "upside down"),
        (lambda c, r: min(1, math.exp(1 - sum(c) / sum(r))), "no penalty"),
        (lambda c, r: min(1, math.exp(sum(c) / sum(r) - 1)), "not exp(c/r - 1)"),
        (lambda c, r: brevity_penalty(c[:1], r[:1]), "the first sentence"),
        (lambda c, r: min(1, math.exp(sum(c) - sum(r))), "exp of the difference"),
        (lambda c, r: math.exp(-1 / 3) if c == [6, 20, 4] else 1.0, "it should be"),
        (lambda c, r: brevity_penalty([30], [40]), "it should be 1"),
        (lambda c, r: math.exp(1 - sum(r) / sum(c)), "never be above 1"),
        (lambda c, r: min(1, math.exp(1 - sum(r) / sum(c))), "An empty hypothesis should give 0"),
    ],
)  # fmt: skip
def test_brevity_penalty_names_the_mistake(wrong, names):
    verdict = checks.check_brevity_penalty(wrong)
    assert not verdict and names in verdict.message


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (lambda p, n, text: n * math.log(p) / len(text.encode()), "nats"),
        (lambda p, n, text: n * math.log2(p) / len(text), "bits per character"),
        (lambda p, n, text: n * math.log(p) / len(text), "nats per character"),
        (lambda p, n, text: math.log2(p), "bits per token"),
        (lambda p, n, text: math.log2(p) / len(text.encode()), "bits of one token"),
        (lambda p, n, text: len(text.encode()) * math.log2(p) / n, "upside down"),
        (lambda p, n, text: n * math.log2(p), "bits of the whole text"),
        (lambda p, n, text: 13 * math.log2(p) / len(text.encode()), "it should be"),
        (lambda p, n, text: n * math.log2(40) / len(text.encode()), "it should be"),
        (lambda p, n, text: n * math.log2(p) / len(text.encode("utf-16")), "it should be"),
        (lambda p, n, text: n * math.log10(p) / len(text.encode()), "base 10"),
        (lambda p, n, text: p * n / len(text.encode()), "perplexities don't add up"),
    ],
)
def test_bits_per_byte_names_the_mistake(wrong, names):
    verdict = checks.check_bits_per_byte(wrong)
    assert not verdict and names.lower() in verdict.message.lower()
