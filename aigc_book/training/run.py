"""A run that can be stopped and goes on: the model, all else that has a state, the history and the checkpoints.

The training loop keeps one; a loop of one's own does likewise. ::

    both = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
    run = Run(both, {"generator": g_optimizer, "discriminator": d_optimizer, "batches": windows}, checkpoints=folder)
    run.resume(True)
    while run.recorder.step < steps:
        ...
        run.recorder.count(made.loss, made.n_targets)
        if run.recorder.step % 100 == 0:
            run.recorder.enter(learning_rate, made.gradient_norm)
            run.save()
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from torch import nn

from aigc_book.files import check_writable
from aigc_book.training.checkpoint import Checkpoints, load_weights, model_weights
from aigc_book.training.distributed.shards import load_whole_state, whole_state
from aigc_book.training.distributed.world import lost_in_words, world_of
from aigc_book.training.history import Recorder
from aigc_book.training.lora import adapters_of
from aigc_book.training.randomness import random_state, set_random_state
from aigc_book.training.wrapping import unwrapped


class Run:
    """What a training run changes, so that it can be saved and put back.

    Args:
        model: its weights are saved; several models go into an ``nn.ModuleDict``.
        parts: what else has ``state_dict`` and ``load_state_dict``, by name: optimizers, a gradient scaler, batches.
        checkpoints: where to save, if at all; a path stands for ``Checkpoints(path)``.
        settings: gives what must be the same when the run goes on, as values for JSON; asked at each saving. The
            model's config, where it has one, is added.

    Raises:
        OSError: nothing can be written to ``checkpoints``.

    Attributes:
        recorder: counts steps, and keeps the history.
    """

    def __init__(
        self,
        model: nn.Module,
        parts: dict[str, Any],
        *,
        checkpoints: Checkpoints | str | os.PathLike[str] | None = None,
        settings: Callable[[], dict[str, Any]] = dict,
    ):
        if checkpoints is not None and not isinstance(checkpoints, Checkpoints):
            checkpoints = Checkpoints(checkpoints)
        if checkpoints is not None:
            check_writable(checkpoints.folder)  # before the first step rather than after many
        self.model, self.parts, self.checkpoints = model, parts, checkpoints
        self.recorder, self._settings = Recorder(), settings

    def settings(self) -> dict[str, Any]:
        """What is compared when the run goes on: the model's config, its LoRA layers, and the run's own."""
        config = getattr(unwrapped(self.model), "config", None)
        config = getattr(config, "resolved", config)
        own = {"model": asdict(config) if is_dataclass(config) else None, **self._settings()}
        if layers := adapters_of(unwrapped(self.model)):
            own["lora"] = {
                name: {"rank": layer.rank, "scale": layer.scale, "dropout": layer.dropout}
                for name, layer in layers.items()
            }
        return json.loads(json.dumps(own, default=str))

    def resume(self, resume: bool | str | os.PathLike[str]) -> bool:
        """Go on from the latest checkpoint, or from the one at a path; returns whether there was one.

        Raises:
            ValueError: ``resume`` without checkpoints.
            FileExistsError: there are checkpoints, and ``resume`` is False.
            FileNotFoundError: there is none at the path.
            CheckpointError: it is damaged, or of another run.
        """
        if resume and self.checkpoints is None:
            raise ValueError(f"resume={resume} needs a folder of checkpoints; got checkpoints=None")
        world = world_of(self.model)
        chosen = self._chosen(resume) if world is None else world.first(lambda: self._chosen(resume))
        if chosen is None:
            return False
        saved = self.checkpoints.load(chosen, self.settings())
        for name, part in self.parts.items():
            load_whole_state(part, saved.state[name])
        load_weights(self.model, saved.weights)
        self.recorder.load_state_dict(saved.history)
        set_random_state(saved.state["random"])
        return True

    def _chosen(self, resume: bool | str | os.PathLike[str]) -> Path | None:
        latest = self.checkpoints.latest() if self.checkpoints is not None else None
        if latest is not None and not resume:
            raise FileExistsError(f"{latest} is there already; pass resume=True to go on from it, or another folder")
        return latest if resume is True else Path(resume) if resume else None

    @contextmanager
    def told(self, step: int) -> Iterator[None]:
        """Within, what isn't finite or a process that is lost says at which step, and what there is to go on from."""

        def offer() -> str:
            kept = self.checkpoints.latest_good() if self.checkpoints is not None else None
            return f"at step {step}; " + (f"the last checkpoint is {kept}" if kept else "there is no checkpoint")

        try:
            with lost_in_words(offer):
                yield
        except FloatingPointError as error:
            hint = "a lower learning rate, a longer warm-up or clipping may help"
            raise FloatingPointError(f"{error} {offer()}; {hint}") from None

    def save(self, validation_loss: float | None = None) -> Path:
        """Write a checkpoint of this moment; errors as of :meth:`Checkpoints.save`.

        Of a model that several processes share, all of them must ask, and process 0 writes. It is a checkpoint like any
        other, which one process can go on from, or any number; process 0 needs the CPU's memory for all of it.
        """
        world = world_of(self.model)
        keep = world is None or world.rank == 0
        state = {name: whole_state(part, keep) for name, part in self.parts.items()} | {"random": random_state()}
        weights = model_weights(self.model, keep=keep)

        def write() -> Path:
            return self.checkpoints.save(
                self.recorder.step,
                self.model,
                state,
                self.recorder.state_dict(),
                self.settings(),
                validation_loss,
                weights=weights,
            )

        return write() if world is None else world.first(write)
