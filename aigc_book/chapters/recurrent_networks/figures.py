"""Models compared by what they score and what they write, and descent that meets a wall."""

import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, CHARACTER_INCHES, COLORS, GREY, INK, RED


def text_ladder(
    rows: Mapping[str, tuple[float, str]],
    *,
    known: Collection[str],
    xlabel: str,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """A row for each model: a bar for its score, and what it wrote.

    Args:
        rows: name → (score, text); three lines of each text are shown.
        known: the words that exist, in lower case; the others are drawn in red.
        xlabel: of the scores, with their unit.
        colors: name → colour of its bar; grey if it is not there.

    Raises:
        ValueError: there is no row.
    """
    if not rows:
        raise ValueError("rows must hold at least one model; got none")
    columns, lines, size = 58, 3, 8.2  # of the texts: characters, lines, points
    figure, (ax, page) = plt.subplots(
        1,
        2,
        figsize=(8.6, 0.5 + 0.62 * len(rows)),
        width_ratios=(1, 1.35),
        sharey=True,
    )
    for place, (name, (score, text)) in enumerate(rows.items()):
        ax.barh(place, score, height=0.55, color=(colors or {}).get(name, GREY))
        ax.annotate(f"{score:.2f}", (score, place), xytext=(4, 0), textcoords="offset points", va="center")
        plain = "".join(c if c.isprintable() and ord(c) < 592 else "�" for c in " ".join(text.split()))
        for row, line in enumerate(textwrap.wrap(plain, columns)[:lines]):
            for word in re.finditer(r"\S+", line):
                strange = any(letters.lower() not in known for letters in re.findall(r"[^\W\d_]+|�", word[0]))
                offset = (word.start() * CHARACTER_INCHES * 72 * size, 1.35 * size * (1 - row))
                style = {"family": "monospace", "fontsize": size, "color": COLORS["wrong"] if strange else INK}
                page.annotate(
                    word[0], (0, place), offset, textcoords="offset points", va="center", parse_math=False, **style
                )
    ax.set(xlabel=xlabel, xlim=(0, 1.22 * max(score for score, _ in rows.values())), ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), list(rows), color=INK)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    page.set(xlim=(0, 1))
    page.axis("off")
    return figure


def wall(
    loss: Callable[[float], float],
    paths: Mapping[str, Sequence[float]],
    *,
    xlim: tuple[float, float],
    xlabel: str,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """A loss of one parameter, and below it where descents were, step by step: two panels over the same axis.

    Args:
        loss: parameter → loss.
        paths: name → the parameter at each step.
        xlim: range of the parameter that is shown.
        xlabel: the parameter.
        colors: name → colour; red and blue if it is not there.

    Raises:
        ValueError: there is no path, or an empty one.
    """
    if not paths or not all(len(path) for path in paths.values()):
        raise ValueError("paths must hold at least one path, and none that is empty")
    figure, (top, below) = plt.subplots(2, 1, figsize=(7.0, 4.2), sharex=True, height_ratios=(1.2, 1))
    x = np.linspace(*xlim, 1500)
    top.plot(x, [loss(value) for value in x], color=INK, linewidth=1.2)
    for index, (name, path) in enumerate(paths.items()):
        color = (colors or {}).get(name, (RED, BLUE)[index % 2])
        top.plot(path, [loss(value) for value in path], "o", color=color, markersize=4, alpha=0.8)
        below.plot(path, range(len(path)), "o-", color=color, markersize=3, linewidth=1, label=name)
        end = (path[-1], len(path) - 1)
        below.annotate(name, end, (8, 0), textcoords="offset points", va="center", color=color, fontsize=9)
    top.set(ylabel="loss", xlim=xlim)
    below.set(ylabel="update", xlabel=xlabel)
    below.invert_yaxis()
    return figure


def unrolled(steps: int = 4) -> Figure:
    """A recurrent network over time: the same layer at each step, the state handed on, the gradient on its way back.

    Args:
        steps: how many are drawn, from 2 to 4.

    Raises:
        ValueError: another number of steps.
    """
    if not 2 <= steps <= 4:
        raise ValueError(f"steps must be from 2 to 4; got {steps}")
    sheet = Drawing(1.12 * steps + 0.75, 2.7)
    before = sheet.circle(0.3, 1.35, "$h_0$", "data", radius=0.22)
    for t in range(1, steps + 1):
        x = 1.12 * t - 0.1
        layer = sheet.box(x, 1.35, "tanh", "feedforward", width=0.62)
        word = sheet.circle(x, 0.35, f"$x_{t}$", "data", radius=0.22)
        state = sheet.circle(x, 2.35, f"$h_{t}$", "data", radius=0.22)
        sheet.arrow(word, layer, "$W$")
        sheet.arrow(layer, state)
        sheet.arrow(before, layer)
        sheet.text((before.right[0] + layer.left[0]) / 2, 1.5, "$U$", size=SMALL)
        before = layer
    sheet.arrow(before, (sheet.width - 0.02, 1.35))
    return sheet.figure


def lstm_cell() -> Figure:
    """One step of an LSTM: the cell goes along the upper line, where it is only multiplied and added to."""
    sheet = Drawing(5.2, 3.9)
    old_cell = sheet.circle(0.38, 3.3, "$c_{t-1}$", "cache", radius=0.3)
    old_state = sheet.circle(0.38, 1.05, "$h_{t-1}$", "data", radius=0.3)
    word = sheet.circle(0.38, 0.32, "$x_t$", "data", radius=0.25)
    gates = {}
    for name, x in (("f", 1.25), ("i", 2.05), ("g", 2.75), ("o", 3.65)):
        gates[name] = sheet.box(x, 1.75, f"${name}_t$", "feedforward" if name == "g" else "attention", width=0.5)
        sheet.arrow((x, 1.05), gates[name])
        sheet.text(x + 0.07, 1.27, "tanh" if name == "g" else r"$\sigma$", size=SMALL, align="left")
    sheet.arrow(old_state, (3.65, 1.05))
    sheet.arrow(word, (0.92, 1.05), via=[(0.92, 0.32)])
    forget = sheet.circle(1.25, 3.3, r"$\times$", radius=0.15)
    write = sheet.circle(2.4, 2.5, r"$\times$", radius=0.15)
    add = sheet.circle(2.4, 3.3, "+", radius=0.15)
    show = sheet.circle(3.65, 2.5, r"$\times$", radius=0.15)
    squash = sheet.box(3.65, 2.92, "tanh", width=0.62, height=0.3)
    new_cell = sheet.circle(4.82, 3.3, "$c_t$", "cache", radius=0.3)
    new_state = sheet.circle(4.82, 2.5, "$h_t$", "data", radius=0.3)
    sheet.arrow(old_cell, forget)
    sheet.arrow(forget, add)
    sheet.arrow(gates["f"], forget)
    sheet.arrow(gates["i"], write, via=[(2.05, 2.5)])
    sheet.arrow(gates["g"], write, via=[(2.75, 2.5)])
    sheet.arrow(write, add)
    sheet.arrow(add, new_cell)
    sheet.arrow((3.65, 3.3), squash)
    sheet.arrow(squash, show)
    sheet.arrow(gates["o"], show)
    sheet.arrow(show, new_state)
    return sheet.figure
