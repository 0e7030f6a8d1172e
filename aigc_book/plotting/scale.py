"""Sizes of models and data on one map, and laws drawn through measurements."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, label_line


def compute_map(
    published: Mapping[str, tuple[float, float]],
    here: Sequence[tuple[float, float]],
    budgets: Mapping[str, float],
    *,
    here_label: str,
    tokens_per_parameter: float | None = None,
) -> Figure:
    """Parameters across, tokens upwards, both logarithmic; on a falling line the compute 6 N D is the same.

    Args:
        published: name → (parameters, tokens).
        here: (parameters, tokens) of our own models.
        budgets: name → floating-point operations; a line each.
        here_label: what our own are called.
        tokens_per_parameter: the slope of one more line, of this many tokens a parameter; None: no line.
    """
    figure, ax = plt.subplots(figsize=(8, 4.6))
    ax.set(xscale="log", yscale="log", xlim=(2e3, 4e12), ylim=(3e4, 2e14))
    ax.set(xlabel="parameters N", ylabel="training tokens D")
    ax.grid(visible=False)
    low, high = ax.get_ylim()
    for name, flops in budgets.items():
        n = np.array([flops / 6 / high, flops / 6 / low])
        ax.plot(n, flops / 6 / n, color=GREY, linewidth=0.9)
        top = max(flops / 6 / high * 1.6, 2.6e3)
        angle = _angle(ax, (top, flops / 6 / top), (top * 10, flops / 60 / top))
        ax.text(
            top,
            flops / 6 / top,
            name,
            color=GREY,
            fontsize=8,
            rotation=angle,
            rotation_mode="anchor",
            va="bottom",
        )
    if tokens_per_parameter is not None:
        n = np.array([2e3, 4e12])
        ax.plot(n, tokens_per_parameter * n, color=PURPLE, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(
            f"{tokens_per_parameter:g} tokens a parameter",
            (3e7, tokens_per_parameter * 3e7),
            xytext=(0, 4),
            textcoords="offset points",
            color=PURPLE,
            fontsize=8,
            rotation=_angle(ax, (1e7, 2e8), (1e8, 2e9)),
            rotation_mode="anchor",
        )
    ax.plot(*zip(*here, strict=True), "o", color=ORANGE, markersize=6)
    label_line(ax, *here[-1], here_label, ORANGE)
    for name, (n, d) in published.items():
        ax.plot(n, d, "o", color=BLUE, markersize=6)
        label_line(ax, n, d, name, INK)
    return figure


def _angle(ax, start: tuple[float, float], end: tuple[float, float]) -> float:
    """The angle in degrees at which a line appears on the paper."""
    ax.figure.draw_without_rendering()  # the axes have their size now
    (x0, y0), (x1, y1) = ax.transData.transform([start, end])
    return float(np.degrees(np.arctan2(y1 - y0, x1 - x0)))


def law_through_points(
    points: tuple[Sequence[float], Sequence[float]],
    laws: Mapping[str, Callable[[float], tuple[float, float, float]]],
    held_out: tuple[float, float],
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Measurements, a panel for each law that was fitted to them, its interval as a band, and a point it never saw.

    Args:
        points: what the laws were fitted to.
        laws: title → function of x that gives value, low and high.
        held_out: the point that the law is tested on.
        xlabel: with its unit.
        ylabel: with its unit.

    Raises:
        ValueError: no law.
    """
    if not laws:
        raise ValueError("laws must hold at least one law; got none")
    figure, axes = plt.subplots(1, len(laws), figsize=(4.2 * len(laws), 3.4), sharey=True, squeeze=False)
    x = np.geomspace(min(points[0]) / 1.3, held_out[0] * 1.5, 60)
    for ax, (title, law) in zip(axes[0], laws.items(), strict=True):
        value, low, high = np.array([law(one) for one in x]).T
        ax.fill_between(x, low, high, color=BLUE, alpha=0.15, linewidth=0)
        ax.plot(x, value, color=BLUE)
        ax.plot(*points, "o", color=INK, markersize=4)
        ax.plot(*held_out, "*", color=ORANGE, markersize=14, zorder=4)
        label_line(ax, *held_out, "held out", ORANGE, up=14)
        label_line(ax, x[35], high[35], "95 %", GREEN, up=8)
        ax.set(title=title, xlabel=xlabel, xscale="log")
    axes[0][0].set_ylabel(ylabel)
    return figure
