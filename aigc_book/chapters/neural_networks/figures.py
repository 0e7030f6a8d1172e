"""Figures of the chapter on neural networks: a network's numbers, boundaries, digits read, races of optimizers."""

import base64
import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.animation import HTMLWriter
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from PIL import Image

from aigc_book.plotting.style import BLUE, COLORS, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY, label_line

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


RUNNERS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
GROUND = LinearSegmentedColormap.from_list("ground", ["#FFFFFF", "#DDE3E8", "#AEBAC4"])
INTERVAL_MS = 150


def _check_paths(paths: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The paths as arrays (steps + 1, 2), all of one length."""
    arrays = {name: np.asarray(path, dtype=float) for name, path in paths.items()}
    shapes = {array.shape for array in arrays.values()}
    if not 1 <= len(arrays) <= len(RUNNERS) or len(shapes) != 1 or len(shape := shapes.pop()) != 2 or shape[1] != 2:
        got = {name: array.shape for name, array in arrays.items()}
        raise ValueError(f"paths must be 1 to {len(RUNNERS)} arrays of one shape (steps + 1, 2); got {got}")
    return arrays


def _landscape(ax: Axes, height: Callable, minimum: Sequence[float], xlim, ylim) -> None:
    """Steps of equal ratio in height, the lower the lighter, and a star at the lowest point."""
    x, y = np.meshgrid(np.linspace(*xlim, 400), np.linspace(*ylim, 300))
    z = np.log(np.asarray(height(x, y), dtype=float) - float(height(*minimum)) + 1e-9)
    low = np.quantile(z, 0.005)  # the very lowest point is -∞ on this scale
    terraces = np.floor(10 * (z - low).clip(0) / (z.max() - low))
    # As an image, not as contours: it is drawn again for each picture of the animation.
    ax.imshow(terraces, extent=(*xlim, *ylim), origin="lower", aspect="auto", cmap=GROUND, interpolation="nearest")
    ax.plot(*minimum, marker="*", color=INK, markersize=11, zorder=3)
    ax.grid(False)
    ax.set(xlim=xlim, ylim=ylim, xlabel="first parameter", ylabel="second parameter")


def descent_race(
    height: Callable[[np.ndarray, np.ndarray], np.ndarray],
    paths: Mapping[str, np.ndarray],
    *,
    minimum: Sequence[float],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    frames: int = 24,
    dpi: int = 80,
) -> HTML:
    """Optimizers racing over a landscape of two parameters, as an animation that plays in a page without a network.

    Left: the landscape from above, the lower the lighter, and where each runner is. Right: how high each runner still
    is above the lowest point, on a logarithmic axis; names stand where the runners end.

    Args:
        height: (x, y), arrays of one shape, → the heights there.
        paths: name → (steps + 1, 2) positions, the start first; all of one length, at most six.
        minimum: the lowest point.
        xlim: range of the first parameter that is shown.
        ylim: range of the second.
        frames: pictures of the animation.
        dpi: their resolution; a picture takes some 20 kB at 80.

    Raises:
        ValueError: no path or more than six, paths of different lengths or not in two dimensions, fewer than 2 frames.
    """
    if frames < 2:
        raise ValueError(f"frames must be at least 2; got {frames}")
    arrays = _check_paths(paths)
    lowest = float(height(*(np.asarray(c, dtype=float) for c in minimum)))
    above = {name: np.asarray(height(*path.T)) - lowest for name, path in arrays.items()}
    floor = max(1e-12, min(values[0] for values in above.values()) * 1e-7)
    above = {name: values.clip(floor) for name, values in above.items()}
    steps = len(next(iter(arrays.values()))) - 1

    figure, (map_ax, loss_ax) = plt.subplots(1, 2, figsize=(8.0, 3.4), width_ratios=[1.25, 1])
    _landscape(map_ax, height, minimum, xlim, ylim)
    highest = 2 * max(values[0] for values in above.values())
    loss_ax.set(xlim=(0, steps), ylim=(floor / 2, highest), yscale="log", xlabel="step")
    loss_ax.yaxis.set_minor_locator(NullLocator())
    loss_ax.yaxis.set_major_formatter("{x:g}")
    # A title with a place of its own needn't look for one in each picture.
    loss_ax.set_title("height above the lowest point", y=1.02)
    title = map_ax.set_title("step 0", y=1.02)
    trails = []
    for (name, path), color in zip(arrays.items(), RUNNERS, strict=False):
        (trail,) = map_ax.plot([], [], color=color, linewidth=1.4, zorder=4)
        (head,) = map_ax.plot([], [], "o", color=color, markeredgecolor="white", markersize=8, zorder=5)
        (curve,) = loss_ax.plot([], [], color=color)
        trails.append((path, above[name], trail, head, curve))
    _names_at_the_end(loss_ax, above, steps)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what has been laid out stays, which saves most of the time
    shown = np.unique(np.linspace(0, steps, frames).round().astype(int))

    def draw(step: int) -> None:
        for path, values, trail, head, curve in trails:
            trail.set_data(path[: step + 1].T)
            head.set_data(path[step : step + 1].T)
            curve.set_data(np.arange(step + 1), values[: step + 1])
        title.set_text(f"step {step}")

    writer = HTMLWriter(fps=1000 / INTERVAL_MS, embed_frames=True, default_mode="loop")
    with TemporaryDirectory() as folder:
        place = Path(folder) / "race.html"
        with writer.saving(figure, place, dpi):
            for step in [*shown, *[steps] * 3]:
                draw(step)
                writer.grab_frame()
        page = place.read_text(encoding="utf-8")
    plt.close(figure)
    return HTML(re.sub(r"(?<=data:image/png;base64,)[^\"]+", _with_fewer_colours, page))


def _palette() -> Image.Image:
    """The runners' colours, what they give at their edges, and greys: a palette of what is there most often would leave
    out a runner that has gone a short way only."""
    pure = np.array([to_rgb(color) for color in (*RUNNERS, INK)])
    grounds = np.array([to_rgb("white"), GROUND(0.7)[:3]])
    edges = [share * pure + (1 - share) * ground for share in (1, 0.6, 0.3) for ground in grounds]
    grey = np.linspace(0, 1, 40)
    colors = np.concatenate([*edges, GROUND(grey)[:, :3], np.stack([grey] * 3, axis=1)])
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * colors).round().astype("uint8").tobytes())
    return palette


def _with_fewer_colours(encoded: re.Match) -> str:
    """A picture of the animation, as base64, in the colours of the palette: a third of its size."""
    picture = Image.open(io.BytesIO(base64.b64decode(encoded[0].replace("\\\n", "")))).convert("RGB")
    small = io.BytesIO()
    picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def _names_at_the_end(ax: Axes, above: Mapping[str, np.ndarray], steps: int) -> None:
    """The runners' names beside the heights that they end at, apart where they would touch."""
    ax.figure.draw_without_rendering()
    scale, last = 72 / ax.figure.dpi, -np.inf
    order = sorted(zip(above, RUNNERS, strict=False), key=lambda pair: above[pair[0]][-1])
    heights = [ax.transData.transform((steps, above[name][-1]))[1] * scale for name, _ in order]
    room = ax.transAxes.transform((0, 1))[1] * scale
    for rank, ((name, color), height) in enumerate(zip(order, heights, strict=True)):
        # Not below the last name, and low enough for those that still come.
        last = max(last + 11, min(height, room - 11 * (len(order) - 1 - rank)))
        label_line(ax, steps, above[name][-1], name, color, up=last - height)


def steps_up_and_down(losses: Mapping[str, Sequence[float]]) -> Figure:
    """Losses over steps, one panel for each name, with every step that raised the loss in another colour.

    Args:
        losses: title → the loss before the first step and after each.

    Raises:
        ValueError: no panel, or one with fewer than two losses.
    """
    if not losses or min(len(values) for values in losses.values()) < 2:
        raise ValueError(
            f"losses must hold at least one list of two values or more; got {[len(v) for v in losses.values()]}"
        )
    figure, axes = plt.subplots(1, len(losses), figsize=(2.6 * len(losses), 2.7), squeeze=False, sharey=True)
    for ax, (title, values) in zip(axes[0], losses.items(), strict=True):
        values = np.asarray(values, dtype=float)
        x = np.arange(len(values))
        up = np.diff(values) > 0
        for choice, color in ((~up, COLORS["validation"]), (up, COLORS["wrong"])):
            segments = [(x[i : i + 2], values[i : i + 2]) for i in np.flatnonzero(choice)]
            for sx, sy in segments:
                ax.plot(sx, sy, color=color, linewidth=1.6, solid_capstyle="round")
        ax.set(title=title, xlabel="step")
        ax.text(0.97, 0.95, f"{up.mean():.0%} of steps go up", transform=ax.transAxes, ha="right", va="top", fontsize=9)
    axes[0, 0].set_ylabel("loss of all training images (nats)")
    return figure
