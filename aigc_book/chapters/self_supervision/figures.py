"""Who sees whom, a story with gaps filled by two readers, and what is wrong in stories that models wrote."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.metrics.bootstrap import share_interval
from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, COLORS, GREY, INK, ORANGE, SKY, label_line

LETTERS = 54  # in a line of a story; as many fit a phone


def two_questions(words: Sequence[str], hidden: int) -> Figure:
    """The causal and the masked question about one text: who sees whom, what goes in, what is asked for.

    Args:
        words: five at most, each short.
        hidden: which of them the masked model doesn't see.
    """
    n, size = len(words), 0.5
    sheet = Drawing(5.4, 2.6 + 2 * n * 0.26)
    top = sheet.height - 0.25
    asked = {
        "causal": (list(words), [*words[1:], "end"]),
        "masked": (["[M]" if i == hidden else w for i, w in enumerate(words)], [""] * n),
    }
    asked["masked"][1][hidden] = words[hidden]
    for name, (inputs, targets) in asked.items():
        left = 2.2
        sheet.text(0.1, top, name, align="left")
        sheet.text(left - 0.4, top - 0.42, "goes in", size=SMALL, align="right")
        places = range(n)
        sheet.cells(left, top - 0.42, inputs, ["data"] * n, width=size)
        for query in places:
            sees = ["attention" if name == "masked" or key <= query else "plain" for key in places]
            y = top - 0.42 - 0.30 - 0.26 * query
            sheet.cells(left, y, [""] * n, sees, width=size, height=0.22)
            sheet.text(left - 0.4, y, f"place {query + 1} sees", size=SMALL, align="right")
        y = top - 0.42 - 0.32 - 0.26 * n - 0.06
        kinds = ["loss" if target else "plain" for target in targets]
        sheet.cells(left, y, targets, kinds, width=size)
        sheet.text(left - 0.4, y, "is asked for", size=SMALL, align="right")
        top = y - 0.42
    return sheet.figure


def filled_story(words: Sequence[str], guesses: Mapping[str, Mapping[int, str]]) -> Figure:
    """A story with gaps: the true words in boxes, and what each of two readers put there, one above and one below.

    Args:
        words: the story.
        guesses: name of the reader → place of the gap → word. Two readers with the same gaps.

    Raises:
        ValueError: not two readers, or other gaps.
    """
    if len(guesses) != 2 or len({tuple(sorted(places)) for places in guesses.values()}) != 1:
        raise ValueError(f"guesses must be of two readers, for the same gaps; got {list(guesses)}")
    (above, upper), (below, lower) = guesses.items()
    rows, column, row = [], 0, 0
    for place, word in enumerate(words):
        width = max(len(w) for w in (word, upper.get(place, ""), lower.get(place, "")))
        width += 2 if place in upper else 0  # room for a cross
        if column and column + width > LETTERS:
            column, row = 0, row + 1
        rows.append((row, column + width / 2))
        column += width + 1
    figure = plt.figure(figsize=(5.4, 0.5 + 0.62 * (row + 1)), layout="none")
    ax = figure.add_axes((0.01, 0, 0.98, 1))
    ax.set(xlim=(0, LETTERS + 1), ylim=(-(row + 1), 0.62))
    ax.axis("off")
    font = {"family": "monospace", "ha": "center", "va": "center", "parse_math": False}
    for place, (word, (line, x)) in enumerate(zip(words, rows, strict=True)):
        gap = {"bbox": {"boxstyle": "round,pad=0.15", "facecolor": SKY, "alpha": 0.35, "edgecolor": "none"}}
        ax.text(x, -line - 0.5, word, fontsize=10, color=INK, **font, **(gap if place in upper else {}))
        for guess, height, color in ((upper.get(place), -0.22, ORANGE), (lower.get(place), -0.78, BLUE)):
            if guess is not None:
                said = guess if guess == word else f"{guess}✗"
                ax.text(x, -line + height, said, fontsize=9, color=color, **font)
    ax.text(0, 0.42, f"above: {above}", fontsize=9, color=ORANGE, ha="left", va="center")
    ax.text(LETTERS / 2, 0.42, f"below: {below}", fontsize=9, color=BLUE, ha="left", va="center")
    return figure


def broken_over_sweeps(
    sweeps: Mapping[int, Sequence[int]], causal: Sequence[int], real: Sequence[int], n: int
) -> Figure:
    """The share of stories that contradict themselves, with 95 % intervals of all seeds together and a dot a seed.

    Args:
        sweeps: number of sweeps → broken stories of each seed.
        causal: broken stories of each seed.
        real: the same for stories of the world.
        n: stories of a seed.
    """
    figure, ax = plt.subplots(figsize=(5.4, 3.4))
    x = list(sweeps)
    for name, counts, color in (("causal model", causal, ORANGE), ("real stories", real, GREY)):
        low, high = share_interval(sum(counts), n * len(counts))
        share = sum(counts) / (n * len(counts))
        ax.fill_between([x[0], x[-1] * 1.05], low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot([x[0], x[-1] * 1.05], [share, share], color=color)
        label_line(ax, x[-1] * 1.05, share, name, color)
    shares = [sum(counts) / (n * len(counts)) for counts in sweeps.values()]
    ends = [share_interval(sum(counts), n * len(counts)) for counts in sweeps.values()]
    error = np.abs(np.array(ends).T - shares)
    ax.errorbar(x, shares, yerr=error, color=COLORS["validation"], capsize=3, zorder=3)
    for step, counts in sweeps.items():
        ax.plot([step] * len(counts), [c / n for c in counts], ".", color=COLORS["validation"], alpha=0.6, zorder=2)
    label_line(ax, x[-1], shares[-1], "masked model", COLORS["validation"], up=9)
    ax.set(xlabel="Gibbs sweeps", ylabel="stories that contradict themselves", xticks=x, ylim=(-0.03, 1.03))
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return figure
