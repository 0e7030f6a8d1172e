"""Choices that a seed makes, the same on every Python."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A row of choices from a seed.

    Only ``Random.random()`` is called, with a string as its seed: the one method of which Python promises the same
    numbers in every version. How ``choice`` and ``shuffle`` use them may change, and has.
    """

    def __init__(self, seed: str):
        self._random = Random(seed).random

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the others."""
        return options[int(self._random() * len(options))]

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self._random() * n)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability
