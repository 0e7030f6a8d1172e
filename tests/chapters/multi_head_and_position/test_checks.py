"""Every check of the chapter on heads and positions accepts the solution and names the typical mistakes."""

import pytest
import torch

from aigc_book.chapters.multi_head_and_position import checks


def names_the_mistake(verdict, says):
    assert not verdict
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(verdict.message)


# --- the matrix that moves a sinusoidal code on


def shift_matrix(n, d_model, *, sign=1.0, step=2, same_speed=False, halves=False):
    """The solution, and each of its parts done wrong on demand."""
    M = torch.zeros(d_model, d_model)
    for i in range(d_model // 2):
        angle = torch.tensor(n * 10_000.0 ** (0 if same_speed else -step * i / d_model))
        s, c = (i, i + d_model // 2) if halves else (2 * i, 2 * i + 1)
        M[s, s] = M[c, c] = angle.cos()
        M[c, s] = sign * angle.sin()
        M[s, c] = -sign * angle.sin()
    return M


def test_shift_matrix_accepts_the_solution():
    assert checks.check_shift_matrix(shift_matrix)
    assert checks.check_shift_matrix(lambda n, d: torch.matrix_power(shift_matrix(1, d).double(), n))


def test_shift_matrix_unanswered():
    assert "Not answered yet: shift_matrix" in checks.check_shift_matrix(lambda n, d: None).message


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (lambda n, d: shift_matrix(n, d, sign=-1), "goes n positions back"),
        (lambda n, d: shift_matrix(n, d, step=1), r"speeds are base\^\(-i/C\)"),
        (lambda n, d: shift_matrix(n, d, same_speed=True), "All pairs turn at the same speed"),
        (lambda n, d: shift_matrix(n, d, halves=True), r"In PE they are neighbours"),
        (lambda n, d: shift_matrix(n, d, halves=True, sign=-1), r"In PE they are neighbours"),
        (lambda n, d: shift_matrix(1, d), "by one position, whatever n is"),
        (lambda n, d: torch.diag(shift_matrix(n, d).diagonal()), "The sines are missing"),
        (lambda n, d: shift_matrix(n, d).abs(), "One of the two sines"),
        (lambda n, d: shift_matrix(n % 7, d), "wrong for n = 11"),
        (lambda n, d: torch.eye(d), "This matrix moves nothing"),
        (lambda n, d: shift_matrix(n, d)[:2, :2], r"shape \(8, 8\); got \(2, 2\)"),
        (lambda n, d: [[1.0]], r"must have the shape \(8, 8\); got \(1, 1\)"),
        (lambda n, d: 2 * shift_matrix(n, d), r"PE\(p\) M should be PE\(p \+ 5\); the largest difference"),
        (lambda n, d: shift_matrix(5, d), "wrong for n = 11"),
        (lambda n, d: shift_matrix(n, 8), r"not of shape \(64, 64\)"),
    ],
)
def test_shift_matrix_names_the_mistake(matrix, says):
    names_the_mistake(checks.check_shift_matrix(matrix), says)


# --- where an induction head should look


def targets(ids, *, after=1, newest=True, itself=False, none=-1):
    out = []
    for t in range(len(ids)):
        found = [s + after for s in range(t + itself) if ids[s] == ids[t]]
        out.append((found[-1] if newest else found[0]) if found else none)
    return torch.tensor(out)


def vectorised(ids):
    T = len(ids)
    place = torch.arange(T)
    same = (ids[:, None] == ids) & (place < place[:, None])
    return torch.where(same.any(1), torch.where(same, place, -1).amax(1) + 1, -1)


@pytest.mark.parametrize("solution", [targets, vectorised, lambda ids: targets(ids).tolist()])
def test_induction_targets_accept_the_solution(solution):
    assert checks.check_induction_targets(solution)


def test_induction_targets_unanswered():
    assert "Not answered yet: induction_targets" in checks.check_induction_targets(lambda ids: None).message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda ids: targets(ids, after=0), "the earlier occurrence itself"),
        (lambda ids: targets(ids, newest=False), "followed the first occurrence"),
        (lambda ids: targets(ids, itself=True), "Every token finds itself"),
        (lambda ids: targets(ids, none=0), "Where the token is new the answer is -1"),
        (lambda ids: ids[targets(ids)], "These are tokens. Asked are positions"),
        (lambda ids: targets(ids)[:-1], r"shape \(9,\); got \(8,\)"),
        (lambda ids: targets(ids.flip(0)).flip(0), "you say"),
        (lambda ids: torch.tensor([-1, -1, -1, 2, -1, 1, 4, 3, 8]), r"must have the shape \(4,\); got \(9,\)"),
        (lambda ids: torch.where(targets(ids) > 0, torch.arange(len(ids)) - targets(ids) + 1, -1), "distances|you say"),
        (lambda ids: "after", "must return a tensor; it returned str"),
        (lambda ids: targets(ids) + 1, r"position 0 should look at -1; you say 0"),
        (lambda ids: torch.tensor([-1, -1, -1, 2, -1, 1, 4, 3, 8]) if len(ids) == 9 else ids, "wrong for .7, 7, 7, 0."),
    ],
)
def test_induction_targets_name_the_mistake(answer, says):
    names_the_mistake(checks.check_induction_targets(answer), says)


def test_one_before_is_told_apart():
    def before(ids):
        found = targets(ids, after=0)
        return torch.where(found >= 0, found - 1, -1)

    names_the_mistake(checks.check_induction_targets(before), "what came before the earlier occurrence")
