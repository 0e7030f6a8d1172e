"""Every check of the chapter on attention's variants accepts the solution and names the typical mistakes."""

import math

import pytest
import torch
from torch.nn import functional as F

from aigc_book.chapters.attention_variants import checks
from aigc_book.layers.attention import scaled_dot_product_attention


def says(verdict, match):
    assert not verdict
    with pytest.raises(AssertionError, match=match):
        raise AssertionError(verdict.message)


# --- how many tokens fit


def test_tokens_that_fit_accepts_the_solution():
    assert checks.check_tokens_that_fit(lambda memory, L, H, G, C, b: memory // (2 * L * G * (C // H) * b))


def test_tokens_that_fit_unanswered():
    assert "Not answered yet: tokens_that_fit" in checks.check_tokens_that_fit(lambda *args: None).message


@pytest.mark.parametrize(
    ("tokens", "match"),
    [
        (lambda memory, L, H, G, C, b: memory // (L * G * (C // H) * b), "Keys and values are both kept"),
        (lambda memory, L, H, G, C, b: memory // (2 * G * (C // H) * b), "the number of layers is missing"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * C * b), "That is MHA"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * G * C * b), "not as wide as the model"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * H * (C // G) * b), "H and G are exchanged"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * G * (C // H)), "How many bytes has each"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * (C // G) * b), "G heads are kept, each"),
        (lambda memory, L, H, G, C, b: math.ceil(memory / (2 * L * G * (C // H) * b)), "round down"),
        (lambda memory, L, H, G, C, b: 1190, "In 22,000,000,000 bytes, with L = 80"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * G * (C // H) * 4), "In 22,000,000,000 bytes"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * 3 * (C // H) * b), "In 22,000,000,000 bytes"),
        (lambda memory, L, H, G, C, b: memory / (2 * L * G * (C // H) * b), "round down"),
        (lambda memory, L, H, G, C, b: memory // (2 * L * (C // H) * b), "the cache has G of them"),
        (lambda memory, L, H, G, C, b: 2 * L * G * (C // H) * b, "How many times do they fit"),
        (lambda memory, L, H, G, C, b: 7, "You say 7 tokens; 1,190 fit. How many bytes"),
        (lambda memory, L, H, G, C, b: max(1, memory // (2 * L * G * (C // H) * b)), "room for none"),
        (lambda memory, L, H, G, C, b: float(memory // (2 * L * G * (C // H) * b)), r"return an int.*got 1190\.0"),
    ],
)
def test_tokens_that_fit_names_the_mistake(tokens, match):
    says(checks.check_tokens_that_fit(tokens), match)


# --- two halves of a text


def merge(first, second, *, common=True, sums=True, divide=True, sign=1):
    """The solution, and each of its parts left out on demand."""
    largest = max(first[0], second[0]) if common else 0.0
    shares = [(total if sums else 1) * math.exp(sign * (m - largest)) for m, total, _ in (first, second)]
    return (shares[0] * first[2] + shares[1] * second[2]) / (sum(shares) if divide else 1)


@pytest.mark.parametrize("answer", [merge, lambda a, b: merge(b, a), lambda a, b: merge(a, b).tolist()])
def test_merge_accepts_the_solution(answer):
    assert checks.check_merge(answer)


def test_merge_unanswered():
    assert "Not answered yet: merge" in checks.check_merge(lambda a, b: None).message


def forgets_own_sums(a, b):
    """Adds the outputs as if they had not been divided yet."""
    m = max(a[0], b[0])
    x, y = math.exp(a[0] - m), math.exp(b[0] - m)
    return (x * a[2] + y * b[2]) / (x * a[1] + y * b[1])


def by_the_first(a, b):
    weight = b[1] * math.exp(b[0] - a[0])
    return (a[1] * a[2] + weight * b[2]) / (a[1] + weight)


def by_the_second(a, b):
    return by_the_first(b, a)


def in_float64(a, b):
    x, y = (torch.tensor(total).double() * torch.tensor(m).double().exp() for m, total, _ in (a, b))
    return (x * a[2] + y * b[2]) / (x + y)


def second_on_top(a, b):
    """Assumes that the second half has the larger score."""
    if a[0] > b[0]:
        return b[2]
    return merge(a, b)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (lambda a, b: (a[2] + b[2]) / 2, "plain mean"),
        (lambda a, b: (a[1] * a[2] + b[1] * b[2]) / (a[1] + b[1]), "relative to different largest scores"),
        (lambda a, b: merge(a, b, sums=False), "by the largest scores alone"),
        (lambda a, b: merge(a, b, sign=-1), "wrong sign"),
        (lambda a, b: (2 * a[2] + 3 * b[2]) / 5, "by the number of keys"),
        (lambda a, b: merge(a, b, divide=False), "don't add up to 1"),
        (lambda a, b: a[2] + b[2], "don't add up to 1"),
        (lambda a, b: max(a, b, key=lambda part: part[0])[2], "The other has a share, too"),
        (forgets_own_sums, "multiply each with its own sum"),
        (lambda a, b: merge(a, b, common=False), r"near 1000 it fails: e\^1000 overflows"),
        (by_the_first, "near 0 in the first half and 1000 in the second it fails: e\\^1000 overflows.*whichever half"),
        (by_the_second, "near 1000 in the first half and 0 in the second it fails"),
        (in_float64, "near 1000 it fails"),
        (lambda a, b: merge((a[0], b[1], a[2]), (b[0], a[1], b[2])), "how much it weighs is"),
        (lambda a, b: a[2] if a[0] > b[0] else b[2], "The other has a share, too"),
        (lambda a, b: b[2] if a[0] > b[0] else a[2], "Both have a share"),
        (lambda a, b: torch.tensor([1.8182, 2.7273]), "place|Right for a small case|For a small case"),
        (second_on_top, "when the two halves change places"),
        (lambda a, b: merge(a, b) + 1, r"For a small case the result should be \("),
        (lambda a, b: merge(a, b)[0], r"must have the shape \(2,\); got \(\)"),
    ],
)
def test_merge_names_the_mistake(answer, match):
    says(checks.check_merge(answer), match)


# --- each key read once


def one_reading(q, k, v, **how):
    B, H, _, D = q.shape
    return scaled_dot_product_attention(q.reshape(B, k.size(1), -1, D), k, v, **how).reshape(B, H, 1, -1)


def interleaved(q, k, v):
    B, H, _, D = q.shape
    G = k.size(1)
    rows = q.reshape(B, H // G, G, D).transpose(1, 2)
    return scaled_dot_product_attention(rows, k, v).transpose(1, 2).reshape(B, H, 1, D)


def wrong_way_back(q, k, v):
    B, H, _, D = q.shape
    return scaled_dot_product_attention(q.reshape(B, k.size(1), -1, D), k, v).transpose(1, 2).reshape(B, H, 1, D)


def wrong_way_there(q, k, v):
    B, H, _, D = q.shape
    G = k.size(1)
    return scaled_dot_product_attention(q.reshape(B, H // G, G, D).transpose(1, 2), k, v).reshape(B, H, 1, D)


def head_by_head(q, k, v):
    share = q.size(1) // k.size(1)
    heads = range(q.size(1))
    return torch.cat([one_reading(q[:, [h]], k[:, h // share, None], v[:, h // share, None]) for h in heads], dim=1)


def head_by_head_by_hand(q, k, v):
    share, out = q.size(1) // k.size(1), torch.empty_like(q)
    for h in range(q.size(1)):
        scores = q[:, h] @ k[:, h // share].transpose(-2, -1) / math.sqrt(q.size(-1))
        out[:, h] = scores.softmax(-1) @ v[:, h // share]
    return out


def broadcast(q, k, v):
    B, H, _, D = q.shape
    rows = q.view(B, k.size(1), -1, 1, D)
    scores = rows @ k[:, :, None].transpose(-2, -1) / math.sqrt(D)
    return (scores.softmax(-1) @ v[:, :, None]).view(B, H, 1, D)


def by_hand(q, k, v):
    B, H, _, D = q.shape
    scores = torch.einsum("bgrd,bgsd->bgrs", q.reshape(B, k.size(1), -1, D), k) / math.sqrt(D)
    return torch.einsum("bgrs,bgsd->bgrd", scores.softmax(-1), v).reshape(B, H, 1, D)


def by_hand_in_float64(q, k, v):
    return by_hand(q.double(), k.double(), v.double())


@pytest.mark.parametrize("answer", [by_hand, by_hand_in_float64])
def test_one_reading_may_be_written_by_hand(answer):
    assert checks.check_one_reading(answer)


def copies(q, k, v):
    share = q.size(1) // k.size(1)
    return scaled_dot_product_attention(q, k.repeat_interleave(share, dim=1), v.repeat_interleave(share, dim=1))


def test_one_reading_accepts_the_solution():
    assert checks.check_one_reading(one_reading)
    assert checks.check_one_reading(
        lambda q, k, v: (
            torch.cat(
                [one_reading(*part) for part in zip(*(x.chunk(k.size(1), 1) for x in (q, k, v)), strict=True)],
                dim=1,
            )
            if k.size(1) > 1
            else one_reading(q, k, v)
        )
    )


def test_one_reading_unanswered():
    assert "Not answered yet: one_reading" in checks.check_one_reading(lambda q, k, v: None).message


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (interleaved, r"h mod G\. Neighbours share"),
        (wrong_way_back, "go back the way you came"),
        (wrong_way_there, "h mod G, and the heads come back in another order"),
        (lambda q, k, v: scaled_dot_product_attention(q, k[:, :1], v[:, :1]), "that is MQA"),
        (lambda q, k, v: one_reading(q, k, v, softmax_scale=1.0), "Divide the scores by √D"),
        (lambda q, k, v: one_reading(q, k, v, is_causal=True), "without a causal mask"),
        (copies, "keys are copied"),
        (scaled_dot_product_attention, "the call shares the keys for you"),
        (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), "the call shares the keys for you"),
        (head_by_head, "each key is read 16 times"),
        (head_by_head_by_hand, "each key is read 16 times"),
        (broadcast, "keys are copied|each key is read 16 times"),
        (lambda q, k, v: one_reading(q, v, k), "Keys and values are exchanged"),
        (lambda q, k, v: scaled_dot_product_attention(q.squeeze(2), k, v), "one_reading.* raised .*The shapes: q"),
        (lambda q, k, v: one_reading(q, k, v)[:, :2], r"must have the shape .* got \(2, 2, 1, 3\)"),
        (lambda q, k, v: one_reading(q, k, v) * torch.arange(6).view(6, 1, 1), r"Heads \[0, 2, 3, 4, 5\] of 6"),
    ],
)
def test_one_reading_names_the_mistake(answer, match):
    says(checks.check_one_reading(answer), match)
