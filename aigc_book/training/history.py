"""What happened in a training run, step by step."""

import json
import math
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from aigc_book.files import write_aside


@dataclass(repr=False)
class History:
    """What happened in a run: lists of equal length, one entry every ``log_every`` steps.

    Attributes:
        steps: updates done by then.
        losses: mean training loss (nats per token) of the steps since the entry before.
        learning_rates: rate of the first group of the first optimizer.
        gradient_norms: norm of the gradient of all parameters together, before clipping; infinite where float16
            overflowed and nothing was updated.
        tokens: targets seen since the beginning, without those that count for nothing.
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

    def __repr__(self) -> str:
        steps = f"{len(self.steps)} entries up to step {self.steps[-1]}" if self.steps else "no entries"
        last = [f"loss {self.losses[-1]:.4g}"] if self.losses else []
        last += [f"validation loss {self.validation_losses[-1]:.4g}"] if self.validation_losses else []
        last += [f"{self.seconds[-1]:.1f} s"] if self.seconds else []
        return f"<History: {', '.join([steps, *last])}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the history as JSON, aside first and then renamed."""
        with write_aside(path) as file:
            file.write(json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "History":
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not a history.
        """
        try:
            values = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not a history: {error}") from error
        names = {f.name for f in fields(cls)}
        if not isinstance(values, dict) or values.keys() != names:
            raise ValueError(f"{path} is not a history; expected the lists {', '.join(sorted(names))}")
        return cls(**values)


class Recorder:
    """A history being written: counts steps, tokens and seconds, and keeps the losses that have no entry yet."""

    def __init__(self):
        self.history = History()
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self._losses: list[float] = []  # since the last entry
        self._clock: float | None = None

    def start_clock(self) -> None:
        """Training goes on."""
        self._clock = time.perf_counter()

    def stop_clock(self) -> None:
        """Something else than training goes on: evaluating, saving."""
        if self._clock is not None:
            self.seconds += time.perf_counter() - self._clock
        self._clock = None

    def count(self, loss: float, tokens: float) -> None:
        """One more update was made, with this mean loss over so many targets."""
        self.step += 1
        self.tokens += int(tokens) if tokens == int(tokens) else tokens
        self._losses.append(loss)

    def enter(self, learning_rate: float, gradient_norm: float) -> float:
        """Write an entry of the history; returns its loss."""
        is_running = self._clock is not None
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
        if is_running:
            self.start_clock()
        return loss

    def enter_validation(self, loss: float) -> None:
        """Write down the result of an evaluation."""
        self.history.validation_steps.append(self.step)
        self.history.validation_losses.append(loss)

    def state_dict(self) -> dict[str, Any]:
        """Everything, as values for JSON."""
        counts = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds, "losses": self._losses}
        return {**counts, "history": asdict(self.history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self._losses = list(state["losses"])
        self.history = History(**state["history"])
