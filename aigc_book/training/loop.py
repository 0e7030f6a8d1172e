"""The training loop: batch, accumulate, clip, step; look, evaluate, save."""

import itertools
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from tqdm import tqdm

from aigc_book.kernels.memory import freed_memory_kept
from aigc_book.layers.mode import training
from aigc_book.training.batch import check_ids, to_device
from aigc_book.training.checkpoint import Checkpoints, check_plain
from aigc_book.training.distributed.rows import OwnRows
from aigc_book.training.distributed.world import check_alone, world_of
from aigc_book.training.epochs import length, with_state
from aigc_book.training.evaluate import evaluate
from aigc_book.training.history import History
from aigc_book.training.interruption import held_back
from aigc_book.training.losses import Loss, next_token_loss
from aigc_book.training.optimizers import AdamW, decay_groups
from aigc_book.training.randomness import random_state, set_random_state
from aigc_book.training.run import Run
from aigc_book.training.schedules import Schedule, constant, scheduled
from aigc_book.training.step import as_list, check_optimizers, drop_gradients, update

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Intervals are in steps (updates); None means never, but for ``checkpoint_every``.

    Args:
        steps: updates of the whole run.
        accumulate: batches whose gradients make one update.
        clip: largest norm of the gradient of all parameters together; None doesn't clip.
        dtype: what matrix products are computed in, through ``torch.autocast``: float32, bfloat16, or float16 (with a
            gradient scaler). Weights are float32 always, and others are refused.
        log_every: how often a line goes into the history.
        eval_every: how often the validation loss is measured; it always is after the last step.
        checkpoint_every: how often a checkpoint is saved; one always is after the last step. None: whenever the
            validation loss is measured, and if it never is in between, ten times a run.
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


@dataclass(frozen=True)
class Entry:
    """What :func:`train` yields when it has logged, evaluated or saved.

    Attributes:
        step: updates done so far.
        loss: mean training loss of the steps since the last one that was logged; None if this step isn't.
        learning_rate: as in :class:`History`, likewise.
        gradient_norm: likewise.
        validation_loss: the loss a target of this evaluation; None if there was none.
        checkpoint: the folder that was saved; None if none was.
        history: of the run from its very first step; it grows.
    """

    step: int
    loss: float | None
    learning_rate: float | None
    gradient_norm: float | None
    validation_loss: float | None
    checkpoint: Path | None
    history: History = field(repr=False)


def fit(
    model: nn.Module,
    batches: Iterable[Any],
    config: TrainConfig,
    *,
    optimizers: Optimizer | Sequence[Optimizer] | None = None,
    schedule: Schedule | None = None,
    loss: Loss = next_token_loss,
    validation: Iterable[Any] | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | str | os.PathLike[str] = False,
) -> History:
    """Train a model, in place, to the end: :func:`train` without a look in between.

    Arguments and errors are those of :func:`train`.

    Returns:
        the history, from the very first step.
    """
    entries = train(
        model,
        batches,
        config,
        optimizers=optimizers,
        schedule=schedule,
        loss=loss,
        validation=validation,
        checkpoints=checkpoints,
        resume=resume,
    )
    for entry in entries:  # noqa: B007
        pass
    return entry.history


