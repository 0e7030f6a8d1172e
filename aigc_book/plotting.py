"""The book's figures: one style, and every kind of figure that more than one chapter draws.

The palette is Okabe and Ito's, which colour-blind readers can tell apart. The same thing has the same colour in every
chapter (:data:`COLORS`). Figures have a white ground, so that they read the same on a light and on a dark page.
"""

import re
import sys
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
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


def attention(
    weights: np.ndarray,
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    titles: Sequence[str] | None = None,
    numbers: bool | None = None,
    darkest: float = 1.0,
) -> Figure:
    """Attention weights over tokens as a heat map: a row for each query, a column for each key.

    Args:
        weights: (T, S) for one head, or (H, T, S) for a grid of heads; each row sums to 1.
        queries: the T tokens that look.
        keys: the S tokens that are looked at; the queries if None.
        titles: one title a head.
        numbers: whether to write each weight into its field; None writes them where there are at most 8 columns.
        darkest: the weight that is drawn darkest.

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
    field = 0.55 if len(heads) == 1 and len(keys) <= 12 else 0.28
    size = (columns * (1.2 + field * len(keys)), rows * (1.0 + field * len(queries)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat[len(heads) :]:
        ax.set_visible(False)
    for index, (ax, head) in enumerate(zip(axes.flat, heads, strict=False)):
        image = ax.imshow(head, cmap="Blues", vmin=0, vmax=max(darkest, head.max()))
        ax.set_xticks(range(len(keys)), keys, rotation=45, ha="left", rotation_mode="anchor")
        ax.set_yticks(range(len(queries)), queries)
        ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        if titles is not None:
            ax.set_title(titles[index])
        if numbers:
            for (row, column), weight in np.ndenumerate(head):
                color = "white" if weight > 0.55 * darkest else INK
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
    """One of several figures side by side: its lines are as in :func:`curves`."""

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
    """Panels of :func:`curves` side by side, over the same kind of x.

    Args:
        panels: from left to right; a line that several of them have keeps its colour.
        xlabel: with its unit, for all of them.
        colors: name → colour, where :data:`COLORS` and the palette are not enough.
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
        if logx:
            ticks = next(iter(panel.lines.values()))[0]
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{x:,}" for x in ticks])
            ax.set_xticks([], minor=True)
        _lines(ax, panel.lines, same, dots)
    return figure


def score_matrix(
    groups: Sequence[tuple[str, float, Mapping[str, Sequence[float]]]],
    columns: Sequence[str],
    *,
    best: float = 100,
    note: str = "",
) -> Figure:
    """A table of scores, its rows in groups; the further a score is from what it should be, the redder its field.

    Args:
        groups: (heading, the score that all its rows should have, row → one score a column).
        columns: what the C columns are called.
        best: the range of the scores is 0 to ``best``.
        note: how to read the fields, in a few words; it stands in the free corner.

    Raises:
        ValueError: no rows, or a row that has not one score for each column.
    """
    lines = [line for title, wanted, rows in groups for line in [(title, 0, ()), *((n, wanted, rows[n]) for n in rows)]]
    if not any(len(scores) for _, _, scores in lines):
        raise ValueError("groups must hold at least one row with scores; got none")
    for name, _, scores in lines:
        if len(scores) not in (0, len(columns)):
            raise ValueError(f"row {name!r} must have one score for each of {len(columns)} columns; got {len(scores)}")
    error = np.full((len(lines), len(columns)), np.nan)
    figure, ax = plt.subplots(figsize=(2.6 + 0.8 * len(columns), 0.6 + 0.33 * len(lines)))
    for i, (name, wanted, scores) in enumerate(lines):
        if not len(scores):
            ax.text(0.04, i + 0.6, name, va="center", weight="bold", color=INK)
            continue
        error[i] = np.abs(np.asarray(scores, dtype=float) - wanted) / best
        for j, score in enumerate(scores):
            color = "white" if error[i, j] > 0.7 else INK
            ax.text(j + 0.5, i + 0.5, f"{score:.0f}", ha="center", va="center", color=color)
    shades = LinearSegmentedColormap.from_list("wrong", ["#FFF8F2", "#F2B48A", RED, "#8A3C00"])
    ax.pcolormesh(error, cmap=shades, vmin=0, vmax=1, edgecolors="white", linewidth=2)
    ax.invert_yaxis()
    rows = [i for i, line in enumerate(lines) if len(line[2])]
    ax.set_yticks(np.array(rows) + 0.5, [lines[i][0] for i in rows])
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    ax.text(-0.12, 0.25, note, ha="right", va="center", color=GREY, linespacing=1.5)
    return figure


