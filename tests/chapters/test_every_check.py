"""What holds for every check: right answers of any type pass, any other gets a sentence, an endless loop is stopped."""

import functools
import importlib
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from torch.nn import functional as F

from aigc_book.chapters import verdict
from aigc_book.layers.attention import causal_mask, scaled_dot_product_attention

FOLDER = Path(verdict.__file__).parent
CHECKS = {
    f"{path.parent.name}.{name}": function
    for path in sorted(FOLDER.glob("*/checks.py"))
    for name, function in vars(importlib.import_module(f"aigc_book.chapters.{path.parent.name}.checks")).items()
    if name.startswith("check_")
}
every_check = pytest.mark.parametrize("name", CHECKS)


def training_days(n_parameters, n_tokens, n_devices, peak_flops, utilisation):
    return 6 * n_parameters * n_tokens / (n_devices * peak_flops * utilisation) / 86_400


def cache_per_token(n_layers, n_heads, n_kv_heads, d_model, bytes_per_number):
    return 2 * n_layers * n_kv_heads * (d_model // n_heads) * bytes_per_number


def nucleus(probabilities, p):
    values, order = probabilities.sort(descending=True)
    n = int((values.cumsum(0) - values < p).sum())
    return torch.zeros_like(probabilities).scatter(0, order[:n], values[:n] / values[:n].sum())


def layer_backward(x, W, b, g):
    delta = g * (x @ W.T + b > 0)
    return delta.T @ x, delta.sum(dim=0), delta @ W


def segment(text, dictionary):
    words, longest = [], max(map(len, dictionary))
    while text:
        n = next((n for n in range(longest, 1, -1) if text[:n] in dictionary), 1)
        words.append(text[:n])
        text = text[n:]
    return words


def noise(counts):
    weights = [count**0.75 for count in counts]
    return [weight / sum(weights) for weight in weights]


def cbow_gradient(vs, u, noise):
    mean = vs.mean(dim=0)
    return ((torch.sigmoid(u @ mean) - 1) * u + torch.sigmoid(noise @ mean) @ noise) / len(vs)


def odd_one_out(vectors, words):
    units = F.normalize(torch.stack([vectors[word] for word in words]), dim=1)
    return words[int(F.cosine_similarity(units, units.mean(dim=0), dim=1).argmin())]


def chunked_nll(model, ids, chunk):
    cache, total = model.new_cache(1), 0.0
    for start in range(0, len(ids) - 1, chunk):
        targets = ids[start + 1 : start + 1 + chunk]
        logits = model(ids[None, start : start + len(targets)], cache=cache)
        total += F.cross_entropy(logits[0], targets, reduction="sum").item()
    return total


def streaming_attention(q, pairs):
    largest, total, weighted = -math.inf, 0.0, 0.0
    for k, v in pairs:
        score = float(q @ k) / math.sqrt(len(q))
        new = max(largest, score)
        shrink, weight = math.exp(largest - new), math.exp(score - new)
        total, weighted, largest = total * shrink + weight, weighted * shrink + weight * v, new
    return weighted / total


def shift_matrix(n, d_model):
    M = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        angle = n * 10_000 ** (-i / d_model)
        M[i, i] = M[i + 1, i + 1] = math.cos(angle)
        M[i + 1, i], M[i, i + 1] = math.sin(angle), -math.sin(angle)
    return M


def induction_targets(ids):
    place = torch.arange(len(ids))
    latest = torch.where((ids[:, None] == ids) & (place < place[:, None]), place, -1).amax(dim=1)
    return torch.where(latest >= 0, latest + 1, -1)


def merge(first, second):
    largest = max(first[0], second[0])
    shares = [total * math.exp(m - largest) for m, total, _ in (first, second)]
    return (shares[0] * first[2] + shares[1] * second[2]) / sum(shares)


def one_reading(q, k, v):
    B, H, _, D = q.shape
    return scaled_dot_product_attention(q.reshape(B, k.size(1), -1, D), k, v).reshape(B, H, 1, -1)


def cut(ids, T):
    n = (len(ids) - 1) // T
    return ids[: n * T].view(n, T), ids[1 : n * T + 1].view(n, T)


def factor(step, steps, warmup, floor):
    if step < warmup:
        return (step + 1) / warmup
    p = min(1.0, (step - warmup) / (steps - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2


def clipped_matches(hypothesis, references, n):
    def grams(tokens):
        return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))

    return (grams(hypothesis) & functools.reduce(lambda a, b: a | b, map(grams, references))).total()


def brevity_penalty(hypothesis_lengths, reference_lengths):
    c, r = sum(hypothesis_lengths), sum(reference_lengths)
    return 0.0 if c == 0 else min(1.0, math.exp(1 - r / c))


def document_mask(document):
    return (document[:, None] == document) & causal_mask(len(document), len(document))


def continuation(pairs, word):
    return sum(second == word for _, second in set(pairs)) / len(set(pairs))


def corrupt(ids, chosen, fate, drawn, mask_id):
    inputs = torch.where(chosen & (fate < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), drawn, inputs)
    return inputs, torch.where(chosen, ids, -100)


SOLUTIONS = {
    "fine_tuning.check_answer_targets": lambda ids, of_answer: torch.where(of_answer[1:], ids[1:], -100),
    "fine_tuning.check_merge": lambda W, A, B, alpha: W + alpha / len(A) * B @ A,
    "what_is_aigc.check_posterior": lambda ll, lp: (ll + lp).softmax(dim=1),
    "what_is_aigc.check_continuation": continuation,
    "data_scale_compute.check_training_days": training_days,
    "data_scale_compute.check_cache_per_token": cache_per_token,
    "data_scale_compute.check_balanced": lambda flops: ((flops / 120) ** 0.5, 20 * (flops / 120) ** 0.5),
    "neural_networks.check_logit_gradient": lambda z, y: (z.softmax(dim=1) - F.one_hot(y, z.size(1))) / len(y),
    "neural_networks.check_layer_backward": layer_backward,
    "neural_networks.check_leaky_variance": lambda D, a: 2 / ((1 + a**2) * D),
    "text_to_tensors.check_text_of": lambda tokens: b"".join(tokens).decode(errors="replace"),
    "text_to_tensors.check_mean_over_tokens": lambda losses, mask: losses[mask].mean(),
    "text_to_tensors.check_segment": segment,
    "word_embeddings.check_noise": noise,
    "word_embeddings.check_cbow_gradient": cbow_gradient,
    "word_embeddings.check_odd_one_out": odd_one_out,
    "recurrent_networks.check_lstm_parameters": lambda d_in, d_model: 4 * d_model * (d_in + d_model + 2),
    "recurrent_networks.check_forget_bias": lambda n: math.log(0.5 ** (1 / n) / (1 - 0.5 ** (1 / n))),
    "recurrent_networks.check_chunked_nll": chunked_nll,
    "attention.check_divisor": lambda d_k: math.sqrt(d_k) / 3,
    "attention.check_document_mask": document_mask,
    "attention.check_streaming_attention": streaming_attention,
    "multi_head_and_position.check_shift_matrix": shift_matrix,
    "multi_head_and_position.check_induction_targets": induction_targets,
    "attention_variants.check_tokens_that_fit": lambda memory, L, H, G, C, b: memory // (2 * L * G * (C // H) * b),
    "attention_variants.check_merge": merge,
    "attention_variants.check_one_reading": one_reading,
    "transformer.check_block_parameters": lambda C, d_ff: 4 * (C * C + C) + 2 * C * d_ff + d_ff + C + 4 * C,
    "transformer.check_prefix_mask": lambda P, T: causal_mask(T, T) | (torch.arange(T) < P),
    "scaling_out.check_own_rows": lambda n, r, w: tuple(x * (n // w) + min(x, n % w) for x in (r, r + 1)),
    "scaling_out.check_held": lambda n, w, s: n * sum(b / w if s >= at else b for b, at in ((8, 1), (4, 2), (4, 3))),
    "self_supervision.check_scores": lambda m, n, b: (math.exp(m), m * n / (b * math.log(2))),
    "self_supervision.check_corrupt": corrupt,
    "self_supervision.check_pseudo": lambda p, i, j: float(
        (p[i, j] / p[:, j].sum()).log() + (p[i, j] / p[i].sum()).log()
    ),
    "alignment.check_dpo": lambda w, v, rw, rv, b: -F.logsigmoid(torch.tensor(b * ((w - rw) - (v - rv)))),
    "alignment.check_group": lambda r, G: (
        ((g := torch.as_tensor(r).view(-1, G)) - g.mean(1, keepdim=True)).div(g.std(1, keepdim=True) + 1e-4).flatten()
    ),
    "alignment.check_best_of": lambda n: math.log(n) - (n - 1) / n,
    "pretraining.check_windows": cut,
    "pretraining.check_cosine": factor,
    "pretraining.check_combine": lambda m, c: sum(a * b for a, b in zip(m, c, strict=True)) / sum(c),
    "decoding.check_nucleus": nucleus,
    "decoding.check_replacement": lambda p, q: (p - q).clamp_min(0) / (p - q).clamp_min(0).sum(),
    "text_metrics.check_clipped_matches": clipped_matches,
    "text_metrics.check_brevity_penalty": brevity_penalty,
    "text_metrics.check_bits_per_byte": lambda ppl, n, text: n * math.log2(ppl) / len(text.encode()),
}


def solution(name):
    assert name in SOLUTIONS, f"add the solution of {name} to SOLUTIONS"
    return SOLUTIONS[name]


def converted(answer, tensor, number):
    """An answer with all its tensors and all its numbers converted."""
    if isinstance(answer, torch.Tensor):
        return tensor(answer)
    if isinstance(answer, list | tuple):
        return type(answer)(converted(item, tensor, number) for item in answer)
    return number(answer) if isinstance(answer, int | float) else answer


def halves_as_float64(x):
    return x.double() if x.is_floating_point() else x


TYPES = {
    "as it is": (lambda x: x, lambda x: x),
    "lists": (lambda x: x.tolist(), lambda x: x),
    "arrays": (lambda x: x.numpy(), np.asarray),
    "NumPy numbers": (lambda x: x.numpy(), lambda x: np.int64(x) if isinstance(x, int) else np.float64(x)),
    "float64": (halves_as_float64, lambda x: torch.tensor(x, dtype=None if isinstance(x, int) else torch.float64)),
    "rows of tensors": (lambda x: list(x) if x.dim() else x.item(), lambda x: torch.tensor(x)),
    "with a gradient": (lambda x: x.clone().requires_grad_() if x.is_floating_point() else x, lambda x: x),
}  # fmt: skip


@every_check
def test_there_is_a_solution_that_is_right_in_every_type(name):
    answer = solution(name)
    for kind, (tensor, number) in TYPES.items():
        made = CHECKS[name](lambda *args, to=(tensor, number), **named: converted(answer(*args, **named), *to))
        assert made, f"{kind}: {made.message}"
        assert made.message.startswith("Right")


RARE_TYPES = {
    "long doubles": (lambda x: x.numpy().astype(np.longdouble) if x.is_floating_point() else x, np.longdouble),
    "another order of bytes": (lambda x: x.numpy().astype(x.numpy().dtype.newbyteorder(">")), lambda x: x),
    "sparse": (lambda x: x.to_sparse() if x.dim() else x, lambda x: x),
    "parameters": (lambda x: torch.nn.Parameter(x) if x.is_floating_point() else x, lambda x: x),
    "series": (lambda x: pandas.Series(x.numpy()) if x.dim() == 1 else x, lambda x: x),
}


@every_check
@pytest.mark.parametrize("kind", RARE_TYPES)
def test_a_solution_is_right_in_types_that_are_rare(name, kind):
    answer, to = solution(name), RARE_TYPES[kind]
    if (kind, name.split(".")[1]) in (("long doubles", "check_tokens_that_fit"), ("sparse", "check_one_reading")):
        return  # one asks for an int, the other looks into what torch does
    made = CHECKS[name](lambda *args, **named: converted(answer(*args, **named), *to))
    assert made, made.message


@every_check
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_right_or_said_to_be_the_reason(name, dtype):
    def tensor(x):
        return x.to(dtype) if x.is_floating_point() else x

    def number(x):
        return torch.tensor(x, dtype=dtype) if isinstance(x, float) else x

    answer = solution(name)
    made = CHECKS[name](lambda *args, **named: converted(answer(*args, **named), tensor, number))
    assert made or "which keeps three digits at most: answer in float32 or float64" in made.message, made.message


@every_check
def test_tensors_without_numbers_get_a_sentence(name):
    for empty in (torch.zeros(2, 3, device="meta"), torch.zeros((), device="meta"), [torch.zeros(2, device="meta")]):
        made = CHECKS[name](lambda *args, empty=empty, **named: empty)
        assert not made and "can't be judged" not in made.message and re.search(r"[.?]$", made.message)


@every_check
def test_lists_may_be_tuples_or_generators(name):
    answer = solution(name)
    for kind in (tuple, iter):
        made = CHECKS[name](lambda *args, kind=kind: kind(x) if isinstance(x := answer(*args), list) else x)
        if "training_days" not in name and "cache_per_token" not in name:  # which are called by name
            assert made, made.message


@every_check
def test_a_function_may_change_what_it_is_handed(name):
    answer = solution(name)

    def vandal(*arguments, **named):
        right = answer(*arguments, **named)
        right = converted(right, torch.clone, lambda x: x)
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                argument.zero_()
            elif isinstance(argument, list):
                argument.clear()
        return right

    first, second = CHECKS[name](vandal), CHECKS[name](answer)
    assert first or "has been changed" in first.message
    assert second and "changes what it is handed" not in second.message


class Odd:
    def __repr__(self):
        raise ValueError("no description")

    def __eq__(self, other):
        raise ValueError("no comparison")

    __hash__ = object.__hash__


ANSWERS = {
    "a string": "seven",
    "a number in a string": "3.2",
    "nothing": [],
    "nested": [[[]], [1]],
    "ragged": [[1.0, 2.0], [3.0]],
    "a dict": {"a": 1},
    "a set": {1.0, 2.0},
    "an object": Odd(),
    "a type": int,
    "a function": math.sqrt,
    "true": True,
    "bytes": b"abc",
    "complex": 1j,
    "nan": math.nan,
    "infinite": math.inf,
    "huge": 10**400,
    "minus one": -1,
    "zero": 0,
    "a large tensor": torch.zeros(2, 3, 4, 5),
    "no numbers": torch.zeros(0),
    "nan in a tensor": torch.full((2, 3), torch.nan),
    "a complex tensor": torch.zeros(2, 3, dtype=torch.complex64),
    "an array of objects": np.array([None, "a"], dtype=object),
    "an array of strings": np.array(["a", "b"]),
    "strings": ["a", "b", "c"],
    "none inside": [None, None, None],
    "two": (None, None),
    "three": (None, "b", ...),
    "verdict": verdict.Verdict(True, "Right"),
}


@every_check
@pytest.mark.parametrize("kind", ANSWERS)
def test_a_strange_answer_gets_a_sentence(name, kind):
    made = CHECKS[name](lambda *args, **named: ANSWERS[kind])
    assert not made
    assert re.search(r"[.?]$", made.message), made.message
    assert "can't be judged" not in made.message
    assert repr(made).startswith("✗ ")


@every_check
def test_a_stub_is_not_answered_yet(name):
    def stub(*arguments, **named):
        raise NotImplementedError

    for empty in (lambda *args, **named: None, lambda *args, **named: ..., stub, None, ...):
        made = CHECKS[name](empty)
        assert not made and made.message.startswith("Not answered yet: ")


@every_check
@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        KeyError("key"),
        ZeroDivisionError(),
        RecursionError("deep"),
        SystemExit(1),
        KeyboardInterrupt(),
    ],
)
def test_an_exception_gets_a_sentence(name, error):
    def fails(*arguments, **named):
        raise error

    made = CHECKS[name](fails)
    assert not made
    assert type(error).__name__ in made.message or "fails" in made.message
    assert re.search(r"[.?]|in the line: raise error$", made.message)


@every_check
def test_a_function_with_other_parameters_gets_a_sentence(name):
    made = CHECKS[name](lambda: 0)
    assert not made and "raised TypeError" in made.message


@every_check
def test_an_answer_instead_of_the_function_gets_a_sentence(name):
    made = CHECKS[name](3.0)
    short = name.split(".")[1]
    assert not made and f"takes the function itself, as in {short}(" in made.message


@every_check
def test_an_endless_loop_is_stopped(name, monkeypatch):
    monkeypatch.setattr(verdict, "SECONDS", 0.05)

    def endless(*arguments, **named):
        while True:
            pass

    made = CHECKS[name](endless)
    assert not made and "does not end; it was stopped after 0.05 seconds" in made.message
