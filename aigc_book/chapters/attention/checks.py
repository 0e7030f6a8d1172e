"""Checks for the exercises of the chapter on attention. Each takes the reader's function and returns a verdict."""

import math
import tracemalloc

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import close, expect, expect_mask, in_a_row
from aigc_book.chapters.verdict import check


@check
def check_divisor(divisor: Attempt) -> str:
    """Scores of vectors with components uniform in [-1, 1] must have variance 1 after the division: √d_k / 3."""
    d_k = 64
    answer, right = divisor.number(d_k), math.sqrt(d_k) / 3
    if not 0 < answer < math.inf:
        raise Wrong(f"divisor({d_k}) is {answer:.4g}. A divisor of scores is a positive number.")
    mistakes = [
        (
            math.sqrt(d_k),
            "You divided by √d_k, as for components of variance 1: what is the variance of one product now?",
        ),
        (math.sqrt(d_k / 3), "1/3 is the variance of one component. A score adds up products of two of them."),
        (d_k / 9, "That is the variance of a score. Divide by its root, the standard deviation."),
        (d_k / 3, "You divided by a variance, and by that of single components. Take products, and then the root."),
        (1 / right, "Those scores were multiplied where they should be divided: yours is one over the answer."),
        (3 * math.sqrt(d_k), "The factor 3 is on the wrong side: uniform components make smaller scores, not larger."),
        (1 / 3, "That is the standard deviation of one product. A score adds up d_k of them."),
        (1 / 9, "That is the variance of one product. A score adds up d_k of them, and it is divided by a root."),
        (d_k, "Each of the d_k products has a variance of its own, and it is the root of their sum that is needed."),
    ]
    variance = d_k / 9 / answer**2
    said = f"For d_k = {d_k} the divided scores have variance {variance:.2g}; they should have 1."
    otherwise = "What is the variance of one product, and of a sum of d_k of them?"
    expect(answer, right, mistakes, said, otherwise, rtol=0.02)
    for other in (256, 1, 9, 12_288):
        if not close(divisor.number(other), math.sqrt(other) / 3, rtol=0.01):
            raise Wrong(f"Right for d_k = {d_k}, and wrong for {other}: the answer must depend on d_k, as its root.")
    return "Right: a product has variance 1/9, a score d_k/9, so divide by √d_k / 3."


@check
def check_document_mask(document_mask: Attempt) -> str:
    """True exactly where row and column are in the same document and the column is not later."""
    rows = [[0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1], [7, 7, 3, 3, 3, 3, 9], [4, 4, 4, 4], [0, 1, 2, 3, 4, 5], [6]]
    for number, numbers in enumerate(rows):
        document, n = torch.tensor(numbers), len(numbers)
        mask = document_mask.mask(document, shape=(n, n))
        same = document[:, None] == document
        past = torch.ones(n, n, dtype=torch.bool).tril()
        right, itself = same & past, torch.eye(n, dtype=torch.bool)
        mistakes = [
            (~right, "True and False are exchanged: here True means may attend."),
            (right.T, "Rows and columns are exchanged: the row asks, the column is looked at."),
            (same, "Every word sees its whole document, also what comes after it. Where is the causal mask?"),
            (past, "Every word sees all earlier words, in other documents too. Where do you compare documents?"),
            (same | past, "The two conditions are joined with or; both must hold."),
            (right & ~itself, "No word may look at itself, so the first of a document sees nothing."),
            (~same & past, "Every word sees the other documents: the comparison is the wrong way round."),
            (same ^ past, "The two conditions are joined with exclusive or; both must hold."),
            (itself, "Every word sees itself only; it may also see what is earlier in its document."),
        ]  # fmt: skip
        said = f"Right for {rows[0]}, and wrong for the documents {numbers}." if number else ""
        expect_mask(mask, right, mistakes, said, lambda i, numbers=numbers: f"{i} (document {numbers[i]})")
    return "Right: same document, and not later."


@check
def check_streaming_attention(streaming_attention: Attempt) -> str:
    """Attention of one query in a single pass over (key, value) pairs, safe for scores of ±1000, in constant memory."""
    rng = torch.Generator().manual_seed(0)
    q = torch.randn(16, generator=rng)
    keys, values = torch.randn(7, 16, generator=rng), torch.randn(7, 3, generator=rng)
    answer, right = _streamed(streaming_attention, q, keys, values), _attended(q, keys, values)
    expect(answer, right, _mistaken_streams(q, keys, values), "", _should_be(right, answer), atol=1e-4)
    for n, d_k, d_v in ((1, 4, 2), (12, 9, 5), (30, 3, 1)):
        parts = torch.randn(d_k, generator=rng), torch.randn(n, d_k, generator=rng), torch.randn(n, d_v, generator=rng)
        answer, right = _streamed(streaming_attention, *parts), _attended(*parts)
        said = f"Right for 7 pairs, and wrong for {n} pairs with keys of width {d_k} and values of width {d_v}."
        expect(answer, right, _mistaken_streams(*parts), said, _should_be(right, answer), atol=1e-4)
    unit = q / q.norm() ** 2 * math.sqrt(len(q))  # a key along q: a multiple of it by c scores c
    lead = torch.linspace(-1.5, 1.5, len(keys))[:, None] * unit
    for level, why in (
        (1000.0, "e^1000 overflows: subtract the largest score so far before taking exponentials."),
        (-1000.0, "e^-1000 is 0 and the sum with it: the largest score so far must start at -∞, not at 0."),
    ):
        try:
            answer = _streamed(streaming_attention, q, lead + level * unit, values)
        except Raised as raised:
            if not isinstance(raised.error, ArithmeticError):
                raise
            raise Wrong(f"With scores near {level:.0f} the function fails. {why}") from None
        if not close(answer, _attended(q, lead, values), atol=1e-3):
            raise Wrong(f"With scores near {level:.0f} the result is {in_a_row(answer)}. {why}")
    for order, name in ((1, "growing"), (-1, "falling")):
        steps = 400.0 * order * torch.linspace(-3, 3, len(keys))[:, None] * unit
        answer, right = _streamed(streaming_attention, q, steps, values), _attended(q, steps, values)
        if not close(answer, right, atol=1e-3):
            raise Wrong(
                f"With scores that are {name} from {-1200 * order} to {1200 * order}: {_should_be(right, answer)}"
            )
    _judge_memory(streaming_attention)
    return "Right: one pass, nothing kept but three things, and no overflow. A fused kernel does this in blocks."


