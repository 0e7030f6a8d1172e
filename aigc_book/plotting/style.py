"""The book's look: its colours, its style, and names beside lines."""

import sys

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, INK, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#222222",
    "#8A8A8A",
)
CHARACTER_INCHES = 0.602 / 72  # of matplotlib's monospaced font, for each point of its size
COLORS = {
    "train": SKY,
    "validation": BLUE,
    "right": GREEN,
    "wrong": RED,
    "baseline": GREY,
    "highlight": ORANGE,
}


def use_style() -> None:
    """Give all further figures of this process the book's look; in a notebook, draw them as SVG."""
    mpl.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": GREY,
            "axes.grid": True,
            "axes.labelcolor": INK,
            "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY]),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "figure.figsize": (7.0, 3.6),
            "font.size": 10,
            "grid.color": "#E6E6E6",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.facecolor": "white",
            "svg.hashsalt": "aigc-book",
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    if "ipykernel" in sys.modules:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def label_line(ax: Axes, x: float, y: float, text: str, color: str, up: float = 0) -> None:
    """Write a line's name beside its end (``up`` points higher), in its colour: nobody has to look up a legend."""
    ax.annotate(text, (x, y), xytext=(5, up), textcoords="offset points", color=color, va="center", fontsize=9)
