"""Heads and positions: maps of heads and of codes side by side, a pair that is turned, a layer cut into heads."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from aigc_book.plotting.drawings import SMALL, WIDEST, Drawing
from aigc_book.plotting.style import BLUE, GREY, INK, ORANGE


def head_grid(
    weights: np.ndarray, tokens: Sequence[str], *, titles: Sequence[str] = (), marked: Sequence[tuple[int, int]] = ()
) -> Figure:
    """The attention weights of all heads of a model over one sequence: a row of maps for each layer.

    Args:
        weights: (L, H, T, T), a row for each query; drawn darkest at 1.
        tokens: T short labels.
        titles: L · H titles, layer by layer; "layer l, head h", counted from 0, if empty.
        marked: (layer, head) of those that get a frame.

    Raises:
        ValueError: weights that are not (L, H, T, T), or titles that don't fit them.
    """
    weights = np.asarray(weights, dtype=float)
    T = len(tokens)
    if weights.ndim != 4 or weights.shape[2:] != (T, T):
        raise ValueError(f"weights must be (L, H, T, T) with T={T} tokens; got {weights.shape}")
    L, H = weights.shape[:2]
    if titles and len(titles) != L * H:
        raise ValueError(f"titles must be one for each of the {L * H} heads; got {len(titles)}")
    figure, axes = plt.subplots(L, H, figsize=(2.35 * H, 2.55 * L), squeeze=False)
    for (layer, head), ax in np.ndenumerate(axes):
        ax.imshow(weights[layer, head], cmap="Blues", vmin=0, vmax=1)
        ax.set_title(titles[layer * H + head] if titles else f"layer {layer}, head {head}", fontsize=9)
        ax.set_xticks(range(T), tokens, fontsize=8)
        ax.set_yticks(range(T), tokens, fontsize=8)
        ax.tick_params(length=0, pad=1, labelleft=head == 0, labelbottom=layer == L - 1)
        ax.grid(False)
        ax.spines[:].set(visible=True, color=GREY, linewidth=0.6)
        if (layer, head) in marked:
            ax.spines[:].set(color=ORANGE, linewidth=2.5)
    return figure


def code_maps(
    maps: Sequence[np.ndarray], titles: Sequence[str], *, xlabel: str = "", ylabel: str = "", columns: int = 4
) -> Figure:
    """Matrices as colours, side by side: blue is negative, white is zero, red is positive.

    Args:
        maps: matrices (rows, columns), each drawn with its own largest magnitude as the darkest.
        titles: one each.
        xlabel: of all maps.
        ylabel: of those at the left.
        columns: how many maps stand in a row.

    Raises:
        ValueError: no map, one that isn't a matrix, or not one title a map.
    """
    maps = [np.asarray(one, dtype=float) for one in maps]
    if not maps or any(one.ndim != 2 for one in maps):
        raise ValueError(f"maps must be matrices, at least one; got shapes {[one.shape for one in maps]}")
    if len(titles) != len(maps):
        raise ValueError(f"titles must be one for each of the {len(maps)} maps; got {len(titles)}")
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9.0, 9.0 / columns * rows + 0.4), squeeze=False)
    for ax in axes.flat[len(maps) :]:
        ax.set_visible(False)
    for index, (ax, one, title) in enumerate(zip(axes.flat, maps, titles, strict=False)):
        largest = np.abs(one).max() or 1.0
        ax.imshow(one, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto" if one.shape[0] > 16 else "equal")
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(xlabel)
        if index % columns == 0:
            ax.set_ylabel(ylabel)
        ax.tick_params(colors=INK, labelsize=8)
        ax.grid(False)
    return figure


def turned_pairs(
    query: Sequence[float],
    key: Sequence[float],
    positions: Sequence[tuple[int, int]],
    *,
    speed: float = 1.0,
) -> Figure:
    """One pair of a query and one of a key, as rotary positions turn them: a circle for each place in the text.

    Args:
        query: the pair at position 0, blue.
        key: the pair at position 0, orange.
        positions: (m, n) of the query and of the key, for each circle.
        speed: ω, the angle in radians by which one position turns.

    Raises:
        ValueError: no circle, or a query or key that isn't a pair.
    """
    pairs = np.array([query, key], dtype=float) if len(query) == len(key) == 2 else None
    if pairs is None or not positions:
        raise ValueError(f"query and key must be pairs, for at least one place; got {query}, {key} and {positions}")
    figure, axes = plt.subplots(1, len(positions), figsize=(1.8 * len(positions), 2.1), squeeze=False)
    reach = 1.15 * np.hypot(*pairs.T).max()
    for ax, places in zip(axes[0], positions, strict=True):
        for pair, place, color, name in zip(pairs, places, (BLUE, ORANGE), "qk", strict=True):
            cos, sin = np.cos(place * speed), np.sin(place * speed)
            turned = np.array([[cos, -sin], [sin, cos]]) @ pair
            for (x, y), alpha in ((pair, 0.25), (turned, 1.0)):
                arrow = dict(arrowstyle="-|>", color=color, alpha=alpha, linewidth=2, shrinkA=0, shrinkB=0)
                ax.annotate("", (x, y), (0, 0), arrowprops=arrow)
            ax.text(*(1.2 * turned), f"${name}$", color=color, ha="center", va="center", fontsize=11)
        ax.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=GREY, linewidth=0.8))
        ax.set(xlim=(-1.2 * reach, 1.2 * reach), ylim=(-1.2 * reach, 1.2 * reach), aspect="equal")
        ax.set_title(f"query at {places[0]}, key at {places[1]}", fontsize=9, loc="center")
        ax.axis("off")
    return figure


def split_into_heads(n_heads: int = 2) -> Figure:
    """Multi-head attention with its shapes: X → a part of C/H columns for each head → side by side → output matrix.

    Args:
        n_heads: H, 2 or 3: so many rows are drawn.

    Raises:
        ValueError: another number of heads.
    """
    if n_heads not in (2, 3):
        raise ValueError(f"two or three heads can be drawn; got {n_heads}")
    sheet = Drawing(WIDEST, 0.95 * n_heads + 0.2)
    middle = sheet.height / 2
    x = sheet.tensor(0.45, middle, "$X$", 4, 6, "data", shape="(T, C)", cell=0.12)
    joined = sheet.tensor(3.85, middle, "joined", 4, 6, "attention", shape="(T, C)", cell=0.12)
    y = sheet.tensor(5.0, middle, "$Y$", 4, 6, "data", shape="(T, C)", cell=0.12)
    for h in range(n_heads):
        level = middle + 0.95 * ((n_heads - 1) / 2 - h) + 0.08
        of = ",".join(f"XW^{{{kind}}}_{h + 1}" for kind in "QKV")
        head = sheet.box(2.2, level, f"Attention$({of})$", "attention", height=0.42)
        sheet.text(2.2, level - 0.33, f"head {h + 1}: (T, D)", size=SMALL, color="#555555")
        sheet.arrow(x.right, head.left)
        sheet.arrow(head.right, joined.left)
    sheet.arrow(joined.right, y.left, "$W^O$")
    return sheet.figure
