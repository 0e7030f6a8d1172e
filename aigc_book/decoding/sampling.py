"""From logits to the next id: pure functions that reshape a distribution, and one that draws from it.

Each takes logits (..., V) and gives new logits (..., V); what is ruled out gets -inf. :func:`sample` applies them in
the order that is customary (repetition penalty first, by the caller, then temperature, top-k, top-p), and draws.
Shape letters: B rows, S tokens so far, V vocabulary.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def check_settings(
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
) -> None:
    """Say which setting is out of range.

    Raises:
        ValueError: a temperature that is negative or not finite, top_k below 1, top_p outside (0, 1], a repetition
            penalty that is not positive.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 (greedy) or a positive number; got {temperature}")
    if top_k is not None and not (isinstance(top_k, int | np.integer) and top_k >= 1):
        raise ValueError(f"top_k must be a whole number, at least 1, or None for no limit; got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be in (0, 1], or None for no limit; got {top_p}")
    if not 0 < repetition_penalty < float("inf"):
        raise ValueError(f"repetition_penalty must be positive (1 = none); got {repetition_penalty}")


def penalize_repetition(logits: Tensor, ids: Tensor, penalty: float, mask: Tensor | None = None) -> Tensor:
    """Make the tokens that have occurred less likely: a logit l becomes l / penalty if positive, l · penalty if not.

    How often a token has occurred makes no difference.

    Args:
        logits: (B, V).
        ids: (B, S) tokens so far, prompt included.
        penalty: above 1 discourages repetition, 1 changes nothing, below 1 encourages it. About 1.2 is usual.
        mask: (B, S) boolean, True for real tokens and False for padding. None: all are real.

    Returns:
        (B, V).

    Raises:
        ValueError: the penalty is not positive.

    Source: Keskar et al., *CTRL* (2019), section 4.1. The paper divides negative logits too, which makes them *more*
    likely; as everybody does by now, they are multiplied here.
    """
    check_settings(repetition_penalty=penalty)
    if penalty == 1:
        return logits
    present = torch.ones_like(ids) if mask is None else mask.to(ids.dtype)
    occurred = torch.zeros(logits.shape, dtype=ids.dtype, device=ids.device).scatter_add_(-1, ids, present) > 0
    return torch.where(occurred, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Rule out all but the k largest logits of each row.

    Exactly min(k, V) are kept: where several are equal to the k-th largest, those with the lowest ids.

    Args:
        logits: (..., V).
        k: how many to keep; all if k ≥ V.

    Raises:
        ValueError: k is below 1.

    Source: Fan, Lewis and Dauphin, *Hierarchical Neural Story Generation* (2018), section 5.4.
    """
    check_settings(top_k=k)
    if k >= logits.size(-1):
        return logits
    return _keep_largest(logits, k, logits.topk(k, dim=-1).values[..., -1:])


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep, in each row, the fewest most likely tokens that together have at least the probability p (the nucleus).

    A token stays if those before it, from the most likely one down, have less than p together; so one always stays.
    Among equals the lowest id goes first.

    Args:
        logits: (..., V).
        p: in (0, 1]; 1 keeps all.

    Raises:
        ValueError: p is not in (0, 1].

    Source: Holtzman et al., *The Curious Case of Neural Text Degeneration* (2020), section 3.1.
    """
    check_settings(top_p=p)
    if p == 1:
        return logits
    log_total = logits.logsumexp(dim=-1, keepdim=True)
    # To sort a whole vocabulary takes long. As a rule the nucleus is among the 1024 largest.
    for n_largest in (1024, logits.size(-1)):
        largest = logits.topk(min(n_largest, logits.size(-1)), dim=-1).values  # in descending order
        probabilities = (largest - log_total).exp()
        if (probabilities.sum(dim=-1) >= p).all():
            break
    before = probabilities.cumsum(dim=-1) - probabilities
    size = (before < p).sum(dim=-1, keepdim=True)
    return _keep_largest(logits, size, largest.gather(-1, size - 1))


def distribution(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    r"""The probabilities that :func:`sample` draws from: :math:`\mathrm{softmax}(l / \mathrm{temperature})`, cut off.

    Args:
        logits: (..., V).
        temperature: below 1 sharpens, above 1 flattens, 0 puts everything on the largest logit (among equals, the
            lowest id).
        top_k: keep only so many tokens, None for all.
        top_p: then keep only the nucleus of this probability, None for all.

    Returns:
        (..., V), each row sums to 1; float32 if the logits have fewer bits.

    Raises:
        ValueError: a setting out of range (:func:`check_settings`).
    """
    check_settings(temperature=temperature, top_k=top_k, top_p=top_p)
    if temperature == 0:
        return torch.zeros_like(logits, dtype=_wide(logits)).scatter_(-1, logits.argmax(dim=-1, keepdim=True), 1.0)
    # Less the largest, which changes no probability, so that a tiny temperature gives no infinity.
    logits = logits.to(_wide(logits))
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    return logits.softmax(dim=-1)


def sample(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Draw one id a row from :func:`distribution`.

    With a uniform number u in [0, 1) the id drawn is the first whose cumulative probability exceeds u: one random
    number a row, whatever the vocabulary, and never a token of probability 0.

    Args:
        logits: (B, V).
        temperature: 0 takes the largest logit and draws nothing.
        top_k: as in :func:`distribution`.
        top_p: as in :func:`distribution`.
        generator: where the random numbers come from: one generator for all rows, or a list with one for each row, so
            that no row's draw depends on the others. None: torch's global generator.

    Returns:
        (B,) int64.

    Raises:
        ValueError: a setting out of range, or another number of generators than rows.
    """
    check_settings(temperature=temperature, top_k=top_k, top_p=top_p)
    if temperature == 0:
        return logits.to(_wide(logits)).argmax(dim=-1)  # in 16 bits, finding the largest takes twice as long
    cumulative = distribution(logits, temperature=temperature, top_k=top_k, top_p=top_p).cumsum(dim=-1)
    total = cumulative[:, -1:]
    uniform = _uniform(logits.size(0), generator).to(total)
    # u · total can round up to the total, which would be past the last id.
    threshold = torch.minimum(uniform[:, None] * total, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)


def _keep_largest(logits: Tensor, n: Tensor | int, smallest_kept: Tensor) -> Tensor:
    """Rule out all but the n largest, the smallest of which is given; among its equals keep those of lowest id."""
    above, tied = logits > smallest_kept, logits == smallest_kept
    room = n - above.sum(dim=-1, keepdim=True)
    return logits.masked_fill(~(above | (tied & (tied.cumsum(dim=-1) <= room))), -torch.inf)


def _uniform(n_rows: int, generator: torch.Generator | Sequence[torch.Generator] | None) -> Tensor:
    """(B,) float64 in [0, 1)."""
    if generator is None or isinstance(generator, torch.Generator):
        device = "cpu" if generator is None else generator.device
        return torch.rand(n_rows, generator=generator, dtype=torch.float64, device=device)
    if len(generator) != n_rows:
        raise ValueError(f"expected one generator for each of the {n_rows} rows; got {len(generator)}")
    return torch.stack([torch.rand((), generator=g, dtype=torch.float64, device=g.device) for g in generator])


def _wide(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)
