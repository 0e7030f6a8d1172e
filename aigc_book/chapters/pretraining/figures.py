"""What a language model is asked in training, and how a run went."""

import html
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
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


def training_line() -> Figure:
    """The whole line: a text becomes windows of tokens, the model answers, and its loss leads back to an update."""
    sheet = Drawing(5.4, 2.6)
    text = sheet.box(0.65, 2.2, "text", "data", width=1.0)
    tokens = sheet.box(2.4, 2.2, "tokens", "data", width=1.0)
    windows = sheet.box(4.1, 2.2, "windows", "data", width=1.0)
    optimizer = sheet.box(0.65, 1.2, "optimizer", "feedforward", width=1.1)
    model = sheet.box(2.4, 1.2, "model", "attention", width=1.0)
    targets = sheet.box(4.1, 1.2, "targets", "data", width=1.0)
    loss = sheet.box(3.25, 0.55, "loss", "loss", width=0.75)
    sheet.arrow(text, tokens)
    sheet.arrow(tokens, windows)
    sheet.arrow(windows, targets)
    sheet.arrow((4.1, 1.7), model, via=[(2.4, 1.7)])
    sheet.arrow(model, loss, via=[(2.4, 0.55)])
    sheet.arrow(targets, loss, via=[(4.1, 0.55)])
    sheet.arrow(loss, optimizer, via=[(3.25, 0.18), (0.65, 0.18)], dashed=True)
    sheet.arrow(optimizer, model)
    for x, y, words in (
        (3.2, 1.83, "inputs"),
        (4.72, 1.7, "one place on"),
        (1.6, 0.31, "gradient"),
        (1.52, 1.33, "update"),
    ):
        sheet.text(x, y, words, size=SMALL)
    return sheet.figure


def training_story(
    train: tuple[Sequence[float], Sequence[float]],
    held_out: tuple[Sequence[float], Sequence[float]],
    moments: Sequence[int],
    *,
    baselines: Mapping[str, float],
    ylabel: str,
) -> Figure:
    """Two curves, (steps, losses) each, with dots on the second one where somebody looked at the model.

    Args:
        train: on the training text.
        held_out: on the held-out text.
        moments: steps of the second curve. Steps 0, s, 5 s and 21 s are evenly spaced.
        baselines: name → loss, drawn as horizontal lines.
        ylabel: with its unit.

    Raises:
        ValueError: no moment, or one at which there is no held-out loss.
    """
    curve = dict(zip(*held_out, strict=True))
    if not moments or not set(moments) <= curve.keys():
        raise ValueError(f"moments must be steps with a held-out loss, {list(curve)}; got {list(moments)}")
    place = lambda steps: np.log1p(63 * np.asarray(steps) / max(1, *moments)) / np.log(4)  # noqa: E731  (0 to 3)
    figure, ax = plt.subplots(figsize=(5.4, 3.1))
    for name, value in baselines.items():
        ax.plot((-0.3, 3), (value, value), color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(name, (-0.28, value), xytext=(0, 2), textcoords="offset points", color=GREY, fontsize=9)
    for name, key, marker, (x, y) in (("training", "train", "", train), ("held-out", "validation", "o", held_out)):
        ax.plot(place(x), y, color=COLORS[key], marker=marker, markersize=3)
        label_line(ax, place(x[-1]), y[-1], f"{name} text", COLORS[key])
    for step in moments:
        ax.plot(place(step), curve[step], "o", color=COLORS["highlight"], markersize=8)
    ax.set(ylabel=ylabel, xlim=(-0.3, 3.9), xticks=place(list(moments)))
    ax.set_xticklabels([f"update {step:,}" if step else "untrained" for step in moments])
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x")
    return figure


def sample_cards(samples: Mapping[int, str], known: Collection[str]) -> str:
    """HTML: what a model wrote at some steps, side by side where there is room; words that don't exist are marked.

    Args:
        samples: step → text.
        known: the words that exist, in lower case.
    """
    cards = []
    for step, text in samples.items():
        title = f"update {step:,}" if step else "before training"
        marked = (_marked(word, known) for word in text.split())
        cards.append(f"<div><strong>{title}</strong><p>{' '.join(marked)}</p></div>")
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(18em,1fr));gap:0 1.5em"
    return f'<div style="{grid};overflow-wrap:anywhere">{"".join(cards)}</div>'


def _marked(word: str, known: Collection[str]) -> str:
    strange = any(letters.lower() not in known for letters in re.findall(r"[^\W\d_]+|�", word))
    shown = html.escape("".join(c if c.isprintable() else "�" for c in word))
    # a ground that is seen on white and on black, under the page's own ink
    return f'<mark style="color:inherit;background:{COLORS["wrong"]}55">{shown}</mark>' if strange else shown