class _Pairs:
    """An iterator over pairs that gives each once, and notes what memory Python holds after some and after all."""

    def __init__(self, keys: Tensor, values: Tensor, first: int = 0):
        self.rest = ((k.clone(), v.clone()) for k, v in zip(keys, values, strict=True))
        self.first, self.n, self.given = first, len(keys), 0
        self.held: list[int] = []
        self.ends = 0

    def __iter__(self) -> "_Pairs":
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        if self.first and self.given in (self.first, self.n - 1):
            self.held.append(tracemalloc.get_traced_memory()[0])
        self.given += 1
        pair = next(self.rest, None)
        if pair is None:
            self.ends += 1
            raise StopIteration
        return pair

    def __deepcopy__(self, memo: dict) -> "_Pairs":
        return self

    def __repr__(self) -> str:
        return "pairs"


def _streamed(
    streaming_attention: Attempt, q: Tensor, keys: Tensor, values: Tensor, pairs: _Pairs | None = None
) -> Tensor:
    pairs = pairs or _Pairs(keys, values)
    twice = "The pairs were read a second time. An iterator gives each pair once: do everything in one pass."
    try:
        answer = streaming_attention.as_tensor(streaming_attention(q, pairs), None)
    except Raised as raised:
        if pairs.ends > 1:
            raise Wrong(twice) from None
        if isinstance(raised.error, TypeError) and "_Pairs" in str(raised.error):
            raise Wrong(f"{raised} pairs is an iterator, not a list: go over it with for k, v in pairs.") from None
        raise
    if pairs.ends > 1:
        raise Wrong(twice)
    if answer.shape != (values.size(1),):
        d_v, got = values.size(1), tuple(answer.shape)
        raise Wrong(f"For values of width {d_v} the result must have the shape ({d_v},); got {got}.")
    return answer


def _judge_memory(streaming_attention: Attempt) -> None:
    rng = torch.Generator().manual_seed(1)
    n, first = 1500, 300
    q, keys, values = (torch.randn(*shape, generator=rng) for shape in ((4,), (n, 4), (n, 3)))
    pairs, tracing = _Pairs(keys, values, first), tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        answer, right = _streamed(streaming_attention, q, keys, values, pairs), _attended(q, keys, values)
    finally:
        if not tracing:
            tracemalloc.stop()
    if not close(answer, right, atol=1e-3):
        raise Wrong(f"Right for short rows; for {n} pairs {_should_be(right, answer)}")
    if len(pairs.held) == 2 and pairs.held[1] - pairs.held[0] > 16 * (n - first):
        raise Wrong(
            "The numbers are right, but something is kept for each pair, so that memory grows with the text. Keep only"
            " the largest score so far, the sum of exponentials and the weighted sum of values."
        )


def _attended(q: Tensor, keys: Tensor, values: Tensor, scaled: bool = True) -> Tensor:
    q, keys, values = q.double(), keys.double(), values.double()
    return (keys @ q / (math.sqrt(len(q)) if scaled else 1)).softmax(dim=0) @ values


def _mistaken_streams(q: Tensor, keys: Tensor, values: Tensor) -> list[tuple[Tensor, str]]:
    scores, values = keys.double() @ q.double() / math.sqrt(len(q)), values.double()
    unshrunk = (scores - torch.cummax(scores, dim=0).values).exp()
    weights = (scores - scores.max()).exp()
    return [
        (_attended(q, keys, values, scaled=False), "These are the weights of undivided scores: divide q · k by √d_k."),
        (
            (keys.double() @ q.double() / len(q)).softmax(dim=0) @ values,
            "The scores were divided by d_k; divide q · k by its root, √d_k.",
        ),
        (weights @ values, "The weights don't add up to 1: divide by the sum of exponentials."),
        (scores.exp() @ values, "The weights don't add up to 1: divide by the sum of exponentials."),
        (
            unshrunk @ values / unshrunk.sum(),
            "The sums are not shrunk when a larger score comes: what was added earlier is relative to the old largest.",
        ),
        (
            unshrunk @ values / weights.sum(),
            "One sum is shrunk when a larger score comes, and the weighted sum of values is not.",
        ),
        (
            weights @ values / unshrunk.sum(),
            "One sum is shrunk when a larger score comes, and the sum of exponentials is not.",
        ),
        (scores @ values, "The scores themselves are the weights: take exponentials, and divide by their sum."),
        (scores @ values / scores.sum(), "The scores themselves are the weights: take exponentials first."),
        (values.mean(dim=0), "Every value got the same weight, whatever the scores are."),
        (values[scores.argmax()], "Only the best value was returned: this is a maximum, not a softmax."),
    ]


def _should_be(right: Tensor, answer: Tensor) -> str:
    return f"For a small case the result should be {in_a_row(right)}; got {in_a_row(answer)}."
