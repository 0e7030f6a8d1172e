"""Words as points: a map with the words on it, arrows between pairs of them, and what their numbers say."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, COLORS, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY

_WORDS = (  # all dark enough to be read as text
    BLUE, RED, "#007A59", "#B0508A", "#8C6D00", "#2B7F9E", INK, "#7B2D8E", "#4C7A1E", "#8A4B2A", "#C0223B", "#4A5A9E",
)  # fmt: skip


def word_map(points, words: Sequence[str], families: Mapping[str, Sequence[str]]) -> Figure:
    """Words on a plane. Those of a family are written out in its colour, all others are grey dots.

    Args:
        points: (N, 2), where the words are.
        words: N words.
        families: name → its words; the name stands above the middle of its words, and words that are not among the N
            are left out.

    Raises:
        ValueError: points has another shape, or no word of a family is there.
    """
    points = np.asarray(points, dtype=float)
    if points.shape != (len(words), 2):
        raise ValueError(f"points must have the shape ({len(words)}, 2), one for each word; got {points.shape}")
    figure, ax = plt.subplots(figsize=(7.6, 6.4))
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.grid(False)
    ax.plot(*points.T, ".", color="#D5D5D5", markersize=3.5)
    where = dict(zip(words, points, strict=True))
    labels = []
    for i, (name, members) in enumerate(families.items()):
        color = _WORDS[i % len(_WORDS)]
        there = [word for word in members if word in where]
        if not there:
            raise ValueError(f"words must hold one of the family {name!r}; got none of {list(members)}")
        at = np.array([where[word] for word in there])
        ax.plot(*at.T, ".", color=color, markersize=4)
        labels += [(*where[word], word, color, "normal") for word in there]
        x, y = np.median(at, axis=0)
        top = at[np.hypot(*(at - (x, y)).T) <= 2 * np.median(np.hypot(*(at - (x, y)).T)), 1].max()
        labels.append((x, top + 0.035 * np.ptp(points[:, 1]), name, color, "bold"))
    _write_apart(ax, labels, size=8.5)
    return figure


def word_arrows(starts, ends, pairs: Sequence[tuple[str, str]]) -> Figure:
    """An arrow from the first word of each pair to the second; the mean of all arrows is drawn in the corner.

    Args:
        starts: (N, 2), where the first words are.
        ends: (N, 2), where the second words are.
        pairs: N pairs of words.

    Raises:
        ValueError: starts or ends is no (N, 2).
    """
    starts, ends = np.asarray(starts, dtype=float), np.asarray(ends, dtype=float)
    if starts.shape != (len(pairs), 2) or ends.shape != (len(pairs), 2):
        raise ValueError(f"starts and ends must be ({len(pairs)}, 2); got {starts.shape} and {ends.shape}")
    figure, ax = plt.subplots(figsize=(7.6, 4.6))
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.plot(*np.concatenate([starts, ends]).T, ".", markersize=3, color=GREY)
    for start, end in zip(starts, ends, strict=True):
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": ORANGE, "shrinkA": 2, "shrinkB": 2})
    labels = [(*at, word, BLUE, "normal") for at, (word, _) in zip(starts, pairs, strict=True)]
    labels += [(*at, word, RED, "normal") for at, (_, word) in zip(ends, pairs, strict=True)]
    ax.margins(0.08)
    _write_apart(ax, labels, size=8.5)
    return figure


def _write_apart(ax: Axes, labels: Sequence[tuple], size: float) -> None:
    """Write (x, y, text, color, weight) above their points; those that would overlap are pushed apart."""
    ax.autoscale_view()
    ax.figure.draw_without_rendering()  # the axes' place on the paper is known only now
    to_points = 72 / ax.figure.dpi
    at = ax.transData.transform([label[:2] for label in labels]) * to_points
    half = np.array([[0.29 * size * len(label[2]) + 1, 0.56 * size] for label in labels])
    place = at + np.array([0, 0.75 * size])
    order = np.sign(np.subtract.outer(np.arange(len(labels)), np.arange(len(labels))))
    for _ in range(300):
        apart = place[:, None] - place  # (N, N, 2)
        overlap = half[:, None] + half - np.abs(apart)
        touching = (overlap > 0).all(axis=2) & ~np.eye(len(labels), dtype=bool)
        if not touching.any():
            break
        # along the axis where less is needed; words at the same place part in the order in which they came
        sign = np.where(apart == 0, order[..., None], np.sign(apart))
        vertical = overlap[..., 1] <= overlap[..., 0]
        push = np.stack([~vertical, vertical], axis=2) * overlap * sign * touching[..., None]
        place = place + 0.3 * push.sum(axis=1)
    for (x, y, text, color, weight), offset in zip(labels, place - at, strict=True):
        ax.annotate(
            text, (x, y), xytext=offset, textcoords="offset points", color=color, weight=weight,
            fontsize=size + (1 if weight == "bold" else 0), ha="center", va="center",
        )  # fmt: skip


def dot_rows(
    rows: Mapping[str, Mapping[str, float]],
    *,
    xlabel: str,
    colors: Mapping[str, str] | None = None,
    line: tuple[str, float] | None = None,
) -> Figure:
    """A row for each thing, with a dot for each of its values; the dots of the first row are named.

    Args:
        rows: thing → (name of the value → value).
        xlabel: what the values are, with the unit.
        colors: name of a value → colour, where ``plotting.COLORS`` and the palette are not enough.
        line: the name and place of a vertical line, such as what chance gives.

    Raises:
        ValueError: no row.
    """
    if not rows:
        raise ValueError("rows must hold at least one row; got none")
    figure, ax = plt.subplots(figsize=(7.0, 0.9 + 0.36 * len(rows)))
    ax.set(xlabel=xlabel, yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.4, -1.1))
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    palette = dict(zip(next(iter(rows.values())), [BLUE, ORANGE, GREY, GREEN, PURPLE, SKY], strict=False))
    palette |= {name: color for name, color in COLORS.items() if name in palette} | dict(colors or {})
    for y, values in enumerate(rows.values()):
        ax.plot([min(values.values()), max(values.values())], [y, y], color="#DDDDDD", linewidth=3, zorder=1)
        for name, x in values.items():
            ax.plot(x, y, "o", color=palette[name], markersize=7, zorder=2)
    first = next(iter(rows.values()))
    _write_apart(ax, [(x, -0.28, name, palette[name], "normal") for name, x in first.items()], size=9)
    if line:
        name, x = line
        ax.axvline(x, color=INK, linewidth=1, linestyle=":")
        ax.annotate(name, (x, len(rows) - 0.45), xytext=(4, 0), textcoords="offset points", fontsize=9, va="bottom")
    return figure


def cloud(x, y, *, xlabel: str, ylabel: str, line: tuple[str, float, float] | None = None) -> Figure:
    """Many points, as an image within the figure, and a straight line to hold them against.

    Args:
        x: (N,).
        y: (N,).
        xlabel: with its unit.
        ylabel: with its unit.
        line: its name, its slope, and its height at x = 0.
    """
    figure, ax = plt.subplots(figsize=(6.0, 4.2))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    ax.plot(x, y, ".", color=BLUE, alpha=0.25, markersize=4, markeredgewidth=0, rasterized=True)
    if line:
        name, slope, height = line
        ends = np.array([x.min(), x.max()])
        ax.plot(ends, height + slope * ends, color=RED)
        ax.annotate(
            name, (ends[1], height + slope * ends[1]), xytext=(-6, 4), textcoords="offset points", color=RED,
            ha="right", va="bottom",
        )  # fmt: skip
    return figure


def context_window(words: Sequence[str], centre: int, window: int) -> Figure:
    """A word and its neighbours: the centre is blue, each word of its window green, with its distance below.

    Args:
        words: of a sentence, five at most, or a phone can't show them.
        centre: the place of the word whose window it is.
        window: w, the largest distance of a neighbour.

    Raises:
        ValueError: there is no such place, or too many words.
    """
    if not 1 < len(words) <= 5 or not 0 <= centre < len(words):
        raise ValueError(f"a sheet holds 2 to 5 words and a place among them; got {len(words)} words, place {centre}")
    near = [0 < abs(place - centre) <= window for place in range(len(words))]
    kinds = ["attention" if i == centre else "embedding" if is_near else "plain" for i, is_near in enumerate(near)]
    sheet = Drawing(1.0 * len(words) + 0.2, 1.75)
    cells = sheet.cells(0.6, 0.65, words, kinds, width=1.0, height=0.4)
    middle = cells[centre]
    for place, cell in enumerate(cells):
        distance = abs(place - centre)
        if near[place]:
            over = cell.top[1] + 0.25 * distance
            sheet.arrow(middle, cell, via=[(middle.x, over), (cell.x, over)])
        sheet.text(cell.x, 0.25, "centre" if place == centre else f"d = {distance}", size=SMALL)
    return sheet.figure
