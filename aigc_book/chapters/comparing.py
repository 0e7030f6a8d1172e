"""Is it right, and if not, which mistake is it? Numbers and tensors are compared alike, by the values they have."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from aigc_book.chapters.attempt import Wrong


def close(got: float | Tensor, value: float | Tensor, *, rtol: float = 1e-4, atol: float = 1e-6) -> bool:
    """Whether two numbers, or two tensors of the same shape, are equal but for rounding. NaN is equal to nothing."""
    a, b = (torch.as_tensor(x).detach().double() for x in (got, value))
    return a.shape == b.shape and torch.allclose(a, b, rtol=rtol, atol=atol)


def expect(
    got: float | Tensor,
    right: float | Tensor,
    mistakes: Sequence[tuple[float | Tensor, str]],
    said: str,
    otherwise: str = "",
    *,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Raise :class:`Wrong` unless ``got`` is ``right``: ``said``, and the sentence of the mistake that gives just this.

    ``mistakes`` are pairs of what a mistake gives and the sentence for it; one that happens to give what is right here
    is passed over. For an answer that none of them explains ``otherwise`` is the sentence.
    """
    if close(got, right, rtol=rtol, atol=atol):
        return
    for value, why in mistakes:
        if close(got, value, rtol=rtol, atol=atol) and not close(value, right, rtol=rtol, atol=atol):
            raise Wrong(f"{said} {why}".strip())
    raise Wrong(f"{said} {otherwise}".strip())


def expect_mask(
    mask: Tensor,
    right: Tensor,
    mistakes: Sequence[tuple[Tensor, str]],
    said: str,
    place: Callable[[int], str] = str,
) -> None:
    """Raise :class:`Wrong` unless two boolean masks (T, S) are equal: the known mistake, or the first wrong field.

    ``place`` describes a position for the sentence.
    """
    if torch.equal(mask, right):
        return
    for value, why in mistakes:
        if torch.equal(mask, value) and not torch.equal(value, right):
            raise Wrong(f"{said} {why}".strip())
    fields = (mask != right).nonzero()
    row, column = fields[0].tolist()
    says, should = ("may", "must not") if mask[row, column] else ("may not", "should")
    field = f"Position {place(row)} {says} attend to position {place(column)}, and {should}."
    raise Wrong(f"{said} {field} {len(fields)} of {right.numel()} fields are wrong.".strip())


def in_a_row(vector: Tensor | Sequence[float], most: int = 8) -> str:
    """The numbers of a vector for a sentence: ``(0.25, 0.75)``."""
    numbers = torch.as_tensor(vector).flatten().tolist()
    more = ", …" if len(numbers) > most else ""
    return "(" + ", ".join(f"{x:.4g}" for x in numbers[:most]) + more + ")"
