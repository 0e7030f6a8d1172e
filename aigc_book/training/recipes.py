"""Recipes: the optimizers and the schedule that go with a model, found by trying, in one place."""

from typing import NamedTuple

import torch
from torch import nn

from aigc_book.kernels.processor import bfloat16_pays
from aigc_book.training.muon import Muon, muon_groups
from aigc_book.training.optimizers import AdamW
from aigc_book.training.schedules import Schedule, warmup_linear


class Recipe(NamedTuple):
    """What ``fit`` and ``train`` take; unpacks as ``optimizers, schedule``."""

    optimizers: list[torch.optim.Optimizer]
    schedule: Schedule


def small(
    model: nn.Module,
    steps: int,
    *,
    matrix_rate: float = 0.02,
    other_rate: float = 0.005,
    warmup: int | None = None,
    ns_dtype: torch.dtype | None = None,
) -> Recipe:
    """For a small model and a short run, such as ``GPTConfig.small``'s: Muon for matrices, AdamW for all else. ::

        optimizers, schedule = recipes.small(model, steps)
        fit(model, windows, TrainConfig(steps), optimizers=optimizers, schedule=schedule)

    The rates rise in a straight line and then fall in one to zero. AdamW has betas (0.9, 0.95) and no weight decay.

    Args:
        model: on the device that it should train on.
        steps: updates of the whole run.
        matrix_rate: Muon's rate at the peak.
        other_rate: AdamW's, for embeddings, head, gains and biases.
        warmup: how many steps rise; a thirtieth if None.
        ns_dtype: what Muon iterates in; see :class:`aigc_book.training.muon.Muon`.

    Raises:
        ValueError: the model has no matrix for Muon; a number out of range.

    Source: Jordan et al., *modded-nanogpt* (2024); decay to zero: Bergsma et al., *Straight to Zero* (2025).
    """
    matrices, others = muon_groups(model)
    optimizers: list[torch.optim.Optimizer] = [Muon(matrices, lr=matrix_rate, ns_dtype=ns_dtype)]
    if others:
        optimizers.append(AdamW(others, lr=other_rate, betas=(0.9, 0.95), weight_decay=0.0))
    return Recipe(optimizers, warmup_linear(steps, warmup=steps // 30 if warmup is None else warmup))


def fastest_dtype(device: torch.device) -> torch.dtype:
    """What products are computed in fastest on a device, for ``TrainConfig.dtype`` and Muon's ``ns_dtype``.

    bfloat16 on a GPU that has instructions for it and on the processors on which it was measured to pay
    (:func:`aigc_book.kernels.processor.bfloat16_pays`), float32 everywhere else. It is the same in every run on a
    machine, so that a resumed run computes as the interrupted one did.
    """
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == "cpu" and bfloat16_pays()
    return torch.bfloat16 if pays else torch.float32
