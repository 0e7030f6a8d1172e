"""Checks for the exercises of the chapter on heads and positions: each takes the reader's function."""

from collections.abc import Callable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.layers.positions import sinusoidal


def check_shift_matrix(shift_matrix: Callable[[int, int], Tensor]) -> Verdict:
    """A matrix M (C, C) with PE(p + n) = PE(p) M for every p, where PE are the rows of the sinusoidal code."""
    n, C = 5, 8
    answer = shift_matrix(n, C)
    if answer is None:
        return unanswered("shift_matrix")
    if not isinstance(answer, Tensor) or answer.shape != (C, C):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return Verdict(False, f"For d_model = {C} the matrix must be a tensor of shape {(C, C)}; got {shape}.")
    answer = answer.detach().double()
    right = _shift(n, C)
    identity, speeds = torch.eye(C, dtype=torch.float64), torch.arange(C // 2, dtype=torch.float64)
    mistakes = [
        (
            right.T,
            "It goes n positions back. Rows are multiplied from the left: x M, so the sines are to be exchanged.",
        ),
        (identity, "This matrix moves nothing: PE(p + n) differs from PE(p) for n > 0."),
        (_shift(1, C), "This moves by one position, whatever n is. The angle of a pair is n times its speed."),
        (
            _shift(n, C, 10_000.0 ** (-speeds / C)),
            "The speeds are base^(-i/C). Pair i has the columns 2i and 2i + 1, and the speed base^(-2i/C).",
        ),
        (
            _shift(n, C, torch.ones(C // 2, dtype=torch.float64)),
            "All pairs turn at the same speed. Pair i has the speed base^(-2i/C).",
        ),
        (
            _in_halves(right),
            "The pairs are (i, i + C/2), as rotary embeddings have them here. In PE they are neighbours: (2i, 2i + 1).",
        ),
        (
            _in_halves(right).T,
            "The pairs are (i, i + C/2), as rotary embeddings have them here. In PE they are neighbours: (2i, 2i + 1).",
        ),
    ]
    if not torch.allclose(answer, right, atol=1e-4):
        for mistake, why in mistakes:
            if torch.allclose(answer, mistake, atol=1e-4):
                return Verdict(False, why)
        code = sinusoidal(20 + n, C).double()
        off = (code[:20] @ answer - code[n:]).abs().max().item()
        return Verdict(False, f"PE(p) M should be PE(p + {n}); the largest difference for p < 20 is {off:.2g}.")
    for n, C in ((11, 8), (3, 64)):
        other = shift_matrix(n, C)
        if not isinstance(other, Tensor) or other.shape != (C, C):
            return Verdict(False, f"Right for d_model = 8, and not of shape {(C, C)} for d_model = {C}.")
        if not torch.allclose(other.detach().double(), _shift(n, C), atol=1e-4):
            return Verdict(False, f"Right for n = 5 and d_model = 8, and wrong for n = {n} and d_model = {C}.")
    return Verdict(
        True, "Right: C/2 small rotations, one for each pair, that depend on the distance and on nothing else."
    )


def _shift(n: int, d_model: int, speeds: Tensor | None = None) -> Tensor:
    """M of :func:`check_shift_matrix`, in float64."""
    if speeds is None:
        speeds = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    blocks = [
        torch.stack((torch.stack((a.cos(), -a.sin())), torch.stack((a.sin(), a.cos())))) for a in (n * speeds)
    ]  # (sin, cos) of an angle, times this, is (sin, cos) of the larger angle
    return torch.block_diag(*blocks)


def _in_halves(matrix: Tensor) -> Tensor:
    """The same turns with pair i in the columns i and i + C/2."""
    C = len(matrix)
    place = torch.arange(C).view(C // 2, 2).T.flatten()  # 0, 2, 4, … 1, 3, 5, …
    return matrix[place][:, place]


def check_induction_targets(induction_targets: Callable[[Tensor], Tensor]) -> Verdict:
    """For each position the one after the latest earlier occurrence of its token, -1 where there is none."""
    ids = torch.tensor([3, 1, 4, 1, 5, 3, 1, 4, 4])
    answer = induction_targets(ids.clone())
    if answer is None:
        return unanswered("induction_targets")
    try:
        answer = torch.as_tensor(answer)
    except (TypeError, ValueError, RuntimeError):
        return Verdict(False, f"The result must be a tensor of whole numbers; got {type(answer).__name__}.")
    if answer.shape != ids.shape:
        return Verdict(False, f"For {len(ids)} tokens the result must have the shape (9,); got {tuple(answer.shape)}.")
    right = _targets(ids)
    earlier = [[s for s in range(t) if ids[s] == ids[t]] for t in range(len(ids))]
    same = torch.tensor([found[-1] if found else -1 for found in earlier])
    first = torch.tensor([found[0] + 1 if found else -1 for found in earlier])
    before = torch.tensor([found[-1] - 1 if found else -1 for found in earlier])
    itself = torch.tensor([max(s for s in range(t + 1) if ids[s] == ids[t]) + 1 for t in range(len(ids))])
    zeros = torch.tensor([found[-1] + 1 if found else 0 for found in earlier])
    mistakes = [
        (same, "You point at the earlier occurrence itself. The head needs what came after it."),
        (before, "You point at what came before the earlier occurrence; what came after it is to be predicted."),
        (first, "You point at what followed the first occurrence; asked is the latest one."),
        (itself, "Every token finds itself. Only positions before t count as earlier."),
        (zeros, "Where the token is new the answer is -1; 0 is a position."),
        (ids[right], "These are tokens. Asked are positions."),
    ]
    if not torch.equal(answer.long(), right):
        for mistake, why in mistakes:
            if torch.equal(answer.long(), mistake):
                return Verdict(False, why)
        t = int((answer.long() != right).nonzero()[0])
        return Verdict(
            False, f"In {ids.tolist()}, position {t} should look at {right[t].item()}; you say {answer[t].item()}."
        )
    ids = torch.tensor([7, 7, 7, 0])
    if not torch.equal(torch.as_tensor(induction_targets(ids.clone())).long(), _targets(ids)):
        return Verdict(
            False, f"Right for one sequence, and wrong for {ids.tolist()}: {_targets(ids).tolist()} is asked."
        )
    return Verdict(True, "Right: where an induction head looks, one after the last time that its token was there.")


def _targets(ids: Tensor) -> Tensor:
    found = [[s + 1 for s in range(t) if ids[s] == ids[t]] for t in range(len(ids))]
    return torch.tensor([places[-1] if places else -1 for places in found])
