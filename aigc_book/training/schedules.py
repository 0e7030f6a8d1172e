r"""Learning-rate schedules: pure functions of the step, giving the factor that multiplies an optimizer's rate.

Each function here takes the settings and returns ``schedule(step) -> factor``, where step 0 is the first update. The
factor is 1 at its peak. What comes back has no state, so there is nothing to save; it also fits
``torch.optim.lr_scheduler.LambdaLR``.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch.optim import Optimizer

Schedule = Callable[[int], float]


@contextmanager
def scheduled(optimizers: Sequence[Optimizer], schedule: Schedule, step: int) -> Iterator[float]:
    """Within, the optimizers' rates are multiplied with the schedule's factor, which is yielded; then their own again.

    Raises:
        ValueError: the factor is no finite number: any other would ruin the weights in one step.
    """
    factor = schedule(step)
    try:
        is_finite = math.isfinite(factor)
    except TypeError:
        is_finite = False
    if not is_finite:
        raise ValueError(f"schedule(step) must be a finite number; schedule({step}) is {factor!r}")
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    own = [group["lr"] for group in groups]
    try:
        for group, rate in zip(groups, own, strict=True):
            group["lr"] = rate * factor
        yield factor
    finally:
        for group, rate in zip(groups, own, strict=True):
            group["lr"] = rate


def _check(steps: int, warmup: int, floor: float) -> None:
    if steps < 1 or not 0 <= warmup <= steps:
        raise ValueError(f"warmup must be from 0 to steps, and steps positive; got warmup={warmup}, steps={steps}")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor must be a share of the peak, from 0 to 1; got floor={floor}")


def constant(factor: float = 1.0) -> Schedule:
    """The same factor at every step.

    Raises:
        ValueError: the factor is negative.
    """
    if factor < 0:
        raise ValueError(f"factor must not be negative; got factor={factor}")
    return lambda step: factor


def warmup_cosine(steps: int, *, warmup: int = 0, floor: float = 0.0) -> Schedule:
    r"""Up in a straight line, then down along half a cosine.

    (step + 1) / warmup while warming up; then floor + (1 - floor) · (1 + cos πp) / 2, with p the share of the
    remaining steps that is done. The factor stays at the floor afterwards.

    Args:
        steps: length of the run, in updates.
        warmup: how many of them rise.
        floor: where the fall ends, as a share of the peak.

    Raises:
        ValueError: a warm-up longer than the run, a run without steps, or a floor outside of [0, 1].

    Source: Loshchilov and Hutter, *SGDR* (2017), equation 5, without restarts; the warm-up: Goyal et al. (2017).
    """
    _check(steps, warmup, floor)

    def schedule(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, steps - warmup))
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return schedule


def warmup_linear(steps: int, *, warmup: int = 0, floor: float = 0.0) -> Schedule:
    """Up in a straight line, then down in a straight line that reaches the floor just after the last step.

    (step + 1) / warmup while warming up; then floor + (1 - floor) · (steps - step) / (steps - warmup).

    Args:
        steps: length of the run, in updates.
        warmup: how many of them rise.
        floor: where the fall ends, as a share of the peak.

    Raises:
        ValueError: a warm-up longer than the run, a run without steps, or a floor outside of [0, 1].

    Source: Devlin et al., *BERT* (2019), appendix A.2; Bergsma et al., *Straight to Zero* (2025) on decay to zero.
    """
    _check(steps, warmup, floor)

    def schedule(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        left = max(0.0, (steps - step) / max(1, steps - warmup))
        return floor + (1 - floor) * left

    return schedule


def warmup_stable_decay(steps: int, *, warmup: int = 0, decay: int = 0, floor: float = 0.0) -> Schedule:
    """Up, level, and down in a straight line over the last ``decay`` steps.

    While the rate is level, the length of the run is still open: one run can be decayed at several moments.

    Args:
        steps: length of the run, in updates.
        warmup: how many of them rise.
        decay: how many of them fall.
        floor: where the fall ends (just after the last step), as a share of the peak.

    Raises:
        ValueError: warm-up and decay longer than the run, a run without steps, or a floor outside of [0, 1].

    Source: Hu et al., *MiniCPM* (2024), equation 1, with a linear decay.
    """
    _check(steps, warmup, floor)
    if not 0 <= decay <= steps - warmup:
        raise ValueError(f"warmup + decay must not exceed steps={steps}; got warmup={warmup}, decay={decay}")

    def schedule(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if step < steps - decay:
            return 1.0
        left = max(0.0, (steps - step) / max(1, decay))
        return floor + (1 - floor) * left

    return schedule


def inverse_square_root(warmup: int) -> Schedule:
    r"""The Transformer's schedule: up in a straight line, then down with 1/√step, without an end.

    min(n / warmup, √(warmup / n)) with n = step + 1. The paper's own rate is this times d_model^(-1/2) · warmup^(-1/2),
    its rate at the peak.

    Args:
        warmup: steps until the peak, at least 1.

    Raises:
        ValueError: no warm-up.

    Source: Vaswani et al., *Attention Is All You Need* (2017), equation 3.
    """
    if warmup < 1:
        raise ValueError(f"warmup must be at least 1; got warmup={warmup}")
    return lambda step: min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))
