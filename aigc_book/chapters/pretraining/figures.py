"""What a language model is asked in training, and how a run went."""

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import COLORS, GREY, INK, ORANGE, SKY, label_line


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
