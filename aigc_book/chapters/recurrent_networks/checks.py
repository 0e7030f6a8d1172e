"""Checks for the exercises of the chapter on recurrent networks. Each takes the reader's function."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect
from aigc_book.chapters.verdict import check
from aigc_book.models.rnn import RNN, RNNConfig


@check
def check_lstm_parameters(lstm_parameters: Attempt) -> str:
    """The numbers in a layer that reads vectors of d_in and carries a state of d_model: 4 C (d_in + C + 2)."""
    for number, (d_in, C) in enumerate(((5, 7), (11, 3), (16, 16), (1, 64), (300, 20))):
        answer, right = lstm_parameters.number(d_in, C), 4 * C * (d_in + C + 2)
        mistakes = [
            (right / 4, "That is one gate, or a simple RNN. An LSTM has four sets of rows: i, f, g and o."),
            (3 * right / 4, "That is a GRU. Besides its three gates i, f and o an LSTM computes a candidate g."),
            (4 * C * (d_in + C), "The biases are missing."),
            (4 * C * (d_in + C + 1), "There are two biases, b and b', as in torch.nn (one would be enough)."),
            (4 * C * (d_in + 2), "U is missing: each gate also reads the state before."),
            (4 * C * (C + 2), "W is missing: each gate also reads the input."),
            (4 * (d_in * C + C * C + 2), "A bias has a number for each row, not one for each gate."),
            (4 * C * (C + C + 2), "W reads the input, whose width is d_in and not d_model."),
            (4 * d_in * (d_in + C + 2), "d_in and d_model are exchanged: a gate has a row for each of d_model."),
            (4 * (d_in * C + C * C) + 2 * C, "Each of the four sets of rows has two biases of its own."),
        ]  # fmt: skip
        said = f"For d_in = {d_in} and d_model = {C} you count {answer:.6g}."
        otherwise = f"For d_in = {d_in} and d_model = {C} there are {right} numbers; you count {answer:.6g}."
        if number:
            said = otherwise = f"Right for 5 and 7, wrong for {d_in} and {C}: you count {answer:.6g}."
        known = [(value, f"{said} {why}") for value, why in mistakes]
        expect(answer, right, known, "", otherwise, rtol=1e-9)
    return "Right: four times W, U, b and b'."


@check
def check_forget_bias(forget_bias: Attempt) -> str:
    """The bias for which a memory is half gone after n steps: σ(b)ⁿ = ½, so b = -ln(2^(1/n) - 1)."""
    n = 20
    answer = forget_bias.number(n)
    if not math.isfinite(answer):
        raise Wrong(f"forget_bias({n}) is {answer}. A bias is a finite number.")
    keep = 0.5 ** (1 / n)
    e_fold = math.exp(-1 / n)
    mistakes = [
        (keep, "That is the gate's value. The bias is what the sigmoid turns into it."),
        (1 - keep, "That is the share lost at each step. The sigmoid of the bias is the share that is kept."),
        (-_half_life(n), "The sign is wrong: with this bias the gate is closed, and everything is gone after a step."),
        (math.log(e_fold / (1 - e_fold)), "After n steps 1/e of the memory is left; the question asks for a half."),
        (math.log(keep), "That is the gate's logarithm. The inverse of the sigmoid is ln(p / (1 - p))."),
        (keep / (1 - keep), "The logarithm is missing: the inverse of the sigmoid is ln(p / (1 - p))."),
        (math.log2(keep / (1 - keep)), "The sigmoid has e in it: take the natural logarithm, not that to base 2."),
        (math.atanh(keep), "You inverted tanh. The forget gate is a sigmoid."),
        (0.0, "A bias of 0 halves the memory at every step, not after n."),
        (
            math.log((1 - 0.5 / n) / (0.5 / n)),
            "You took 1/(2n) away at each step. What is lost is a share of what is left: the shares multiply.",
        ),
        (math.log(n), "That is near the answer for large n, and not it."),
    ]  # fmt: skip
    left = (1 / (1 + math.exp(-answer))) ** n if answer > -30 else 0.0
    said = f"With a bias of {answer:.3f}, {left:.1%} of a memory is left after {n} steps; it should be 50 %."
    expect(answer, _half_life(n), mistakes, said, "Solve σ(b)ⁿ = ½ for b.", rtol=0, atol=1e-3)
    for other in (1000, 1, 2, 7, 40):
        if not close(forget_bias.number(other), _half_life(other), rtol=1e-3, atol=1e-3):
            raise Wrong(f"Right for {n} steps, wrong for {other}: the answer must depend on n.")
    return "Right: about ln n, plus a little. A bias of 1 halves a memory within three steps."


def _half_life(n: int) -> float:
    keep = 0.5 ** (1 / n)
    return math.log(keep / (1 - keep))


@check
def check_chunked_nll(chunked_nll: Attempt) -> str:
    """-ln p of a text's tokens but the first, read in chunks with the state carried: the same for every chunk size."""
    lengths: list[int] = []
    model = _model(lengths)
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(13, (41,), generator=rng)
    answer, right = chunked_nll.number(model, ids, 8), _nll(model, ids)
    mistakes = [
        (
            sum(_nll(model, ids[i : i + 9]) for i in range(0, 40, 8)),
            "The state was forgotten at each chunk: pass the same cache every time.",
        ),
        (
            sum(_nll(model, ids[i : i + 8]) for i in range(0, 40, 8)),
            "The state was forgotten at each chunk, and the first token of each chunk was not scored.",
        ),
        (right / 40, "That is the mean over the tokens; the question asks for the sum."),
        (right / 41, "That is a mean over the tokens; the question asks for the sum."),
        (right / 5, "That is the mean over the chunks; the question asks for the sum."),
        (right / 8, "Each chunk gave the mean over its tokens; the question asks for the sum over all."),
        (right / math.log(2), "That is in bits; the question asks for nats."),
        (-right, "That is ln p. The negative log-likelihood has the other sign."),
        (math.exp(right / 40), "That is the perplexity; the question asks for nats, summed."),
        (
            right + math.log(13),
            "The first token was scored, too, as if all were equally likely; it is what the first prediction is from.",
        ),
    ]
    said = f"In chunks of 8 the text costs {right:.3f} nats; you have {answer:.3f}."
    why = "Is every token but the first scored exactly once, from the state after the token before it?"
    expect(answer, right, mistakes, said, why)
    for chunk in (7, 40, 100, 1, 39, 41):
        lengths.clear()
        if not close(other := chunked_nll.number(model, ids, chunk), right):
            hints = {7: "The last chunk may be shorter.", 100: "A chunk may be longer than the text."}
            why = hints.get(chunk, "The result must not depend on the size of the chunks.")
            raise Wrong(f"Right in chunks of 8, but {other:.3f} instead of {right:.3f} in those of {chunk}. {why}")
        _judge_reading(lengths, chunk)
    for N in (2, 17):
        short = torch.randint(13, (N,), generator=rng)
        if not close(other := chunked_nll.number(model, short, 8), _nll(model, short)):
            said = f"{other:.3f} instead of {_nll(model, short):.3f}"
            raise Wrong(f"Right for a text of 41 tokens, but {said} for one of {N} in chunks of 8.")
    return "Right: the size of the chunks makes no difference, so memory no longer limits the length."


