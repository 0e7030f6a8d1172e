"""Bars: a few numbers to be compared, each with its name and its value."""

from collections.abc import Mapping

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREY, INK


def bars(
    groups: Mapping[str, Mapping[str, float]],
    *,
    xlabel: str,
    colors: Mapping[str, str] | None = None,
    guess: Mapping[str, float] | None = None,
) -> Figure:
    """Horizontal bars, a panel for each group, all on the same scale; each bar ends in its value.

    Names that all groups share, in the same order, are written once, on the left.

    Args:
        groups: title → name → a share from 0 to 1.
        xlabel: what is measured.
        colors: name → colour; blue if it is not there.
        guess: title → what guessing gives, drawn as a dashed line.

    Raises:
        ValueError: no group, an empty one, or a value outside 0 to 1.
    """
    if not groups or not all(groups.values()):
        raise ValueError("groups must hold at least one group, and none that is empty")
    for title, values in groups.items():
        if wrong := [name for name, value in values.items() if not 0 <= value <= 1]:
            raise ValueError(f"the shares of {title!r} must be from 0 to 1; got {values[wrong[0]]} for {wrong[0]!r}")
    most = max(map(len, groups.values()))
    shared = len({tuple(values) for values in groups.values()}) == 1
    width = 1.5 + 2.6 * len(groups) if shared else 4.1 * len(groups)
    figure, axes = plt.subplots(1, len(groups), figsize=(width, 0.9 + 0.42 * most), squeeze=False)
    for ax, (title, values) in zip(axes[0], groups.items(), strict=True):
        for place, (name, value) in enumerate(values.items()):
            ax.barh(place, value, height=0.7, color=(colors or {}).get(name, BLUE))
            ax.annotate(f"{value:.0%}", (value, place), xytext=(4, 0), textcoords="offset points", va="center")
        if guess and title in guess:
            ax.axvline(guess[title], color=GREY, linestyle=(0, (4, 3)), linewidth=1)
            place = (guess[title], len(values) - 0.42)
            ax.annotate("guess", place, xytext=(3, 0), textcoords="offset points", color=GREY, fontsize=8)
        ax.set(title=title, xlabel=xlabel, xlim=(0, 1.16), xticks=(0, 0.5, 1), ylim=(len(values) - 0.3, -0.6))
        ax.set_yticks(range(len(values)), list(values), color=INK)
        ax.tick_params(axis="y", length=0, labelleft=not shared or ax is axes[0, 0])
        ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        ax.grid(False, axis="y")
    return figure
