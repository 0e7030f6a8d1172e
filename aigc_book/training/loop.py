"""The training loop: batch, accumulate, clip, step."""

import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from tqdm import tqdm

from aigc_book.kernels.memory import freed_memory_kept
from aigc_book.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    check_plain,
    load_weights,
    random_state,
    set_random_state,
    unwrapped,
)
from aigc_book.training.history import History, Recorder
from aigc_book.training.optimizers import AdamW, decay_groups
from aigc_book.training.schedules import Schedule, constant

Inputs = Tensor | tuple[Tensor, ...]  # several are several arguments of the model
Batch = tuple[Inputs, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
IGNORED = -100  # a target that counts for nothing, torch's convention
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Intervals are in steps (updates); None means never, but for ``checkpoint_every``.

    Args:
        steps: updates of the whole run.
        accumulate: batches whose gradients make one update.
        clip: largest norm of the gradient of all parameters together; None doesn't clip.
        dtype: what matrix products are computed in, through ``torch.autocast``: float32, bfloat16, or float16 (with a
            gradient scaler). Weights are float32 always.
        log_every: how often a line goes into the history.
        eval_every: how often the validation loss is measured; it always is after the last step.
        checkpoint_every: how often a checkpoint is saved; one always is after the last step. None: whenever the
            validation loss is measured.
        progress: whether to show a progress bar.

    Raises:
        ValueError: a number out of range, or a dtype that isn't one of the three.
    """

    steps: int
    accumulate: int = 1
    clip: float | None = 1.0
    dtype: torch.dtype = torch.float32
    log_every: int = 10
    eval_every: int | None = None
    checkpoint_every: int | None = None
    progress: bool = True

    def __post_init__(self):
        for name in ("steps", "accumulate", "log_every", "eval_every", "checkpoint_every"):
            value = getattr(self, name)
            optional = name in ("eval_every", "checkpoint_every")
            if not (optional and value is None) and (type(value) is not int or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1; got {name}={value!r}")
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"clip must be a positive norm, or None not to clip; got clip={self.clip!r}")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(map(str, DTYPES))}; got dtype={self.dtype!r}")


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats per token, the mean over all targets but those that are -100.

    Args:
        logits: (B, T, V); computed on in float32 whatever their dtype.
        targets: (B, T) ids.
    """
    return F.cross_entropy(logits.flatten(0, -2).float(), targets.flatten(), ignore_index=IGNORED)


def _vocab_size(model: nn.Module) -> int | None:
    return getattr(getattr(unwrapped(model), "config", None), "vocab_size", None)


def _autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def _call(model: nn.Module, inputs: Inputs) -> Tensor:
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def _check_ids(inputs: Inputs, targets: Tensor, vocab_size: int | None) -> None:
    """Refuse ids that the model has no row for: on a GPU they would end the process, not raise an error."""
    for part in inputs if isinstance(inputs, tuple) else (inputs,):
        if part.shape[0] != targets.shape[0]:
            raise ValueError(f"inputs and targets need the same batch size; got {part.shape[0]} and {targets.shape[0]}")
    for name, ids in (("inputs", inputs), ("targets", targets)):  # of several inputs the model knows the vocabularies
        if vocab_size is None or isinstance(ids, tuple) or ids.is_floating_point() or ids.numel() == 0:
            continue
        if ids.device.type != "cpu":  # the answer would have to be waited for
            continue
        low, high = (int(x) for x in torch.aminmax(ids))
        ignored = low < 0 and name == "targets" and bool(((ids >= 0) | (ids == IGNORED)).all())
        if high >= vocab_size or (low < 0 and not ignored):
            raise ValueError(f"{name} must be ids from 0 to vocab_size - 1 = {vocab_size - 1}; got {low} to {high}")


def _to(device: torch.device, tensor: Inputs) -> Inputs:
    """Copy to the device; to a GPU from pinned memory, so that the copy overlaps with computing."""
    if isinstance(tensor, tuple):
        return tuple(_to(device, part) for part in tensor)
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@torch.no_grad()
def evaluate_loss(
    model: nn.Module, batches: Iterable[Batch], *, loss: Loss = next_token_loss, dtype: torch.dtype = torch.float32
) -> float:
    """The mean loss per target over one pass, exact also when the last batch is smaller.

    The model is in evaluation mode meanwhile (no dropout), and afterwards in the mode that it was in.

    Args:
        model: ids (B, T) → logits (B, T, V).
        batches: pairs of inputs and targets, with an end.
        loss: mean over the targets that aren't -100; nats per token by default.
        dtype: of matrix products, as in :class:`TrainConfig`.

    Raises:
        ValueError: no batch, or no target at all; ids that the model has no row for.
    """
    device = next(model.parameters()).device
    vocab_size = _vocab_size(model)
    was_training = model.training
    model.eval()
    sums, counts = [], []
    try:
        for inputs, targets in batches:
            _check_ids(inputs, targets, vocab_size)
            inputs, targets = _to(device, inputs), _to(device, targets)
            count = (targets != IGNORED).sum()
            with _autocast(device, dtype):
                mean = loss(_call(model, inputs), targets)
            # A batch without targets has the mean 0/0; it adds nothing to the sum.
            sums.append(torch.where(count > 0, mean.float() * count, 0.0))
            counts.append(count)
    finally:
        model.train(was_training)
    total = sum(torch.stack(counts).tolist()) if counts else 0
    if total == 0:
        raise ValueError(f"nothing to evaluate: got {len(counts)} batches with {total} targets")
    return math.fsum(torch.stack(sums).tolist()) / total


def _gradients(optimizers: Sequence[Optimizer]) -> list[Tensor]:
    params = (p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"])
    return [p.grad for p in params if p.grad is not None]


def clip_gradients(gradients: list[Tensor], limit: float | None) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them together is at most ``limit``.

    Returns:
        the norm before; if ``limit`` is None that is all that happens.

    Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    # On a CPU the norm is at hand, and most steps need not touch the gradients; a GPU would have to be waited for.
    if limit is not None and (norm.device.type != "cpu" or norm > limit):
        torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))
    return norm


