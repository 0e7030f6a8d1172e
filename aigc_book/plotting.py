"""The book's figures: one style, and every kind of figure that more than one chapter draws.

The palette is Okabe and Ito's, which colour-blind readers can tell apart. The same thing has the same colour in every
chapter (:data:`COLORS`). Figures have a white ground, so that they read the same on a light and on a dark page.
"""

import sys
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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


def label_line(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    """Write a line's name beside its end, in its colour: nobody has to look a colour up in a legend."""
    ax.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", color=color, va="center", fontsize=9)


def attention(
    weights: np.ndarray,
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    titles: Sequence[str] | None = None,
    numbers: bool | None = None,
) -> Figure:
    """Attention weights over tokens as a heat map: a row for each query, a column for each key.

    Args:
        weights: (T, S) for one head, or (H, T, S) for a grid of heads; each row sums to 1.
        queries: the T tokens that look.
        keys: the S tokens that are looked at; the queries if None.
        titles: one title a head.
        numbers: whether to write each weight into its field; None writes them where there are at most 8 columns.

    Raises:
        ValueError: weights that are not two- or three-dimensional, or labels or titles that don't fit them.
    """
    weights = np.asarray(weights, dtype=float)
    heads = weights[None] if weights.ndim == 2 else weights
    keys = queries if keys is None else keys
    if heads.ndim != 3 or heads.shape[1:] != (len(queries), len(keys)):
        raise ValueError(
            f"weights must be (T, S) or (H, T, S) with T={len(queries)} queries and S={len(keys)} keys; "
            f"got {weights.shape}"
        )
    if titles is not None and len(titles) != len(heads):
        raise ValueError(f"titles must be one for each of the {len(heads)} heads; got {len(titles)}")
    columns = min(len(heads), 4)
    rows = -(-len(heads) // columns)
    numbers = len(keys) <= 8 and len(heads) == 1 if numbers is None else numbers
    field = 0.55 if len(heads) == 1 else 0.28
    size = (columns * (1.2 + field * len(keys)), rows * (1.0 + field * len(queries)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat[len(heads) :]:
        ax.set_visible(False)
    for index, (ax, head) in enumerate(zip(axes.flat, heads, strict=False)):
        image = ax.imshow(head, cmap="Blues", vmin=0, vmax=max(1.0, head.max()))
        ax.set_xticks(range(len(keys)), keys, rotation=45, ha="left", rotation_mode="anchor")
        ax.set_yticks(range(len(queries)), queries)
        ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        if titles is not None:
            ax.set_title(titles[index])
        if numbers:
            for (row, column), weight in np.ndenumerate(head):
                color = "white" if weight > 0.55 else INK
                ax.text(column, row, f"{weight:.2f}", ha="center", va="center", fontsize=8, color=color)
    if len(heads) == 1:
        figure.colorbar(image, ax=axes[0, 0], shrink=0.7, label="attention weight")
    return figure


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
        colors: name → colour, where :data:`COLORS` and the palette are not enough.
        logx: logarithmic x axis.
        logy: logarithmic y axis.
    """
    figure, ax = plt.subplots()
    palette = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for index, (name, (x, y)) in enumerate(lines.items()):
        color = (colors or {}).get(name) or COLORS.get(name) or palette[index % len(palette)]
        ax.plot(x, y, color=color)
        label_line(ax, x[-1], y[-1], name, color)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if logx:
        ax.set_xscale("log")
    if logy:
        ax.set_yscale("log")
    return figure
