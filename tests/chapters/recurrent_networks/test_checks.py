"""Every check of the chapter on recurrent networks accepts the solution and names the typical mistakes."""

import math
import re

import pytest
import torch

from aigc_book.chapters.recurrent_networks import checks
from aigc_book.training.losses import cross_entropy


def rejects(verdict, says):
    assert not verdict
    assert re.search(says, verdict.message), verdict.message


# --- how many numbers an LSTM has


def test_lstm_parameters_accepts_the_solution():
    assert checks.check_lstm_parameters(lambda d_in, C: 4 * (d_in * C + C * C + 2 * C))


def test_lstm_parameters_unanswered():
    rejects(checks.check_lstm_parameters(lambda d_in, C: None), "Not answered yet: lstm_parameters")


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (lambda d_in, C: d_in * C + C * C + 2 * C, "one gate, or a simple RNN"),
        (lambda d_in, C: 3 * (d_in * C + C * C + 2 * C), "That is a GRU"),
        (lambda d_in, C: 4 * (d_in * C + C * C), "The biases are missing"),
        (lambda d_in, C: 4 * (d_in * C + C * C + C), "There are two biases"),
        (lambda d_in, C: 4 * (d_in * C + 2 * C), "U is missing"),
        (lambda d_in, C: 4 * (d_in * C + C * C + 2), "a number for each row"),
        (lambda d_in, C: 4 * (C * C + C * C + 2 * C), "whose width is d_in"),
        (lambda d_in, C: 400, "there are 392 numbers; you count 400"),
        (lambda d_in, C: 4 * d_in * (d_in + C + 2), "d_in and d_model are exchanged"),
        (lambda d_in, C: 4 * (d_in * C + C * C) + 2 * C, "two biases of its own"),
        (lambda d_in, C: 4 * C * (d_in + 9), "Right for 5 and 7, wrong for 11 and 3"),
        (lambda d_in, C: 392, "Right for 5 and 7, wrong for 11 and 3"),
    ],
)
def test_lstm_parameters_names_the_mistake(count, says):
    rejects(checks.check_lstm_parameters(count), says)


# --- a forget gate with a half-life


def test_forget_bias_accepts_the_solution():
    assert checks.check_forget_bias(lambda n: -math.log(2 ** (1 / n) - 1))
    assert checks.check_forget_bias(lambda n: torch.tensor(0.5, dtype=torch.float64).pow(1 / n).logit())


def test_forget_bias_unanswered():
    rejects(checks.check_forget_bias(lambda n: None), "Not answered yet: forget_bias")


@pytest.mark.parametrize(
    ("bias", "says"),
    [
        (lambda n: 0.5 ** (1 / n), "That is the gate's value"),
        (lambda n: math.log(2 ** (1 / n) - 1), r"The sign is wrong"),
        (lambda n: -math.log(math.exp(1 / n) - 1), "1/e of the memory is left"),
        (lambda n: -math.log(2) / n, "The inverse of the sigmoid"),
        (lambda n: math.atanh(0.5 ** (1 / n)), "You inverted tanh"),
        (lambda n: 0.0, "halves the memory at every step"),
        (lambda n: math.log((1 - 0.5 / n) / (0.5 / n)), "the shares multiply"),
        (lambda n: 1.0, r"0\.2% of a memory is left after 20 steps; it should be 50 %\. Solve"),
        (lambda n: -math.log(2 ** (1 / 20) - 1), "Right for 20 steps, wrong for 1000"),
        (lambda n: 1 - 0.5 ** (1 / n), "share lost at each step"),
        (lambda n: math.log2(1 / (2 ** (1 / n) - 1)), "natural logarithm"),
        (lambda n: {20: 3.3449, 1000: 7.2739}.get(n, 4.0), "wrong for 1: the answer must depend on n"),
        (lambda n: math.log(n), "near the answer for large n"),
        (lambda n: math.inf, "A bias is a finite number"),
        (lambda n: -1000.0, r"0\.0% of a memory"),
    ],
)
def test_forget_bias_names_the_mistake(bias, says):
    rejects(checks.check_forget_bias(bias), says)


# --- a long text in chunks


def chunked_nll(model, ids, chunk, *, forget=False, overlap=True, factor=1.0):
    cache, total = model.new_cache(1), 0.0
    for start in range(0, len(ids) - 1, chunk):
        if forget:
            cache.reset()
        part = ids[start : start + chunk + overlap]
        if len(part) < 2:
            continue
        logits = model(part[None, :-1], cache=cache)
        total += float(cross_entropy(logits, part[None, 1:])[0])
    return total * factor


def test_chunked_nll_accepts_the_solution():
    state = torch.random.get_rng_state()
    assert checks.check_chunked_nll(chunked_nll)
    assert torch.equal(state, torch.random.get_rng_state())


def test_chunked_nll_unanswered():
    rejects(checks.check_chunked_nll(lambda model, ids, chunk: None), "Not answered yet: chunked_nll")


def full_chunks_only(model, ids, chunk):
    return chunked_nll(model, ids[: (len(ids) - 1) // chunk * chunk + 1], chunk)


def at_once(model, ids, chunk):
    return chunked_nll(model, ids, 40)


def one_by_one(model, ids, chunk):
    return chunked_nll(model, ids, 1)


def doubled(model, ids, chunk):
    return chunked_nll(model, ids, 2 * chunk)


@pytest.mark.parametrize(
    ("nll", "says"),
    [
        (lambda *a: chunked_nll(*a, forget=True), "pass the same cache every time"),
        (lambda *a: chunked_nll(*a, forget=True, overlap=False), "the first token of each chunk was not scored"),
        (lambda *a: chunked_nll(*a, factor=1 / 40), "the question asks for the sum"),
        (lambda *a: chunked_nll(*a, factor=1 / math.log(2)), "That is in bits"),
        (lambda *a: chunked_nll(*a, factor=-1), "has the other sign"),
        (lambda *a: chunked_nll(*a, overlap=False), "scored exactly once"),
        (at_once, "with chunk = 7 the model was handed 40 tokens at once"),
        (doubled, "with chunk = 7 the model was handed 14 tokens at once"),
        (one_by_one, "with chunk = 7 the model was called 40 times for 40 tokens"),
        (lambda m, ids, n: chunked_nll(m, ids, n) / (len(ids) - 1), "the question asks for the sum"),
        (lambda m, ids, n: 112.0, "the text costs"),
        (full_chunks_only, r"in those of 7\. The last chunk may be shorter"),
        (lambda m, ids, n: 0.0 if n > 60 else chunked_nll(m, ids, n), "A chunk may be longer than the text"),
    ],
)
def test_chunked_nll_names_the_mistake(nll, says):
    rejects(checks.check_chunked_nll(nll), says)
