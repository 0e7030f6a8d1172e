"""Optimizers on their way down: an animated race over a landscape, and steps that went up."""

import base64
import io
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

from aigc_book.plotting.style import BLUE, COLORS, GREEN, INK, ORANGE, PURPLE, RED, SKY, label_line

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
