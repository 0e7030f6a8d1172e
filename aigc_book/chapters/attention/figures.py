"""Figures of the chapter on attention: arcs from a word to the words that it looks at, and a shaded page."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, CHARACTER_INCHES, GREEN, GREY, INK, ORANGE, PURPLE, RED


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