def _judge_reading(lengths: list[int], chunk: int) -> None:
    """Whether the model read 41 tokens in chunks; ``lengths`` are what it was handed."""
    if max(lengths, default=0) > chunk:
        raise Wrong(
            f"The number is right, but with chunk = {chunk} the model was handed {max(lengths)} tokens at once, and"
            " kept the logits of all of them. A text longer than memory must be read in pieces."
        )
    if len(lengths) > -(-40 // chunk) + 1:
        raise Wrong(
            f"The number is right, but with chunk = {chunk} the model was called {len(lengths)} times for 40 tokens:"
            " read `chunk` tokens at a time."
        )


def _model(lengths: list[int]) -> RNN:
    """A small model that notes how many tokens each call has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = RNN(RNNConfig(vocab_size=13, d_model=8, n_layers=2)).double().eval()
        for parameter in model.requires_grad_(False).parameters():  # a reader may forget no_grad
            nn.init.normal_(parameter, std=0.8)

    def note(module: nn.Module, args: tuple, named: dict) -> None:
        lengths.append((args[0] if args else named["ids"]).size(1))

    model.register_forward_pre_hook(note, with_kwargs=True)
    return model


def _nll(model: RNN, tokens: Tensor) -> float:
    return float(F.cross_entropy(model(tokens[None, :-1])[0], tokens[1:], reduction="sum"))
