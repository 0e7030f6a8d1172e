"""Sizes of models and data on one map, and laws drawn through measurements."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREY, INK, ORANGE, PURPLE, label_line


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
    ax.set(xscale="log", yscale="log", xlim=(2e3, 3e13), ylim=(3e4, 3e15))
    ax.set(xlabel="parameters N", ylabel="training tokens D")
    ax.grid(visible=False)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    lines = {}  # name → (colour, style, two ends, where the name begins)
    for name, flops in budgets.items():
        begin = max(flops / 6 / high * 1.5, left * 1.5)
        ends = [(flops / 6 / high, high), (flops / 6 / low, low)]
        lines[name] = (GREY, "-", ends, (begin, flops / 6 / begin))
    if tokens_per_parameter is not None:
        ends = [(left, left * tokens_per_parameter), (right, right * tokens_per_parameter)]
        name = f"{tokens_per_parameter:g} tokens a parameter"
        lines[name] = (PURPLE, (0, (4, 3)), ends, (1e7, 1e7 * tokens_per_parameter))
    for name, (color, style, ends, begin) in lines.items():
        ax.plot(*zip(*ends, strict=True), color=color, linewidth=0.9, linestyle=style)
        angle = _angle(ax, *ends)
        how = {"rotation": angle, "rotation_mode": "anchor", "va": "bottom", "fontsize": 8, "color": color}
        ax.annotate(name, begin, xytext=(2, 2), textcoords="offset points", **how)
    ax.plot(*zip(*here, strict=True), "o", color=ORANGE, markersize=6)
    label_line(ax, *here[-1], here_label, ORANGE)
    for name, (n, d) in published.items():
        ax.plot(n, d, "o", color=BLUE, markersize=6)
        crowded = any(1 < other / n < 100 and 0.5 < tokens / d < 2 for other, tokens in published.values())
        if crowded:  # the name would run into the next dot
            how = {"xytext": (-5, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
            ax.annotate(name, (n, d), color=INK, fontsize=9, **how)
        else:
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
        how = {"xytext": (0, -14), "textcoords": "offset points", "ha": "center", "va": "top", "fontsize": 9}
        ax.annotate("held out", held_out, color=ORANGE, **how)
        label_line(ax, x[30], high[30], "95 %", BLUE, up=7)
        ax.set(title=title, xlabel=xlabel, xscale="log")
    axes[0][0].set_ylabel(ylabel)
    return figure
