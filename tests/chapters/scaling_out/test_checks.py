"""Every check accepts the solution, and names the mistake in each typical wrong answer."""

import pytest

from aigc_book.chapters.scaling_out import checks


def own_rows(n, rank, size):
    base, extra = divmod(n, size)
    start = rank * base + min(rank, extra)
    return start, start + base + (rank < extra)


def ceiled(n, rank, size):
    share = -(-n // size)
    return rank * share, (rank + 1) * share


ROWS = {
    "The second number is where the rows end": lambda n, r, w: (own_rows(n, r, w)[0], n // w + (r < n % w)),
    "stop is the first row that is not yours": lambda n, r, w: (own_rows(n, r, w)[0], own_rows(n, r, w)[1] - 1),
    "Rows are counted from 0": lambda n, r, w: tuple(x + 1 for x in own_rows(n, r, w)),
    "Row 6 has no owner": lambda n, r, w: (r * (n // w), (r + 1) * (n // w)),
    "has two owners": lambda n, r, w: (r * (n // w), (r + 1) * (n // w) + (r < n % w)),
    "There are only rows 0 to 6": ceiled,
    "One process has 3 rows and another 1": lambda n, r, w: tuple(min(n, x) for x in ceiled(n, r, w)),
    "in order, from rank 0 on": lambda n, r, w: (r * n // w, (r + 1) * n // w),
    "Ranks are counted from 0": lambda n, r, w: own_rows(n, r - 1, w),
    "use //": lambda n, r, w: (r * n / w, (r + 1) * n / w),
    "A share ends before it begins": lambda n, r, w: own_rows(n, r, w)[::-1],
    "must return 2 things, start and stop": lambda n, r, w: own_rows(n, r, w)[0],
    "rows have numbers from 0 to n": lambda n, r, w: (float("nan"), float("inf")),
    "raised ZeroDivisionError": lambda n, r, w: (r // 0, w),
}


def test_own_rows_accepts_the_solution():
    verdict = checks.check_own_rows(own_rows)
    assert verdict and "every row has one owner" in verdict.message


def test_an_empty_share_may_begin_anywhere():
    def from_0(n, rank, size):
        start, stop = own_rows(n, rank, size)
        return (start, stop) if start < stop else (0, 0)

    assert checks.check_own_rows(from_0)


@pytest.mark.parametrize("words", ROWS)
def test_own_rows_names_the_mistake(words):
    verdict = checks.check_own_rows(ROWS[words])
    assert not verdict and words in verdict.message, verdict.message


def held(n, size, stage):
    state, gradients, weights = (b / size if stage >= s else b for b, s in ((8, 1), (4, 2), (4, 3)))
    return n * (state + gradients + weights)


HELD = {
    "At stage 1 something is shared out": lambda n, w, s: 16 * n,
    "Only stage 3 shares everything": lambda n, w, s: 16 * n / w if s else 16 * n,
    "Adam keeps two numbers": lambda n, w, s: held(n, w, s) - 4 * n / (w if s >= 1 else 1),
    "A process holds gradients too": lambda n, w, s: held(n, w, s) - 4 * n / (w if s >= 2 else 1),
    "The optimizer's state is missing": lambda n, w, s: held(n, w, s) - 8 * n / (w if s >= 1 else 1),
    "Count the stages from 0": lambda n, w, s: held(n, w, min(3, s + 1)),
    "Stage 1 shares the optimizer's state": lambda n, w, s: held(n, w, s) if s != 1 else n * (12 + 4 / w),
    "Stage 2 shares the gradients as well": lambda n, w, s: held(n, w, s) if s != 2 else held(n, w, 1),
    "Each stage adds to the one before": lambda n, w, s: (
        n * sum(b / w if s == k else b for b, k in ((8, 1), (4, 2), (4, 3)))
    ),
    "That is mixed precision": lambda n, w, s: n * sum(b / w if s >= k else b for b, k in ((12, 1), (2, 2), (2, 3))),
    "That is in numbers": lambda n, w, s: held(n, w, s) / 4,
    "That is what all processes hold together": lambda n, w, s: held(n, w, s) * w,
    "which of them are divided by W": lambda n, w, s: held(n, w, s) + 1,
}


def test_held_accepts_the_solution():
    """1000 parameters, 4 processes, stage 1: 1000 × (4 + 4 + 8 / 4) = 10,000."""
    assert held(1000, 4, 1) == 10_000
    verdict = checks.check_held(held)
    assert verdict and "8 / W at stage 1" in verdict.message


@pytest.mark.parametrize("words", HELD)
def test_held_names_the_mistake(words):
    verdict = checks.check_held(HELD[words])
    assert not verdict and words in verdict.message, verdict.message
