"""Checks for the exercises of the chapter on heads and positions: each takes the reader's function."""

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check


@check
def check_shift_matrix(shift_matrix: Attempt) -> str:
    """A matrix M (C, C) with PE(p + n) = PE(p) M for every p, where PE are the rows of the sinusoidal code."""
    n, C = 5, 8
    answer, right = shift_matrix.tensor(n, C, shape=(C, C)), _shift(n, C)
    code = _code(20 + n, C)
    off = (code[:20] @ answer - code[n:]).abs().max().item()
    otherwise = f"PE(p) M should be PE(p + {n}); the largest difference for p < 20 is {off:.2g}."
    expect(answer, right, _mistaken_shifts(n, C), "", otherwise, atol=1e-4)
    for n, C in ((11, 8), (3, 64), (1, 2), (0, 6), (40, 12)):
        other = shift_matrix.as_tensor(shift_matrix(n, C), None)
        if other.shape != (C, C):
            raise Wrong(f"Right for d_model = 8, and not of shape {(C, C)} for d_model = {C}.")
        said = f"Right for n = 5 and d_model = 8, and wrong for n = {n} and d_model = {C}."
        expect(other, _shift(n, C), _mistaken_shifts(n, C), said, atol=1e-4)
    return "Right: C/2 small rotations, one for each pair, that depend on the distance and on nothing else."


def _code(n_positions: int, C: int) -> Tensor:
    """PE (n, C): sines in the even columns, cosines in the odd ones."""
    speeds = 10_000.0 ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
    angles = torch.arange(n_positions)[:, None] * speeds
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)


def _mistaken_shifts(n: int, C: int) -> list[tuple[Tensor, str]]:
    right, pairs = _shift(n, C), torch.arange(C // 2, dtype=torch.float64)
    halves = "The pairs are (i, i + C/2), as rotary embeddings have them here. In PE they are neighbours: (2i, 2i + 1)."
    swap = torch.arange(C).view(-1, 2).flip(1).flatten()  # sines and cosines exchanged
    return [
        (right.T, "It goes n positions back. Rows are multiplied from the left, x M: exchange the sines."),
        (torch.eye(C, dtype=torch.float64), "This matrix moves nothing: PE(p + n) differs from PE(p) for n > 0."),
        (_shift(1, C), "This moves by one position, whatever n is. The angle of a pair is n times its speed."),
        (
            _shift(n, C, 10_000.0 ** (-pairs / C)),
            "The speeds are base^(-i/C). Pair i has the columns 2i and 2i + 1, and the speed base^(-2i/C).",
        ),
        (_shift(n, C, torch.ones_like(pairs)), "All pairs turn at the same speed. Pair i has the speed base^(-2i/C)."),
        (_shift(n, C, 10_000.0 ** (2 * pairs / C)), "The speeds grow; pair i has the speed base^(-2i/C)."),
        (_in_halves(right), halves),
        (_in_halves(right).T, halves),
        (
            torch.diag(right.diagonal()),
            "The sines are missing: to move an angle on, sin(a + b) takes cos a sin b as well.",
        ),
        (right.abs(), "One of the two sines in each block is negative."),
        (right[swap], "The rows of sine and cosine are exchanged in each pair."),
        (right[:, swap], "The columns of sine and cosine are exchanged in each pair."),
    ]  # fmt: skip


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


@check
def check_induction_targets(induction_targets: Attempt) -> str:
    """For each position the one after the latest earlier occurrence of its token, -1 where there is none."""
    rows = [[3, 1, 4, 1, 5, 3, 1, 4, 4], [7, 7, 7, 0], [3, 1, 4, 1, 5], [6], [5, 4, 3, 2], [0, 0, 9, 0, 0]]
    rng = torch.Generator().manual_seed(0)
    for T, V in ((12, 3), (20, 7), (9, 2), (15, 40)):
        rows.append(torch.randint(V, (T,), generator=rng).tolist())
    for number, row in enumerate(rows):
        ids = torch.tensor(row)
        answer = induction_targets.tensor(ids, shape=ids.shape)
        right, mistakes = _targets(row)
        t = next((t for t in range(len(row)) if not close(answer[t], right[t])), 0)
        otherwise = f"In {row}, position {t} should look at {right[t]:g}; you say {answer[t]:g}."
        said = ""
        if number:
            shown = [int(x) for x in right.tolist()]
            said, otherwise = f"Right for one sequence, and wrong for {row}: {shown} is asked.", ""
        expect(answer, right, mistakes, said, otherwise)
    return "Right: where an induction head looks, one after the last time that its token was there."


def _targets(row: list[int]) -> tuple[Tensor, list[tuple[Tensor, str]]]:
    """The right positions, and what mistakes give."""
    T = len(row)
    earlier = [[s for s in range(t) if row[s] == row[t]] for t in range(T)]
    later = [[s for s in range(t + 1, T) if row[s] == row[t]] for t in range(T)]
    before = [next((s + 1 for s in range(t) if row[s] == row[t - 1]), -1) if t else -1 for t in range(T)]

    def each(of: list) -> Tensor:
        return torch.tensor(of, dtype=torch.float64)

    right = each([found[-1] + 1 if found else -1 for found in earlier])
    ids = each(row)
    return right, [
        (each([found[-1] if found else -1 for found in earlier]), "You point at the earlier occurrence itself. The head"
         " needs what came after it."),
        (each([found[-1] - 1 if found else -1 for found in earlier]), "You point at what came before the earlier"
         " occurrence; what came after it is to be predicted."),
        (each([found[0] + 1 if found else -1 for found in earlier]), "You point at what followed the first occurrence;"
         " asked is the latest one."),
        (each([max(s for s in range(t + 1) if row[s] == row[t]) + 1 for t in range(T)]), "Every token finds itself."
         " Only positions before t count as earlier."),
        (each([found[-1] + 1 if found else 0 for found in earlier]), "Where the token is new the answer is -1; 0 is a"
         " position."),
        (each([found[0] + 1 if found else -1 for found in later]), "You look ahead: only positions before t count."),
        (each([t - found[-1] if found else -1 for t, found in enumerate(earlier)]), "Those are distances. Asked are"
         " positions."),
        (each(before), "You look for the token before t. The head looks for the token at t."),
        (ids[right.long()], "These are tokens. Asked are positions."),
    ]  # fmt: skip
