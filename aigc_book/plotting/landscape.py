"""A timeline of systems in lanes, in the colours of what they are built on."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY

PALETTE = (BLUE, GREEN, ORANGE, PURPLE, RED, SKY, GREY)


class Milestone(NamedTuple):
    """A system on the timeline."""

    name: str
    year: float  #: with the part of the year that had gone by, such as 2020.4
    lane: str  #: such as ``"text"``
    family: str  #: what it is built on


def timeline(milestones: Sequence[Milestone], *, colors: Mapping[str, str] | None = None) -> Figure:
    """Systems as dots over the years: a lane for what they make, a colour for what they are built on.

    Lanes stand from top to bottom in the order of their first milestone; names that would touch go to other heights.

    Args:
        milestones: in any order.
        colors: family → colour; the others take the palette's in the order in which they come.

    Raises:
        ValueError: no milestones.
    """
    if not milestones:
        raise ValueError("milestones must hold at least one system; got none")
    lanes = list(dict.fromkeys(m.lane for m in milestones))
    families = list(dict.fromkeys(m.family for m in milestones))
    color = dict(zip(families, PALETTE * len(families), strict=False)) | dict(colors or {})
    years = [m.year for m in milestones]
    first, last = int(np.floor(min(years))), int(np.ceil(max(years)))
    width = 9.0
    inches_a_year = (width - 1.6) / (last - first + 0.9)
    placed, levels = [], {}
    for lane in lanes:
        ends: list[float] = []  # where the names on each level end, in years
        for m in sorted((m for m in milestones if m.lane == lane), key=lambda m: m.year):
            level = next((i for i, end in enumerate(ends) if end < m.year - 0.08), len(ends))
            ends[level : level + 1] = [m.year + (0.25 + 0.078 * len(m.name)) / inches_a_year]
            placed.append((m, level))
        levels[lane] = len(ends)
    tops = dict(zip(lanes, np.cumsum([0, *[levels[lane] + 0.7 for lane in lanes]]), strict=False))
    total = sum(levels.values()) + 0.7 * len(lanes)
    figure, ax = plt.subplots(figsize=(width, 0.9 + 0.26 * total))
    for index, lane in enumerate(lanes):
        if index % 2 == 0:
            ax.axhspan(tops[lane] - 0.6, tops[lane] + levels[lane] + 0.1, color="#F5F5F5", zorder=0, linewidth=0)
        ax.text(-0.01, tops[lane] + (levels[lane] - 0.5) / 2 - 0.1, lane, ha="right", va="center", fontsize=10,
                color=INK, transform=ax.get_yaxis_transform())  # fmt: skip
    for m, level in placed:
        y = tops[m.lane] + level
        ax.plot(m.year, y, "o", color=color[m.family], markersize=7, zorder=3)
        ax.annotate(m.name, (m.year, y), (6, 0), textcoords="offset points", va="center", fontsize=9, color=INK)
    for family in families:
        ax.plot([], [], "o", color=color[family], markersize=7, label=family)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(families), fontsize=9, handletextpad=0.1,
              columnspacing=1.2, borderpad=0.1)  # fmt: skip
    ax.set(xlim=(first - 0.1, last + 0.8), ylim=(total - 0.5, -0.8), yticks=[], xticks=range(first, last + 1))
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    return figure
