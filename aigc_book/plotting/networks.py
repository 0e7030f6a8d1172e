"""Pictures of small networks: their numbers forwards and backwards, and where they draw the line."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, RED

SIDES = LinearSegmentedColormap.from_list("sides", ["#7FB5D8", "#FFFFFF", "#F3CC80"])


def network_numbers(
    values: Sequence[Sequence[float]],
    weights: Sequence[np.ndarray],
    value_gradients: Sequence[Sequence[float]],
    weight_gradients: Sequence[np.ndarray],
    layer_names: Sequence[str],
) -> Figure:
    """A network as circles and arrows, with what flows forwards in black and the gradients that flow back in red.

    Args:
        values: of each layer's units, the input's first.
        weights: of layer l, (D_l, D_{l-1}), one fewer than layers of values.
        value_gradients: shaped as ``values``.
        weight_gradients: shaped as ``weights``.
        layer_names: what is written under each column.

    Raises:
        ValueError: the shapes don't fit together.
    """
    sizes = [len(layer) for layer in values]
    shapes = [(later, earlier) for earlier, later in itertools.pairwise(sizes)]
    for name, given in (("weights", weights), ("weight_gradients", weight_gradients)):
        if [np.shape(matrix) for matrix in given] != shapes:
            raise ValueError(f"{name} must have the shapes {shapes}; got {[np.shape(matrix) for matrix in given]}")
    if [len(layer) for layer in value_gradients] != sizes or len(layer_names) != len(sizes):
        raise ValueError(
            f"value_gradients and layer_names must fit layers of {sizes} units; "
            f"got {[len(layer) for layer in value_gradients]} and {len(layer_names)} names"
        )
    figure, ax = plt.subplots(figsize=(7.0, 3.2))
    places = [[(2.4 * col, (size - 1) / 2 - row) for row in range(size)] for col, size in enumerate(sizes)]
    for col, (matrix, gradient) in enumerate(zip(weights, weight_gradients, strict=True)):
        for row, unit in enumerate(np.asarray(matrix)):
            for source, weight in enumerate(unit):
                _arrow(ax, places[col][source], places[col + 1][row], weight, np.asarray(gradient)[row, source])
    for layer, layer_gradients, spots in zip(values, value_gradients, places, strict=True):
        for value, gradient, (x, y) in zip(layer, layer_gradients, spots, strict=True):
            ax.plot(x, y, "o", color="white", markeredgecolor=BLUE, markeredgewidth=1.8, markersize=34, zorder=3)
            ax.text(x, y + 0.07, f"{value:g}", ha="center", va="center", color=INK, fontsize=11, zorder=4)
            ax.text(x, y - 0.10, f"{gradient:g}", ha="center", va="center", color=RED, fontsize=9, zorder=4)
    lowest = min(y for spots in places for _, y in spots) - 0.55
    for name, spots in zip(layer_names, places, strict=True):
        ax.text(spots[0][0], lowest, name, ha="center", va="center", color=GREY, fontsize=10)
    ax.text(0, -lowest, "black: forwards", color=INK, fontsize=10, ha="center")
    ax.text(places[-1][0][0], -lowest, "red: gradients, backwards", color=RED, fontsize=10, ha="center")
    ax.set(xlim=(-0.8, places[-1][0][0] + 0.8), ylim=(lowest - 0.2, 0.25 - lowest))
    ax.axis("off")
    return figure


def _arrow(ax: Axes, start: tuple, end: tuple, weight: float, gradient: float) -> None:
    """An arrow between two units, with its weight and the gradient of that beside it, nearer to its start."""
    style = dict(arrowstyle="-|>", color=GREY, shrinkA=18, shrinkB=19, linewidth=1.1)
    ax.annotate("", end, start, arrowprops=style)
    (x, y), (u, v) = start, end
    share = 0.32
    spot = (x + share * (u - x), y + share * (v - y))
    ax.text(
        *spot,
        f"{weight:g}",
        ha="right",
        va="center",
        fontsize=9,
        color=INK,
        bbox=dict(facecolor="white", edgecolor="none", pad=1.2),
    )
    ax.text(
        *spot,
        f" {gradient:g}",
        ha="left",
        va="center",
        fontsize=9,
        color=RED,
        bbox=dict(facecolor="white", edgecolor="none", pad=1.2),
    )


def decision_boundaries(
    models: Mapping[str, Callable[[np.ndarray], np.ndarray]], points: np.ndarray, labels: np.ndarray
) -> Figure:
    """What several models of two classes say everywhere in the plane, side by side over the same points.

    Args:
        models: title → a function from (M, 2) points to (M,) probabilities of class 1.
        points: (N, 2).
        labels: (N,) of 0 and 1.

    Raises:
        ValueError: no model, or points and labels of other shapes.
    """
    points, labels = np.asarray(points), np.asarray(labels)
    if not models or points.shape != (len(labels), 2):
        raise ValueError(
            f"there must be at least one model, points (N, 2) and labels (N,); "
            f"got {len(models)} models, points {points.shape}, labels {labels.shape}"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    x, y = np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    figure, axes = plt.subplots(1, len(models), figsize=(2.9 * len(models), 2.9), squeeze=False)
    for ax, (title, model) in zip(axes[0], models.items(), strict=True):
        p = np.asarray(model(grid)).reshape(x.shape)
        ax.imshow(
            p, extent=(low[0], high[0], low[1], high[1]), origin="lower", cmap=SIDES, vmin=0, vmax=1, aspect="auto"
        )
        if p.min() < 0.5 < p.max():
            ax.contour(x, y, p, levels=[0.5], colors=[INK], linewidths=1.2)
        for label, color, marker in ((0, BLUE, "o"), (1, ORANGE, "s")):
            ax.scatter(
                *points[labels == label].T, s=11, color=color, marker=marker, edgecolor="white", linewidth=0.4, zorder=3
            )
        ax.set(title=title, xticks=[], yticks=[], xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.grid(False)
    return figure


def digits_read(images: np.ndarray, read: Sequence[int], right: Sequence[int], sure: Sequence[float]) -> Figure:
    """Small images in rows of ten, each with what a network reads and how sure it is; mistakes are red, as ``8≠6``.

    Args:
        images: (N, height, width), the larger the darker.
        read: N answers.
        right: the N right ones.
        sure: the network's probability of each of its answers.

    Raises:
        ValueError: no image, or not as many answers as images.
    """
    images = np.asarray(images)
    n, columns = len(images), 10
    if n == 0 or not n == len(read) == len(right) == len(sure):
        raise ValueError(
            f"images, read, right and sure must be equally long and not empty; "
            f"got {n}, {len(read)}, {len(right)} and {len(sure)}"
        )
    rows = -(-n // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7.6, 1.0 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, answer, truth, p in zip(axes.flat, images, read, right, sure, strict=False):
        ax.imshow(image, cmap="gray_r", interpolation="nearest")
        color = GREEN if int(answer) == int(truth) else RED
        wrong = "" if int(answer) == int(truth) else f"≠{int(truth)}"
        ax.set_title(f"{int(answer)}{wrong}  {float(p):.0%}", loc="center", fontsize=8.5, color=color, pad=3)
    return figure
