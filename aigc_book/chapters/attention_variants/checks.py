"""Checks for the exercises of the chapter on attention's variants. Each takes the reader's function."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.layers.attention import scaled_dot_product_attention


def check_tokens_that_fit(tokens_that_fit: Callable[[int, int, int, int, int, int], int]) -> Verdict:
    """The tokens whose keys and values fit: memory // (2 L G D b) with D = C / H."""
    memory, L, H, G, C, b = 1_000_003, 5, 12, 3, 84, 4  # a head is 7 wide
    answer = tokens_that_fit(memory, L, H, G, C, b)
    if answer is None:
        return unanswered("tokens_that_fit")
    per_token = 2 * L * G * (C // H) * b
    right = memory // per_token
    mistakes = {
        memory // (per_token // 2): "Keys and values are both kept: the 2 is missing.",
        memory // (per_token // L): "Every layer has keys and values of its own: the number of layers is missing.",
        memory // (2 * L * C * b): "That is MHA. Here H/G query heads share a key head, and the cache has G of them.",
        memory // (2 * L * G * C * b): "A head is as wide as d_model / n_heads, not as wide as the model.",
        memory // (2 * L * H * (C // G) * b): "H and G are exchanged: the width of a head is d_model / n_heads.",
        memory // (2 * L * C // G * b): "G heads are kept, each of width d_model / n_heads.",
        memory // (per_token // b): "You counted numbers. How many bytes has each?",
        right + 1: "A part of a token doesn't fit: round down.",
    }
    if answer in mistakes and answer != right:
        return Verdict(False, f"You say {answer:,} tokens; {right:,} fit. {mistakes[answer]}")
    if answer != right:
        return Verdict(
            False,
            f"You say {answer} tokens; {right:,} fit. How many bytes does one token take, in all layers together?",
        )
    if not isinstance(answer, int):
        return Verdict(False, f"The number is right. Tokens are whole: return an int (you may use //); got {answer!r}.")
    if tokens_that_fit(per_token - 1, L, H, G, C, b) != 0:
        return Verdict(False, "One byte less than a token needs is room for none; you say otherwise.")
    return Verdict(True, "Right: memory over 2 · L · G · D · b, rounded down.")


def check_merge(merge: Callable[[tuple, tuple], Tensor]) -> Verdict:
    """Outputs of two halves of the keys, weighted by their sums of exponentials on a common scale."""
    first = [math.log(x) for x in (1.0, 3.0)]  # relative to ln 3: 1/3 + 1
    second = [math.log(x) for x in (12.0, 6.0, 3.0)]  # relative to ln 12: 1 + 1/2 + 1/4
    values = torch.tensor([[4.0, 1.0], [8.0, 0.0], [1.0, 5.0], [2.0, 2.0], [0.0, 7.0]])

    def part(scores: list[float], values: Tensor, level: float) -> tuple[float, float, Tensor]:
        s = torch.tensor(scores, dtype=torch.float64)
        weights = (s - s.max()).exp()
        return s.max().item() + level, weights.sum().item(), (weights @ values.double() / weights.sum()).float()

    def run(level: float, reverse: bool = False) -> Tensor | None:
        parts = [part(first, values[:2], level), part(second, values[2:], level)]
        answer = merge(*reversed(parts)) if reverse else merge(*parts)
        return None if answer is None else torch.as_tensor(answer, dtype=torch.float32)

    answer = run(0.0)
    if answer is None:
        return unanswered("merge")
    if answer.shape != (2,):
        return Verdict(False, f"For values of width 2 the result must have the shape (2,); got {tuple(answer.shape)}.")
    (m1, l1, o1), (m2, l2, o2) = part(first, values[:2], 0.0), part(second, values[2:], 0.0)

    def mean(a: float, b: float) -> Tensor:
        return (a * o1 + b * o2) / (a + b)

    e1, e2 = math.exp(m1), math.exp(m2)
    right = mean(l1 * e1, l2 * e2)
    mistakes = [
        (mean(1, 1), "That is the plain mean of the two outputs. A half with higher scores weighs more."),
        (mean(l1, l2), "The two sums are relative to different largest scores: bring both to the same one first."),
        (mean(e1, e2), "You weighed by the largest scores alone. How much a half weighs is its sum of exponentials."),
        (mean(l1 * e2, l2 * e1), "The factor has the wrong sign: the half with the smaller largest score must shrink."),
        (mean(2, 3), "You weighed by the number of keys. A key's weight follows from its score."),
        (l1 * e1 / e2 * o1 + l2 * o2, "Divide by the sum of both: the weights don't add up to 1."),
        (o1 + o2, "The weights don't add up to 1."),
        (o2, "You took the half with the largest score. The other has a share, too."),
        (
            (o1 * e1 / e2 + o2) / (l1 * e1 / e2 + l2),
            "The outputs are divided by their sums already: multiply each with its own sum before you add them.",
        ),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer, mistake, atol=1e-4):
            return Verdict(False, why)
    if not torch.allclose(answer, right, atol=1e-4):
        return Verdict(False, f"For a small case the result should be {_row(right)}; got {_row(answer)}.")
    if not torch.allclose(run(0.0, reverse=True), right, atol=1e-4):
        return Verdict(False, "Right in this order, and wrong when the two halves change places.")
    for level in (1000.0, -1000.0):
        try:
            answer = run(level)
        except (OverflowError, ZeroDivisionError):
            answer = torch.tensor([math.nan])
        if answer.shape != right.shape or not torch.allclose(answer, right, atol=1e-3):
            why = "e^1000 overflows" if level > 0 else "e^-1000 is 0, and the sum with it"
            return Verdict(
                False, f"With scores near {level:.0f} it fails: {why}. Subtract the larger of the two first."
            )
    return Verdict(True, "Right: two sums of exponentials on one scale. With this, keys may lie on many machines.")


def check_one_reading(one_reading: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Verdict:
    """Grouped attention of one token, the queries of a group as rows of one product."""
    generator = torch.Generator().manual_seed(0)
    B, H, G, S, D = 2, 6, 2, 5, 3
    q = torch.randn(B, H, 1, D, generator=generator)
    k, v = torch.randn(2, B, G, S, D, generator=generator)
    try:
        answer = one_reading(q.clone(), k.clone(), v.clone())
    except (RuntimeError, ValueError) as error:
        return Verdict(False, f"It fails with “{error}”. The shapes: q {(B, H, 1, D)}, k and v {(B, G, S, D)}.")
    if answer is None:
        return unanswered("one_reading")
    if not isinstance(answer, Tensor) or answer.shape != (B, H, 1, D):
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return Verdict(False, f"The result must have the shape (B, H, 1, D) = {(B, H, 1, D)}; got {shape}.")

    def grouped(key_of: list[int]) -> Tensor:
        return scaled_dot_product_attention(q, k[:, key_of], v[:, key_of])

    right = grouped([0, 0, 0, 1, 1, 1])
    interleaved = grouped([0, 1, 0, 1, 0, 1])
    rows = scaled_dot_product_attention(q.reshape(B, G, H // G, D), k, v)
    swapped = scaled_dot_product_attention(q.reshape(B, H // G, G, D).transpose(1, 2), k, v)
    mistakes = [
        (interleaved, "Query head h reads key head h mod G. Neighbours share: it must be h // (H/G)."),
        (
            rows.transpose(1, 2).reshape(B, H, 1, D),
            "The heads are right, and come back in another order: go back the way you came.",
        ),
        (swapped.reshape(B, H, 1, D), "Query head h reads key head h mod G, and the heads come back in another order."),
        (grouped([0] * H), "All query heads read the first key head: that is MQA, and drops the other heads."),
        (scaled_dot_product_attention(q, k.mean(1, keepdim=True), v.mean(1, keepdim=True)), "The key heads are mixed."),
        (scaled_dot_product_attention(q, k, v, softmax_scale=1.0), "Divide the scores by √D."),
        (
            scaled_dot_product_attention(q.reshape(B, G, H // G, D), k, v, is_causal=True).reshape(B, H, 1, D),
            "The rows are heads and no positions: without a causal mask, the new token sees every key.",
        ),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer, mistake, atol=1e-5):
            return Verdict(False, why)
    if not torch.allclose(answer, right, atol=1e-5):
        wrong = [h for h in range(H) if not torch.allclose(answer[:, h], right[:, h], atol=1e-5)]
        return Verdict(False, f"Heads {wrong} of {H} are wrong. Query head h reads key head h // {H // G}.")
    if _copies(one_reading):
        return Verdict(False, "The numbers are right, but keys are copied: so much memory is read again and again.")
    return Verdict(True, "Right: the queries of a group are the rows of one product, and each key is read once.")


def _copies(one_reading: Callable[[Tensor, Tensor, Tensor], Tensor]) -> bool:
    """Whether some step on the way makes a tensor as large as all keys repeated, or hands such a one on."""
    from torch.utils._python_dispatch import TorchDispatchMode

    B, H, G, S, D = 1, 8, 1, 64, 16
    q, k, v = torch.randn(B, H, 1, D), torch.randn(B, G, S, D), torch.randn(B, G, S, D)

    class Watch(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            made = operation(*args, **(kwargs or {}))
            parts = made if isinstance(made, tuple | list) else (made,)
            self.largest = max([self.largest, *(x.numel() for x in parts if isinstance(x, Tensor))])
            return made

    with Watch() as watch, torch.no_grad():
        one_reading(q, k, v)
    return watch.largest >= B * H * S * D


def _row(vector: Tensor) -> str:
    return "(" + ", ".join(f"{x:.3f}" for x in vector.tolist()) + ")"
