"""Where attention looks: as a map with numbers, one for each head."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import INK


def attention(
    weights: np.ndarray,
    queries: Sequence[str],
    keys: Sequence[str] | None = None,
    *,
    titles: Sequence[str] | None = None,
    numbers: bool | None = None,
    darkest: float = 1.0,
) -> Figure:
    """Attention weights over tokens as a heat map: a row for each query, a column for each key.

    Args:
        weights: (T, S) for one head, or (H, T, S) for a grid of heads, four in a row; each row sums to 1.
        queries: the T tokens that look.
        keys: the S tokens that are looked at; the queries if None.
        titles: one title a head.
        numbers: whether to write each weight into its field; None writes them where there are at most 8 columns.
        darkest: the weight that is drawn darkest.

    Raises:
        ValueError: weights that are not two- or three-dimensional, or labels or titles that don't fit them.
    """
    weights = np.asarray(weights, dtype=float)
    heads = weights[None] if weights.ndim == 2 else weights
    keys = queries if keys is None else keys
    if heads.ndim != 3 or heads.shape[1:] != (len(queries), len(keys)):
        raise ValueError(
            f"weights must be (T, S) or (H, T, S) with T={len(queries)} queries and S={len(keys)} keys; "
            f"got {weights.shape}"
        )
    if titles is not None and len(titles) != len(heads):
        raise ValueError(f"titles must be one for each of the {len(heads)} heads; got {len(titles)}")
    columns = min(len(heads), 4)
    rows = -(-len(heads) // columns)
    numbers = len(keys) <= 8 and len(heads) == 1 if numbers is None else numbers
    field = 0.55 if len(heads) == 1 and len(keys) <= 12 else 0.28
    size = (columns * (1.2 + field * len(keys)), rows * (1.0 + field * len(queries)))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat[len(heads) :]:
        ax.set_visible(False)
    for index, (ax, head) in enumerate(zip(axes.flat, heads, strict=False)):
        image = ax.imshow(head, cmap="Blues", vmin=0, vmax=max(darkest, head.max()))
        ax.set_xticks(range(len(keys)), keys, rotation=45, ha="left", rotation_mode="anchor")
        ax.set_yticks(range(len(queries)), queries)
        if index % columns:  # a grid's tokens stand at its left and at its top only
            ax.set_yticklabels([])
        if index >= columns:
            ax.set_xticklabels([])
        ax.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        if titles is not None:
            ax.set_title(titles[index])
        if numbers:
            for (row, column), weight in np.ndenumerate(head):
                color = "white" if weight > 0.55 * darkest else INK
                ax.text(column, row, f"{weight:.2f}", ha="center", va="center", fontsize=8, color=color)
    if len(heads) == 1:
        figure.colorbar(image, ax=axes[0, 0], shrink=0.7, label="attention weight")
    return figure