def _check_optimizers(model: nn.Module, optimizers: Sequence[Optimizer]) -> None:
    updated = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    if len(updated) != len(set(updated)):
        raise ValueError("a parameter is in two optimizers; each must be in one")
    forgotten = [n for n, p in model.named_parameters() if p.requires_grad and p not in set(updated)]
    if forgotten:
        raise ValueError(
            f"no optimizer updates {forgotten[0]!r}" + f" and {len(forgotten) - 1} more" * (len(forgotten) > 1) + "; "
            "a parameter that should stay as it is needs requires_grad=False"
        )


def _settings(model: nn.Module, config: TrainConfig, optimizers: Sequence[Optimizer]) -> dict[str, Any]:
    """What must be the same when a run goes on, as plain values."""
    model_config = getattr(unwrapped(model), "config", None)
    model_config = getattr(model_config, "resolved", model_config)  # d_ff=None and the number it stands for are one
    described = [
        {
            "class": type(optimizer).__name__,
            "groups": [{**group, "params": len(group["params"])} for group in optimizer.param_groups],
        }
        for optimizer in optimizers
    ]
    settings = {
        "model": asdict(model_config) if is_dataclass(model_config) else None,
        "training": {name: getattr(config, name) for name in ("accumulate", "clip", "dtype")},
        "optimizers": described,
    }
    return json.loads(json.dumps(settings, default=str))


def _next_update(source: Iterator[Batch], n_batches: int, vocab_size: int | None, device: torch.device) -> list[Batch]:
    """The batches of one update, on the device; fewer when they end."""
    drawn = []
    for inputs, targets in itertools.islice(source, n_batches):
        _check_ids(inputs, targets, vocab_size)
        drawn.append((_to(device, inputs), _to(device, targets)))
    return drawn


def _shares(drawn: list[Batch]) -> list[Tensor | float]:
    """Each batch's share of the update's targets: with these, the mean loss is that of all batches as one."""
    if len(drawn) == 1:
        return [1.0]
    counts = torch.stack([(targets != IGNORED).sum() for _, targets in drawn])
    return list(counts / counts.sum())


def _resume(
    checkpoint: Checkpoint,
    model: nn.Module,
    batches: Iterable[Batch],
    config: TrainConfig,
    states: dict[str, Any],
    recorder: Recorder,
) -> Iterator[Batch]:
    """Put everything back to where the checkpoint found it; returns the batches that come next."""
    load_weights(model, checkpoint.weights)
    for name, part in states.items():
        part.load_state_dict(checkpoint.state[name])
    recorder.load_state_dict(checkpoint.history)
    if hasattr(batches, "load_state_dict"):
        batches.load_state_dict(checkpoint.state["batches"])
        source = iter(batches)
    else:  # the same batches in the same order as before: pass over those that were used
        source = iter(batches)
        for _ in itertools.islice(source, recorder.step * config.accumulate):
            pass
    set_random_state(checkpoint.state["random"])
    return source


