"""Checks for the exercises of the chapter on several processes. Each takes the reader's function."""

import math

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check


@check
def check_own_rows(own_rows: Attempt) -> str:
    """Rows ``start`` to ``stop`` of n for each rank: in order, all of them, and the first ranks have one more."""
    for n, size in ((7, 3), (12, 4), (11, 4), (3, 5), (16, 1), (5, 2)):
        shares = [_share(own_rows, n, rank, size) for rank in range(size)]
        base, extra = divmod(n, size)
        right = [(r * base + min(r, extra), (r + 1) * base + min(r + 1, extra)) for r in range(size)]
        shares = [r if r[0] == r[1] and 0 <= s[0] == s[1] <= n else s for s, r in zip(shares, right, strict=True)]
        if shares != right:  # (an empty share may begin anywhere)
            raise Wrong(f"{n} rows and {size} processes give {_said(shares)}. {_mistake(shares, right, n, size)}")
    return "Right: every row has one owner, and no process has two rows more than another."


def _share(own_rows: Attempt, n: int, rank: int, size: int) -> tuple[int, int]:
    answer = own_rows.parts(n, rank, size, names=("start", "stop"))
    start, stop = (own_rows.as_number(value, name) for value, name in zip(answer, ("start", "stop"), strict=True))
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise Wrong(f"{own_rows.called} returns {start:g} and {stop:g}; rows have numbers from 0 to n.")
    if start != round(start) or stop != round(stop):
        raise Wrong(f"{own_rows.called} returns {start:g} and {stop:g}; rows are counted in whole numbers: use //.")
    return int(start), int(stop)


def _said(shares: list[tuple[int, int]]) -> str:
    return ", ".join(f"{start} to {stop}" for start, stop in shares)


def _mistake(shares: list[tuple[int, int]], right: list[tuple[int, int]], n: int, size: int) -> str:
    """What is wrong with these shares, most telling first."""
    if shares == [(start, stop - start) for start, stop in right]:
        return "The second number is where the rows end, not how many there are."
    if shares == [(start, stop - 1) for start, stop in right]:
        return "stop is the first row that is not yours, as in a slice."
    if shares == [(start + 1, stop + 1) for start, stop in right]:
        return "Rows are counted from 0."
    if shares[0][0] < 0:
        return "No row has a number below 0. Ranks are counted from 0: the first process is rank 0."
    if any(stop < start for start, stop in shares):
        return "A share ends before it begins: a process without rows has start = stop."
    rows = [row for start, stop in shares for row in range(start, stop)]
    if len(set(rows)) < len(rows):
        return f"Row {next(row for row in rows if rows.count(row) > 1)} has two owners: it would count twice."
    if missing := sorted(set(range(n)) - set(rows)):
        return f"Row {missing[0]} has no owner: nobody trains on it. Who takes the remainder?"
    if any(row < 0 or row >= n for row in rows):
        return f"There are only rows 0 to {n - 1}."
    sizes = [stop - start for start, stop in shares]
    if max(sizes) - min(sizes) > 1:
        return f"One process has {max(sizes)} rows and another {min(sizes)}: all would wait for the first."
    return "The rows should go round in order, from rank 0 on, and the first ranks take one row more."


@check
def check_held(held: Attempt) -> str:
    """Bytes a process holds for n parameters with AdamW in float32, W processes, ZeRO's stage 0, 1, 2 or 3."""
    for n, size in ((1000, 4), (60, 5), (7_000_000, 64)):
        answers = {stage: held.number(n, size, stage) for stage in (1, 2, 3, 0)}
        if all(close(answer, _in_16_bits(n, size, stage)) for stage, answer in answers.items()):
            raise Wrong(
                "That is mixed precision: 2 bytes for a weight and for its gradient, and a state of 12 that has a copy"
                " of the weight. Here everything is in float32."
            )
        for stage, answer in answers.items():
            right = _held(n, size, stage)
            mistakes = [
                (_held(n, size, 0), f"At stage {stage} something is shared out."),
                (
                    _held(n, size, 3),
                    f"Only stage 3 shares everything; at stage {stage} a part is whole in each process.",
                ),
                (_held(n, size, stage, state=4), "Adam keeps two numbers for each parameter, 8 bytes."),
                (_held(n, size, stage, gradients=0), "A process holds gradients too: 4 bytes a parameter."),
                (_held(n, size, stage, state=0), "The optimizer's state is missing: 8 bytes a parameter."),
                (
                    _held(n, size, min(3, stage + 1)),
                    "Count the stages from 0: at stage 0 everything is in each process.",
                ),
                (
                    4 * n + 8 * n + 4 * n / size,
                    "Stage 1 shares the optimizer's state, which is the largest, first."
                    if stage == 1
                    else f"Each stage adds to the one before: the optimizer's state is shared at stage {stage} too.",
                ),
                (8 * n + 8 * n / size if stage == 2 else right, "Stage 2 shares the gradients as well."),
                (right / 4, "That is in numbers. Each has 4 bytes."),
                (right * size, "That is what all processes hold together."),
            ]
            said = f"For n = {n}, W = {size}, stage {stage} you say {answer:,.6g} bytes."
            expect(answer, right, mistakes, said, "Weights 4, gradients 4, state 8: which of them are divided by W?")
    return "Right: 8 / W at stage 1, then the gradients, then the weights; at stage 3 all 16 bytes are divided."


def _held(n: int, size: int, stage: int, *, gradients: int = 4, state: int = 8) -> float:
    whole = (4 if stage < 3 else 0) + (gradients if stage < 2 else 0) + (state if stage < 1 else 0)
    return n * whole + n * (4 + gradients + state - whole) / size


def _in_16_bits(n: int, size: int, stage: int) -> float:
    """Weights and gradients of 2 bytes; Adam's two means and a copy of the weight in 32 bits."""
    return n * sum(b / size if stage >= shared else b for b, shared in ((12, 1), (2, 2), (2, 3)))