def train(
    model: nn.Module,
    batches: Iterable[Any],
    config: TrainConfig,
    *,
    optimizers: Optimizer | Sequence[Optimizer] | None = None,
    schedule: Schedule | None = None,
    loss: Loss = next_token_loss,
    validation: Iterable[Any] | None = None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | str | os.PathLike[str] = False,
) -> Iterator[Entry]:
    """Train a model, in place, as a generator: it stops at every log, evaluation and checkpoint and hands over. ::

        for entry in train(model, windows, TrainConfig(steps=1000, eval_every=100), validation=held_out):
            if entry.validation_loss is not None:
                print(entry.step, entry.validation_loss, sample_text(model))
            if entry.loss is not None and entry.loss < 1.5:
                break

    Nothing is trained before the first entry is asked for. While the caller looks, the model's modes and the rates of
    the optimizers are the caller's; what is drawn from the global generators meanwhile doesn't change what training
    draws. Ctrl-C, and a notebook's stop button, wait for the end of the step and for its checkpoint
    (:func:`aigc_book.training.interruption.held_back`); then comes the ``KeyboardInterrupt``.

    Of a model that several processes share (:mod:`aigc_book.training.distributed`) each of them makes the same call
    with the same batches, trains on its rows of each, and gets the same entries; process 0 alone writes.

    With ``resume=True`` the same call goes on after an interruption, however sudden, as if there had been none: the
    weights, the history (but for ``seconds``) and all later batches are the same bit for bit, on the same machine.

    Args:
        model: what the loss is given, on the device that it should train on; it may be one that ``torch.compile``
            returned. Its modes: see :func:`aigc_book.layers.mode.training`. If it has a ``config`` (a dataclass), a
            checkpoint must have been made with an equal one, and ids are compared with its ``vocab_size``.
        batches: what the loss understands, as many as are needed; each is moved to the model's device as a whole. A
            ``DataLoader`` is gone through as often as needed, other batches once (:class:`Epochs` for more). With
            ``state_dict`` and ``load_state_dict`` they go on where they were; without, a resumed run draws and drops
            those that were used, and refuses others.
        config: how to train.
        optimizers: one, or several that share the parameters among them. AdamW with rate 0.001, betas (0.9, 0.95) and
            a weight decay of 0.1 on matrices if None.
        schedule: ``schedule(step)``, from step 0 on, multiplies every optimizer's own rate; constant if None.
        loss: ``loss(model, batch) -> (sum, count)``; see :mod:`aigc_book.training.losses`.
        validation: batches for :func:`evaluate`, gone through at each evaluation.
        checkpoints: where to save, if at all; a path stands for ``Checkpoints(path)``.
        resume: go on from the latest checkpoint, or from the one at this path; without any, start. A checkpoint may be
            continued with other ``steps`` and another schedule, but with nothing else changed.

    Yields:
        :class:`Entry`; always one of the last step, also if a resumed run had reached it already.

    Raises:
        ValueError: arguments that don't fit together (at once); batches that end early, that have no target, or that
            are others than those of the run that goes on; ids that the model has no row for; half-precision weights;
            one of several processes whose model isn't shared; rows that can't be divided among the processes.
        FloatingPointError: the loss or the gradient is infinite or not a number. The step was not taken, and nothing of
            it saved. It names the step and the last good checkpoint.
        FileExistsError: there are checkpoints already, and ``resume`` is False.
        CheckpointError: the checkpoint is damaged, or of another run. It names the last good one.
        ProcessLost: another of several processes has ended. It names the step and the last good checkpoint.
        OSError: nothing can be written to ``checkpoints`` (at once), or a checkpoint could not be saved; earlier ones
            are whole.
    """
    device = next(model.parameters()).device
    if optimizers is None:
        optimizers = AdamW(decay_groups(model), lr=1e-3, betas=(0.9, 0.95))
    optimizers = as_list(optimizers)
    check_optimizers(model, optimizers)
    _check_run(batches, config, validation, checkpoints)
    batches, world = with_state(batches), world_of(model)
    check_alone(world, model, config.dtype)
    if world is not None:
        batches = OwnRows(batches, world)
        set_random_state(world.first(random_state))  # so that what is drawn together is the same everywhere
    # Half precision has few exponents: the loss is scaled up so that small gradients aren't rounded to zero.
    scaler = torch.amp.GradScaler(device.type, enabled=config.dtype == torch.float16)
    parts = {"batches": batches, "scaler": scaler} | {f"optimizer {i}": each for i, each in enumerate(optimizers)}
    run = Run(model, parts, checkpoints=checkpoints, settings=lambda: _settings(config, optimizers))
    run.resume(resume)
    return _entries(run, batches, config, optimizers, schedule or constant(), loss, validation, scaler)


