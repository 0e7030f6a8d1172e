"""Checks of the chapter on data, scale and compute."""

import math

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import expect
from aigc_book.chapters.verdict import check

RUNS = [  # parameters, tokens, devices, peak of one, share of it that is used
    (70e9, 2e12, 2000, 312e12, 0.4),
    (1.5e9, 3e10, 8, 125e12, 0.3),
    (175e9, 3e11, 1024, 312e12, 0.5),
    (1e6, 2e8, 1, 4e12, 0.07),
]
MODELS = [  # layers, heads, key–value heads, width, bytes of a number
    (80, 64, 8, 8192, 2),
    (5, 12, 3, 84, 4),
    (24, 16, 16, 1024, 2),
    (7, 33, 11, 330, 1),
    (3, 8, 1, 40, 8),
]
BUDGETS = (1.2e23, 3.1e18, 7e21, 5.5e25)


@check
def check_training_days(training_days: Attempt) -> str:
    """Days of 6 N D operations on so many devices, of which a share of the peak is used."""
    for n, d, devices, peak, used in RUNS:
        run = {"n_parameters": n, "n_tokens": d, "n_devices": devices, "peak_flops": peak, "utilisation": used}
        answer, right = training_days.number(**run), 6 * n * d / (devices * peak * used) / 86_400
        mistakes = [
            (right / 3, "You counted the forward pass alone: the backward pass takes twice as much again."),
            (right * 2 / 3, "You counted the backward pass alone: the forward pass takes half as much again."),
            (right / 6, "A parameter and a token cost more than one operation: forward 2, backward 4."),
            (right * 2, "You counted 12 operations; a product and a sum are 2, and training is 3 times that."),
            (right * used, "You took the peak for what is reached: only the share `utilisation` of it is."),
            (right * used**2, "You multiplied with the utilisation; less of the peak takes longer, so divide by it."),
            (right * devices, f"These are days of one device; there are {devices:,}."),
            (right * devices**2, "You multiplied by the number of devices; more of them take less time."),
            (right * 24, "These are hours; a day has 24."),
            (right * 86_400, "These are seconds; a day has 86,400."),
            (right * 1440, "These are minutes; a day has 1,440."),
            (6 * n * d, "These are operations. How many of them are done in a day?"),
        ]
        said = (
            f"{n / 1e9:g} B parameters, {d / 1e12:g} T tokens, {devices:,} devices of {peak / 1e12:g} TFLOP/s,"
            f" {used:.0%} used: you say {answer:,.4g} days."
        )
        expect(answer, right, mistakes, said, _times(answer, right), rtol=0.01)
    return "Right: 6 N D operations, divided by what the devices really do in a day."


@check
def check_cache_per_token(cache_per_token: Attempt) -> str:
    """Bytes that one token adds to the key–value cache of a model with grouped queries."""
    for L, H, G, C, b in MODELS:
        model = {"n_layers": L, "n_heads": H, "n_kv_heads": G, "d_model": C, "bytes_per_number": b}
        answer, right = cache_per_token.number(**model), 2 * L * G * (C // H) * b
        half = (right / 2, "Half of it is missing: a key and a value are kept.")
        if b == 2:
            half = (right / 2, f"{half[1][:-1]} (or: a number has `bytes_per_number` bytes).")
        mistakes = [
            half,
            (right / b, "These are numbers, and each has `bytes_per_number` bytes."),
            (right / 2 / b, f"A factor of {2 * b} is missing: keys and values are two, and a number has {b} bytes."),
            (2 * L * C * b, f"You let all {H} heads have keys of their own; here {H // G} of them share one."),
            (right / L, "This is one layer; every layer keeps keys and values of its own."),
            (right / G, f"This is one key–value head; there are {G}."),
            (2 * L * G * C * b, "You took d_model for the width of a head; a head has d_model / n_heads components."),
            (2 * L * G * (C / G) * b / H, "A key–value head has d_model / n_heads components; what did you divide by?"),
            (2 * L * H * (C / G) * b, "H and G are exchanged: the width of a head is d_model / n_heads."),
            (2 * L * G * H * b, "You took the number of heads for the width of one, which is d_model / n_heads."),
            (2 * L * (C / H) * (H / G) * b, "H/G query heads share a key–value head; the cache has G of them."),
        ]
        said = f"{L} layers, {G} key–value heads of width {C // H}, {b} bytes: you say {answer:,.6g} bytes a token."
        expect(answer, right, mistakes, said, _times(answer, right))
    return "Right: 2 · layers · key–value heads · width of a head, in bytes."


@check
def check_balanced(balanced: Attempt) -> str:
    """The (parameters, tokens) that spend 6 N D operations at 20 tokens a parameter."""
    for flops in BUDGETS:
        parts = balanced.parts(flops, names=("parameters", "tokens"))
        n, d = (balanced.as_number(x, what) for x, what in zip(parts, ("parameters", "tokens"), strict=True))
        if not (0 < n < math.inf and 0 < d < math.inf):
            raise Wrong(f"Both numbers must be positive; got {n:.3g} parameters and {d:.3g} tokens.")
        right = math.sqrt(flops / 120)
        said = f"For {flops:.3g} operations you say {n:.3g} parameters and {d:.3g} tokens."
        if _near(n, 20 * right) and _near(d, right):
            raise Wrong(f"{said} The two are exchanged: parameters first.")
        if not _near(6 * n * d, flops):
            mistakes = {
                flops / 20: "The 6 operations for each parameter and token are missing.",
                flops / 6: "The 20 tokens for each parameter are missing.",
                flops / 40: "Training takes 6 operations for each parameter and token; 2 are the forward pass alone.",
                (flops / 120) ** 2: "The root is missing: N · 20 N · 6 is the budget.",
            }
            for squared, why in mistakes.items():
                if _near(n, math.sqrt(squared)):
                    raise Wrong(f"{said} {why}")
            raise Wrong(f"{said} Together they take 6 N D = {6 * n * d:.3g}, which is not the budget.")
        if not _near(d, 20 * n):
            raise Wrong(f"{said} That is the budget, with {d / n:.3g} tokens for each parameter, not 20.")
    return "Right: 6 N · 20 N = C, so both grow with the root of the budget."


def _near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=0.01)


def _times(answer: float, right: float) -> str:
    return f"It should be {right / answer:.3g} times as much." if math.isfinite(answer) and answer else ""
