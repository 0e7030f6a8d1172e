"""The contract of a metric: settings → statistics that add up → a score that says how it was made.

    settings = BleuSettings(tokenize="zh")                       # frozen, checked once; stands in no other place
    stats = segment_stats(hypotheses, references, settings)      # one for each segment
    sum(stats).score()                                           # the score of the whole, with its signature

Statistics add up over segments, parts of a corpus and machines; scores don't. So a confidence interval resamples
statistics and scores their sums, and whatever is asked of several metrics at once (:mod:`aigc_book.metrics.hub`, the
tests) is asked in these words alone.

To add a metric: a file with its settings, statistics, score, ``segment_stats`` and the function that scores a corpus;
a line in ``METRICS`` of :mod:`aigc_book.metrics.table`, which also puts it under the tests of this contract.
"""

from numbers import Integral, Real
from typing import Protocol, Self

import numpy as np

from aigc_book.metrics.pairs import References, Texts, merge_counts


class Settings(Protocol):
    """A frozen dataclass with a default for every field, which raises ``ValueError`` for what makes no sense."""

    __dataclass_fields__: dict


class Score(Protocol):
    """What a metric found: a frozen dataclass with the score and the parts that it is made of."""

    @property
    def score(self) -> float:
        """The number that people quote."""
        ...

    @property
    def signature(self) -> str:
        """The settings and the version in a line, to be published with the score."""
        ...

    @property
    def stats(self) -> "Stats":
        """The statistics that it was made of."""
        ...

    def report(self) -> dict[str, object]:
        """The score under the metric's name, the parts that ``evaluate`` reports, and the signature."""
        ...


class Stats(Protocol):
    """Sums over segments: a frozen dataclass that adds up with its like, by :func:`add` and :func:`add_to_zero`."""

    def __add__(self, other: Self) -> Self:
        """The statistics of both together; ``ValueError`` if the settings differ."""
        ...

    def score(self) -> Score:
        """The score of all that was added up."""
        ...


class SegmentStats(Protocol):
    """``segment_stats`` of each metric of texts."""

    def __call__(self, hypotheses: Texts, references: References, settings: Settings = ...) -> list[Stats]:
        """The statistics of every segment; ``ValueError`` for anything but texts, as :mod:`.pairs` reads them."""
        ...


class CorpusScore(Protocol):
    """The function that scores a corpus: the score of the sum of ``segment_stats``."""

    def __call__(self, hypotheses: Texts, references: References, settings: Settings = ...) -> Score:
        """The score of the corpus; errors as for ``segment_stats``."""
        ...


def check_settings(settings: Settings, kind: type) -> None:
    """Raise ``ValueError`` if these are no settings of this kind, a bare name of a tokenizer for example."""
    if not isinstance(settings, kind):
        raise ValueError(f"settings must be {kind.__name__}(…); got {settings!r}")


def is_whole(value: object, least: int) -> bool:
    """A whole number, and at least so large."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def is_real(value: object) -> bool:
    """A real number, of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_flags(settings: Settings, *names: str) -> None:
    """Raise ``ValueError`` unless these settings are True or False: ``"no"`` would count as yes."""
    for name in names:
        if not isinstance(getattr(settings, name), bool | np.bool_):
            raise ValueError(f"{name} must be True or False; got {getattr(settings, name)!r}")


def add(left, right):
    """``__add__`` of every kind of statistics: numbers and tuples of them add up, settings have to be the same.

    A count that is not known on one side (None) is not known of the sum.

    Raises:
        ValueError: the settings differ.
    """
    if not isinstance(right, type(left)):
        return NotImplemented
    mine, other = (getattr(stats, "settings", None) for stats in (left, right))  # log-likelihoods have none
    if mine != other:
        raise ValueError(f"statistics of different settings don't add up: {mine} and {other}")
    return type(left)(**{name: _add(name, value, getattr(right, name)) for name, value in vars(left).items()})


def add_to_zero(stats, zero):
    """``__radd__`` of every kind of statistics: ``sum()`` starts at 0."""
    return stats if isinstance(zero, int) and zero == 0 else NotImplemented


def _add(name: str, left, right):
    if name == "settings":
        return left
    if name == "n_references":
        return merge_counts(left, right)
    if left is None or right is None:
        return None
    return tuple(a + b for a, b in zip(left, right, strict=True)) if isinstance(left, tuple) else left + right
