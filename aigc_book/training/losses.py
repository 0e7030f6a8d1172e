"""Losses: what a model is to make small, as ``loss(model, batch) -> (sum, count)``.

A loss sees the model and the batch. It returns a sum over targets, a tensor to differentiate, and how many targets it
is the sum of. Sums and counts add up: over the batches of an update, over those of an evaluation, over machines; a mean
of means doesn't. A loss of one's own is a function of five lines; it may draw noise, or close over a second model.

    def denoising_loss(model, images):
        noise = torch.randn_like(images)
        return (model(images + noise) - noise).square().sum(), images.numel()

Shape letters: B batch, T positions, V vocabulary or labels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.data.batches import IGNORED, Batch, Examples, Pairs
from aigc_book.training.batch import check_range, shapes

Loss = Callable[[nn.Module, Any], tuple[Tensor, Tensor | int | float]]


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """-Σ ln p(target) in nats, over all targets but those that are -100, and how many there are.

    Args:
        logits: (..., V); computed on in float32 at least.
        targets: (...), whole numbers below V; or (..., V), probabilities.

    Returns:
        ``(sum, count)``, both (). Without targets the sum is 0.

    Raises:
        ValueError: targets of another shape; on a CPU, targets that have no logit.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    if targets.is_floating_point() and targets.shape == logits.shape:
        count = torch.tensor(targets[..., 0].numel(), device=logits.device)
        return -(targets * logits.log_softmax(-1)).sum(), count
    if targets.shape != logits.shape[:-1] or targets.is_floating_point():
        raise ValueError(
            f"targets must be whole numbers of shape {tuple(logits.shape[:-1])} for logits of shape "
            f"{tuple(logits.shape)}; got {targets.dtype} of shape {tuple(targets.shape)}"
        )
    check_range("targets", targets, logits.size(-1), may_be_ignored=True)
    flat = targets.reshape(-1).long()
    total = F.cross_entropy(logits.reshape(-1, logits.size(-1)), flat, ignore_index=IGNORED, reduction="sum")
    return total, (flat != IGNORED).sum()


def next_token_loss(model: nn.Module, batch: Batch | Pairs) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats of the token that comes next, at each place.

    Args:
        model: ids (B, T) → logits (B, T, V), with ``mask=`` where the batch has one; for :class:`Pairs`
            ``model(source, ids, source_mask)``.
        batch: ``targets[:, t]`` is the token that follows ``ids[:, t]``.

    Raises:
        ValueError: another kind of batch.
    """
    _require(batch, "next_token_loss", Batch, Pairs)
    return cross_entropy(outputs(model, batch), batch.targets)


def masked_token_loss(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats of the tokens that were hidden from the model.

    Args:
        model: ids (B, T) → logits (B, T, V), with ``mask=`` where the batch has one.
        batch: in ``ids`` some tokens are replaced, by [MASK] say; ``targets`` holds what stood there, and -100 at all
            other places.

    Raises:
        ValueError: another kind of batch.

    Source: Devlin et al., *BERT* (2019), section 3.1, task 1.
    """
    _require(batch, "masked_token_loss", Batch)
    return cross_entropy(outputs(model, batch), batch.targets)


def class_loss(model: nn.Module, batch: Examples | Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy in nats of the class of each example.

    Args:
        model: inputs (B, …) → logits (B, V); for a :class:`Batch` ids (B, T) → (B, V), with ``mask=`` where it has one.
        batch: ``targets`` (B,) are the classes.

    Raises:
        ValueError: another kind of batch.
    """
    _require(batch, "class_loss", Examples, Batch)
    return cross_entropy(outputs(model, batch), batch.targets)


def outputs(model: nn.Module, batch: Batch | Pairs | Examples) -> Tensor:
    """What the model says to a batch of this package: a mask is handed on only where there is one."""
    if isinstance(batch, Examples):
        return model(batch.inputs)
    if isinstance(batch, Pairs):
        masks = () if batch.source_mask is None else (batch.source_mask,)
        return model(batch.source, batch.ids, *masks)
    return model(batch.ids) if batch.mask is None else model(batch.ids, mask=batch.mask)


def _require(batch: Any, name: str, *kinds: type) -> None:
    """Say what a loss takes, and how to come from a tokenizer's or collator's batch to it."""
    if isinstance(batch, kinds):
        return
    wanted = " or ".join(kind.__name__ for kind in kinds)
    came = f"a dict with {', '.join(map(repr, batch))}" if isinstance(batch, Mapping) else f"{shapes(batch)}"
    raise ValueError(
        f"{name} takes a {wanted} of aigc_book.data.batches; got {came}; make it one, or pass a loss that understands "
        f"it, such as loss=lambda model, batch: {name}(model, {kinds[0].__name__}(…))"
    )
