"""Checks for the exercises of the chapter on attention. Each takes the reader's function and returns a verdict."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.layers.attention import attention_weights, causal_mask


def check_divisor(divisor: Callable[[int], float]) -> Verdict:
    """Scores of vectors with components uniform in [-1, 1] must have variance 1 after the division: √d_k / 3."""
    d_k = 64
    answer = divisor(d_k)
    if answer is None:
        return unanswered("divisor")
    answer = float(answer)
    if not answer > 0:
        return Verdict(False, f"divisor({d_k}) is {answer:.4g}. A divisor of scores is a positive number.")
    right = math.sqrt(d_k) / 3
    mistakes = {
        math.sqrt(
            d_k
        ): "You divided by √d_k, as for components of variance 1: what is the variance of one product now?",
        math.sqrt(d_k / 3): "1/3 is the variance of one component. A score adds up products of two of them.",
        d_k / 9: "That is the variance of a score. Divide by its root, the standard deviation.",
        d_k / 3: "You divided by a variance, and by that of single components. Take products, and then the root.",
        1 / right: "Those scores were multiplied where they should be divided: yours is one over the answer.",
        3 * math.sqrt(d_k): "The factor 3 is on the wrong side: uniform components make smaller scores, not larger.",
    }
    variance = d_k / 9 / answer**2
    said = f"For d_k = {d_k} the divided scores have variance {variance:.2g}; they should have 1."
    for mistake, why in mistakes.items():
        if math.isclose(answer, mistake, rel_tol=0.02):
            return Verdict(False, f"{said} {why}")
    if not math.isclose(answer, right, rel_tol=0.02):
        return Verdict(False, f"{said} What is the variance of one product, and of a sum of d_k of them?")
    if not math.isclose(float(divisor(4 * d_k)), 2 * right, rel_tol=0.02):
        return Verdict(False, f"Right for d_k = {d_k}, and wrong for {4 * d_k}: the answer must depend on d_k.")
    return Verdict(True, "Right: a product has variance 1/9, a score d_k/9, so divide by √d_k / 3.")


def check_document_mask(document_mask: Callable[[Tensor], Tensor]) -> Verdict:
    """True exactly where row and column are in the same document and the column is not later."""
    document = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    n = len(document)
    mask = document_mask(document.clone())
    if mask is None:
        return unanswered("document_mask")
    if not isinstance(mask, Tensor) or mask.shape != (n, n):
        shape = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        return Verdict(False, f"For {n} positions the mask must be a tensor of shape {(n, n)}; got {shape}.")
    if mask.dtype != torch.bool:
        return Verdict(
            False, f"The mask must be boolean (True = may attend); got {mask.dtype}. Numbers would be added to scores."
        )
    same = document[:, None] == document
    past = causal_mask(n, n)
    right = same & past
    mistakes = [
        (~right, "True and False are exchanged: here True means may attend."),
        (right.T, "Rows and columns are exchanged: the row asks, the column is looked at."),
        (same, "Every word sees its whole document, and so the words that come after it. Where is the causal mask?"),
        (past, "Every word sees all earlier words, in other documents too. Where do you compare documents?"),
        (same | past, "The two conditions are joined with or; both must hold."),
        (
            right & ~torch.eye(n, dtype=torch.bool),
            "No word may look at itself, so the first of a document sees nothing.",
        ),
    ]
    for mistake, why in mistakes:
        if torch.equal(mask, mistake):
            return Verdict(False, why)
    wrong = (mask != right).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        says, should = ("may", "must not") if mask[row, column] else ("may not", "should")
        return Verdict(
            False,
            f"Position {row} (document {document[row]}) {says} attend to position {column} "
            f"(document {document[column]}), and {should}. {len(wrong)} of {n * n} fields are wrong.",
        )
    return Verdict(True, "Right: same document, and not later.")


def check_streaming_attention(streaming_attention: Callable[[Tensor, Iterable], Tensor]) -> Verdict:
    """Attention of one query in a single pass over (key, value) pairs, safe for scores of ±1000."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(16, generator=generator)
    keys, values = torch.randn(7, 16, generator=generator), torch.randn(7, 3, generator=generator)

    def run(keys: Tensor) -> Tensor | None:
        answer = streaming_attention(q.clone(), zip(keys.clone(), values.clone(), strict=True))
        return None if answer is None else torch.as_tensor(answer, dtype=torch.float32)

    def expected(keys: Tensor, **how) -> Tensor:
        return (attention_weights(q[None], keys, **how) @ values)[0]

    answer = run(keys)
    if answer is None:
        return unanswered("streaming_attention")
    if answer.shape != (3,):
        return Verdict(False, f"For values of width 3 the result must have the shape (3,); got {tuple(answer.shape)}.")
    right = expected(keys)
    scores = keys @ q / math.sqrt(len(q))
    running = torch.cummax(scores, dim=0).values
    unshrunk = (scores - running).exp()
    mistakes = [
        (expected(keys, softmax_scale=1.0), "These are the weights of undivided scores: divide q · k by √d_k."),
        ((scores - scores.max()).exp() @ values, "The weights don't add up to 1: divide by the sum of exponentials."),
        (scores.exp() @ values, "The weights don't add up to 1: divide by the sum of exponentials."),
        (
            unshrunk @ values / unshrunk.sum(),
            "The sums are not shrunk when a larger score comes: what was added earlier is relative to the old largest.",
        ),
        (
            unshrunk @ values / (scores - scores.max()).exp().sum(),
            "One sum is shrunk when a larger score comes, and the weighted sum of values is not.",
        ),
        (
            (scores - scores.max()).exp() @ values / unshrunk.sum(),
            "One sum is shrunk when a larger score comes, and the sum of exponentials is not.",
        ),
        (values.mean(dim=0), "Every value got the same weight, whatever the scores are."),
        (values[scores.argmax()], "Only the best value was returned: this is a maximum, not a softmax."),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer, mistake, atol=1e-4):
            return Verdict(False, why)
    if not torch.allclose(answer, right, atol=1e-4):
        return Verdict(False, f"For a small case the result should be {_row(right)}; got {_row(answer)}.")
    unit = q / q.norm() ** 2 * math.sqrt(len(q))  # a key along q: a multiple of it by c scores c
    lead = torch.linspace(-1.5, 1.5, len(keys))[:, None] * unit
    for level, why in (
        (1000.0, "e^1000 overflows: subtract the largest score so far before taking exponentials."),
        (-1000.0, "e^-1000 is 0 and the sum with it: the largest score so far must start at -∞, not at 0."),
    ):
        try:
            answer = run(lead + level * unit)
        except (OverflowError, ZeroDivisionError):
            return Verdict(False, f"With scores near {level:.0f} the function fails. {why}")
        if not torch.allclose(answer, expected(lead), atol=1e-3):
            return Verdict(False, f"With scores near {level:.0f} the result is {_row(answer)}. {why}")
    return Verdict(True, "Right: one pass and no overflow. A fused kernel does this in blocks.")


def _row(vector: Tensor) -> str:
    return "(" + ", ".join(f"{x:.3f}" for x in vector.tolist()) + ")"
