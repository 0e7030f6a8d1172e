"""Tokens, as a reader's browser shows them: it has the Chinese characters that drawing libraries often lack.

The first two give HTML, to be shown at the end of a cell; the last is a figure.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle, pairwise

import numpy as np
from IPython.display import HTML
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from aigc_book.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY

_TINTS = ("#CFE6F5", "#FBE3B5", "#C4E9DC", "#F5D2BC", "#EBD3E1", "#DDEFFA")
_CHIP = (
    "display:inline-block;text-align:center;border-radius:4px;padding:1px 4px;margin:1px;"
    f"color:{INK};line-height:1.25;white-space:pre"
)
_SMALL = "font-size:0.68em;opacity:0.75;display:block"


def token_strips(
    groups: Mapping[str, Mapping[str, Sequence[str]]], ids: Mapping[str, Mapping[str, Sequence[int]]] | None = None
) -> HTML:
    """Texts cut into tokens in several ways: a strip of coloured chips for each, with the number of tokens.

    Args:
        groups: text → name of the cut → its tokens. A space is drawn as ``␣``, a line end as ``⏎``.
        ids: text → name of the cut → the tokens' ids, written below them; cuts that are not named have none.

    Raises:
        ValueError: no text, a cut without tokens, or ids that are not one for each token.
    """
    if not groups:
        raise ValueError("groups must hold at least one text; got none")
    rows = []
    for title, cuts in groups.items():
        rows.append(f'<tr><td colspan="3" style="padding-top:0.8em;text-align:left"><b>{escape(title)}</b></td></tr>')
        for name, tokens in cuts.items():
            numbers = (ids or {}).get(title, {}).get(name)
            if not tokens or (numbers is not None and len(numbers) != len(tokens)):
                raise ValueError(
                    f"{name!r} must have tokens, and one id for each; got {len(tokens)} tokens"
                    f" and {'no' if numbers is None else len(numbers)} ids"
                )
            chips = [
                f'<span style="{_CHIP};background:{tint}">{escape(_visible(token))}'
                + ("" if numbers is None else f'<span style="{_SMALL}">{numbers[place]}</span>')
                + "</span>"
                for place, (token, tint) in enumerate(zip(tokens, cycle(_TINTS), strict=False))
            ]
            rows.append(
                f'<tr><td style="text-align:right;white-space:nowrap;padding-right:0.7em">{escape(name)}</td>'
                f'<td style="text-align:left">{"".join(chips)}</td>'
                f'<td style="text-align:right;padding-left:0.7em"><b>{len(tokens)}</b></td></tr>'
            )
    return HTML(_table(rows))


def merge_table(words: Sequence[Sequence[str]], merges: Sequence[tuple[str, str]], names: Mapping[str, str]) -> HTML:
    """How byte pairs build words: the bytes at the bottom, and above them each merge with its rank.

    Args:
        words: words, each as a sequence of symbols (bytes, in the alphabet of the merges).
        merges: the merges, the first learned first.
        names: symbol → what to write for it, such as the byte's number; others stand for themselves.

    Raises:
        ValueError: no words, or an empty one.
    """
    if not words or not all(words):
        raise ValueError("words must hold at least one word, and none that is empty")
    ranks = {pair: rank for rank, pair in enumerate(merges, start=1)}
    grids = [_merge_levels(list(word), ranks) for word in words]
    n_levels = max(len(levels) for levels in grids)
    rows = []
    for level in reversed(range(n_levels)):
        cells = []
        for index, levels in enumerate(grids):
            if index:
                cells.append('<td style="border:0;min-width:2em"></td>')
            nodes = levels[level] if level < len(levels) else []
            column, width = 0, sum(node[1] for node in levels[0])
            for start, span, symbol, rank in nodes:
                cells.append(f'<td colspan="{start - column}" style="border:0"></td>' if start > column else "")
                tint = _TINTS[level % len(_TINTS)]
                label = f'<span style="{_SMALL}">{f"merge {rank}" if rank else "byte"}</span>'
                cells.append(
                    f'<td colspan="{span}" style="border:2px solid transparent;background-clip:padding-box;'
                    f'border-radius:6px;padding:2px 5px;text-align:center;color:{INK};background-color:{tint}">'
                    f"{escape(_visible(names.get(symbol, symbol)))}{label}</td>"
                )
                column = start + span
            cells.append(f'<td colspan="{width - column}" style="border:0"></td>' if column < width else "")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return HTML(_table(rows))


def _merge_levels(symbols: list[str], ranks: Mapping[tuple[str, str], int]) -> list[list[tuple[int, int, str, int]]]:
    """Merge a word, lowest rank first → for each level its nodes: (first column, columns, symbol, rank or 0)."""
    nodes = [(place, 1, symbol, 0) for place, symbol in enumerate(symbols)]  # first column, columns, symbol, level
    levels = [[(start, span, symbol, 0) for start, span, symbol, _ in nodes]]
    while True:
        pairs = [(ranks.get((a[2], b[2]), np.inf), place) for place, (a, b) in enumerate(pairwise(nodes))]
        rank, place = min(pairs, default=(np.inf, 0))
        if rank == np.inf:
            return [sorted(level) for level in levels]
        left, right = nodes[place], nodes[place + 1]
        level = 1 + max(left[3], right[3])
        nodes[place : place + 2] = [(left[0], left[1] + right[1], left[2] + right[2], level)]
        while len(levels) <= level:
            levels.append([])
        levels[level].append((left[0], left[1] + right[1], left[2] + right[2], int(rank)))


def _visible(token: str) -> str:
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def _table(rows: Sequence[str]) -> str:
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:separate;border-spacing:1px;border:0;margin:auto">'
        f"{''.join(rows)}</table></div>"
    )


def batch_grids(panels: Mapping[str, Sequence[Sequence[int]]]) -> Figure:
    """Batches seen from above, side by side: a row for each sequence, a colour for each document, grey for padding.

    Args:
        panels: title → rows, each a list of the lengths of the documents in it, in tokens. A row is as long as the
            longest of its panel; what is left of it is padding.

    Raises:
        ValueError: no panel, a panel without rows, or a row without tokens.
    """
    if not panels or not all(panels.values()) or not all(sum(row) for rows in panels.values() for row in rows):
        raise ValueError("panels must hold at least one panel, each with rows, and none of them empty")
    figure, axes = plt.subplots(1, len(panels), figsize=(3.1 * len(panels), 2.9), squeeze=False)
    for ax, (title, rows) in zip(axes[0], panels.items(), strict=True):
        longest = max(map(sum, rows))
        padding = 1 - sum(map(sum, rows)) / (longest * len(rows))
        document = 0
        for place, row in enumerate(rows):
            ax.barh(place, longest, height=0.86, color="#DDDDDD")
            start = 0
            for length in row:
                color = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)[document % 6]
                ax.barh(
                    place, length, left=start, height=0.86, color=color, alpha=0.75, edgecolor="white", linewidth=0.5
                )
                start, document = start + length, document + 1
        ax.set(title=f"{title}\n{padding:.0%} padding", xlabel="position", xlim=(0, longest), yticks=[])
        ax.set_ylabel("sequence of the batch", color=GREY)
        ax.invert_yaxis()
        ax.grid(False)
    return figure
