"""Checks for the exercises of the chapter on fine-tuning. Each takes the reader's function and returns a verdict."""

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import expect
from aigc_book.chapters.verdict import check

IGNORED = -100
CHATS = (  # ids, and which of them belong to an answer or are the mark that ends it
    ([9, 5, 7, 8, 6, 7, 9, 4, 4, 7, 8, 2, 3, 7], [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]),
    ([9, 1, 2, 7, 8, 3, 4, 7], [0, 0, 0, 0, 0, 1, 1, 1]),
    ([11, 12, 13, 14], [0, 1, 1, 0]),
    ([3, 0, 5, 0], [0, 1, 0, 1]),
)


@check
def check_answer_targets(answer_targets: Attempt) -> str:
    """targets[t] = ids[t + 1] where ids[t + 1] is of an answer, else -100; one fewer than ids."""
    for ids, marks in CHATS:
        of_answer = torch.tensor(marks, dtype=torch.bool)
        row = torch.tensor(ids)
        got = answer_targets.as_tensor(answer_targets(row, of_answer), None)
        shape = tuple(got.shape)
        if shape == tuple(row.shape) and torch.equal(got[:-1].double(), _masked(row[1:], of_answer[1:]).double()):
            raise Wrong(f"{len(ids)} ids have {len(ids) - 1} targets: nothing follows the last one, so leave it out.")
        if shape == tuple(row.shape):
            raise Wrong(
                f"{len(ids)} ids have {len(ids) - 1} targets: nothing follows the last one. You return {len(ids)};"
                " the target of a place is the id after it, not the id itself."
            )
        if shape != (len(ids) - 1,):
            raise Wrong(f"{len(ids)} ids have {len(ids) - 1} targets, in one dimension; got shape {shape}.")
        right = _masked(row[1:], of_answer[1:])
        mistakes = [
            (_masked(row[:-1], of_answer[:-1]), "They are the inputs: the target of place t is the id at t + 1."),
            (
                _masked(row[1:], of_answer[:-1]),
                "The mask is off by one: place t counts when the id at t + 1, its target, is of an answer. Yours loses"
                " the answer's first id and counts what follows its end.",
            ),
            (row[1:], "Nothing is masked: the model would learn to write the questions too."),
            (
                _masked(row[1:], of_answer[1:] & of_answer[:-1]),
                "The answer's first id doesn't count, and the model never learns how to begin: its place is the last of"
                " the prompt.",
            ),
            (
                _masked(row[1:], of_answer[1:] | of_answer[:-1]),
                "What follows the end of an answer counts too: the model has nothing more to say there.",
            ),
            (
                _masked(row[1:], of_answer[1:] & torch.cat([of_answer[2:], torch.tensor([False])])),
                "The answer's last id, the mark of its end, doesn't count: the model would never stop.",
            ),
            (_masked(row[1:], ~of_answer[1:]), "The mask is upside down: questions count and answers don't."),
            (
                torch.where(of_answer[1:], row[1:], 0),
                "Places that don't count must be -100; 0 is the id of a token, which the model would learn to write.",
            ),
        ]
        said = f"For ids {ids} and an answer at {[i for i, m in enumerate(marks) if m]}:"
        expect(
            got, right.double(), [(value.double(), why) for value, why in mistakes], said, f"expected {right.tolist()}."
        )
    return "Right: a place counts when the id that comes next is of an answer, from its first to the mark of its end."


def _masked(targets: Tensor, counts: Tensor) -> Tensor:
    return torch.where(counts, targets, IGNORED)


@check
def check_merge(merge: Attempt) -> str:
    """W + (alpha / r) B A."""
    generator = torch.Generator().manual_seed(0)
    for O, C, r, alpha in ((7, 5, 3, 6.0), (4, 4, 1, 3.0), (4, 4, 3, 6.0), (2, 7, 4, 1.0)):  # noqa: E741
        shapes = ((O, C), (r, C), (O, r))
        W, A, B = (torch.randn(shape, generator=generator, dtype=torch.float64).round(decimals=2) for shape in shapes)
        W, A, B = W.float(), A.float(), B.float()
        got = merge.tensor(W, A, B, alpha, shape=(O, C))
        w, a, b = W.double(), A.double(), B.double()
        mistakes = [
            (w + b @ a, "The scale s = α / r is missing."),
            (w + alpha * b @ a, "You multiply with α; the scale is α / r, and r is the number of A's rows."),
            (alpha / r * b @ a, "That is the correction alone; W itself is missing."),
            (w - alpha / r * b @ a, "The sign is wrong: the correction is added."),
            (w + r / alpha * b @ a, "The scale is upside down: α / r, not r / α."),
            (w + alpha / r**0.5 * b @ a, "That is the rank-stabilised scale, α / √r; here it is α / r."),
            (w + alpha / C * b @ a, "You divide by A's columns, C; the rank is the number of its rows."),
            (w + alpha / O * b @ a, "You divide by B's rows, O; the rank is the number of its columns."),
            (w, "That is W as it was; the correction is missing."),
        ]
        if C == O:
            mistakes.append(
                (w + alpha / r * (b @ a).T, "The correction is transposed: it is B A, (O, r) times (r, C).")
            )
        said = f"For O = {O}, C = {C}, r = {r}, α = {alpha:g} the merged matrix is wrong."
        expect(got, w + alpha / r * b @ a, mistakes, said, "It is W + (α / r) B A.", atol=1e-5)
    return "Right: W + (α / r) B A, one matrix, as fast as before."