def _entries(
    run: Run,
    batches: Iterable[Any],
    config: TrainConfig,
    optimizers: list[Optimizer],
    schedule: Schedule,
    loss: Loss,
    validation: Iterable[Any] | None,
    scaler: torch.amp.GradScaler,
) -> Iterator[Entry]:
    model, recorder = run.model, run.recorder
    device = next(model.parameters()).device
    source = iter(batches)
    theirs = None  # the random generators as the caller left them after the last look
    in_between = config.eval_every if validation is not None else None
    save_every = config.checkpoint_every or in_between or -(-config.steps // 10)
    to_evaluate, to_save = validation is not None, run.checkpoints is not None
    intervals = [config.log_every, in_between if to_evaluate else None, save_every if to_save else None]
    world = world_of(model)
    is_shown = config.progress and (world is None or world.rank == 0)
    bar = tqdm(total=config.steps, initial=recorder.step, disable=not is_shown, desc="training", unit="step")

    def is_due(every: int | None) -> bool:
        return recorder.step == config.steps or (every is not None and recorder.step % every == 0)

    def step() -> float:
        """One update; returns the gradient's norm."""
        drawn = []
        for batch in itertools.islice(source, config.accumulate):
            check_ids(model, batch)
            drawn.append(to_device(batch, device))
        if len(drawn) < config.accumulate:
            if run.checkpoints is not None and recorder.step > 0:
                run.save()
            used = recorder.step * config.accumulate + len(drawn)
            raise ValueError(
                f"the batches ended after {used}, at step {recorder.step} of {config.steps}; "
                "Epochs(batches) goes through them again and again"
            )
        with run.told(recorder.step + 1):
            with scheduled(optimizers, schedule, recorder.step):
                made = update(model, drawn, optimizers, loss, clip=config.clip, dtype=config.dtype, scaler=scaler)
            recorder.count(made.loss, made.n_targets)
        bar.update()
        return made.gradient_norm

    if recorder.step >= config.steps:
        bar.close()
        yield _last_entry(recorder.history)
        return
    try:
        with freed_memory_kept(device):
            while recorder.step < config.steps:
                with held_back() as interruption:
                    with training(model):
                        recorder.start_clock()
                        norm = step()
                        while not interruption.came and not any(is_due(every) for every in intervals):
                            norm = step()
                        recorder.stop_clock()
                    logged = validation_loss = checkpoint = None
                    rate = optimizers[0].param_groups[0]["lr"] * schedule(recorder.step - 1)
                    if is_due(config.log_every):
                        logged = recorder.enter(rate, norm)
                        bar.set_postfix_str(f"loss {logged:.3f}")
                    if to_evaluate and is_due(config.eval_every):
                        with run.told(recorder.step):
                            validation_loss = evaluate(model, validation, loss=loss, dtype=config.dtype).mean
                        recorder.enter_validation(validation_loss)
                    if to_save and (is_due(save_every) or interruption.came):
                        with run.told(recorder.step):
                            checkpoint = run.save(validation_loss)
                own = random_state()
                if theirs is not None:
                    set_random_state(theirs)
                yield Entry(
                    step=recorder.step,
                    loss=logged,
                    learning_rate=None if logged is None else rate,
                    gradient_norm=None if logged is None else norm,
                    validation_loss=validation_loss,
                    checkpoint=checkpoint,
                    history=recorder.history,
                )
                theirs = random_state()
                set_random_state(own)
    finally:
        recorder.stop_clock()
        drop_gradients(optimizers)
        bar.close()


def _last_entry(history: History) -> Entry:
    """Of a run that had reached its last step before."""
    validated = history.validation_steps[-1:] == history.steps[-1:]
    return Entry(
        step=history.steps[-1],
        loss=history.losses[-1],
        learning_rate=history.learning_rates[-1],
        gradient_norm=history.gradient_norms[-1],
        validation_loss=history.validation_losses[-1] if validated and history.validation_losses else None,
        checkpoint=None,
        history=history,
    )


def _check_run(
    batches: Iterable[Any],
    config: TrainConfig,
    validation: Iterable[Any] | None,
    checkpoints: Checkpoints | str | os.PathLike[str] | None,
) -> None:
    """Find before the first step what would go wrong after many."""
    for name, value in (("batches", batches), ("validation", validation)):
        if not (isinstance(value, Iterable) or hasattr(value, "__getitem__") or (value is None and name != "batches")):
            raise ValueError(
                f"{name} must be batches to go through, such as a list of them; got {type(value).__name__}"
            )
    needed, found = config.steps * config.accumulate, length(with_state(batches))
    if found is not None and found < needed:
        raise ValueError(
            f"{config.steps} steps of {config.accumulate} batches need {needed}; got {found} batches; "
            "Epochs(batches) goes through them again and again"
        )
    if hasattr(batches, "state_dict"):
        check_plain(batches.state_dict(), "batches.state_dict()")
    if isinstance(validation, Iterator):
        raise ValueError(
            "validation must be batches that can be gone through again and again, such as a list or SequentialWindows; "
            f"got the iterator {type(validation).__name__}"
        )
    if config.eval_every is not None and validation is None:
        raise ValueError(f"eval_every={config.eval_every} needs validation batches; got validation=None")
    if config.checkpoint_every and checkpoints is None:
        raise ValueError(
            f"checkpoint_every={config.checkpoint_every} needs a folder of checkpoints; got checkpoints=None"
        )


def _settings(config: TrainConfig, optimizers: Sequence[Optimizer]) -> dict[str, Any]:
    """What must be the same when a run goes on, beside the model's config."""
    return {
        "training": {name: getattr(config, name) for name in ("accumulate", "clip", "dtype")},
        "optimizers": [
            {
                "class": type(optimizer).__name__,
                "groups": [{**group, "params": len(group["params"])} for group in optimizer.param_groups],
            }
            for optimizer in optimizers
        ],
    }
