"""How sure a score is: the bootstrap, for every metric whose statistics add up, and an interval of a share.

A test set is a sample; another one of the same kind would have given another score. Draw as many segments from it as
it has, with replacement, score that, and do so a thousand times: the middle 95 % of those scores are the interval.

Source: Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, section 13.3 (percentiles); for scores of a
corpus Koehn (2004), *Statistical Significance Tests for Machine Translation Evaluation*, section 3.
"""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from aigc_book.metrics.protocol import Stats, is_real, is_whole

_BLOCK = 1 << 22  # draws at a time


class Interval(NamedTuple):
    """From ``low`` to ``high``, the middle of the resampled scores."""

    low: float
    high: float


def interval(stats: Sequence[Stats], *, n_resamples: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
    """The interval of a corpus's score by resampling its segments. ::

        interval(segment_stats(hypotheses, references))

    Only the sums are scored, so that its time hardly depends on how long the segments are.

    Args:
        stats: of the segments, as ``segment_stats`` of a metric gives them: all of one kind, with the same settings.
        n_resamples: how often the corpus is drawn anew.
        level: the share of the scores within: (1 - level) / 2 lie below, and as many above.
        seed: the same seed draws the same segments, also for another system on the same test set.

    Raises:
        ValueError: fewer than two segments, statistics that don't add up, or a number out of range.

    >>> from aigc_book.metrics.chrf import segment_stats
    >>> interval(segment_stats(["so it goes"] * 9, ["so it goes"] * 9))
    Interval(low=100.0, high=100.0)
    """
    stats = list(stats)
    if len(stats) < 2:
        raise ValueError(f"an interval needs at least 2 segments to draw from; got {len(stats)}")
    if not is_whole(n_resamples, 1):
        raise ValueError(f"n_resamples must be a whole number of at least 1; got {n_resamples!r}")
    if not (is_real(level) and 0 < level < 1):
        raise ValueError(f"level must be between 0 and 1; got {level!r}")
    total = sum(stats)  # refuses what doesn't add up
    names = [f.name for f in fields(total) if _adds_up(getattr(total, f.name))]
    columns = {name: np.array([getattr(each, name) for each in stats]) for name in names}  # (segments, …)
    rng, scores, n = np.random.default_rng(seed), [], len(stats)
    while len(scores) < n_resamples:
        rows = min(n_resamples - len(scores), max(1, _BLOCK // n))
        drawn = rng.integers(n, size=(rows, n))
        times = np.stack([np.bincount(row, minlength=n) for row in drawn])  # how often each segment was drawn
        sums = {name: _sums(times, column).tolist() for name, column in columns.items()}
        for row in range(rows):
            values = {name: tuple(v) if isinstance(v := sums[name][row], list) else v for name in names}
            scores.append(type(total)(**(vars(total) | values)).score().score)
    # An infinite score (of a token with probability 0) can't be averaged with its neighbour.
    low, high = ("linear", "linear") if all(map(math.isfinite, scores)) else ("lower", "higher")
    low, high = np.quantile(scores, (1 - level) / 2, method=low), np.quantile(scores, (1 + level) / 2, method=high)
    return Interval(float(low), float(high))


def share_interval(count: int, n: int) -> Interval:
    """The 95 % interval of a share, count of n, by Wilson's formula: it stays within 0 and 1, also for 0 of n.

    With p = count / n and z = 1.96: the middle is (p + z² / 2n) / (1 + z² / n), and to each side of it lie
    z √(p (1 - p) / n + z² / 4n²) / (1 + z² / n).

    Raises:
        ValueError: n below 1, or a count that isn't between 0 and n.

    Source: Wilson, *Probable inference, the law of succession, and statistical inference* (1927).

    >>> low, high = share_interval(0, 50)
    >>> low, round(high, 4)
    (0.0, 0.0714)
    """
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"count must be between 0 and n, and n at least 1; got count={count}, n={n}")
    z, p = 1.96, count / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def _adds_up(value: object) -> bool:
    """Numbers and tuples of them; settings, a count that isn't known and a name stay as they are."""
    return is_real(value) or isinstance(value, tuple)


def _sums(times: np.ndarray, column: np.ndarray) -> np.ndarray:
    """(rows, segments) times (segments, …), where a segment that wasn't drawn adds nothing, even an infinite one."""
    finite = np.isfinite(column)
    if finite.all():
        return times @ column
    sums = times @ np.where(finite, column, 0)
    sums[times @ ~finite > 0] = np.inf
    return sums
