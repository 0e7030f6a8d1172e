"""Checks for the exercises of the chapter on attention's variants. Each takes the reader's function."""

import math
import sys
from numbers import Integral

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import close, expect, in_a_row
from aigc_book.chapters.verdict import check
from aigc_book.layers.attention import scaled_dot_product_attention


@check
def check_tokens_that_fit(tokens_that_fit: Attempt) -> str:
    """The tokens whose keys and values fit: memory // (2 L G D b) with D = C / H."""
    for number, (memory, L, H, G, C, b) in enumerate(
        (
            (1_000_003, 5, 12, 3, 84, 4),  # a head is 7 wide
            (22 * 10**9, 80, 64, 8, 8192, 2),
            (123_457, 3, 8, 8, 40, 1),
            (2 * 7 * 2 * 11 * 8 * 5, 7, 6, 2, 66, 8),  # five tokens to the byte
        )
    ):
        raw = tokens_that_fit(memory, L, H, G, C, b)
        answer = tokens_that_fit.as_number(raw)
        per_token = 2 * L * G * (C // H) * b
        right = memory // per_token
        mistakes = [
            (memory // (per_token // 2), "Keys and values are both kept: the 2 is missing."),
            (memory // (per_token // L), "Every layer keeps its own: the number of layers is missing."),
            (memory // (2 * L * C * b), "That is MHA. Here query heads share a key head, and the cache has G of them."),
            (memory // (2 * L * G * C * b), "A head is as wide as d_model / n_heads, not as wide as the model."),
            (memory // (2 * L * H * (C // G) * b), "H and G are exchanged: the width of a head is d_model / n_heads."),
            (memory // (2 * L * (C // G) * b), "G heads are kept, each of width d_model / n_heads."),
            (memory // (2 * L * (C // H) * b), "That is one key head; the cache has G of them."),
            (memory // (per_token // b), "You counted numbers. How many bytes has each?"),
            (memory // (2 * L * G * H * b), "You took the number of heads for the width of one."),
            (per_token, "Those are the bytes of one token. How many times do they fit?"),
            (right + 1, "A part of a token doesn't fit: round down."),
            (memory / per_token, "A part of a token doesn't fit: round down."),
        ]  # fmt: skip
        model = f"In {memory:,} bytes, with L = {L}, H = {H}, G = {G}, d_model = {C} and {b} bytes a number, "
        said = f"{model if number else ''}you say {answer:,.10g} tokens; {right:,} fit."
        said = said[0].upper() + said[1:]
        otherwise = "How many bytes does one token take, in all layers together?"
        expect(answer, right, mistakes, said, otherwise, rtol=1e-9)
        if not _is_whole(raw):
            raise Wrong(f"The number is right. Tokens are whole: return an int (you may use //); got {raw!r}.")
    _, L, H, G, C, b = 0, 5, 12, 3, 84, 4
    if tokens_that_fit.number(2 * L * G * (C // H) * b - 1, L, H, G, C, b) != 0:
        raise Wrong("One byte less than a token needs is room for none; you say otherwise.")
    return "Right: memory over 2 · L · G · D · b, rounded down."


def _is_whole(answer: object) -> bool:
    if isinstance(answer, Tensor):
        return not answer.is_floating_point()
    return isinstance(answer, Integral) or (isinstance(answer, np.ndarray) and answer.dtype.kind in "iu")


@check
def check_merge(merge: Attempt) -> str:
    """Outputs of two halves of the keys, weighted by their sums of exponentials on a common scale."""
    first = [math.log(x) for x in (1.0, 3.0)]  # relative to ln 3: 1/3 + 1
    second = [math.log(x) for x in (12.0, 6.0, 3.0)]  # relative to ln 12: 1 + 1/2 + 1/4
    values = torch.tensor([[4.0, 1.0], [8.0, 0.0], [1.0, 5.0], [2.0, 2.0], [0.0, 7.0]])
    halves = _part(first, values[:2]), _part(second, values[2:])
    right = _merged(*halves)
    answer = merge.as_tensor(merge(*halves), None)
    if answer.shape != (2,):
        raise Wrong(f"For values of width 2 the result must have the shape (2,); got {tuple(answer.shape)}.")
    otherwise = f"For a small case the result should be {in_a_row(right)}; got {in_a_row(answer)}."
    expect(answer, right, _mistaken_merges(*halves, 2, 3), "", otherwise, atol=1e-4)
    if not close(merge.tensor(*halves[::-1], shape=(2,)), right, atol=1e-4):
        raise Wrong("Right in this order, and wrong when the two halves change places.")
    rng = torch.Generator().manual_seed(0)
    for n, m, width in ((1, 4, 3), (6, 2, 1), (5, 5, 4)):
        s, v = 3 * torch.randn(n + m, generator=rng), torch.randn(n + m, width, generator=rng)
        halves = _part(s[:n].tolist(), v[:n]), _part(s[n:].tolist(), v[n:])
        answer, right = merge.tensor(*halves, shape=(width,)), _merged(*halves)
        said = f"Right for a small case, and wrong for {n} and {m} keys."
        expect(answer, right, _mistaken_merges(*halves, n, m), said, f"It should be {in_a_row(right)}.", atol=1e-4)
    for levels in ((1000.0, 1000.0), (-1000.0, -1000.0), (0.0, 1000.0), (1000.0, 0.0), (-1000.0, 5.0), (3.0, -1000.0)):
        halves = _part(first, values[:2], levels[0]), _part(second, values[2:], levels[1])
        _judge_far(merge, halves, levels)
    return "Right: two sums of exponentials on one scale. With this, keys may lie on many machines."


def _judge_far(merge: Attempt, halves: tuple, levels: tuple[float, float]) -> None:
    try:
        answer = merge.tensor(*halves, shape=(2,))
    except Raised as raised:
        if not isinstance(raised.error, ArithmeticError):
            raise
        answer = torch.tensor([math.nan] * 2)
    if close(answer, _merged(*halves), atol=1e-3):
        return
    why = "e^1000 overflows" if max(levels) == 1000 else "e^-1000 is 0, and the sum with it"
    if levels[0] == levels[1]:
        raise Wrong(f"With scores near {levels[0]:.0f} it fails: {why}. Subtract the larger of the two first.")
    raise Wrong(
        f"With scores near {levels[0]:.0f} in the first half and {levels[1]:.0f} in the second it fails: {why}."
        " Subtract the larger of the two, whichever half it is in."
    )


def _part(scores: list[float], values: Tensor, level: float = 0.0) -> tuple[float, float, Tensor]:
    s = torch.tensor(scores, dtype=torch.float64)
    weights = (s - s.max()).exp()
    return s.max().item() + level, weights.sum().item(), (weights @ values.double() / weights.sum()).float()


def _merged(first: tuple, second: tuple) -> Tensor:
    largest = max(first[0], second[0])
    a, b = (total * math.exp(m - largest) for m, total, _ in (first, second))
    return (a * first[2].double() + b * second[2].double()) / (a + b)


def _mistaken_merges(first: tuple, second: tuple, n: int, m: int) -> list[tuple[Tensor, str]]:
    (m1, l1, o1), (m2, l2, o2) = first, second
    e1, e2 = math.exp(m1), math.exp(m2)

    def mean(a: float, b: float) -> Tensor:
        return (a * o1 + b * o2) / (a + b)

    return [
        (mean(1, 1), "That is the plain mean of the two outputs. A half with higher scores weighs more."),
        (mean(l1, l2), "The two sums are relative to different largest scores: bring both to the same one first."),
        (mean(e1, e2), "You weighed by the largest scores alone. How much a half weighs is its sum of exponentials."),
        (mean(l1 * e2, l2 * e1), "The factor has the wrong sign: the half with the smaller largest score must shrink."),
        (mean(n, m), "You weighed by the number of keys. A key's weight follows from its score."),
        ((l1 * e1 * o1 + l2 * e2 * o2) / max(e1, e2), "Divide by the sum of both: the weights don't add up to 1."),
        (l1 * e1 * o1 + l2 * e2 * o2, "Divide by the sum of both: the weights don't add up to 1."),
        (o1 + o2, "The weights don't add up to 1."),
        (o2 if m2 > m1 else o1, "You took the half with the largest score. The other has a share, too."),
        (o1 if m2 > m1 else o2, "You took the half with the smaller score. Both have a share."),
        (
            (o1 * e1 + o2 * e2) / (l1 * e1 + l2 * e2),
            "The outputs are divided by their sums already: multiply each with its own sum before you add them.",
        ),
        (mean(l2 * e2, l1 * e1), "The two weights are exchanged: each half has its own."),
        (mean(e1 / l1, e2 / l2), "Each half was divided by its sum once more; how much it weighs is l · e^m."),
    ]  # fmt: skip


@check
def check_one_reading(one_reading: Attempt) -> str:
    """Grouped attention of one token, the queries of a group as rows of one product."""
    rng = torch.Generator().manual_seed(0)
    for number, (B, H, G, S, D) in enumerate(((2, 6, 2, 5, 3), (1, 4, 4, 6, 2), (3, 8, 1, 4, 5), (1, 12, 3, 7, 4))):
        q = torch.randn(B, H, 1, D, generator=rng)
        k, v = torch.randn(2, B, G, S, D, generator=rng)
        try:
            answer = one_reading.as_tensor(one_reading(q, k, v), None)
        except Raised as raised:
            raise Wrong(f"{raised} The shapes: q {(B, H, 1, D)}, k and v {(B, G, S, D)}.") from None
        if answer.shape != (B, H, 1, D):
            shape = tuple(answer.shape)
            raise Wrong(f"The result must have the shape (B, H, 1, D) = {(B, H, 1, D)}; got {shape}.")
        right = _grouped(q, k, v, [h * G // H for h in range(H)])
        wrong = [h for h in range(H) if not close(answer[:, h], right[:, h], atol=1e-5)]
        said = f"Right for 6 query heads and 2 key heads, and wrong for {H} and {G}." if number else ""
        otherwise = f"Heads {wrong} of {H} are wrong. Query head h reads key head h // {H // G}."
        expect(answer, right, _mistaken_readings(q, k, v), said, otherwise, atol=1e-5)
    _judge_reading(one_reading)
    return "Right: the queries of a group are the rows of one product, and each key is read once."


def _grouped(q: Tensor, k: Tensor, v: Tensor, key_of: list[int] | None = None, *, scaled: bool = True) -> Tensor:
    """Attention in float64, head by head; ``key_of`` gives each query head's key head."""
    q, k, v = q.double(), k.double(), v.double()
    if key_of is not None:
        k, v = k[:, key_of], v[:, key_of]
    scores = q @ k.transpose(-2, -1)
    return (scores / math.sqrt(q.size(-1)) if scaled else scores).softmax(dim=-1) @ v


def _mistaken_readings(q: Tensor, k: Tensor, v: Tensor) -> list[tuple[Tensor, str]]:
    (B, H, _, D), G, S = q.shape, k.size(1), k.size(2)
    rows = q.reshape(B, G, H // G, D)
    swapped = q.reshape(B, H // G, G, D).transpose(1, 2)
    own = [h * G // H for h in range(H)]
    mistakes = [
        (_grouped(q, k, v, [h % G for h in range(H)]), "Query head h reads key head h mod G. Neighbours share: it must"
         " be h // (H/G)."),
        (_grouped(rows, k, v).transpose(1, 2).reshape(B, H, 1, D), "The heads are right, and come back in another"
         " order: go back the way you came."),
        (_grouped(swapped, k, v).reshape(B, H, 1, D), "Query head h reads key head h mod G, and the heads come back in"
         " another order."),
        (_grouped(q, k, v, [0] * H), "All query heads read the first key head: that is MQA, without the others."),
        (_grouped(q, k.mean(1, keepdim=True), v.mean(1, keepdim=True)), "The key heads are mixed."),
        (_grouped(q, k, v, own, scaled=False), "Divide the scores by √D."),
        (_grouped(q, v, k, own), "Keys and values are exchanged."),
    ]  # fmt: skip
    why = "The rows are heads and no positions: without a causal mask, the new token sees every key."
    for first in (1, S - H // G + 1):  # the two ways of laying a causal mask over more keys than queries
        causal = torch.full((H // G, S), -torch.inf).triu(first)
        masked = rows.double() @ k.double().transpose(-2, -1) / math.sqrt(D) + causal
        mistakes.append(((masked.softmax(dim=-1) @ v.double()).reshape(B, H, 1, D), why))
    return mistakes


class _Read(TorchDispatchMode):
    """How many numbers all steps read, and the largest tensor that one of them makes. Views read nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.largest = 0, 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        parts = [x for x in (made if isinstance(made, tuple | list) else (made,)) if isinstance(x, Tensor)]
        given = [x for arg in args for x in (arg if isinstance(arg, tuple | list) else (arg,)) if isinstance(x, Tensor)]
        storages = {x.untyped_storage().data_ptr() for x in given}
        if not parts or any(x.untyped_storage().data_ptr() not in storages for x in parts):
            self.read += sum(x.numel() for x in given)
        self.largest = max([self.largest, *(x.numel() for x in parts)])
        return made


class _Asked(TorchFunctionMode):
    """Whether PyTorch was asked to share the keys by itself."""

    shared = False

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.nn.functional.scaled_dot_product_attention:
            q, k = (*args, *(kwargs or {}).values())[:2]
            self.shared |= (
                q.dim() == k.dim() == 4 and q.size(1) != k.size(1) and (kwargs or {}).get("enable_gqa", False)
            )
        return function(*args, **(kwargs or {}))


def _judge_reading(one_reading: Attempt) -> None:
    """Whether a right answer copies keys, reads them again and again, or leaves the work to a call that shares them."""
    B, H, G, S, D = 1, 32, 2, 64, 64
    q, k, v = torch.randn(B, H, 1, D), torch.randn(B, G, S, D), torch.randn(B, G, S, D)
    called_with: list[tuple[int, int]] = []

    def note(frame, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is scaled_dot_product_attention.__code__:
            given = [frame.f_locals[name] for name in frame.f_code.co_varnames[:2]]
            called_with.append(tuple(x.size(-3) if x.dim() > 2 else 1 for x in given))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with _Asked() as asked, torch.no_grad():
            one_reading.safely(lambda: one_reading.function(q.clone(), k.clone(), v.clone()))
    finally:
        sys.setprofile(before)
    if asked.shared or any(queries != keys for queries, keys in called_with):
        raise Wrong(
            "The numbers are right, but the call shares the keys for you. Call scaled_dot_product_attention with as"
            " many query heads as key heads: the queries of a group can be the rows of one product."
        )
    handed = q.clone(), k.clone(), v.clone()
    with _Read() as watch, torch.no_grad():
        one_reading.safely(lambda: one_reading.function(*handed))
    if watch.largest >= B * H * S * D:
        raise Wrong("The numbers are right, but keys are copied: so much memory is read again and again.")
    if watch.read > 16 * k.numel():  # once each for keys and values, and what else one does with scores
        raise Wrong(
            f"The numbers are right, but each key is read {H // G} times, once for each query head. Let the queries of"
            " a group be the rows of one product."
        )
