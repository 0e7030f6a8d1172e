"""Figures of the first chapter: two models as drawings, images in the plane and in rows, systems by year."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import Drawing
from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY

PAIR = (BLUE, RED)  # of the first and the second kind of digit
TINTS = ("#E8F2F9", "#FBEBE1")


def two_directions() -> Figure:
    """A classifier from the image to the probabilities, and a generator from digit and noise to an image."""
    sheet = Drawing(5.4, 2.5)
    sheet.text(0.1, 2.32, "discriminative", align="left")
    image = sheet.box(0.8, 1.85, "image $x$", "data")
    network = sheet.box(2.6, 1.85, "network", "feedforward")
    answer = sheet.box(4.5, 1.85, r"$p(y\,|\,x)$", "data")
    sheet.arrow(image, network, "64")
    sheet.arrow(network, answer, "10")
    sheet.text(0.1, 1.25, "generative", align="left")
    digit = sheet.box(0.8, 0.8, "digit $y$", "data")
    noise = sheet.box(0.8, 0.28, "noise $z$", "data")
    formula = sheet.box(2.6, 0.54, r"$\mu_y + L z$", "attention")
    drawn = sheet.box(4.5, 0.54, "new image", "data")
    sheet.arrow(digit, formula)
    sheet.arrow(noise, formula, "64")
    sheet.arrow(formula, drawn, "64")
    return sheet.figure


class Scatter(NamedTuple):
    """Small images at places in a plane."""

    images: np.ndarray  #: (N, height, width) from 0 to 1
    points: np.ndarray  #: (N, 2)
    kinds: np.ndarray  #: (N,), 0 or 1


def line_and_clouds(
    real: Scatter, drawn: Scatter, line: tuple[np.ndarray, float], clouds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """Two models of the same two kinds of digits, side by side in the same plane.

    Args:
        real: the digits, drawn left.
        drawn: those that a generator drew, drawn right.
        line: (w, b), w of shape (2,): the first kind is where w · x + b < 0, the second where it is above.
        clouds: of each kind the mean (2,) and the covariance (2, 2), drawn as ellipses of 1 and 2 standard deviations.

    Raises:
        ValueError: images, points and kinds of different lengths, or not two clouds.
    """
    for name, scatter in (("real", real), ("drawn", drawn)):
        if not len(scatter.images) == len(scatter.points) == len(scatter.kinds) > 0:
            raise ValueError(
                f"{name} must have as many images as points and kinds, and one at least; got"
                f" {len(scatter.images)}, {len(scatter.points)} and {len(scatter.kinds)}"
            )
    if len(clouds) != 2:
        raise ValueError(f"clouds must be two, one for each kind; got {len(clouds)}")
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.3))
    deviations = [(np.asarray(mean), 2 * np.sqrt(np.diag(covariance))) for mean, covariance in clouds]
    corners = [mean + sign * deviation for mean, deviation in deviations for sign in (-1, 1)]
    points = np.concatenate([np.asarray(real.points), np.asarray(drawn.points), corners])
    middle, half = (points.max(0) + points.min(0)) / 2, (points.max(0) - points.min(0)).max() * 0.55
    size = half * 0.17
    titles = ("discriminative: where is the line?", "generative: what do they look like?")
    for ax, title, scatter in zip(axes, titles, (real, drawn), strict=True):
        ax.set_title(title)
        ax.set(xlim=middle[0] + half * np.array([-1, 1]), ylim=middle[1] + half * np.array([-1, 1]), aspect="equal")
        ax.set(xticks=[], yticks=[], autoscale_on=False)
        ax.spines[:].set_visible(True)
        ax.grid(False)
        _thumbnails(ax, scatter, size)
    grid = np.linspace(-half, half, 400)
    x, y = np.meshgrid(middle[0] + grid, middle[1] + grid)
    score = line[0][0] * x + line[0][1] * y + line[1]
    axes[0].contourf(x, y, score, levels=[-np.inf, 0, np.inf], colors=TINTS, zorder=0)
    axes[0].contour(x, y, score, levels=[0], colors=INK, linewidths=1.8, zorder=4)
    angle = np.linspace(0, 2 * np.pi, 200)
    for (mean, covariance), color in zip(clouds, PAIR, strict=True):
        lengths, directions = np.linalg.eigh(covariance)
        circle = directions @ (np.sqrt(lengths)[:, None] * np.stack([np.cos(angle), np.sin(angle)]))  # (2, 200)
        for deviations in (1, 2):
            axes[1].plot(*(np.asarray(mean)[:, None] + deviations * circle), color=color, linewidth=1.2, zorder=1)
    return figure


def _thumbnails(ax: Axes, scatter: Scatter, size: float) -> None:
    for image, (x, y), kind in zip(scatter.images, np.asarray(scatter.points), scatter.kinds, strict=True):
        ink = np.empty((*np.shape(image), 4))
        ink[..., :3], ink[..., 3] = to_rgb(PAIR[int(kind)]), np.clip(image, 0, 1)
        ax.imshow(
            ink, extent=(x - size / 2, x + size / 2, y - size / 2, y + size / 2), interpolation="nearest", zorder=3
        )


def digit_rows(
    rows: Mapping[str, np.ndarray],
    notes: Mapping[str, Sequence[str]] | None = None,
    *,
    right: Mapping[str, Sequence[bool]] | None = None,
) -> Figure:
    """Rows of small images, each row with its name on the left and, if wanted, a note under each image.

    Args:
        rows: name → (C, height, width), the larger the darker; all rows have the same C.
        notes: row → one text an image.
        right: row → whether each of its notes is right; these notes are green, the others red.

    Raises:
        ValueError: no rows, rows of different lengths, or notes that don't fit their row.
    """
    lengths = {len(images) for images in rows.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"rows must be equally long and not empty; got {[len(images) for images in rows.values()]}")
    (columns,), notes, right = lengths, notes or {}, right or {}
    for name, texts in {**notes, **right}.items():
        if len(texts) != columns or name not in rows:
            raise ValueError(f"a note on {name!r} must be for one of {columns} images of a row; got {len(texts)}")
    height = sum(1.0 if name in notes else 0.78 for name in rows)
    figure, axes = plt.subplots(len(rows), columns, figsize=(1.7 + 0.68 * columns, 0.75 * height), squeeze=False)
    for (name, images), line in zip(rows.items(), axes, strict=True):
        for column, (ax, image) in enumerate(zip(line, images, strict=True)):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(visible=True, color="#D5D5D5")
            if name in notes:
                color = GREY if name not in right else GREEN if right[name][column] else RED
                ax.set_xlabel(notes[name][column], fontsize=8.5, color=color, labelpad=2)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, color=INK, labelpad=8)
    return figure


PALETTE = (BLUE, GREEN, ORANGE, PURPLE, RED, SKY, GREY)
MARKERS = ("s", "D", "^", "v", "X", "P")  # a circle stands for no architecture: it is the colours' own


class Milestone(NamedTuple):
    """A system on the timeline."""

    name: str
    year: float  #: with the part of the year that had gone by, such as 2020.4
    lane: str  #: such as ``"text"``
    family: str  #: what its p(x) is, such as ``"diffusion"``
    architecture: str  #: what computes it, such as ``"Transformer"``


def timeline(milestones: Sequence[Milestone], *, colors: Mapping[str, str] | None = None) -> Figure:
    """Systems over the years: a lane for what they make, a colour for their family, a marker for their architecture.

    Lanes stand from top to bottom in the order of their first milestone; names that would touch go to other heights.

    Args:
        milestones: in any order.
        colors: family → colour; the others take the palette's in the order in which they come, as markers do.

    Raises:
        ValueError: no milestones.
    """
    if not milestones:
        raise ValueError("milestones must hold at least one system; got none")
    lanes = list(dict.fromkeys(m.lane for m in milestones))
    families = list(dict.fromkeys(m.family for m in milestones))
    architectures = list(dict.fromkeys(m.architecture for m in milestones))
    color = dict(zip(families, PALETTE * len(families), strict=False)) | dict(colors or {})
    marker = dict(zip(architectures, MARKERS * len(architectures), strict=False))
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
    figure, ax = plt.subplots(figsize=(width, 1.2 + 0.26 * total))
    for index, lane in enumerate(lanes):
        if index % 2 == 0:
            ax.axhspan(tops[lane] - 0.6, tops[lane] + levels[lane] + 0.1, color="#F5F5F5", zorder=0, linewidth=0)
        ax.text(-0.01, tops[lane] + (levels[lane] - 0.5) / 2 - 0.1, lane, ha="right", va="center", fontsize=10,
                color=INK, transform=ax.get_yaxis_transform())  # fmt: skip
    for m, level in placed:
        y = tops[m.lane] + level
        ax.plot(m.year, y, marker[m.architecture], color=color[m.family], markersize=7, zorder=3)
        ax.annotate(m.name, (m.year, y), (6, 0), textcoords="offset points", va="center", fontsize=9, color=INK)
    look = {"fontsize": 9, "handletextpad": 0.1, "columnspacing": 1.2, "borderpad": 0.1}
    handles = [ax.plot([], [], "o", color=color[name], markersize=7, label=name)[0] for name in families]
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(handles), **look)
    handles = [ax.plot([], [], marker[name], color=INK, markersize=7, label=name)[0] for name in architectures]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), **look)
    ax.set(xlim=(first - 0.1, last + 0.8), ylim=(total - 0.5, -0.8), yticks=[], xticks=range(first, last + 1))
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    return figure
