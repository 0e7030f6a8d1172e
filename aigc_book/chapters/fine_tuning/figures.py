"""Accuracy against labels, the parts of a LoRA layer, and who sees whom in a row of several chats."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, label_line

METHODS = {"from scratch": PURPLE, "frozen": SKY, "full": BLUE, "LoRA": ORANGE, "naive Bayes": GREEN, "majority": GREY}


def label_curves(labels: Sequence[int], accuracies: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Mean accuracy of each method against the number of labels, and a band from its worst seed to its best.

    Args:
        labels: n numbers.
        accuracies: method → n lists, of one accuracy for each seed.

    Raises:
        ValueError: not as many lists as numbers.
    """
    figure, ax = plt.subplots()
    ends = []
    for name, runs in accuracies.items():
        if len(runs) != len(labels):
            raise ValueError(f"{name!r} needs a list of accuracies for each of {len(labels)} sizes; got {len(runs)}")
        means = [float(np.mean(run)) for run in runs]
        dashes = "--" if name in ("naive Bayes", "majority") else "-"
        ax.plot(labels, means, dashes, marker="o", markersize=4, color=METHODS[name])
        ax.fill_between(labels, [min(r) for r in runs], [max(r) for r in runs], color=METHODS[name], alpha=0.15, lw=0)
        ends.append((means[-1], name))
    ax.set(xlabel="labelled stories", ylabel="accuracy on held-out stories", xscale="log")
    ax.set_xticks(list(labels), [f"{n:,}" for n in labels])
    ax.minorticks_off()
    lowest = -np.inf
    for mean, name in sorted(ends):
        height = ax.transData.transform((labels[-1], mean))[1] * 72 / figure.dpi
        lowest = max(lowest + 11, height)
        label_line(ax, labels[-1], mean, name, METHODS[name], up=lowest - height)
    return figure


def low_rank() -> Figure:
    """A linear layer that is frozen, and beside it the narrow way through A and B, whose result is added."""
    sheet = Drawing(4.6, 2.5)
    x = sheet.box(0.5, 1.25, "x", "data", width=0.6)
    weight = sheet.box(2.1, 1.95, "W, frozen", "norm", width=1.5, height=0.6)
    a = sheet.box(1.65, 0.65, "A", "attention", width=0.5, height=0.6)
    b = sheet.box(2.75, 0.65, "s B", "attention", width=0.6, height=0.6)
    add = sheet.circle(3.55, 1.25, "+")
    y = sheet.box(4.2, 1.25, "y", "data", width=0.5)
    sheet.arrow(x, weight, via=[(0.5, 1.95)])
    sheet.arrow(x, a, via=[(0.5, 0.65)])
    sheet.arrow(a, b)
    sheet.arrow(weight, add, via=[(3.55, 1.95)])
    sheet.arrow(b, add, via=[(3.55, 0.65)])
    sheet.arrow(add, y)
    for place, height, words in ((2.1, 1.53, "C O numbers"), (2.2, 0.22, "r (C + O) numbers, trained")):
        sheet.text(place, height, words, size=SMALL)
    sheet.text(2.2, 0.84, "r", size=SMALL)
    return sheet.figure


def packed_mask(mask: Tensor, targets: Tensor) -> Figure:
    """Who sees whom in one row, (T, T), and, in a strip on the right, which places have a target (T,)."""
    side = len(mask)
    figure, (ax, strip) = plt.subplots(
        1, 2, figsize=(3.9, 3.4), width_ratios=(side, max(3, side / 6)), sharey=True, layout="constrained"
    )
    style = {"cmap": ListedColormap(["#FFFFFF00", SKY]), "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    ax.imshow(mask.tril().numpy(), **style)
    strip.imshow(
        (targets[:, None] >= 0).numpy(), aspect="auto", **{**style, "cmap": ListedColormap(["#FFFFFF00", ORANGE])}
    )
    ax.set(xlabel="key: place in the row", ylabel="query: place in the row")
    strip.set(xticks=[])
    strip.set_title("target", fontsize=8)
    for panel in (ax, strip):
        panel.grid(False)
    return figure
