"""Drawings of parts: boxes, arrows, tensors with their shapes, rows of cells, neurons, on a sheet measured in inches.

The same kind of part has the same colour in every chapter (``KINDS``). A sheet is at most ``WIDEST`` inches wide, so
that on a phone, where a page has some 350 pixels, its text is still as large as a footnote; what has many parts grows
downwards. Whatever doesn't fit (a word that is wider than its box, two boxes one over the other, a part that leaves
the sheet) raises an error rather than a blot on a page.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY, YELLOW

WIDEST = 5.4  # inches
TEXT, SMALL = 11, 9.5  # points
KINDS = {
    "data": GREY,  # what comes in and goes out
    "embedding": GREEN,
    "attention": BLUE,
    "feedforward": ORANGE,
    "norm": YELLOW,
    "head": PURPLE,
    "cache": SKY,
    "loss": RED,
    "plain": "#FFFFFF",
}
_PADDING = 0.10  # inches between a word and the edge of its box


@dataclass(frozen=True)
class Part:
    """Something on a sheet that arrows can lead to: its centre and size, in inches from the lower left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        """The middle of the left edge."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> tuple[float, float]:
        """The middle of the right edge."""
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> tuple[float, float]:
        """The middle of the upper edge."""
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> tuple[float, float]:
        """The middle of the lower edge."""
        return self.x, self.y - self.height / 2

    def edge_towards(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where an arrow from the centre to ``point`` leaves the part: the middle of the nearest of its four edges."""
        dx, dy = point[0] - self.x, point[1] - self.y
        if abs(dx) * self.height > abs(dy) * self.width:
            return self.right if dx > 0 else self.left
        return self.top if dy > 0 else self.bottom

    def overlaps(self, other: "Part") -> bool:
        """Whether the two share more than an edge."""
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2 - 1e-6
            and abs(self.y - other.y) < (self.height + other.height) / 2 - 1e-6
        )


Place = Part | tuple[float, float]


