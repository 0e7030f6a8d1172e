"""Pairs of answers of which one is better, and what Bradley and Terry make of them.

Shape letters: B pairs, T tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.alignment.answers import Answers, Ids


@dataclass(frozen=True)
class Preferences:
    """B pairs: row b of ``better`` was preferred to row b of ``worse``. Both are padded to the same length.

    Args:
        better: (B, T) sequences of prompt and answer.
        worse: (B, T), likewise.

    Raises:
        ValueError: another shape; on a CPU also a pair of equal texts.
    """

    better: Answers
    worse: Answers

    def __post_init__(self):
        shapes = [tuple(each.ids.shape) for each in (self.better, self.worse)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"both answers of a pair need the same shape (B, T); got {shapes[0]} and {shapes[1]}")
        if self.better.ids.device.type == "cpu":
            same = (self.better.ids == self.worse.ids) & (self.better.mask == self.worse.mask)
            if same.all(dim=1).any():
                row = int(same.all(dim=1).nonzero()[0])
                raise ValueError(f"the two answers of a pair must differ; those of pair {row} are equal")

    @classmethod
    def of(
        cls, prompts: Sequence[Ids], better: Sequence[Ids], worse: Sequence[Ids], *, pad_id: int = 0
    ) -> "Preferences":
        """Pairs from B prompts, their preferred answers and the others; errors as of :meth:`Answers.of` and above."""
        if not len(prompts) == len(better) == len(worse):
            raise ValueError(
                "expected as many prompts as better and worse answers; "
                f"got {len(prompts)} prompts, {len(better)} better and {len(worse)} worse answers"
            )
        both = Answers.of([*prompts, *prompts], [*better, *worse], pad_id=pad_id)
        parts = zip(*(each.split(len(prompts)) for each in (both.ids, both.is_answer, both.mask)), strict=True)
        return cls(*(Answers(*part) for part in parts))

    def both(self) -> Answers:
        """(2 B, T): the better ones, then the worse ones, for one call of a model."""
        pair = (self.better, self.worse)
        return Answers(*(torch.cat([getattr(a, name) for a in pair]) for name in ("ids", "is_answer", "mask")))


def bradley_terry(better: Tensor, worse: Tensor) -> Tensor:
    r"""-ln σ(r_better - r_worse): the loss of a pair, in nats.

    The model of preferences says that an answer of score r is preferred to one of score s with the probability
    σ(r - s) = 1 / (1 + exp(s - r)). Only the difference counts.

    Args:
        better: (B,) scores of the answers that were preferred.
        worse: (B,) scores of the others.

    Returns:
        (B,).

    Source: Bradley and Terry (1952); as a loss: Christiano et al. (2017), equation 1; Ouyang et al. (2022), equation 1.
    """
    return -F.logsigmoid(better - worse)
