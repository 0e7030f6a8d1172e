"""Many small maps side by side: the heads of a model over a sequence, the codes of positions."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import GREY, INK, ORANGE


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
        ax.set_xticks(range(T), tokens, fontsize=6.5)
        ax.set_yticks(range(T), tokens, fontsize=6.5)
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
