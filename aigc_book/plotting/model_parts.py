"""Drawings of the parts of models: a neuron, attention with its shapes, grouped heads, a block, a growing cache."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from aigc_book.plotting.drawings import KINDS, SMALL, Drawing, Part
from aigc_book.plotting.style import GREY


def neuron(inputs: Sequence[str], weights: Sequence[str], *, bias: str = "b", activation: str = "f") -> Figure:
    """One neuron: inputs times weights, added up with a bias, through an activation.

    Args:
        inputs: names of the inputs, from the top.
        weights: one for each input.
        bias: its name; "" for none.
        activation: name of the function.

    Raises:
        ValueError: no input, or not one weight for each.
    """
    if not inputs or len(inputs) != len(weights):
        raise ValueError(f"a neuron needs one weight for each input; got {len(inputs)} inputs, {len(weights)} weights")
    n = len(inputs) + bool(bias)
    sheet = Drawing(5.0, 0.62 * n + 0.3)
    middle = sheet.height / 2
    total = sheet.circle(2.35, middle, r"$\Sigma$", "feedforward", radius=0.26)
    rows = [*zip(inputs, weights, strict=True), *([("1", bias)] if bias else [])]
    for i, (name, weight) in enumerate(rows):
        y = middle + 0.62 * ((n - 1) / 2 - i)
        unit = sheet.circle(0.4, y, f"${name}$", "data", radius=0.24)
        sheet.arrow(unit.right, _rim(total, unit.right, 0.26), f"${weight}$")
    function = sheet.box(3.45, middle, f"${activation}$", "attention", width=0.56)
    output = sheet.circle(4.6, middle, "$y$", "data", radius=0.24)
    sheet.arrow(total, function, "$z$")
    sheet.arrow(function, output)
    return sheet.figure


def _rim(circle: Part, point: tuple[float, float], radius: float) -> tuple[float, float]:
    """Where the straight line from ``point`` to a circle's centre meets the circle."""
    dx, dy = point[0] - circle.x, point[1] - circle.y
    length = (dx * dx + dy * dy) ** 0.5
    return circle.x + radius * dx / length, circle.y + radius * dy / length


def transformer_block(*, norm_first: bool = True, cross: bool = False, width: str = "C") -> Figure:
    """A block from below upwards: attention and feed-forward, each with its norm and its residual connection.

    Args:
        norm_first: the norm before each half (as in GPT-2), or behind its addition (as in the paper).
        cross: a decoder's block, which also attends to a memory.
        width: the name of the width, in "(T, C)".
    """
    halves = [("self-attention", "attention"), *([("attention to memory", "attention")] if cross else [])]
    halves.append(("feed-forward", "feedforward"))
    step, x = 1.9, 2.2
    sheet = Drawing(4.8 if cross else 3.9, step * len(halves) + 0.85)
    below = sheet.box(x, 0.3, f"$x$   (T, {width})", "data")
    for i, (name, kind) in enumerate(halves):
        y = 0.3 + step * i
        branch = (x, y + 0.38)
        half = sheet.box(x, y + (1.24 if norm_first else 0.72), name, kind, width=1.75)
        plus = sheet.circle(x, y + (1.7 if norm_first else 1.18), "+", radius=0.13)
        norm = sheet.box(x, y + (0.72 if norm_first else 1.6), "norm", "norm", width=1.0)
        order = [norm, half, plus] if norm_first else [half, plus, norm]
        for start, end in zip([below, *order], order, strict=False):
            sheet.arrow(start, end)
        sheet.arrow(branch, plus, via=[(x - 1.25, branch[1]), (x - 1.25, plus.y)])
        sheet.text(x - 1.33, (branch[1] + plus.y) / 2, "residual", size=SMALL, color="#555555", align="right")
        if name.endswith("memory"):
            memory = sheet.box(4.25, half.y, "memory", "embedding", width=0.86)
            sheet.arrow(memory, half)
        below = order[-1]
    sheet.arrow(below, (x, sheet.height - 0.02))
    return sheet.figure


