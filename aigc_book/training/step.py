"""One update: add up the gradients of a few batches, look at them, clip them, step.

The training loop is made of it, and so is any other short loop: two players that take turns, a policy that learns from
its own texts. ::

    for step, real in enumerate(batches, start=1):
        update(discriminator, [real], d_optimizer, loss=tell_apart)  # closes over the generator
        made = update(generator, [real], g_optimizer, loss=deceive)  # closes over the discriminator
        print(step, made.loss, made.gradient_norm)
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_book.training.distributed.shards import local, parameters_by_number, total_norm
from aigc_book.training.distributed.sharing import gradients_sent
from aigc_book.training.distributed.world import world_of
from aigc_book.training.losses import Loss
from aigc_book.training.randomness import own_numbers

_NO_GRADIENT = "the loss must depend on the parameters of the optimizers; none of them has a gradient"


@dataclass(frozen=True)
class Update:
    """What one update was made of.

    Attributes:
        loss: mean over all targets, before the update.
        n_targets: how many there were.
        gradient_norm: of all parameters together, before clipping. Not finite where float16 overflowed: nothing was
            updated then, and the next scale of the loss is smaller.
    """

    loss: float
    n_targets: int | float
    gradient_norm: float


def update(
    model: nn.Module,
    batches: Iterable[Any],
    optimizers: Optimizer | Sequence[Optimizer],
    loss: Loss,
    *,
    clip: float | None = None,
    dtype: torch.dtype = torch.float32,
    scaler: torch.amp.GradScaler | None = None,
) -> Update:
    r"""One update with the gradient of the mean loss over all batches: ∇ (Σ sums / Σ counts).

    Gradients that were left over are dropped before, and none is left afterwards. A batch without targets adds nothing.
    Of a model that several processes share, all batches of all processes make the update together; gradients are sent
    once, with the last batch, and what is drawn at random (dropout) differs between the processes.

    Args:
        model: what the loss is given.
        batches: as many as make one update, on the model's device; in several processes, each its own.
        optimizers: one, or several that share the parameters among them.
        loss: ``loss(model, batch) -> (sum, count)``.
        clip: largest norm of the gradient of all parameters together; None doesn't clip.
        dtype: what matrix products are computed in, through ``torch.autocast``.
        scaler: for float16, which has few exponents: it scales the loss up so that small gradients aren't rounded to 0.

    Raises:
        FloatingPointError: the loss or the gradient is infinite or not a number; nothing was updated.
        ValueError: no batch has a target, or the loss depends on no parameter of the optimizers.
    """
    optimizers = as_list(optimizers)
    drop_gradients(optimizers)
    device = next(model.parameters()).device
    world = world_of(model)
    sums, counts, unit = [], [], None
    with nullcontext() if world is None else own_numbers(world.rank):
        for batch, is_last in _with_last(batches):
            with gradients_sent(model, is_last):
                with autocast(device, dtype):
                    part, count = checked(loss(model, batch))
                count = count if isinstance(count, Tensor) else torch.tensor(count)
                if count.device.type == "cpu" and count == 0 and world is None:  # the other processes would wait
                    continue
                if not part.requires_grad:
                    raise ValueError(_NO_GRADIENT)
                if unit is None:  # how many the others are isn't known yet
                    unit = (count if world is None else world.mean(count)).clamp(min=1)
                scaled = part / unit.to(part.device)
                (scaled if scaler is None else scaler.scale(scaled)).backward()
            sums.append(part.detach())
            counts.append(count.detach())
    total, sum_of_all = (sum(counts).item(), math.fsum(torch.stack(sums).tolist())) if counts else (0, 0.0)
    if world is not None:
        total, sum_of_all = world.sum(total, sum_of_all)
    if not total > 0:
        raise ValueError("an update needs at least one target; its batches have none")
    mean = sum_of_all / total
    if not math.isfinite(mean):
        drop_gradients(optimizers)
        raise FloatingPointError(f"the loss is {mean}")

    gradients = [p.grad for p in parameters_of(optimizers) if p.grad is not None]
    if not gradients:
        raise ValueError(_NO_GRADIENT)
    if scaler is not None:
        for optimizer in optimizers:
            scaler.unscale_(optimizer)
    factor = unit.item() * (1 if world is None else world.size) / total  # processes average their gradients
    if factor != 1:
        torch._foreach_mul_([local(gradient) for gradient in gradients], factor)
    norm = clip_gradients(gradients, clip).item()
    overflow = scaler is not None and scaler.is_enabled() and not math.isfinite(norm)
    if not math.isfinite(norm) and not (overflow and scaler.get_scale() > 1):
        name = _first_bad_gradient(model)
        drop_gradients(optimizers)
        raise FloatingPointError(f"the gradient{name} is not finite, though the loss is {mean:.4g}")
    for optimizer in optimizers:
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
    if scaler is not None:
        scaler.update()
    drop_gradients(optimizers)
    return Update(mean, total, norm)


def clip_gradients(gradients: list[Tensor], limit: float | None) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them together is at most ``limit``.

    Returns:
        the norm before; if ``limit`` is None that is all that happens.

    Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    norm = total_norm(gradients)
    # On a CPU the norm is at hand, and most steps need not touch the gradients; a GPU would have to be waited for.
    if limit is not None and (norm.device.type != "cpu" or norm > limit):
        torch._foreach_mul_([local(gradient) for gradient in gradients], (limit / (norm + 1e-6)).clamp(max=1.0))
    return norm


def as_list(optimizers: Optimizer | Sequence[Optimizer]) -> list[Optimizer]:
    """One optimizer or several, as a list."""
    return [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)


def parameters_of(optimizers: Sequence[Optimizer]) -> list[Tensor]:
    """All that the optimizers update."""
    return [p for optimizer in optimizers for p in parameters_by_number(optimizer)]


def check_optimizers(model: nn.Module, optimizers: Sequence[Optimizer]) -> None:
    """Refuse optimizers that would train something else than the model, or weights that can't be trained well.

    Raises:
        ValueError: a parameter is in two optimizers, or in none though it requires a gradient; weights that are not
            float32.
    """
    updated = parameters_of(optimizers)
    if len(updated) != len(set(updated)):
        raise ValueError("a parameter is in two optimizers; each must be in one")
    others = [n for n, p in model.named_parameters() if p.requires_grad and p.dtype != torch.float32]
    if others:
        dtype = model.get_parameter(others[0]).dtype
        is_half = dtype in (torch.float16, torch.bfloat16)
        raise ValueError(
            f"weights must be float32 to be trained{', or small updates are rounded to nothing' if is_half else ''}; "
            f"{others[0]!r} is {dtype}. Call model.float() before the optimizers are made"
            + (f", and pass TrainConfig(dtype={dtype}) to compute in it" if is_half else "")
        )
    forgotten = [n for n, p in model.named_parameters() if p.requires_grad and p not in set(updated)]
    if forgotten:
        raise ValueError(
            f"no optimizer updates {forgotten[0]!r}" + f" and {len(forgotten) - 1} more" * (len(forgotten) > 1) + "; "
            "a parameter that should stay as it is needs requires_grad=False"
        )


def drop_gradients(optimizers: Sequence[Optimizer]) -> None:
    """No parameter has a gradient any more."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Matrix products in this dtype; nothing to do for float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def checked(result: Any) -> tuple[Tensor, Tensor | int | float]:
    """What a loss has returned, if it is a sum and a count.

    Raises:
        ValueError: it is something else, such as a mean, or the count is negative, infinite or not a number.
    """
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Tensor) and result[0].dim() == 0:
        count = result[1]
        if isinstance(count, int | float) or (isinstance(count, Tensor) and count.dim() == 0):
            on_cpu = not isinstance(count, Tensor) or count.device.type == "cpu"  # a GPU would have to be waited for
            if on_cpu and not 0 <= count < math.inf:
                raise ValueError(f"a loss must return how many targets its sum is of, at least 0; got {count}")
            return result
    came = f"a tensor of shape {tuple(result.shape)}" if isinstance(result, Tensor) else repr(type(result).__name__)
    raise ValueError(f"a loss must return (sum, count): a sum over targets, (), and how many they are; got {came}")


def _with_last(batches: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Each batch, and whether it is the last one."""
    rest = iter(batches)
    batch = next(rest, rest)  # the iterator itself stands for the end
    while batch is not rest:
        following = next(rest, rest)
        yield batch, following is rest
        batch = following


def _first_bad_gradient(model: nn.Module) -> str:
    bad = (n for n, p in model.named_parameters() if p.grad is not None and not bool(local(p.grad).isfinite().all()))
    name = next(bad, None)
    return "" if name is None else f" of {name!r}"
