"""What happened in a training run, step by step."""

import json
import math
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass
class History:
    """What happened in a run: lists of equal length, one entry every ``log_every`` steps.

    Attributes:
        steps: updates done by then.
        losses: mean training loss (nats per token) of the steps since the entry before.
        learning_rates: rate of the first group of the first optimizer.
        gradient_norms: norm of the gradient of all parameters together, before clipping.
        tokens: targets seen since the beginning.
        seconds: spent on training since the beginning, without evaluation and saving.
        validation_steps: updates done at each evaluation.
        validation_losses: nats per token of each evaluation.
    """

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the history as JSON, aside first and then renamed."""
        path = Path(path)
        aside = path.with_name(f".{path.name}.partial")
        aside.write_text(json.dumps(asdict(self)), encoding="utf-8")
        aside.replace(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "History":
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not a history.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not a history: {error}") from error
        names = {f.name for f in fields(cls)}
        if not isinstance(values, dict) or values.keys() != names:
            raise ValueError(f"{path} is not a history; expected the lists {', '.join(sorted(names))}")
        return cls(**values)


class Recorder:
    """A history being written: counts steps, tokens and seconds, and keeps the losses that have no entry yet.

    Losses stay on the device until :meth:`settle` fetches them all, so that a GPU isn't waited for at every step.
    """

    def __init__(self):
        self.history = History()
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self._pending: list[Tensor] = []  # losses of the latest steps, on the device
        self._losses: list[float] = []  # those before them, since the last entry
        self._clock: float | None = None

    def start_clock(self) -> None:
        """Training goes on."""
        self._clock = time.perf_counter()

    def stop_clock(self) -> None:
        """Something else than training goes on: evaluating, saving."""
        if self._clock is not None:
            self.seconds += time.perf_counter() - self._clock
        self._clock = None

    def count(self, loss: Tensor, tokens: int) -> None:
        """One more update was made, from so many targets."""
        self.step += 1
        self.tokens += tokens
        self._pending.append(loss)

    def settle(self) -> None:
        """Fetch the losses and look at them.

        Raises:
            FloatingPointError: one of them is infinite or not a number; the message names its step.
        """
        losses = torch.stack(self._pending).tolist() if self._pending else []
        self._pending = []
        for step, loss in enumerate(losses, start=self.step - len(losses) + 1):
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {step}")
        self._losses += losses

    def enter(self, learning_rate: float, gradient_norm: float) -> float:
        """Write an entry of the history; returns its loss."""
        self.settle()
        self.stop_clock()
        loss = math.fsum(self._losses) / len(self._losses)
        self._losses = []
        history = self.history
        history.steps.append(self.step)
        history.losses.append(loss)
        history.learning_rates.append(learning_rate)
        history.gradient_norms.append(gradient_norm)
        history.tokens.append(self.tokens)
        history.seconds.append(self.seconds)
        self.start_clock()
        return loss

    def enter_validation(self, loss: float) -> None:
        """Write down the result of an evaluation."""
        self.history.validation_steps.append(self.step)
        self.history.validation_losses.append(loss)

    def state_dict(self) -> dict[str, Any]:
        """Everything, as values for JSON."""
        self.settle()
        counts = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds, "losses": self._losses}
        return {**counts, "history": asdict(self.history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self._losses, self._pending = list(state["losses"]), []
        self.history = History(**state["history"])
