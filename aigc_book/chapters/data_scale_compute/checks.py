"""Checks of the chapter on data, scale and compute."""

import math
from collections.abc import Callable, Iterable

from aigc_book.chapters.verdict import Verdict, unanswered


def check_training_days(training_days: Callable[..., float]) -> Verdict:
    """Days of 6 N D operations on so many devices, of which a share of the peak is used."""
    run = {"n_parameters": 70e9, "n_tokens": 2e12, "n_devices": 2000, "peak_flops": 312e12, "utilisation": 0.4}
    answer = training_days(**run)
    if answer is None:
        return unanswered("training_days")
    right = _days(**run)
    mistakes = [
        (right / 3, "You counted the forward pass alone: the backward pass takes twice as much again."),
        (right / 6, "A parameter and a token cost more than one operation: forward 2, backward 4."),
        (right * 2, "You counted 12 operations; a multiplication and an addition are 2, and training is 3 times that."),
        (right * 0.4, "You took the peak for what is reached: only the share `utilisation` of it is."),
        (right * 0.4**2, "You multiplied with the utilisation; less of the peak takes longer, so divide by it."),
        (right * 2000, "These are days of one device; there are 2,000."),
        (right * 24, "These are hours; a day has 24."),
        (right * 86_400, "These are seconds; a day has 86,400."),
        (right * 1440, "These are minutes; a day has 1,440."),
    ]
    said = f"70 B parameters, 2 T tokens, 2,000 devices of 312 TFLOP/s, 40 % used: you say {answer:,.4g} days."
    return _judge(
        answer, right, mistakes, said, "Right: 6 N D operations, divided by what the devices really do in a day."
    )


def check_cache_per_token(cache_per_token: Callable[..., float]) -> Verdict:
    """Bytes that one token adds to the key–value cache of a model with grouped queries."""
    model = {"n_layers": 80, "n_heads": 64, "n_kv_heads": 8, "d_model": 8192, "bytes_per_number": 2}
    answer = cache_per_token(**model)
    if answer is None:
        return unanswered("cache_per_token")
    right = 2 * 80 * 8 * (8192 // 64) * 2
    mistakes = [
        (right / 2, "Half of it is missing: a key and a value are kept (or: a number has `bytes_per_number` bytes)."),
        (right / 4, "A factor of 4 is missing: keys and values are two, and so are the bytes of a number."),
        (right * 8, "You let all 64 heads have keys of their own; here 8 of them share one key–value head."),
        (right / 80, "This is one layer; every layer keeps keys and values of its own."),
        (right / 8, "This is one key–value head; there are 8."),
        (right * 64, "You took d_model for the width of a head; a head has d_model / n_heads components."),
        (right * 8 / 64, "A key–value head has d_model / n_heads components; what did you divide by?"),
    ]
    said = f"80 layers, 8 key–value heads of width 128, 2 bytes: you say {answer:,.6g} bytes a token."
    return _judge(answer, right, mistakes, said, "Right: 2 · layers · key–value heads · width of a head, in bytes.")


def check_balanced(balanced: Callable[[float], Iterable[float]]) -> Verdict:
    """The (parameters, tokens) that spend 6 N D operations at 20 tokens a parameter."""
    flops = 1.2e23
    answer = balanced(flops)
    if answer is None:
        return unanswered("balanced")
    try:
        n, d = (float(x) for x in answer)
    except (TypeError, ValueError):
        return Verdict(False, f"Return two numbers, parameters and tokens; got {answer!r}.")
    if not (0 < n < math.inf and 0 < d < math.inf):
        return Verdict(False, f"Both numbers must be positive; got {n:.3g} parameters and {d:.3g} tokens.")
    right = math.sqrt(flops / 120)
    said = f"For {flops:.3g} operations you say {n:.3g} parameters and {d:.3g} tokens."
    if math.isclose(n, 20 * right, rel_tol=0.01) and math.isclose(d, right, rel_tol=0.01):
        return Verdict(False, f"{said} The two are exchanged: parameters first.")
    if not math.isclose(6 * n * d, flops, rel_tol=0.01):
        mistakes = {
            flops / 20: "The 6 operations for each parameter and token are missing.",
            flops / 6: "The 20 tokens for each parameter are missing.",
        }
        for squared, why in mistakes.items():
            if math.isclose(n, math.sqrt(squared), rel_tol=0.01):
                return Verdict(False, f"{said} {why}")
        return Verdict(False, f"{said} Together they take 6 N D = {6 * n * d:.3g}, which is not the budget.")
    if not math.isclose(d, 20 * n, rel_tol=0.01):
        return Verdict(False, f"{said} That is the budget, with {d / n:.3g} tokens for each parameter, not 20.")
    return Verdict(True, "Right: 6 N · 20 N = C, so both grow with the root of the budget.")


def _days(n_parameters: float, n_tokens: float, n_devices: float, peak_flops: float, utilisation: float) -> float:
    return 6 * n_parameters * n_tokens / (n_devices * peak_flops * utilisation) / 86_400


def _judge(answer: float, right: float, mistakes: list[tuple[float, str]], said: str, praise: str) -> Verdict:
    if math.isclose(answer, right, rel_tol=0.01):
        return Verdict(True, praise)
    for mistake, why in mistakes:
        if math.isclose(answer, mistake, rel_tol=0.01):
            return Verdict(False, f"{said} {why}")
    return Verdict(False, f"{said} It should be {right / answer:.3g} times as much." if answer else said)
