"""Checks for the exercises of the chapter on recurrent networks. Each takes the reader's function."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from aigc_book.chapters.verdict import Verdict, unanswered
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.training.losses import cross_entropy


def check_lstm_parameters(lstm_parameters: Callable[[int, int], int]) -> Verdict:
    """The numbers in a layer that reads vectors of d_in and carries a state of d_model: 4 C (d_in + C + 2)."""
    d_in, C = 5, 7
    answer = lstm_parameters(d_in, C)
    if answer is None:
        return unanswered("lstm_parameters")
    right = 4 * C * (d_in + C + 2)
    mistakes = {
        right // 4: "That is one gate, or a simple RNN. An LSTM has four sets of rows: i, f, g and o.",
        3 * right // 4: "That is a GRU. Besides its three gates i, f and o an LSTM computes a candidate g.",
        4 * C * (d_in + C): "The biases are missing.",
        4 * C * (d_in + C + 1): "There are two biases, b and b', as in torch.nn (one would be enough).",
        4 * C * (d_in + 2): "U is missing: each gate also reads the state before.",
        4 * (d_in * C + C * C + 2): "A bias has a number for each row, not one for each gate.",
        4 * C * (C + C + 2): "W reads the input, whose width is d_in and not d_model.",
    }
    if answer in mistakes:
        return Verdict(False, f"For d_in = {d_in} and d_model = {C} you count {answer}. {mistakes[answer]}")
    if answer != right:
        return Verdict(False, f"For d_in = {d_in} and d_model = {C} there are {right} numbers; you count {answer}.")
    d_in, C = 11, 3
    if (answer := lstm_parameters(d_in, C)) != 4 * C * (d_in + C + 2):
        return Verdict(False, f"Right for 5 and 7, wrong for {d_in} and {C}: you count {answer}.")
    return Verdict(True, "Right: four times W, U, b and b'.")


def check_forget_bias(forget_bias: Callable[[int], float]) -> Verdict:
    """The bias for which a memory is half gone after n steps: σ(b)ⁿ = ½, so b = -ln(2^(1/n) - 1)."""
    n = 20
    answer = forget_bias(n)
    if answer is None:
        return unanswered("forget_bias")
    answer = float(answer)
    if not math.isfinite(answer):
        return Verdict(False, f"forget_bias({n}) is {answer}. A bias is a finite number.")
    keep = 0.5 ** (1 / n)
    right = math.log(keep / (1 - keep))
    e_fold = math.exp(-1 / n)
    mistakes = [
        (keep, "That is the gate's value. The bias is what the sigmoid turns into it."),
        (-right, "The sign is wrong: with this bias the gate is closed, and everything is gone after a step."),
        (math.log(e_fold / (1 - e_fold)), "After n steps 1/e of the memory is left; the question asks for a half."),
        (math.log(keep), "That is the gate's logarithm. The inverse of the sigmoid is ln(p / (1 - p))."),
        (math.atanh(keep), "You inverted tanh. The forget gate is a sigmoid."),
        (0.0, "A bias of 0 halves the memory at every step, not after n."),
        (
            math.log((1 - 0.5 / n) / (0.5 / n)),
            "You took 1/(2n) away at each step. What is lost is a share of what is left: the shares multiply.",
        ),
    ]
    left = (1 / (1 + math.exp(-answer))) ** n if answer > -30 else 0.0
    said = f"With a bias of {answer:.3f}, {left:.1%} of a memory is left after {n} steps; it should be 50 %."
    for mistake, why in mistakes:
        if math.isclose(answer, mistake, abs_tol=1e-3):
            return Verdict(False, f"{said} {why}")
    if not math.isclose(answer, right, abs_tol=1e-3):
        return Verdict(False, f"{said} Solve σ(b)ⁿ = ½ for b.")
    longer = 0.5 ** (1 / 1000)
    if not math.isclose(float(forget_bias(1000)), math.log(longer / (1 - longer)), rel_tol=1e-3):
        return Verdict(False, f"Right for {n} steps, wrong for 1000: the answer must depend on n.")
    return Verdict(True, "Right: about ln n, plus a little. A bias of 1 halves a memory within three steps.")


def check_chunked_nll(chunked_nll: Callable[[nn.Module, Tensor, int], float]) -> Verdict:
    """-ln p of a text's tokens but the first, read in chunks with the state carried: the same for every chunk size."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = RNN(RNNConfig(vocab_size=13, d_model=8, n_layers=2)).double().eval()
        for parameter in model.requires_grad_(False).parameters():  # a reader may forget no_grad
            nn.init.normal_(parameter, std=0.8)
    ids = torch.randint(13, (41,), generator=torch.Generator().manual_seed(0))
    answer = chunked_nll(model, ids.clone(), 8)
    if answer is None:
        return unanswered("chunked_nll")
    answer = float(answer)

    def nll(tokens: Tensor) -> float:
        logits = model(tokens[None, :-1])
        return float(cross_entropy(logits, tokens[None, 1:])[0])

    right = nll(ids)
    forgetful = sum(nll(ids[i : i + 9]) for i in range(0, 40, 8))
    gaps = sum(nll(ids[i : i + 8]) for i in range(0, 40, 8))
    mistakes = [
        (forgetful, "The state was forgotten at each chunk: pass the same cache every time."),
        (gaps, "The state was forgotten at each chunk, and the first token of each chunk was not scored."),
        (right / 40, "That is the mean over the tokens; the question asks for the sum."),
        (right / math.log(2), "That is in bits; the question asks for nats."),
        (-right, "That is ln p. The negative log-likelihood has the other sign."),
    ]
    for mistake, why in mistakes:
        if math.isclose(answer, mistake, rel_tol=1e-4):
            return Verdict(False, f"In chunks of 8 the text costs {right:.3f} nats; you have {answer:.3f}. {why}")
    if not math.isclose(answer, right, rel_tol=1e-4):
        why = "Is every token but the first scored exactly once, from the state after the token before it?"
        return Verdict(False, f"In chunks of 8 the text costs {right:.3f} nats; you have {answer:.3f}. {why}")
    for chunk in (7, 40, 100):
        if not math.isclose(other := float(chunked_nll(model, ids.clone(), chunk)), right, rel_tol=1e-4):
            why = "The last chunk may be shorter." if chunk == 7 else "A chunk may be longer than the text."
            return Verdict(
                False, f"Right in chunks of 8, but {other:.3f} instead of {right:.3f} in those of {chunk}. {why}"
            )
    return Verdict(True, "Right: the size of the chunks makes no difference, so memory no longer limits the length.")
