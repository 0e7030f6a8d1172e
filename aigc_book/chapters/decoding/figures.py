"""What only the chapter on decoding draws."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import COLORS, INK, label_line


class Point(NamedTuple):
    """A setting: its name, diversity and surprise, each with its half interval."""

    name: str
    x: float
    dx: float
    y: float
    dy: float


def trade_off(lines: Mapping[str, Sequence[Point]], real: tuple[float, float], *, xlabel: str, ylabel: str) -> Figure:
    """Settings as points with intervals, those of a kind joined, and a star where real text is.

    The names stand in a column at the right, at the height of each curve's upper end or as near as there is room.

    Args:
        lines: kind → its settings in order.
        real: of real text.
        xlabel: with its unit.
        ylabel: with its unit.
    """
    figure, ax = plt.subplots()
    palette = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for points, color in zip(lines.values(), palette, strict=False):
        _, x, dx, y, dy = zip(*points, strict=True)
        ax.errorbar(x, y, xerr=dx, yerr=dy, marker="o", markersize=4, color=color, capsize=2, linewidth=1.2)
    ax.plot(*real, "*", markersize=14, color=INK, zorder=4)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    names = [
        (max(p.y for p in points), kind, color) for (kind, points), color in zip(lines.items(), palette, strict=False)
    ]
    (bottom, top), lowest = ax.get_ylim(), -float("inf")
    for height, name, color in sorted([*names, (real[1], "real text", INK)]):
        lowest = max(height, lowest + (top - bottom) / 14)
        label_line(ax, ax.get_xlim()[1], lowest, name, color)
    return figure


def speculative_round(words: Sequence[str], n_stay: int, instead: str) -> Figure:
    """One round: the draft's words in a row, one pass of the large model over them, and what is left.

    Args:
        words: what was drafted, at most four.
        n_stay: how many stay.
        instead: what the large model puts in the place of the next one.
    """
    sheet = Drawing(5.4, 2.7)
    draft = sheet.box(0.75, 2.3, "draft", "feedforward", width=1.0)
    sheet.box(0.75, 1.3, "large model", "attention", width=1.3)
    sheet.box(0.75, 0.4, "left", "plain", width=1.0)
    places = [2.1 + 0.9 * i for i in range(len(words))]
    drafted = [sheet.box(x, 2.3, word, "data", width=0.8) for x, word in zip(places, words, strict=True)]
    for i, (x, box) in enumerate(zip(places, drafted, strict=True)):
        stays = i < n_stay
        mark = sheet.box(x, 1.3, "stays" if stays else "out", "embedding" if stays else "loss", width=0.7)
        sheet.arrow(box, mark, dashed=i > n_stay)
        if i <= n_stay:
            kept = sheet.box(x, 0.4, words[i] if stays else instead, "data" if stays else "attention", width=0.8)
            sheet.arrow(mark, kept)
    sheet.arrow(draft, drafted[0])
    sheet.text(0.75, 1.02, "one pass", size=SMALL)
    return sheet.figure


def growth(lengths: Sequence[int], work: Mapping[str, Sequence[float]]) -> Figure:
    """Work against the number of new tokens, both logarithmic.

    Args:
        lengths: new tokens.
        work: way → operations at each length.
    """
    figure, ax = plt.subplots()
    ax.set(xlabel="new tokens", ylabel="operations (FLOP)", xscale="log", yscale="log")
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.minorticks_off()
    for (name, values), color in zip(work.items(), (COLORS["wrong"], COLORS["right"]), strict=True):
        ax.plot(lengths, values, "o-", color=color)
        label_line(ax, lengths[-1], values[-1], name, color)
    return figure
