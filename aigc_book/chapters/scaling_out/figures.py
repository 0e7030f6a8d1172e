"""Drawings of several processes: what each holds, how sums go round a ring, and curves that lie on each other."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.drawings import SMALL, Drawing
from aigc_book.plotting.style import BLUE, GREEN, GREY, ORANGE, label_line


def same_curves(steps: Sequence[int], one: Sequence[float], others: Mapping[str, Sequence[float]]) -> Figure:
    """A broad line for one process, and a thin one for each way to share, which should lie on it.

    Args:
        steps: updates.
        one: the losses of one process.
        others: name → losses; at most two are drawn apart, the first dashed and the second as dots.

    Raises:
        ValueError: more than two others.
    """
    if len(others) > 2:
        raise ValueError(f"others must be at most two curves; got {', '.join(others)}")
    figure, ax = plt.subplots(figsize=(5.4, 3.0))
    ax.plot(steps, one, color="#C8C8C8", linewidth=7, solid_capstyle="round")
    ax.annotate(
        "one process", (steps[len(steps) // 6], one[len(steps) // 6]), (14, 10), textcoords="offset points", color=GREY
    )
    styles = (
        {"linestyle": (0, (4, 3)), "color": BLUE},
        {"linestyle": "", "marker": "o", "markersize": 3.5, "color": ORANGE},
    )
    for place, ((name, losses), style) in enumerate(zip(others.items(), styles, strict=False)):
        every = 1 if style["linestyle"] else 3
        ax.plot(steps[::every], losses[::every], **style)
        at = len(steps) * (2 * place + 3) // 8
        ax.annotate(name, (steps[at], losses[at]), (10, 16), textcoords="offset points", color=style["color"])
    ax.set(xlabel="updates", ylabel="loss (nats per token)")
    return figure


def who_holds_what() -> Figure:
    """Weights, gradients and optimizer's state of one process, of two with copies (DDP), of two with shards (FSDP)."""
    sheet = Drawing(5.4, 3.3)
    names = (("weights", "attention"), ("gradients", "loss"), ("state", "feedforward"))
    for x, (name, _) in zip((1.95, 3.2, 4.45), names, strict=True):
        sheet.text(x, 3.1, name)
    rows = (("one process", 2.65, None), ("DDP, process 0", 2.1, "all"), ("DDP, process 1", 1.6, "all"))
    rows += (("FSDP, process 0", 1.0, "first"), ("FSDP, process 1", 0.5, "second"))
    for name, y, which in rows:
        sheet.text(0.05, y, name, size=SMALL, align="left")
        for x, (_, kind) in zip((1.95, 3.2, 4.45), names, strict=True):
            mine = {None: (0, 1), "all": (0, 1), "first": (0,), "second": (1,)}[which]
            kinds = [kind if half in mine else "plain" for half in (0, 1)]
            sheet.cells(x - 0.28, y, ["a" if 0 in mine else "", "b" if 1 in mine else ""], kinds, width=0.56)
    sheet.text(2.7, 0.12, "a, b: the two halves of each; an empty field is not in this process", size=SMALL)
    return sheet.figure


def ring() -> Figure:
    """Four processes in a ring, each with its four pieces: which piece goes where in the first step."""
    sheet = Drawing(5.4, 2.9)
    places = ((1.3, 2.25), (4.1, 2.25), (4.1, 0.75), (1.3, 0.75))
    rows = []
    for rank, (x, y) in enumerate(places):
        kinds = ["feedforward" if piece == rank else "data" for piece in range(4)]
        rows.append(sheet.cells(x - 0.48, y, [f"{rank}{'abcd'[piece]}" for piece in range(4)], kinds, width=0.32))
        sheet.text(x, y + (0.33 if y > 1.5 else -0.33), f"process {rank}")
    sheet.arrow((1.97, 2.25), (3.43, 2.25), "piece a")
    sheet.arrow((4.1, 2.06), (4.1, 0.94), "piece b")
    sheet.arrow((3.43, 0.75), (1.97, 0.75), "piece c")
    sheet.arrow((1.3, 0.94), (1.3, 2.06), "piece d")
    return sheet.figure


def sent_by_size(
    sizes: Sequence[int], counted: Mapping[str, Sequence[float]], formula: Mapping[str, Sequence[float]]
) -> Figure:
    """What the busiest process sends, in units of the tensor, over the number of processes: dots and their formula.

    Args:
        sizes: numbers of processes.
        counted: name → a number for each size.
        formula: name → the same, drawn as a line.
    """
    figure, ax = plt.subplots(figsize=(5.4, 3.0))
    for (name, values), color in zip(counted.items(), (GREEN, ORANGE), strict=False):
        ax.plot(sizes, formula[name], color=color, linewidth=1.2)
        ax.plot(sizes, values, "o", color=color, markersize=5)
        label_line(ax, sizes[-1], values[-1], name, color)
    ax.set(xlabel="processes", ylabel="sent by the busiest, in tensors", xlim=(1, sizes[-1] * 1.35), xticks=list(sizes))
    return figure


def memory_bars(measured: Mapping[str, float], formula: Mapping[str, float]) -> Figure:
    """Bars of megabytes with their formula's value as a tick."""
    figure, ax = plt.subplots(figsize=(5.4, 0.8 + 0.42 * len(measured)))
    for place, (name, value) in enumerate(measured.items()):
        ax.barh(place, value / 1e6, height=0.6, color=BLUE)
        ax.plot([formula[name] / 1e6] * 2, (place - 0.42, place + 0.42), color=ORANGE, linewidth=2.5)
        ax.annotate(
            f"{value / 1e6:.1f}",
            (max(value, formula[name]) / 1e6, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set(xlabel="most that one process held at once (MB)", ylim=(len(measured) - 0.4, -0.6))
    ax.set_yticks(range(len(measured)), list(measured))
    ax.set_xlim(0, 1.15 * max(*measured.values(), *formula.values()) / 1e6)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    return figure
