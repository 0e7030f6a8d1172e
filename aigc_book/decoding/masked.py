"""Asking a masked language model: gaps filled and texts written by Gibbs sampling, and texts scored.

A masked model answers one question: which token stands at a place, given all the others,

    p(x_t | x_1 … x_{t-1}, [MASK], x_{t+1} … x_T)

If these conditionals were those of one joint distribution, answering them place after place, again and again, would
come to draw samples from it. A trained model's need not be: there may be no joint distribution that has them all, and
then what comes out depends on the order too.

Works with every model that has ``model(ids, mask=)`` → logits of the token at each place, and
``model.config.vocab_size``. Shape letters: B rows, T positions, V vocabulary.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from aigc_book.decoding.sampling import Sampling, check_sampling, draw, require_finite
from aigc_book.layers.inputs import check_ids
from aigc_book.layers.mode import evaluating

ORDERS = ("random", "left to right")


def gibbs(
    model: nn.Module,
    ids: Tensor,
    mask_id: int,
    *,
    sweeps: int = 1,
    where: Tensor | None = None,
    order: str = "random",
    sampling: Sampling = Sampling(),
    forbidden: Sequence[int] = (),
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Tensor]:
    """Fill in or rewrite places of a text by Gibbs sampling; hands out the text after each sweep. ::

        *_, written = gibbs(model, ids, mask_id, sweeps=10)

    A sweep visits each place once: puts [MASK] there, asks the model, and writes what is drawn. In the first sweep the
    places that have not been visited hold what stands in ``ids``, [MASK] as a rule. A step costs one pass of the model
    over the whole text, so a sweep over T places costs T of them.

    Args:
        model: a masked language model, put in evaluation mode meanwhile.
        ids: (B, T) int64. Not changed.
        mask_id: the id of [MASK], which is never drawn.
        sweeps: how many times each place is visited.
        where: (B, T) boolean, the places to be visited. None: those that hold [MASK].
        order: ``"random"``, another in each row and sweep, or ``"left to right"``.
        sampling: how each token is chosen. ``GREEDY`` takes the most likely one.
        forbidden: other ids that are never drawn: ends of texts, padding.
        mask: (B, T) boolean, True for real tokens and False for padding. None: all are real.
        generator: where the random numbers come from. None: torch's global generator.

    Yields:
        (B, T) int64, a new tensor each time.

    Raises:
        ValueError: ids or ``where`` of another shape, ids out of range, no place to visit, ``sweeps`` below 1, an
            unknown order, nothing left to be drawn; later, logits that are not finite.

    Source: Wang and Cho, *BERT has a Mouth, and It Must Speak* (2019), who start from [MASK] everywhere; Geman and
    Geman (1984) for the sampler.
    """
    check_sampling(sampling)
    V = model.config.vocab_size
    check_ids(ids, V)
    if sweeps < 1:
        raise ValueError(f"sweeps must be at least 1; got {sweeps}")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}; got {order!r}")
    where = _places(ids, ids == mask_id if where is None else where)
    banned = torch.zeros(V, dtype=torch.bool, device=ids.device)
    banned[[_check_id("mask_id", mask_id, V), *(_check_id("a forbidden id", token, V) for token in forbidden)]] = True
    if banned.all():
        raise ValueError(f"all {V} tokens are forbidden; none is left to be drawn")
    return _sweeps(model, ids.clone(), mask_id, sweeps, where, order == "random", sampling, banned, mask, generator)


@torch.no_grad()
def _sweeps(model, ids, mask_id, sweeps, where, is_random, sampling, banned, mask, generator) -> Iterator[Tensor]:
    count = where.sum(dim=1)  # (B,)
    n_steps = int(count.max())
    for sweep in range(sweeps):
        keys = torch.arange(ids.size(1), device=ids.device).expand_as(ids).float()
        if is_random:
            device = ids.device if generator is None else generator.device
            keys = torch.rand(ids.shape, generator=generator, device=device).to(ids.device)
        order = keys.masked_fill(~where, torch.inf).argsort(dim=1)  # (B, T): each row's places come first
        for step in range(n_steps):
            rows = (step < count).nonzero().squeeze(1)  # those that still have a place
            at = order[rows, step]
            asked = ids[rows]
            asked[torch.arange(len(rows)), at] = mask_id
            logits = _logits(model, asked, None if mask is None else mask[rows])[torch.arange(len(rows)), at]
            new, largest = draw(logits.masked_fill(banned, -torch.inf), sampling, generator=generator)
            require_finite(largest, sweep * n_steps + step + 1)
            ids[rows, at] = new
        yield ids.clone()


def pseudo_log_likelihood(
    model: nn.Module,
    ids: Tensor,
    mask_id: int,
    *,
    where: Tensor | None = None,
    mask: Tensor | None = None,
    batch_size: int = 64,
) -> Tensor:
    """How likely each token is to a masked model that sees all the others: ln p(x_t | x without x_t), in nats.

    Their sum over a text is its pseudo-log-likelihood. It is no log-probability: over all texts its exponentials don't
    sum to 1, so it can't be compared with a causal model's likelihood, and gives no perplexity and no bits per byte.

    Args:
        model: a masked language model, put in evaluation mode meanwhile.
        ids: (B, T) int64.
        mask_id: the id of [MASK].
        where: (B, T) boolean, the places that are asked for. None: all that are real.
        mask: (B, T) boolean, True for real tokens and False for padding. None: all are real.
        batch_size: how many questions at a time; each is a pass over a whole row.

    Returns:
        (B, T) float32; 0 at places that are not asked for.

    Raises:
        ValueError: ids or ``where`` of another shape, ids out of range, no place to ask for; logits that are not
            finite.

    Source: Besag (1975); Salazar et al., *Masked Language Model Scoring* (2020), equation 2.
    """
    V = model.config.vocab_size
    check_ids(ids, V)
    _check_id("mask_id", mask_id, V)
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
    where = _places(ids, real if where is None else where)
    found = torch.zeros(ids.shape, device=ids.device)
    with torch.no_grad():
        for part in where.nonzero().split(batch_size):  # (n, 2): row, place
            row, at = part.unbind(dim=1)
            asked, line = ids[row], torch.arange(len(part), device=ids.device)
            asked[line, at] = mask_id
            logits = _logits(model, asked, None if mask is None else mask[row])[line, at].float()  # (n, V)
            require_finite(logits.amax(dim=-1))
            log_p = logits.log_softmax(dim=-1)
            found[row, at] = log_p.gather(1, ids[row, at][:, None]).squeeze(1)
    return found


def _logits(model: nn.Module, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    with evaluating(model):
        return model(ids) if mask is None else model(ids, mask=mask)


def _places(ids: Tensor, where: Tensor) -> Tensor:
    if where.dtype != torch.bool or where.shape != ids.shape:
        raise ValueError(
            f"where must be boolean of shape {tuple(ids.shape)}; got {where.dtype} of shape {tuple(where.shape)}"
        )
    if not where.any():
        raise ValueError("there must be a place to be asked for; got none (no [MASK] in ids, or where is all False)")
    return where


def _check_id(name: str, token: int, vocab_size: int) -> int:
    if not 0 <= token < vocab_size:
        raise ValueError(f"{name} must be from 0 to vocab_size - 1 = {vocab_size - 1}; got {token}")
    return token
