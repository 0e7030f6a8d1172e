"""From logits to the next id: pure functions that reshape a distribution, and one that draws from it.

Each takes logits (..., V) and gives new logits (..., V); what is ruled out gets -inf. :func:`sample` applies them in
the order that is customary (repetition penalty, temperature, top-k, top-p, min-p, typical), and draws.
Shape letters: B rows, S tokens so far, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from torch import Tensor


def _is_number(value: object, kind: type = Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. Checked once, when it is made, and then good for any number of tokens.

    Attributes:
        temperature: 1 samples from the model's distribution, below 1 sharpens it, above 1 flattens it, 0 is greedy:
            always the largest logit (among equals, the lowest id).
        top_k: sample from the k most likely tokens only; None for all.
        top_p: then sample from the most likely tokens that together have the probability p only; None for all.
        repetition_penalty: above 1 makes tokens that have occurred already less likely, 1 changes nothing.
        min_p: then leave out the tokens that have less than this share of the largest probability; None for none.
        typical_p: then sample from the tokens that surprise about as much as the distribution does on average and
            together have this probability; None for all. It may leave out the most likely token.

    Raises:
        ValueError: a temperature that is negative or not finite, top_k below 1 or not whole, top_p, min_p or typical_p
            outside (0, 1], a repetition penalty that is not positive and finite, typical_p with temperature 0 (which
            takes the token that typical_p may leave out).
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    min_p: float | None = None
    typical_p: float | None = None

    def __post_init__(self):
        if not (_is_number(self.temperature) and 0 <= self.temperature < math.inf):
            raise ValueError(f"temperature must be 0 (greedy) or a positive number; got {self.temperature!r}")
        if self.top_k is not None and not (_is_number(self.top_k, Integral) and self.top_k >= 1):
            raise ValueError(f"top_k must be a whole number, at least 1, or None for no limit; got {self.top_k!r}")
        for name in ("top_p", "min_p", "typical_p"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 < value <= 1):
                raise ValueError(f"{name} must be in (0, 1], or None for no limit; got {value!r}")
        if not (_is_number(self.repetition_penalty) and 0 < self.repetition_penalty < math.inf):
            raise ValueError(f"repetition_penalty must be positive (1 = none); got {self.repetition_penalty!r}")
        if self.temperature == 0 and self.typical_p is not None:
            raise ValueError(
                f"typical_p needs a temperature above 0; got typical_p={self.typical_p} with temperature 0, which "
                "takes the largest logit even if it isn't typical"
            )


GREEDY = Sampling(temperature=0)


def check_sampling(sampling: Sampling) -> None:
    """Raise ``ValueError`` if this is something else, a bare temperature for example."""
    if not isinstance(sampling, Sampling):
        raise ValueError(f"sampling must be a Sampling, such as Sampling(temperature=0.8); got {sampling!r}")


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
    Sampling(repetition_penalty=penalty)
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
        ValueError: k is below 1, or logits of which a row has nan or inf, or nothing but -inf.

    Source: Fan, Lewis and Dauphin, *Hierarchical Neural Story Generation* (2018), section 5.4.
    """
    Sampling(top_k=k)
    require_finite(logits.amax(dim=-1))
    return _keep_top_k(logits, k)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep, in each row, the fewest most likely tokens that together have at least the probability p (the nucleus).

    A token stays if those before it, from the most likely one down, have less than p together; so one always stays.
    Among equals the lowest id goes first.

    Args:
        logits: (..., V).
        p: in (0, 1]; 1 keeps all.

    Raises:
        ValueError: p is not in (0, 1], or logits of which a row has nan or inf, or nothing but -inf.

    Source: Holtzman et al., *The Curious Case of Neural Text Degeneration* (2020), section 3.1.
    """
    Sampling(top_p=p)
    require_finite(logits.amax(dim=-1))
    return _keep_top_p(logits, p)


def keep_min_p(logits: Tensor, p: float) -> Tensor:
    """Rule out, in each row, the tokens whose probability is below p times the largest one.

    So the limit is strict where the model is sure and generous where it isn't.

    Args:
        logits: (..., V).
        p: in (0, 1]; 1 keeps the largest only, and its equals.

    Raises:
        ValueError: p is not in (0, 1], or logits of which a row has nan or inf, or nothing but -inf.

    Source: Nguyen et al., *Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs* (2025),
    section 3.
    """
    Sampling(min_p=p)
    require_finite(logits.amax(dim=-1))
    return _keep_min_p(logits, p)


def keep_typical(logits: Tensor, p: float) -> Tensor:
    r"""Keep, in each row, the fewest of the most typical tokens that together have at least the probability p.

    Typical is a token whose surprise :math:`-\ln p(x)` is near the mean surprise, the entropy H of the row: tokens are
    taken in the order of :math:`|{-\ln p(x)} - H|`, the lowest id first among equals. One always stays.

    Args:
        logits: (..., V).
        p: in (0, 1]; 1 keeps all.

    Raises:
        ValueError: p is not in (0, 1], or logits of which a row has nan or inf, or nothing but -inf.

    Source: Meister et al., *Locally Typical Sampling* (2023), section 5.
    """
    Sampling(typical_p=p)
    require_finite(logits.amax(dim=-1))
    return _keep_typical(logits, p)


def distribution(
    logits: Tensor, sampling: Sampling = Sampling(), *, ids: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    r"""The probabilities that :func:`sample` draws from: :math:`\mathrm{softmax}(l / \mathrm{temperature})`, cut off.

    Args:
        logits: (..., V); (B, V) with a repetition penalty.
        sampling: temperature, limits and repetition penalty. Temperature 0 puts everything on the largest logit.
        ids: (B, S) tokens so far, which a repetition penalty needs.
        mask: (B, S) boolean, which of them are no padding.

    Returns:
        (..., V), each row sums to 1; float32 if the logits have fewer bits.

    Raises:
        ValueError: logits of which a row has nan or inf, or nothing but -inf; a repetition penalty without ids.
    """
    logits = _penalized(logits, sampling, ids, mask)
    largest = logits.amax(dim=-1)
    require_finite(largest)
    return _probabilities(logits, largest, sampling)


def sample(
    logits: Tensor,
    sampling: Sampling = Sampling(),
    *,
    ids: Tensor | None = None,
    mask: Tensor | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Draw one id a row from :func:`distribution`.

    With a uniform number u in [0, 1) the id drawn is the first whose cumulative probability exceeds u: one random
    number a row, whatever the vocabulary, and never a token of probability 0.

    Args:
        logits: (B, V).
        sampling: as in :func:`distribution`. Temperature 0 takes the largest logit and draws nothing.
        ids: as in :func:`distribution`.
        mask: as in :func:`distribution`.
        generator: where the random numbers come from: one generator for all rows, or a list with one for each row, so
            that no row's draw depends on the others. None: torch's global generator.

    Returns:
        (B,) int64.

    Raises:
        ValueError: as for :func:`distribution`, logits of another shape, or another number of generators than rows.
    """
    new, largest = draw(logits, sampling, ids=ids, mask=mask, generator=generator)
    require_finite(largest)
    return new