def _check_run(
    batches: Iterable[Batch],
    config: TrainConfig,
    validation: Iterable[Batch] | None,
    checkpoints: Checkpoints | None,
    resume: bool | str | os.PathLike[str],
) -> None:
    """Find before the first step what would go wrong after many."""
    needed = config.steps * config.accumulate
    if hasattr(batches, "__len__") and len(batches) < needed:
        raise ValueError(
            f"{config.steps} steps of {config.accumulate} batches need {needed}; got {len(batches)} batches"
        )
    if hasattr(batches, "state_dict"):
        check_plain(batches.state_dict(), "batches.state_dict()")
    if validation is not None and iter(validation) is validation:
        raise ValueError(
            "validation must be batches that can be gone through again and again, such as a list or SequentialWindows; "
            f"got the iterator {type(validation).__name__}"
        )
    if config.eval_every is not None and validation is None:
        raise ValueError(f"eval_every={config.eval_every} needs validation batches; got validation=None")
    for name, value in (("checkpoint_every", config.checkpoint_every), ("resume", resume)):
        if value and checkpoints is None:
            raise ValueError(f"{name}={value} needs a folder of checkpoints; got checkpoints=None")


def _update(
    model: nn.Module,
    drawn: list[Batch],
    optimizers: Sequence[Optimizer],
    scaler: torch.amp.GradScaler,
    loss: Loss,
    config: TrainConfig,
    *,
    measure: bool,
) -> tuple[Tensor, Tensor | None]:
    """One update: gradients of all batches, added up; clip; step. Returns the mean loss, and the norm if measured."""
    device = drawn[0][1].device
    mean = torch.zeros((), device=device)
    for (inputs, targets), share in zip(drawn, _shares(drawn), strict=True):
        with _autocast(device, config.dtype):
            part = loss(_call(model, inputs), targets) * share
        scaler.scale(part).backward()
        mean += part.detach()
    for optimizer in optimizers:
        scaler.unscale_(optimizer)
    norm = None
    if config.clip is not None or measure:
        norm = clip_gradients(_gradients(optimizers), config.clip)
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()
    for optimizer in optimizers:
        optimizer.zero_grad()
    return mean, norm


def _is_due(done: int, every: int | None, steps: int) -> bool:
    return done == steps or (every is not None and done % every == 0)


