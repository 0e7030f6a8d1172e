"""Measuring a loss over a whole data set, exactly: one sum, one count."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from aigc_book.layers.mode import evaluating
from aigc_book.training.batch import check_ids, to_device
from aigc_book.training.distributed.rows import own_rows
from aigc_book.training.distributed.world import world_of
from aigc_book.training.losses import Loss, next_token_loss
from aigc_book.training.randomness import random_state, seed_all, set_random_state
from aigc_book.training.step import autocast, checked


@dataclass(frozen=True)
class Evaluation:
    """A loss over a data set as a sum and a count, as :func:`aigc_book.metrics.perplexity.perplexity` takes them.

    Attributes:
        sum: over all targets; of a cross-entropy in nats.
        count: how many targets.
    """

    sum: float
    count: int | float

    @property
    def mean(self) -> float:
        """The loss a target."""
        return self.sum / self.count

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(self.sum + other.sum, self.count + other.count)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    loss: Loss = next_token_loss,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Evaluation:
    """The loss over one pass, exact also when the last batch is smaller.

    The model is in evaluation mode meanwhile (no dropout), and afterwards each of its modules is in its own. What the
    loss draws from the global generators is the same in every evaluation, and they go on afterwards as if there had
    been none. Processes that share a model evaluate their own rows of each batch, and all get the result of all. ::

        perplexity(found.sum, found.count)

    Args:
        model: what the loss is given.
        batches: what the loss understands, with an end; on any device.
        loss: ``loss(model, batch) -> (sum, count)``.
        dtype: of matrix products, as in ``TrainConfig``.
        seed: of the global generators.

    Raises:
        ValueError: no batch, or no target at all; ids that the model has no row for.
    """
    device = next(model.parameters()).device
    world = world_of(model)
    parts = ((batch, True) for batch in batches) if world is None else own_rows(batches, world)
    sums, counts, n_batches = [], [], 0
    state = random_state()
    try:
        seed_all(seed + (0 if world is None else world.rank))
        with evaluating(model):
            for batch, is_counted in parts:
                check_ids(model, batch)
                with autocast(device, dtype):
                    part, count = checked(loss(model, to_device(batch, device)))
                n_batches += 1
                if not is_counted:
                    continue
                count = torch.as_tensor(count)
                # A mean over no targets, times their number, would be 0/0; it adds nothing.
                sums.append(torch.where(count.to(part.device) > 0, part.float(), 0.0))
                counts.append(count)
    finally:
        set_random_state(state)
    total, found = (sum(counts).item(), math.fsum(torch.stack(sums).tolist())) if counts else (0, 0.0)
    if world is not None:
        total, found = world.sum(total, found)
    if not total > 0:
        raise ValueError(f"nothing to evaluate: got {n_batches} batches with {total} targets")
    return Evaluation(found, total)
