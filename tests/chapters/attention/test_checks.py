"""Every check of the attention chapter accepts the solution and names the typical mistakes."""

import math

import pytest
import torch

from aigc_book.chapters.attention import checks
from aigc_book.layers.attention import causal_mask

# --- what to divide scores of uniform components by


def test_divisor_accepts_the_solution():
    assert checks.check_divisor(lambda d_k: math.sqrt(d_k) / 3)
    assert checks.check_divisor(lambda d_k: torch.tensor(d_k / 9).sqrt())


def test_divisor_unanswered():
    verdict = checks.check_divisor(lambda d_k: None)
    assert not verdict
    assert "Not answered yet: divisor" in verdict.message


@pytest.mark.parametrize(
    ("divisor", "says"),
    [
        (lambda d_k: math.sqrt(d_k), r"variance 0\.11; they should have 1\. You divided by √d_k"),
        (lambda d_k: math.sqrt(d_k / 3), r"variance 0\.33.*1/3 is the variance of one component"),
        (lambda d_k: d_k / 9, "That is the variance of a score"),
        (lambda d_k: d_k / 3, "divided by a variance, and by that of single components"),
        (lambda d_k: 3 / math.sqrt(d_k), "multiplied where they should be divided"),
        (lambda d_k: 3 * math.sqrt(d_k), "The factor 3 is on the wrong side"),
        (lambda d_k: 1 / 3, "A score adds up d_k of them"),
        (lambda d_k: d_k, "the root of their sum"),
        (lambda d_k: math.sqrt(d_k) / 3 if d_k > 50 else 1.0, "wrong for 1: the answer must depend on d_k"),
        (lambda d_k: d_k / 24, "wrong for 256"),
        (lambda d_k: 5.0, "What is the variance of one product"),
        (lambda d_k: 8 / 3, "Right for d_k = 64, and wrong for 256"),
        (lambda d_k: -math.sqrt(d_k) / 3, "A divisor of scores is a positive number"),
        (lambda d_k: math.nan, "A divisor of scores is a positive number"),
    ],
)
def test_divisor_names_the_mistake(divisor, says):
    verdict = checks.check_divisor(divisor)
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)


# --- a mask for several documents in one row


def same(document):
    return document[:, None] == document[None, :]


def solution_mask(document):
    return same(document) & causal_mask(len(document), len(document))


def loops(document):
    n = len(document)
    return torch.tensor([[j <= i and bool(document[i] == document[j]) for j in range(n)] for i in range(n)])


def first_two_documents_merged(document):
    return solution_mask(document.clamp_min(1))


def only_small_numbers(document):
    blocks = [torch.ones(n, n).tril() for n in torch.bincount(document).tolist() if n]
    return torch.block_diag(*blocks).bool()  # documents in the order of their numbers


def as_lists(document):
    return [[i >= j and a == b for j, b in enumerate(document.tolist())] for i, a in enumerate(document.tolist())]


@pytest.mark.parametrize("mask", [solution_mask, loops, as_lists])
def test_document_mask_accepts_the_solution(mask):
    assert checks.check_document_mask(mask)


def test_document_mask_unanswered():
    assert "Not answered yet: document_mask" in checks.check_document_mask(lambda document: None).message


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (same, "Where is the causal mask"),
        (lambda d: causal_mask(len(d), len(d)), "Where do you compare documents"),
        (lambda d: ~solution_mask(d), "True and False are exchanged"),
        (lambda d: solution_mask(d).T, "Rows and columns are exchanged"),
        (lambda d: same(d) | causal_mask(len(d), len(d)), "joined with or"),
        (lambda d: same(d) & torch.ones(len(d), len(d)).tril(-1).bool(), "No word may look at itself"),
        (
            lambda d: solution_mask(torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])),
            r"must have the shape \(5, 5\); got \(8, 8\)",
        ),
        (only_small_numbers, r"wrong for the documents \[7, 7, 3"),
        (lambda d: ~same(d) & causal_mask(len(d), len(d)), "comparison is the wrong way round"),
        (lambda d: same(d) ^ causal_mask(len(d), len(d)), "exclusive or"),
        (lambda d: torch.eye(len(d)).bool(), "sees itself only"),
        (lambda d: solution_mask(d).int().tolist(), "must be boolean"),
        (lambda d: solution_mask(d).float(), r"must be boolean \(True = may attend\); got torch.float32"),
        (lambda d: solution_mask(d)[0], r"shape \(8, 8\); got \(8,\)"),
        (lambda d: [[True]], r"must have the shape \(8, 8\); got \(1, 1\)"),
        (
            first_two_documents_merged,
            r"Position 3 \(document 1\) may attend to position 0 \(document 0\), and must not\. 6 of 64",
        ),
        (
            lambda d: solution_mask(d) & (torch.arange(8)[:, None] - torch.arange(8) < 2),
            r"Position 2 \(document 0\) may not attend to position 0 \(document 0\), and should",
        ),
    ],
)
def test_document_mask_names_the_mistake(mask, says):
    verdict = checks.check_document_mask(mask)
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)


# --- attention in one pass


