"""Scores of texts: many metrics at once, and one alignment in detail."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import Drawing
from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY


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


def subsequence_table(x: Sequence[str], y: Sequence[str], lengths: Sequence[Sequence[int]]) -> Figure:
    """The table that finds the longest common subsequence; fields where two words agree are coloured.

    Args:
        x: T words, one a row.
        y: S words, one a column.
        lengths: (T, S), the longest common subsequence of the first words of both, up to here.

    Raises:
        ValueError: a table of another shape, or one that is too broad for a sheet.
    """
    if [len(row) for row in lengths] != [len(y)] * len(x):
        raise ValueError(f"lengths must be {len(x)} rows of {len(y)}; got rows of {[len(row) for row in lengths]}")
    width, height = 0.62, 0.34
    sheet = Drawing(width * (len(y) + 1), height * (len(x) + 1))
    head, top = ["", *y], sheet.height - height / 2
    sheet.cells(width / 2, top, head, ["plain"] + ["data"] * len(y), width=width, height=height)
    for i, (word, row) in enumerate(zip(x, lengths, strict=True), start=1):
        kinds = ["attention" if word == other else "plain" for other in y]
        texts = [word, *map(str, row)]
        sheet.cells(width / 2, top - i * height, texts, ["data", *kinds], width=width, height=height)
    return sheet.figure


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
