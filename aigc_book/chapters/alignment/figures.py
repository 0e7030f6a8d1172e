"""The figures of the chapter on alignment: the three stages, proxy and truth over the KL divergence, from zero."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, label_line

METHODS = {"GRPO, β = 0": RED, "GRPO, KL control": BLUE, "PPO, KL control": PURPLE, "DPO": GREEN}
ARMS = {
    "likelihood, from zero": BLUE,
    "likelihood, from zero by AdamW": SKY,
    "rewards, from zero": RED,
    "rewards, from the tuned model": GREEN,
}

Looks = Sequence[Mapping[str, float]]


def stages() -> Figure:
    """Pre-training, tuning, labels, reward model, policy: what is made of what."""
    sheet = Drawing(5.4, 3.1)
    texts = sheet.box(0.8, 2.75, "texts", "data", width=1.2)
    base = sheet.box(0.8, 1.85, "base model", "attention", width=1.2)
    examples = sheet.box(2.7, 2.75, "examples", "data", width=1.2)
    tuned = sheet.box(2.7, 1.85, "tuned model", "attention", width=1.35)
    pairs = sheet.box(4.6, 2.75, "labelled pairs", "data", width=1.5)
    scores = sheet.box(4.6, 1.85, "reward model", "loss", width=1.5)
    policy = sheet.box(4.6, 0.75, "policy", "attention", width=1.2)
    sheet.arrow(texts, base)
    sheet.arrow(examples, tuned)
    sheet.arrow(base, tuned)
    sheet.arrow(tuned, pairs, via=[(3.6, 1.85), (3.6, 2.75)])
    sheet.arrow(pairs, scores)
    sheet.arrow(scores, policy, "rewards")
    sheet.arrow(tuned, policy, via=[(2.7, 0.75)], dashed=True)
    sheet.text(2.6, 0.55, "start, and reference of the KL control", size=SMALL)
    for x, words in ((0.8, "1 pre-training"), (2.7, "2 fine-tuning"), (4.6, "3 preferences")):
        sheet.text(x, 0.2, words, size=SMALL, color="#555555")
    return sheet.figure


def over_kl(runs: Mapping[str, Sequence[Looks]], start: Mapping[str, float]) -> Figure:
    """What the reward model says and what is true, over the KL divergence from the tuned model; a thin line a seed.

    Args:
        runs: method → for each seed the looks at its policy, each with kl, gain (of the proxy) and truth.
        start: the tuned model's truth.

    Raises:
        ValueError: a method without a colour.
    """
    if unknown := [name for name in runs if name not in METHODS]:
        raise ValueError(f"methods must be among {', '.join(METHODS)}; got {unknown[0]!r}")
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.4))
    panels = (
        ("gain", "what the reward model says", "score, less the tuned model's"),
        ("truth", "what is true", "facts"),
    )
    for ax, (key, title, unit) in zip(axes, panels, strict=True):
        if key == "truth":
            ax.axhline(start["truth"], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        for name, seeds in runs.items():
            for looks in seeds:
                x = [max(0.0, look["kl"]) for look in looks]
                ax.plot(
                    x, [look[key] for look in looks], color=METHODS[name], linewidth=1.1, marker="o", markersize=2.5
                )
        ax.set(title=title, xlabel="KL from the tuned model (nats an answer)", ylabel=unit)
        ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        top = max(look["kl"] for seeds in runs.values() for looks in seeds for look in looks)
        ax.set_xlim(0, top * 1.05)
        ax.set_xticks([tick for tick in (0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100) if tick < top * 1.05])
        ax.xaxis.set_major_formatter("{x:g}")
        ax.tick_params(labelsize=9)
    for row, name in enumerate(runs):
        axes[1].text(0.03, 0.05 + 0.085 * row, name, transform=axes[1].transAxes, color=METHODS[name], fontsize=9)
    return figure


def three_stages(values: Mapping[str, Sequence[float]], best: float) -> Figure:
    """Quality of the answers of each stage: a bar for the mean, a dot for each seed.

    Args:
        values: stage → the quality of each seed.
        best: of a perfect answer.
    """
    figure, ax = plt.subplots(figsize=(5.4, 2.7))
    for place, seeds in enumerate(values.values()):
        ax.barh(place, np.mean(seeds), height=0.6, color=(GREY, ORANGE, BLUE, RED)[place % 4], alpha=0.75)
        ax.plot(seeds, [place] * len(seeds), "o", color="#333333", markersize=4, zorder=3)
    ax.axvline(best, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.annotate(
        "perfect", (best, -0.55), xytext=(-3, 0), textcoords="offset points", color=GREY, fontsize=9, ha="right"
    )
    ax.axvline(0, color="#333333", linewidth=0.8)
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel="facts told less everything else said, an answer", ylim=(len(values) - 0.5, -0.8))
    ax.grid(visible=False, axis="y")
    return figure


def from_zero(arms: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], best: float) -> Figure:
    """Expected reward over compute, a line a seed.

    Args:
        arms: name → for each seed (compute, reward).
        best: of a perfect answer.

    Raises:
        ValueError: an arm without a colour.
    """
    if unknown := [name for name in arms if name not in ARMS]:
        raise ValueError(f"arms must be among {', '.join(ARMS)}; got {unknown[0]!r}")
    figure, ax = plt.subplots(figsize=(6.2, 3.2))
    ax.axhline(best, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.annotate("perfect", (0, best), xytext=(2, 3), textcoords="offset points", color=GREY, fontsize=9)
    ax.axhline(0, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
    ax.annotate("silence", (0, 0), xytext=(2, -10), textcoords="offset points", color=GREY, fontsize=9)
    for name, seeds in arms.items():
        for x, y in seeds:
            ax.plot(x, y, color=ARMS[name], linewidth=1.2)
    ends = sorted((float(np.mean([y[-1] for _, y in seeds])), seeds[0][0][-1], name) for name, seeds in arms.items())
    lowest = -np.inf  # labels of two lines each stand apart where the curves end together
    for height, x, name in ends:
        lowest = max(height, lowest + 1.25)
        label_line(ax, x, lowest, name.replace(", ", ",\n"), ARMS[name])
    last = max(x[-1] for seeds in arms.values() for x, _ in seeds)
    ax.set(xlabel="passes forward or back, of a row through the model", ylabel="expected reward", xlim=(0, last * 1.38))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    return figure