def word_alignment(
    hypothesis: Sequence[str], reference: Sequence[str], runs: Sequence[Sequence[tuple[int, int]]]
) -> Figure:
    """Two texts, one above the other, with a line between words that are aligned and a colour for each run of them.

    Args:
        hypothesis: T words, drawn above.
        reference: S words, drawn below.
        runs: a list of (place in the hypothesis, place in the reference) for each run.

    Raises:
        ValueError: a place outside its text.
    """
    figure, ax = plt.subplots(figsize=(0.95 * max(len(hypothesis), len(reference)), 1.7))
    colors = {}
    for run, color in zip(runs, (BLUE, ORANGE, GREEN, RED, PURPLE, SKY) * len(runs), strict=False):
        for i, j in run:
            if not (0 <= i < len(hypothesis) and 0 <= j < len(reference)):
                raise ValueError(
                    f"places must be in texts of {len(hypothesis)} and {len(reference)} words; got {(i, j)}"
                )
            ax.plot([i, j], [0.85, 0.15], color=color, linewidth=3, solid_capstyle="round")
            colors[i, 1] = colors[j, 0] = color
    for y, words in ((1, hypothesis), (0, reference)):
        for x, word in enumerate(words):
            ax.text(x, y, word, ha="center", va="center", fontsize=12, color=colors.get((x, y), GREY))
    ax.text(-0.6, 1, "hypothesis", ha="right", va="center", color=GREY)
    ax.text(-0.6, 0, "reference", ha="right", va="center", color=GREY)
    ax.set(xlim=(-1.6, max(len(hypothesis), len(reference)) - 0.4), ylim=(-0.25, 1.25))
    ax.axis("off")
    return figure


def attention_arcs(sentences: Sequence[Sequence[str]], weights: np.ndarray, labels: Sequence[str] = ()) -> Figure:
    """Where the last word of each sentence looks: arcs to all words, as thick and as dark as their weights.

    Args:
        sentences: R sentences of T words, drawn one below the other.
        weights: (R, T), those of each sentence's last word; each row sums to 1.
        labels: what to write above each sentence; nothing if empty.

    Raises:
        ValueError: weights or labels that don't fit the sentences.
    """
    weights = np.asarray(weights, dtype=float)
    lengths = {len(words) for words in sentences}
    if weights.ndim != 2 or weights.shape[0] != len(sentences) or {weights.shape[1]} != lengths:
        raise ValueError(f"weights must be (R, T) for {len(sentences)} sentences of equal length; got {weights.shape}")
    if len(labels) not in (0, len(sentences)):
        raise ValueError(f"labels must be one for each of the {len(sentences)} sentences; got {len(labels)}")
    length = max(len(" ".join(words)) for words in sentences)
    size = (0.15 + (length + 2) * CHARACTER_INCHES * 13.5, 1.55 * len(sentences))
    figure, axes = plt.subplots(len(sentences), 1, figsize=size, squeeze=False)
    for index, (ax, words, row) in enumerate(zip(axes[:, 0], sentences, weights, strict=True)):
        color = (BLUE, GREEN, RED, PURPLE)[index % 4]
        ends = np.cumsum([len(word) + 1 for word in words])
        centers = ends - 1 - np.array([len(word) / 2 for word in words])
        start = centers[-1]
        for center, weight, word in zip(centers, row, words, strict=True):
            angle = np.linspace(0, np.pi, 60)
            x = (start + center) / 2 + (start - center) / 2 * np.cos(angle)
            height = 0.12 + 0.68 * abs(start - center) / length
            ax.plot(x, 0.17 + height * np.sin(angle), color=color, alpha=max(weight, 0.05), lw=0.8 + 4.5 * weight)
            box = {"boxstyle": "round,pad=0.25", "facecolor": color, "alpha": 0.55 * weight, "edgecolor": "none"}
            ink = color if center == start else INK
            ax.text(center, 0, word, ha="center", va="center", family="monospace", fontsize=13.5, color=ink, bbox=box)
            if weight >= 0.1:
                ax.text(center, -0.28, f"{weight:.0%}", ha="center", va="center", fontsize=10, color=color)
        if labels:
            ax.set_title(labels[index], fontsize=10, color=INK)
        ax.set(xlim=(-1, length + 1), ylim=(-0.4, 1.0))
        ax.axis("off")
    return figure


def attention_page(words: Sequence[str], weights: Sequence[float]) -> Figure:
    """Where the last word of a long text looks: the text as a page, each word on a ground as dark as its weight.

    Args:
        words: T words.
        weights: T numbers, those of the last word; the largest is drawn darkest.

    Raises:
        ValueError: no words, or not one weight a word.
    """
    if len(words) != len(weights) or not len(words):
        raise ValueError(f"weights must be one for each of the {len(words)} words; got {len(weights)}")
    places, x, y, columns = [], 0, 0, 88
    for word in words:
        if x and x + len(word) > columns:
            x, y = 0, y + 1
        places.append((x, y))
        x += len(word) + 1
    weights = np.asarray(weights, dtype=float)
    figure, ax = plt.subplots(figsize=(0.15 + (columns + 2) * CHARACTER_INCHES * 10, 0.3 + 0.22 * (y + 1)))
    for index, (word, (x, y), weight) in enumerate(zip(words, places, weights / weights.max(), strict=True)):
        box = {"boxstyle": "round,pad=0.2", "facecolor": ORANGE, "alpha": weight, "edgecolor": "none"}
        color = BLUE if index == len(words) - 1 else INK if weight > 0.1 else GREY
        ax.text(x, -y, word, va="center", family="monospace", fontsize=10, color=color, bbox=box)
    ax.set(xlim=(-1, columns + 1), ylim=(-y - 0.7, 0.7))
    ax.axis("off")
    return figure


