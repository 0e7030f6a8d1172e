"""Constraints: a function says which tokens may come next, and no other can.

    def allowed(ids: Tensor) -> Tensor:     # (S,) tokens so far, prompt included → (V,) boolean, True: may follow

Such a function is asked before every token, for each row with its own tokens (padding taken out). What it forbids gets
the logit -inf before anything else is done, so that every filter and every temperature works on what is left.
Shape letters: B rows, S tokens so far, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Allowed = Callable[[Tensor], Tensor]


def check_allowed(allowed: Allowed | None) -> None:
    """Raise ``ValueError`` if this is neither a function nor None."""
    if allowed is not None and not callable(allowed):
        raise ValueError(f"allowed must be a function (S,) ids -> (V,) boolean, or None; got {allowed!r}")


def constrain(
    logits: Tensor,
    ids: Tensor,
    allowed: Allowed,
    *,
    mask: Tensor | None = None,
    skip: Sequence[bool] | None = None,
    step: int | None = None,
) -> Tensor:
    """Give the tokens that ``allowed`` forbids the logit -inf, row by row.

    Args:
        logits: (B, V).
        ids: (B, S) tokens so far, prompt included.
        allowed: (S,) ids without padding → (V,) boolean.
        mask: (B, S) boolean, False for padding. None: no padding.
        skip: (B,) truth values, True for rows that need no answer, because they have ended. None: all do.
        step: the number of the new token, from 1, for the message.

    Returns:
        (B, V).

    Raises:
        ValueError: an answer that is not a boolean (V,), or one that allows no token at all.
    """
    rows, V = [], logits.size(-1)
    for row, row_ids in enumerate(ids):
        if skip is not None and skip[row]:
            rows.append(torch.ones(V, dtype=torch.bool, device=logits.device))
            continue
        answer = allowed((row_ids if mask is None else row_ids[mask[row]]).clone())
        if not isinstance(answer, Tensor) or answer.dtype != torch.bool or answer.shape != (V,):
            got = f"{answer.dtype} {tuple(answer.shape)}" if isinstance(answer, Tensor) else type(answer).__name__
            raise ValueError(f"allowed must return a boolean tensor ({V},), one entry for each token; got {got}")
        if not answer.any():
            raise ValueError(
                f"allowed must leave at least one token; got none{'' if step is None else f' at step {step}'} in row "
                f"{row}, after the {int((mask[row] if mask is not None else torch.ones_like(row_ids)).sum())} tokens "
                "so far"
            )
        rows.append(answer.to(logits.device))
    return logits.masked_fill(~torch.stack(rows), -torch.inf)