class Drawing:
    """A sheet of paper for parts and arrows.

    Args:
        width: inches, at most ``WIDEST``.
        height: inches.

    Attributes:
        figure: the matplotlib figure; what a chapter's cell ends with.
        parts: everything that was drawn, for tests and for arrows.

    Raises:
        ValueError: a sheet wider than ``WIDEST``.
    """

    def __init__(self, width: float, height: float):
        if not 0 < width <= WIDEST or height <= 0:
            raise ValueError(
                f"a sheet is at most {WIDEST} inches wide, or a phone can't show it; got {width} x {height}"
            )
        self.width, self.height = width, height
        self.parts: list[Part] = []
        self.figure: Figure = plt.figure(figsize=(width, height), layout="none")
        self._ax = self.figure.add_axes((0, 0, 1, 1))
        self._ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
        self._ax.axis("off")

    def box(
        self, x: float, y: float, text: str, kind: str = "plain", *, width: float | None = None, height: float = 0.36
    ) -> Part:
        """A rounded box around a text.

        Args:
            x, y: its centre.
            text: may hold formulas between dollar signs.
            kind: one of ``KINDS``, which gives the colour.
            width: inches; as wide as the text needs if None.
            height: inches.

        Raises:
            ValueError: an unknown kind, a text wider than the box, a box that leaves the sheet or covers another.
        """
        wide, high = self._size(text, TEXT)
        width = wide + 2 * _PADDING if width is None else width
        if wide > width or high > height:
            raise ValueError(f"{text!r} needs {wide:.2f} x {high:.2f} inches; its box has {width:.2f} x {height:.2f}")
        part = self._placed(Part(x, y, width, height), text)
        corner = (x - width / 2 + 0.06, y - height / 2 + 0.06)
        shape = FancyBboxPatch(corner, width - 0.12, height - 0.12, boxstyle="round,pad=0.06", **_paint(kind))
        self._ax.add_patch(shape)
        self.text(x, y, text)
        return part

    def circle(self, x: float, y: float, text: str, kind: str = "plain", *, radius: float = 0.2) -> Part:
        """A circle around a short text: a unit of a network, an addition."""
        wide, high = self._size(text, TEXT)
        if np.hypot(wide, high) > 2 * radius + 0.05:
            raise ValueError(f"{text!r} needs {wide:.2f} x {high:.2f} inches; its circle has a radius of {radius:.2f}")
        part = self._placed(Part(x, y, 2 * radius, 2 * radius), text)
        self._ax.add_patch(Circle((x, y), radius, **_paint(kind)))
        self.text(x, y, text)
        return part

    def tensor(
        self, x: float, y: float, name: str, rows: int, columns: int, kind: str = "data", *, shape: str = "", cell=0.16
    ) -> Part:
        """A matrix as a grid of cells, its name above and its shape below, as in "(T, C)".

        Args:
            x, y: centre of the grid.
            name: above the grid.
            rows, columns: how many cells are drawn.
            kind: one of ``KINDS``.
            shape: below the grid.
            cell: inches, the side of a cell.
        """
        part = self._placed(Part(x, y, columns * cell, rows * cell), name)
        self._grid(part, np.full((rows, columns), 1), kind)
        self.text(x, part.top[1] + 0.13, name)
        if shape:
            self.text(x, part.bottom[1] - 0.13, shape, size=SMALL, color="#555555")
        return part

    def cells(
        self,
        x: float,
        y: float,
        texts: Sequence[str],
        kinds: Sequence[str],
        *,
        width: float = 0.5,
        height: float = 0.32,
    ) -> list[Part]:
        """A row of cells from left to right, the first around (x, y): words, or the places of a cache.

        Args:
            x, y: centre of the first cell.
            texts: one a cell, "" for an empty one.
            kinds: one a cell, of ``KINDS``.
            width, height: of a cell, inches.

        Raises:
            ValueError: not one kind for each text, or a text that is wider than a cell.
        """
        if len(texts) != len(kinds):
            raise ValueError(f"cells need one kind for each text; got {len(texts)} texts and {len(kinds)} kinds")
        row = []
        for i, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
            wide, _ = self._size(text, SMALL)
            if wide > width:
                raise ValueError(f"{text!r} needs {wide:.2f} inches; a cell has {width:.2f}")
            part = self._placed(Part(x + i * width, y, width, height), text)
            self._ax.add_patch(Rectangle((part.x - width / 2, y - height / 2), width, height, **_paint(kind)))
            self.text(part.x, y, text, size=SMALL)
            row.append(part)
        return row

    def arrow(
        self,
        start: Place,
        end: Place,
        text: str = "",
        *,
        via: Sequence[tuple[float, float]] = (),
        color: str = INK,
        dashed: bool = False,
    ) -> None:
        """An arrow from edge to edge, straight or with corners.

        Args:
            start, end: parts, or points.
            text: beside the middle of its longest stretch, on a white ground.
            via: corners on the way.
            color: of the line.
            dashed: for what is optional, or flows back.
        """
        after, before = (via[0], via[-1]) if via else (_centre(end), _centre(start))
        first = start.edge_towards(after) if isinstance(start, Part) else start
        last = end.edge_towards(before) if isinstance(end, Part) else end
        points = [first, *via, last]
        style = "--" if dashed else "-"
        if len(points) > 2:
            path = Path(points[:-1])
            self._ax.add_patch(PathPatch(path, fill=False, edgecolor=color, linewidth=1.2, linestyle=style))
        self._ax.annotate(
            "",
            points[-1],
            points[-2],
            arrowprops=dict(
                arrowstyle="-|>", color=color, linewidth=1.2, linestyle=style, shrinkA=0, shrinkB=1, mutation_scale=11
            ),
            zorder=2,
        )
        if text:
            lengths = [np.hypot(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(points)]
            i = int(np.argmax(lengths))
            (x, y), (u, v) = points[i], points[i + 1]
            self.text((x + u) / 2, (y + v) / 2, text, size=SMALL, color=color, ground="white")

    def text(
        self, x: float, y: float, text: str, *, size: float = TEXT, color: str = INK, align: str = "center", ground=None
    ) -> None:
        """A text around (x, y), or beginning or ending there (``align`` left or right)."""
        box = dict(facecolor=ground, edgecolor="none", pad=1.0) if ground else None
        self._ax.text(x, y, text, ha=align, va="center", fontsize=size, color=color, bbox=box, zorder=4)

    def _size(self, text: str, size: float) -> tuple[float, float]:
        """Width and height of a text in inches."""
        if not text:
            return 0.0, 0.0
        probe = self._ax.text(0, 0, text, fontsize=size)
        extent = probe.get_window_extent(self.figure.canvas.get_renderer())
        probe.remove()
        return extent.width / self.figure.dpi, extent.height / self.figure.dpi

    def _placed(self, part: Part, name: str) -> Part:
        inside = (
            part.left[0] >= -1e-6
            and part.right[0] <= self.width + 1e-6
            and part.bottom[1] >= -1e-6
            and part.top[1] <= self.height + 1e-6
        )
        if not inside:
            raise ValueError(
                f"{name!r} at ({part.x:.2f}, {part.y:.2f}) leaves the sheet of {self.width} x {self.height}"
            )
        if any(part.overlaps(other) for other in self.parts):
            raise ValueError(f"{name!r} at ({part.x:.2f}, {part.y:.2f}) covers another part")
        self.parts.append(part)
        return part

    def _grid(self, part: Part, filled: np.ndarray, kind: str) -> None:
        rows, columns = filled.shape
        width, height = part.width / columns, part.height / rows
        for (row, column), full in np.ndenumerate(filled):
            corner = (part.left[0] + column * width, part.top[1] - (row + 1) * height)
            paint = _paint(kind if full else "plain")
            self._ax.add_patch(Rectangle(corner, width, height, **{**paint, "linewidth": 0.7}))


def _paint(kind: str) -> dict:
    """A light ground and an edge in the kind's colour."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    color = np.array(to_rgb(KINDS[kind]))
    if kind == "plain":
        return dict(facecolor="white", edgecolor=GREY, linewidth=1.1, zorder=1)
    return dict(facecolor=tuple(1 - 0.32 * (1 - color)), edgecolor=tuple(color * 0.75), linewidth=1.1, zorder=1)


def _centre(place: Place) -> tuple[float, float]:
    return (place.x, place.y) if isinstance(place, Part) else place
