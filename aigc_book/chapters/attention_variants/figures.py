"""The way of a block over the scores."""

from matplotlib.figure import Figure

from aigc_book.plotting.drawings import KINDS, SMALL, Drawing
from aigc_book.plotting.style import GREY


def block_sweep(n_blocks: int = 4, block: int = 3, *, at: tuple[int, int] = (2, 1)) -> Figure:
    """Causal attention in blocks, halted: which scores have been in memory, are there now, and never will be.

    Args:
        n_blocks: blocks of queries, and of keys; at most 5.
        block: queries, and keys, of a block; at most 4.
        at: the block of queries and the block of keys that are being computed, counted from 0.

    Raises:
        ValueError: more than can be drawn, or a block that lies in the future.
    """
    query_block, key_block = at
    if not (1 <= n_blocks <= 5 and 1 <= block <= 4 and 0 <= key_block <= query_block < n_blocks):
        raise ValueError(f"a block of 1 to 5 x 1 to 4, not in the future, can be drawn; got {n_blocks}, {block}, {at}")
    n, cell = n_blocks * block, min(0.24, 3.0 / (n_blocks * block))
    sheet = Drawing(5.4, n * cell + 0.95)
    left, top = 0.95, sheet.height - 0.42
    for t in range(n):
        kinds = []
        for s in range(n):
            place = (t // block, s // block)
            if place == at:
                kinds.append("feedforward")
            elif place < at and place[1] <= place[0]:
                kinds.append("cache")
            else:
                kinds.append("data" if place[1] > place[0] else "plain")
        sheet.cells(left + cell / 2, top - cell * (t + 0.5), [""] * n, kinds, width=cell, height=cell)
    middle = top - cell * block * (query_block + 0.5)
    state = sheet.box(left + n * cell + 0.95, middle, r"$m,\ \ell,\ y$", "attention")
    sheet.arrow((left + n * cell + 0.04, middle), state)
    sheet.text(state.x, middle - 0.34, "for each query", size=SMALL)
    sheet.text(left + n * cell / 2, top + 0.2, "keys", size=SMALL)
    sheet.text(left - 0.1, top - n * cell / 2, "queries", size=SMALL, align="right")
    for x, kind, word in (
        (0.15, "cache", "read before"),
        (1.35, "feedforward", "in memory now"),
        (2.8, "plain", "to come"),
        (3.7, "data", "never computed"),
    ):
        square = "□" if kind == "plain" else "■"
        sheet.text(x, 0.2, square, size=SMALL, color=GREY if kind == "plain" else KINDS[kind])
        sheet.text(x + 0.12, 0.2, word, size=SMALL, align="left")
    return sheet.figure
