"""What a decoder reads while it writes: the source above, the output below, lines for the attention between them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE


class ReadingPanel(NamedTuple):
    """One output with where it came from: weights (T, S) of T written tokens over S source tokens; rows sum to 1."""

    title: str
    source: Sequence[str]
    output: Sequence[str]
    weights: np.ndarray


def reading_lines(readings: Sequence[ReadingPanel], *, faintest: float = 0.04) -> Figure:
    """Panels side by side; in each a line from every written token to every source token, as thick as its weight.

    Args:
        readings: from left to right, each in a colour of its own.
        faintest: weights below this are not drawn.

    Raises:
        ValueError: no reading, or weights that don't fit the tokens.
    """
    if not readings:
        raise ValueError("readings must hold at least one reading; got none")
    figure, axes = plt.subplots(1, len(readings), figsize=(4.2 * len(readings), 2.9), squeeze=False)
    for index, (ax, reading) in enumerate(zip(axes[0], readings, strict=True)):
        weights, color = np.asarray(reading.weights, dtype=float), (BLUE, GREEN, PURPLE, ORANGE)[index % 4]
        expected = (len(reading.output), len(reading.source))
        if weights.shape != expected:
            raise ValueError(f"weights must be {expected} for the tokens of {reading.title!r}; got {weights.shape}")
        shift = (expected[1] - expected[0]) / 2  # the shorter row stands in the middle
        below, above = np.arange(expected[0]) + max(shift, 0), np.arange(expected[1]) + max(-shift, 0)
        for (t, s), weight in np.ndenumerate(weights):
            if weight >= faintest:
                ax.plot([below[t], above[s]], [0.13, 0.87], color=color, alpha=weight, lw=0.5 + 4.0 * weight)
        for y, places, tokens, ground in ((1.0, above, reading.source, GREY), (0.0, below, reading.output, color)):
            box = {"boxstyle": "round,pad=0.3", "facecolor": ground, "alpha": 0.18, "edgecolor": "none"}
            for x, token in zip(places, tokens, strict=True):
                ax.text(x, y, token, ha="center", va="center", family="monospace", fontsize=12, color=INK, bbox=box)
        ax.set(xlim=(-0.7, max(expected) - 0.3), ylim=(-0.2, 1.2))
        ax.set_title(reading.title)
        ax.axis("off")
    return figure