def streaming(q, pairs, *, start=-math.inf, shrink_total=True, shrink_weighted=True, scale=True, divide=True):
    """The solution, and each of its parts left out on demand."""
    largest, total, weighted = start, 0.0, 0.0
    for k, v in pairs:
        score = float(q @ k) / (math.sqrt(len(q)) if scale else 1)
        new = max(largest, score)
        shrink, weight = math.exp(largest - new), math.exp(score - new)
        total = total * (shrink if shrink_total else 1) + weight
        weighted = weighted * (shrink if shrink_weighted else 1) + weight * v
        largest = new
    return weighted / total if divide else weighted


def no_largest(q, pairs):
    total, weighted = 0.0, 0.0
    for k, v in pairs:
        weight = math.exp(float(q @ k) / math.sqrt(len(q)))
        total, weighted = total + weight, weighted + weight * v
    return weighted / total


def no_largest_in_torch(q, pairs):
    keys, values = zip(*pairs, strict=True)
    weights = (torch.stack(keys) @ q / math.sqrt(len(q))).exp()
    return weights @ torch.stack(values) / weights.sum()


def not_even_divided(q, pairs):
    return sum((q @ k / math.sqrt(len(q))).exp() * v for k, v in pairs)


def mean(q, pairs):
    return torch.stack([v for _, v in pairs]).mean(dim=0)


def best(q, pairs):
    return max(pairs, key=lambda pair: float(q @ pair[0]))[1]


def stacks(q, pairs):
    keys, values = map(torch.stack, zip(*pairs, strict=True))
    return (keys @ q / math.sqrt(len(q))).softmax(dim=0) @ values


def as_a_list(q, pairs):
    return streaming(q, list(pairs))


def keeps_scores(q, pairs):
    scores, values = [], []
    for k, v in pairs:
        scores.append(float(q @ k) / math.sqrt(len(q)))
        values.append(v.tolist())
    return torch.tensor(scores).softmax(dim=0) @ torch.tensor(values)


def keeps_numbers(q, pairs):
    kept = []

    def noted():
        for k, v in pairs:
            kept.append(float(k[0]))
            yield k, v

    return streaming(q, noted())


def two_passes(q, pairs):
    largest = max(float(q @ k) for k, _ in pairs)
    return sum(math.exp(float(q @ k) - largest) * v for k, v in pairs) / 1.0


def two_passes_and_a_sum(q, pairs):
    total = sum(math.exp(float(q @ k)) for k, _ in pairs)
    weighted = sum((math.exp(float(q @ k)) * v for k, v in pairs), torch.zeros(3))
    return weighted / total


@pytest.mark.parametrize("function", [two_passes, two_passes_and_a_sum])
def test_streaming_can_be_read_once(function):
    message = checks.check_streaming_attention(function).message
    assert message.startswith("The pairs were read a second time. An iterator gives each pair once")


@pytest.mark.parametrize(
    "attention",
    [streaming, lambda q, pairs: streaming(q, pairs).tolist(), lambda q, pairs: streaming(q, pairs, start=-1e30)],
)
def test_streaming_accepts_the_solution(attention):
    assert checks.check_streaming_attention(attention)


def test_streaming_unanswered():
    assert "Not answered yet: streaming" in checks.check_streaming_attention(lambda q, pairs: None).message


@pytest.mark.parametrize(
    ("attention", "says"),
    [
        (no_largest, r"near 1000 the function fails\. e\^1000 overflows: subtract the largest"),
        (no_largest_in_torch, r"near 1000 the result is \(nan, nan, nan\)\. e\^1000 overflows"),
        (lambda q, pairs: streaming(q, pairs, start=0.0), r"near -1000 .* must start at -∞, not at 0"),
        (lambda q, pairs: streaming(q, pairs, shrink_total=False, shrink_weighted=False), "The sums are not shrunk"),
        (lambda q, pairs: streaming(q, pairs, shrink_weighted=False), "and the weighted sum of values is not"),
        (lambda q, pairs: streaming(q, pairs, shrink_total=False), "and the sum of exponentials is not"),
        (lambda q, pairs: streaming(q, pairs, scale=False), "divide q · k by √d_k"),
        (lambda q, pairs: streaming(q, pairs, divide=False), "divide by the sum of exponentials"),
        (not_even_divided, "divide by the sum of exponentials"),
        (stacks, "something is kept for each pair"),
        (as_a_list, "something is kept for each pair"),
        (keeps_scores, "something is kept for each pair"),
        (keeps_numbers, "something is kept for each pair"),
        (
            lambda q, pairs: streaming(q, pairs[:]),
            "an iterator, not a list: go over it with for k, v in pairs",
        ),
        (lambda q, pairs: streaming(q, pairs) if len(pairs) else 0, "pairs is an iterator"),
        (
            lambda q, pairs: streaming(q * math.sqrt(len(q)) / 4, pairs),
            "Right for 7 pairs, and wrong for 12 pairs",
        ),
        (mean, "Every value got the same weight"),
        (best, "a maximum, not a softmax"),
        (lambda q, pairs: streaming(q, pairs) + 1, r"For a small case the result should be \("),
        (lambda q, pairs: streaming(q, pairs)[0], r"must have the shape \(3,\); got \(\)"),
    ],
)
def test_streaming_names_the_mistake(attention, says):
    verdict = checks.check_streaming_attention(attention)
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)


def test_checks_survive_functions_that_change_their_arguments():
    def vandal(q, pairs):
        answer = streaming(q, ((k.clone(), v) for k, v in pairs))
        q.zero_()
        return answer

    assert checks.check_streaming_attention(vandal)