def fit(
    model: nn.Module,
    batches: Iterable[Batch],
    config: TrainConfig,
    *,
    optimizers: Optimizer | Sequence[Optimizer] | None = None,
    schedule: Schedule | None = None,
    loss: Loss = next_token_loss,
    validation: Iterable[Batch] | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | str | os.PathLike[str] = False,
) -> History:
    """Train a model, in place.

    With ``resume=True`` the same call goes on after an interruption, however sudden, as if there had been none: the
    weights, the history (but for ``seconds``) and all later batches are the same bit for bit, on the same machine.

    Args:
        model: ids (B, T) → logits (B, T, V), on the device that it should train on. It may be one that
            ``torch.compile`` returned. If it has a ``config`` (a dataclass), a checkpoint must have been made with an
            equal one, and ids are compared with its ``vocab_size``.
        batches: pairs (inputs, targets), as many as are needed; inputs may be a tuple, for ``model(*inputs)``. With
            ``state_dict`` and ``load_state_dict`` it goes on where it was; without, a resumed run draws and drops the
            batches that were used.
        config: how to train.
        optimizers: one, or several that share the parameters among them. AdamW with rate 0.001, betas (0.9, 0.95) and
            a weight decay of 0.1 on matrices if None.
        schedule: ``schedule(step)``, from step 0 on, multiplies every optimizer's own rate; constant if None. The
            rates are what they were before when ``fit`` returns.
        loss: (logits, targets) → mean over the targets that aren't -100.
        validation: batches for :func:`evaluate_loss`, gone through at each evaluation.
        checkpoints: where to save, if at all; a path stands for ``Checkpoints(path)``.
        resume: go on from the latest checkpoint, or from the one at this path; without any, start. A checkpoint may be
            continued with other ``steps`` and another schedule, but with nothing else changed.

    Returns:
        the history, from the very first step.

    Raises:
        ValueError: arguments that don't fit together; batches that end early; ids that the model has no row for.
        FloatingPointError: the loss is infinite or not a number. It names the step and the last checkpoint.
        FileExistsError: there are checkpoints already, and ``resume`` is False.
        CheckpointError: the checkpoint is damaged, or of another run. It names the last good one.
        OSError: a checkpoint could not be saved; earlier ones are whole.
    """
    device = next(model.parameters()).device
    vocab_size = _vocab_size(model)
    if optimizers is None:
        optimizers = AdamW(decay_groups(model), lr=1e-3, betas=(0.9, 0.95))
    optimizers = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
    schedule = constant() if schedule is None else schedule
    if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
        checkpoints = Checkpoints(checkpoints)
    _check_optimizers(model, optimizers)
    _check_run(batches, config, validation, checkpoints, resume)

    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    settings = _settings(model, config, optimizers)
    # Half precision has few exponents: the loss is scaled up so that small gradients aren't rounded to zero.
    scaler = torch.amp.GradScaler(device.type, enabled=config.dtype == torch.float16)
    states = {"scaler": scaler, **{f"optimizer {i}": optimizer for i, optimizer in enumerate(optimizers)}}
    recorder = Recorder()
    save_every = config.checkpoint_every or config.eval_every
    latest = checkpoints.latest() if checkpoints is not None else None
    if latest is not None and not resume:
        raise FileExistsError(f"{latest} is there already; pass resume=True to go on from it, or another folder")
    chosen = latest if resume is True else resume or None
    if chosen is None:
        source = iter(batches)
    else:
        source = _resume(checkpoints.load(chosen, settings), model, batches, config, states, recorder)

    def set_rates(factor: float) -> None:
        for optimizer, own in zip(optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, own, strict=True):
                group["lr"] = rate * factor

    def save(validation_loss: float | None = None) -> None:
        state = {name: part.state_dict() for name, part in states.items()} | {"random": random_state()}
        if hasattr(batches, "state_dict"):
            state["batches"] = batches.state_dict()
        checkpoints.save(recorder.step, model, state, recorder.state_dict(), settings, validation_loss)

    was_training = model.training
    model.train()
    recorder.start_clock()
    bar = tqdm(total=config.steps, initial=recorder.step, disable=not config.progress, desc="training", unit="step")
    try:
        with freed_memory_kept(device):
            for step in range(recorder.step, config.steps):
                drawn = _next_update(source, config.accumulate, vocab_size, device)
                if len(drawn) < config.accumulate:
                    if checkpoints is not None and step > 0:
                        save()
                    used = step * config.accumulate + len(drawn)
                    raise ValueError(f"the batches ended after {used}, at step {step} of {config.steps}")

                set_rates(schedule(step))
                done = step + 1
                to_log = _is_due(done, config.log_every, config.steps)
                mean, norm = _update(model, drawn, optimizers, scaler, loss, config, measure=to_log)
                recorder.count(mean, sum(targets.numel() for _, targets in drawn))
                bar.update()
                if to_log:
                    entered = recorder.enter(optimizers[0].param_groups[0]["lr"], norm.item())
                    bar.set_postfix_str(f"loss {entered:.3f}")

                to_evaluate = validation is not None and _is_due(done, config.eval_every, config.steps)
                to_save = checkpoints is not None and _is_due(done, save_every, config.steps)
                if to_evaluate or to_save:
                    recorder.settle()
                    recorder.stop_clock()
                    validation_loss = None
                    if to_evaluate:
                        validation_loss = evaluate_loss(model, validation, loss=loss, dtype=config.dtype)
                        recorder.enter_validation(validation_loss)
                    if to_save:
                        save(validation_loss)
                    recorder.start_clock()
    except FloatingPointError as error:
        kept = checkpoints.latest() if checkpoints is not None else None
        offer = f"the last checkpoint is {kept}" if kept else "there is no checkpoint"
        hint = "a lower learning rate, a longer warm-up or clipping may help"
        raise FloatingPointError(f"{error}; {offer}; {hint}") from None
    finally:
        bar.close()
        set_rates(1.0)
        model.train(was_training)
    return recorder.history