def attention_shapes(*, length: str = "T", width: str = "C", head: str = "D") -> Figure:
    """What attention of one head computes, as matrices with their shapes: X → Q, K, V → weights → output.

    Args:
        length, width, head: the names that stand in the shapes.
    """
    sheet = Drawing(5.2, 4.5)
    x = sheet.tensor(0.75, 2.3, "$X$", 4, 6, "data", shape=f"({length}, {width})")
    q = sheet.tensor(2.15, 3.75, "$Q$", 4, 3, "attention", shape=f"({length}, {head})")
    k = sheet.tensor(2.15, 2.3, "$K$", 4, 3, "attention", shape=f"({length}, {head})")
    v = sheet.tensor(2.15, 0.75, "$V$", 4, 3, "attention", shape=f"({length}, {head})")
    weights = sheet.tensor(3.65, 3.0, "weights", 4, 4, "feedforward", shape=f"({length}, {length})")
    y = sheet.tensor(4.75, 0.75, "$Y$", 4, 3, "data", shape=f"({length}, {head})")
    for part, name in ((q, "Q"), (k, "K"), (v, "V")):
        sheet.arrow(x.right, part.left, f"$W_{name}$")
    sheet.arrow(q.right, weights.left)
    sheet.arrow(k.right, weights.left)
    sheet.text(3.65, 3.72, r"softmax$(QK^\top\!/\sqrt{D})$".replace("D", head), size=SMALL)
    sheet.arrow(weights.right, (y.x, y.top[1] + 0.26), via=[(y.x, weights.y)])
    sheet.arrow(v.right, y.left, "weights · $V$")
    return sheet.figure


def grouped_heads(n_heads: int, group_counts: Sequence[int]) -> Figure:
    """Query heads over the key heads that serve them, once for each number of key heads.

    Args:
        n_heads: H, query heads.
        group_counts: numbers G of key–value heads, each a divisor of H; G = H is multi-head, G = 1 multi-query.

    Raises:
        ValueError: a number of key heads that doesn't divide the query heads.
    """
    if any(n < 1 or n_heads % n for n in group_counts) or not group_counts:
        raise ValueError(f"key heads must divide the {n_heads} query heads; got {list(group_counts)}")
    sheet = Drawing(5.4, 1.3 * len(group_counts) + 0.1)
    step = min(0.44, 3.9 / n_heads)
    for row, n_groups in enumerate(group_counts):
        top = sheet.height - 0.35 - 1.3 * row
        texts = [f"$q_{{{h + 1}}}$" for h in range(n_heads)]
        queries = [sheet.circle(1.5 + step * h, top, t, "attention", radius=0.185) for h, t in enumerate(texts)]
        served = n_heads // n_groups
        for g in range(n_groups):
            x = 1.5 + step * (g * served + (served - 1) / 2)
            key = sheet.box(x, top - 0.68, f"$k_{{{g + 1}}}$", "cache", width=0.37)
            for query in queries[g * served : (g + 1) * served]:
                sheet.arrow(key.top, query.bottom)
        sheet.text(0.05, top - 0.34, f"G = {n_groups}", align="left")
    return sheet.figure


def growing_cache(tokens: Sequence[str], n_prompt: int, n_places: int) -> Figure:
    """A key–value cache that fills from the left: a row for each step, new places orange, kept ones blue.

    Args:
        tokens: the prompt and the tokens that follow, each short enough for a cell.
        n_prompt: how many of them are the prompt, which is read in one step.
        n_places: how many places the cache has.

    Raises:
        ValueError: no prompt, or more tokens than places.
    """
    if not 1 <= n_prompt <= len(tokens) <= n_places:
        raise ValueError(
            f"a prompt of at least 1 token, and no more tokens than places; got a prompt of {n_prompt}, "
            f"{len(tokens)} tokens, {n_places} places"
        )
    steps = [n_prompt, *range(n_prompt + 1, len(tokens) + 1)]
    cell = min(0.62, 4.2 / n_places)
    sheet = Drawing(5.4, 0.5 * len(steps) + 0.45)
    known = 0
    for row, length in enumerate(steps):
        y = sheet.height - 0.5 - 0.5 * row
        kinds = ["cache"] * known + ["feedforward"] * (length - known) + ["plain"] * (n_places - length)
        texts = [*tokens[:length], *[""] * (n_places - length)]
        sheet.text(0.08, y, f"step {row + 1}", size=SMALL, align="left")
        sheet.cells(1.05, y, texts, kinds, width=cell)
        known = length
    key = sheet.height - 0.14
    for x, kind, words in ((0.8, "feedforward", "computed now"), (2.4, "cache", "kept"), (3.4, "plain", "free")):
        sheet.text(x, key, "■" if kind != "plain" else "□", size=SMALL, color=KINDS[kind] if kind != "plain" else GREY)
        sheet.text(x + 0.12, key, words, size=SMALL, align="left")
    return sheet.figure
