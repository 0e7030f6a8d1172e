"""Curves, alone and side by side, with their names at their ends."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aigc_book.plotting.style import COLORS, label_line


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    xlabel: str,
    ylabel: str,
    colors: Mapping[str, str] | None = None,
    logx: bool = False,
    logy: bool = False,
) -> Figure:
    """Lines with their names at their ends.

    Args:
        lines: name → (x values, y values).
        xlabel: with its unit.
        ylabel: with its unit.
        colors: name → colour, where ``plotting.COLORS`` and the palette are not enough.
        logx: logarithmic x axis.
        logy: logarithmic y axis.
    """
    figure, ax = plt.subplots()
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if logx else "linear", yscale="log" if logy else "linear")
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter("{x:g}")  # 10, not 10¹
    _lines(ax, lines, colors or {})
    return figure


def _lines(ax: Axes, lines: Mapping, colors: Mapping[str, str], dots: Sequence[str] = ()) -> None:
    """Draw name → (x, y), those in ``dots`` as points. Names stand beside the ends, apart where they would touch."""
    palette = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    ends = []
    for index, (name, (x, y)) in enumerate(lines.items()):
        color = colors.get(name) or COLORS.get(name) or palette[index % len(palette)]
        ax.plot(x, y, "o" if name in dots else "-", color=color, zorder=3 if name in dots else 2)
        if name in dots:
            top = int(np.argmax(y))
            label_line(ax, x[top], y[top], name, color, up=9)
        else:
            ends.append((x[-1], y[-1], name, color))
    ax.autoscale_view()  # heights on the paper are known only now
    lowest = -np.inf
    for x, y, name, color in sorted(ends, key=lambda end: end[1]):
        height = ax.transData.transform((x, y))[1] * 72 / ax.figure.dpi
        lowest = max(lowest + 11, height)
        label_line(ax, x, y, name, color, up=lowest - height)


class Panel(NamedTuple):
    """One of several figures side by side: its lines are as in :func:`aigc_book.plotting.lines.curves`."""

    title: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    ylabel: str
    logy: bool = False


def curve_panels(
    panels: Sequence[Panel],
    *,
    xlabel: str,
    colors: Mapping[str, str] | None = None,
    dots: Sequence[str] = (),
    logx: bool = False,
) -> Figure:
    """Panels of :func:`aigc_book.plotting.lines.curves` side by side, over the same kind of x.

    Args:
        panels: from left to right; a line that several of them have keeps its colour.
        xlabel: with its unit, for all of them.
        colors: name → colour, where ``plotting.COLORS`` and the palette are not enough.
        dots: the names of the lines that are drawn as points.
        logx: logarithmic x axes, with a tick at each x of the first line.

    Raises:
        ValueError: no panel.
    """
    if not panels:
        raise ValueError("panels must hold at least one panel; got none")
    size = (7.0, 3.4) if len(panels) == 1 else (4.4 * len(panels), 3.1)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False)
    palette = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    same = {name: palette[i % len(palette)] for i, name in enumerate(names)} | COLORS | dict(colors or {})
    for ax, panel in zip(axes[0], panels, strict=True):
        ax.set(title=panel.title, xlabel=xlabel, ylabel=panel.ylabel, yscale="log" if panel.logy else "linear")
        if panel.logy:
            ax.yaxis.set_major_formatter("{x:g}")  # 10, not 10¹: an exponent is too small to read on a phone
        if logx:
            ticks = next(iter(panel.lines.values()))[0]
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{x:,}" for x in ticks])
            ax.set_xticks([], minor=True)
        _lines(ax, panel.lines, same, dots)
    return figure