def window_questions(tokens: Sequence[str]) -> Figure:
    """The T questions in a window of T + 1 tokens, a row each: what is seen, and the token that is asked for."""
    shown = [token.replace(" ", "␣").replace("\n", "⏎") for token in tokens]
    ends = np.cumsum([max(len(token), 2) + 1.5 for token in shown])
    figure, ax = plt.subplots(figsize=(0.1 * ends[-1], 0.3 + 0.25 * (len(tokens) - 1)))
    for row in range(1, len(tokens)):
        for place, (token, middle) in enumerate(zip(shown, ends - np.diff(ends, prepend=0) / 2, strict=True)):
            style = {"family": "monospace", "fontsize": 8.5, "color": INK if place <= row else "#C8C8C8"}
            ground = ORANGE if place == row else SKY if place < row else "none"
            box = {"boxstyle": "round,pad=0.25", "facecolor": ground, "alpha": 0.4, "edgecolor": "none"}
            ax.text(middle, -row, token, ha="center", va="center", bbox=box, parse_math=False, **style)
    ax.set(xlim=(0, ends[-1]), ylim=(0.4 - len(tokens), -0.4))
    ax.axis("off")
    return figure


def training_story(
    train: tuple[Sequence[float], Sequence[float]],
    held_out: tuple[Sequence[float], Sequence[float]],
    samples: Mapping[int, str],
    *,
    baselines: Mapping[str, float],
    known: Collection[str],
    ylabel: str,
) -> Figure:
    """Two curves, (steps, losses) each, and under them what the model wrote at some steps of the second curve.

    Args:
        train: on the training text.
        held_out: on the held-out text.
        samples: step → text, four at most fit. Steps 0, s, 5 s and 21 s are evenly spaced.
        baselines: name → loss, drawn as horizontal lines.
        known: the words that exist, in lower case; the others are drawn in red.
        ylabel: with its unit.

    Raises:
        ValueError: no sample, or one of a step at which there is no held-out loss.
    """
    curve = dict(zip(*held_out, strict=True))
    if not samples or not samples.keys() <= curve.keys():
        raise ValueError(f"samples must be of steps with a held-out loss, {list(curve)}; got {list(samples)}")
    columns, rows, size = 28, 7, 7.6  # of the texts: characters, lines, points
    place = lambda steps: np.log1p(63 * np.asarray(steps) / max(1, *samples)) / np.log(4)  # noqa: E731  (0 to 3)
    figure, (ax, page) = plt.subplots(2, 1, figsize=(8, 4), height_ratios=(1.45, 1), sharex=True)
    for name, value in baselines.items():
        ax.plot((-0.5, 3), (value, value), color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(name, (-0.48, value), xytext=(0, 2), textcoords="offset points", color=GREY, fontsize=8)
    for name, key, marker, (x, y) in (("training", "train", "", train), ("held-out", "validation", "o", held_out)):
        ax.plot(place(x), y, color=COLORS[key], marker=marker, markersize=4)
        label_line(ax, place(x[-1]), y[-1], f"{name} text", COLORS[key])
    for step, text in samples.items():
        ax.plot(place(step), curve[step], "o", color=COLORS["highlight"], markersize=8)
        plain = "".join(c if c.isprintable() and ord(c) < 592 else "�" for c in " ".join(text.split()))
        for row, line in enumerate(textwrap.wrap(plain, columns)[:rows], start=1):
            for word in re.finditer(r"\S+", line):
                strange = any(letters.lower() not in known for letters in re.findall(r"[^\W\d_]+|�", word[0]))
                # 0.602 is the width of a character of the monospaced font
                offset = ((word.start() - columns / 2) * 0.602 * size, -1.35 * size * row)
                style = {"family": "monospace", "fontsize": size, "color": COLORS["wrong"] if strange else INK}
                page.annotate(word[0], (place(step), 1), offset, textcoords="offset points", parse_math=False, **style)
    ax.set(ylabel=ylabel, xlim=(-0.5, 3.5), xticks=place(list(samples)))
    ax.set_xticklabels([f"update {step:,}" if step else "before training" for step in samples], fontweight="bold")
    ax.tick_params(axis="x", labelbottom=True, length=0)
    ax.grid(axis="x")
    page.axis("off")
    return figure