def draw(
    logits: Tensor,
    sampling: Sampling,
    *,
    ids: Tensor | None = None,
    mask: Tensor | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`sample`, and what tells whether it could: for a loop that looks only now and then.

    To look is to wait for the device. A row that could not be drawn has an id of the vocabulary that means nothing.

    Returns:
        The ids (B,), and each row's largest logit (B,), for :func:`require_finite`.
    """
    if logits.dim() != 2 or not logits.size(1):
        raise ValueError(f"logits must be (B, V), with V at least 1; got shape {tuple(logits.shape)}")
    logits = _penalized(logits, sampling, ids, mask)
    if sampling.temperature == 0:
        largest, new = logits.max(dim=-1)
        return new, largest
    largest = logits.amax(dim=-1)
    cumulative = _probabilities(logits, largest, sampling).cumsum(dim=-1)
    total = cumulative[:, -1:]
    uniform = _uniform(logits.size(0), generator).to(total)
    # u · total can round up to the total, which would be past the last id.
    threshold = torch.minimum(uniform[:, None] * total, total.nextafter(torch.zeros_like(total)))
    new = torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
    return new.clamp_max(logits.size(1) - 1), largest


def require_finite(largest: Tensor, step: int | None = None) -> None:
    """Say which row's logits can't be drawn from, by its largest: nan if it holds one, inf, or -inf if it is all -inf.

    Args:
        largest: (...), the largest logit of each row.
        step: the number of the new token, from 1, for the message.

    Raises:
        ValueError: one of them isn't finite.
    """
    if largest.isfinite().all():
        return
    row = int((~largest.isfinite().flatten()).nonzero()[0])
    value = largest.flatten()[row].item()
    found = f"has {value}" if value != -math.inf else "is -inf throughout, so that no token is left"
    raise ValueError(f"logits must be finite{'' if step is None else f' at step {step}'}; row {row} {found}")


def _penalized(logits: Tensor, sampling: Sampling, ids: Tensor | None, mask: Tensor | None) -> Tensor:
    """In at least 32 bits: in 16, finding the largest takes twice as long."""
    check_sampling(sampling)
    logits = logits.to(_wide(logits))
    if sampling.repetition_penalty == 1:
        return logits
    if ids is None:
        raise ValueError(f"repetition_penalty={sampling.repetition_penalty} needs ids, the tokens so far; got none")
    return penalize_repetition(logits, ids, sampling.repetition_penalty, mask)


def _probabilities(logits: Tensor, largest: Tensor, sampling: Sampling) -> Tensor:
    if sampling.temperature == 0:
        return torch.zeros_like(logits).scatter_(-1, logits.argmax(dim=-1, keepdim=True), 1.0)
    # Less the largest, which changes no probability, so that a tiny temperature gives no infinity.
    logits = (logits - largest[..., None]) / sampling.temperature
    if sampling.top_k is not None:
        logits = _keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = _keep_top_p(logits, sampling.top_p)
    if sampling.min_p is not None:
        logits = _keep_min_p(logits, sampling.min_p)
    if sampling.typical_p is not None:
        logits = _keep_typical(logits, sampling.typical_p)
    return logits.softmax(dim=-1)


def _keep_top_k(logits: Tensor, k: int) -> Tensor:
    if k >= logits.size(-1):
        return logits
    return _keep_largest(logits, k, logits.topk(k, dim=-1).values[..., -1:])


def _keep_top_p(logits: Tensor, p: float) -> Tensor:
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
    size = (before < p).sum(dim=-1, keepdim=True).clamp_min(1)  # 0 for nan, which the caller looks for
    return _keep_largest(logits, size, largest.gather(-1, size - 1))


def _keep_min_p(logits: Tensor, p: float) -> Tensor:
    return logits.masked_fill(logits - logits.amax(dim=-1, keepdim=True) < math.log(p), -torch.inf)


def _keep_typical(logits: Tensor, p: float) -> Tensor:
    if p == 1:
        return logits
    surprise = -logits.log_softmax(dim=-1)  # inf for what is ruled out, which is the least typical
    probabilities = (-surprise).exp()
    entropy = torch.special.entr(probabilities).sum(dim=-1, keepdim=True)
    order = (surprise - entropy).abs().argsort(dim=-1, stable=True)
    sorted_probabilities = probabilities.gather(-1, order)
    before = sorted_probabilities.cumsum(dim=-1) - sorted_probabilities
    before[..., 0] = 0.0
    return logits.masked_fill(torch.zeros_like(before, dtype=torch.bool).scatter_(-1, order, before >= p), -torch.inf)


def _keep_largest(logits: Tensor, n: Tensor | int, smallest_kept: Tensor) -> Tensor:
    """Rule out all but the n largest, the smallest of which is given; among its equals keep those of lowest id."""
    above, tied = logits > smallest_kept, logits == smallest_kept
    room = n - above.sum(dim=-1, keepdim=True)
    return logits.masked_fill(~(above | (tied & (tied.cumsum(dim=-1) <= room))), -torch.inf)


def _uniform(n_rows: int, generator: torch.Generator | Sequence[torch.Generator] | None) -> Tensor:
    """(B,) in [0, 1)."""
    if generator is None or isinstance(generator, torch.Generator):
        device = torch.device("cpu") if generator is None else generator.device
        return torch.rand(n_rows, generator=generator, dtype=_uniform_dtype(device), device=device)
    if len(generator) != n_rows:
        raise ValueError(f"expected one generator for each of the {n_rows} rows; got {len(generator)}")
    rows = [torch.rand((), generator=g, dtype=_uniform_dtype(g.device), device=g.device) for g in generator]
    return torch.stack(rows)


def _uniform_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64  # which Apple's GPUs don't have


def _wide(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)
