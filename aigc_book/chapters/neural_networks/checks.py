"""Checks for the exercises of the chapter on neural networks. Each takes a reader's function, returns a verdict."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.chapters.attempt import Attempt, Wrong
from aigc_book.chapters.comparing import close, expect, in_a_row
from aigc_book.chapters.verdict import check


@check
def check_logit_gradient(logit_gradient: Attempt) -> str:
    """The gradient of the mean cross-entropy by the logits, (softmax - one-hot) / N, safe for logits of ±1000."""
    rng = torch.Generator().manual_seed(0)
    z, y = torch.randn(3, 5, generator=rng), torch.tensor([4, 0, 2])
    cases = [(z, y)]
    for N, V in ((4, 2), (5, 5), (1, 3), (2, 7)):
        cases.append((3 * torch.randn(N, V, generator=rng), torch.randint(V, (N,), generator=rng)))
    for number, (z, y) in enumerate(cases):
        (N, V), right = z.shape, _by_logits(z, y)
        answer = logit_gradient.tensor(z, y, shape=(N, V))
        said = f"Right for a small case, and wrong for {N} examples of {V} classes." if number else ""
        row = f"For one example the gradient should be {in_a_row(right[0])}; got {in_a_row(answer[0])}."
        expect(answer, right, _mistaken_gradients(z, y), said, row, atol=1e-5)
    far, far_y = torch.tensor([[1000.0, 0.0, -1000.0]]), torch.tensor([1])
    answer = logit_gradient.tensor(far, far_y, shape=(1, 3))
    if not close(answer, _by_logits(far, far_y), atol=1e-5):
        raise Wrong(
            f"For logits of ±1000 the gradient is {in_a_row(answer[0])}. e^1000 overflows: subtract the largest logit "
            "before taking exponentials, which changes nothing else."
        )
    apart, apart_y = torch.tensor([[1000.0, 999.0, -3.0], [0.0, 1.0, 2.0], [-999.0, -1000.0, -998.0]]), [0, 1, 2]
    answer, right = logit_gradient.tensor(apart, torch.tensor(apart_y), shape=(3, 3)), _by_logits(apart, apart_y)
    if not close(answer, right, atol=1e-5):
        n = next(n for n in range(3) if not close(answer[n], right[n], atol=1e-5))
        raise Wrong(
            f"For an example with the logits {in_a_row(apart[n])}, beside one with logits of 1000, the gradient is"
            f" {in_a_row(answer[n])} and should be {in_a_row(right[n])}. Subtract the largest logit of each row,"
            " not one number from all rows."
        )
    return "Right: what the network said, minus what was right, shared among the examples."


def _by_logits(z: Tensor, y: Tensor | list[int]) -> Tensor:
    return (z.double().softmax(dim=1) - F.one_hot(torch.as_tensor(y), z.size(1))) / len(z)


def _mistaken_gradients(z: Tensor, y: Tensor) -> list[tuple[Tensor, str]]:
    (N, V), z = z.shape, z.double()
    p, one_hot, right = z.softmax(dim=1), F.one_hot(y, z.size(1)), _by_logits(z, y)
    return [
        (-right, "The sign is flipped: the right answer's logit needs a negative gradient, so that a step raises it."),
        (right * N, "That is the gradient of the sum over the examples. The loss is their mean: divide by N."),
        (p / N, "Nothing is taken away for the right answer: subtract 1 at each y."),
        (p, "Nothing is taken away for the right answer: subtract 1 at each y. And the loss is a mean."),
        (-one_hot / p / N, "That is the gradient by the probabilities. Go on through the softmax, to the logits."),
        ((z.sigmoid() - one_hot) / N, "Sigmoids don't add up to 1: the classes compete, so take the softmax."),
        ((z.softmax(dim=0) - one_hot) / N, "The softmax runs over the examples. It must run over the classes."),
        ((z.flatten().softmax(dim=0).view_as(z) - one_hot) / N, "The softmax runs over all numbers."),
        ((z - one_hot) / N, "Logits are not probabilities yet: take the softmax first."),
        (right * N / V, "You divided by the number of classes; the mean is over the examples."),
        (right / V, "You divided by every number there is; the mean is over the examples only."),
        (p - one_hot / N, "Only the 1 at each y was divided by N; the probabilities are to be, too."),
        (p / N - one_hot, "Only the probabilities were divided by N; the 1 at each y is to be, too."),
        (p.log() / N, "Those are the logarithms of the probabilities, as in the loss; this asks for its gradient."),
    ]  # fmt: skip


@check
def check_layer_backward(layer_backward: Attempt) -> str:
    """The gradients of y = ReLU(x Wᵀ + b): dW = δᵀ x, db = Σ δ, dx = δ W, with δ = g where the sum is positive."""
    rng = torch.Generator().manual_seed(0)
    for number, (B, D_in, D_out) in enumerate(((7, 3, 5), (4, 4, 4), (1, 2, 6), (5, 6, 2))):
        x, W = torch.randn(B, D_in, generator=rng), torch.randn(D_out, D_in, generator=rng)
        b, g = torch.randn(D_out, generator=rng), torch.randn(B, D_out, generator=rng)
        said = f"Right for one layer, and wrong for {B} rows from {D_in} to {D_out}: " if number else ""
        _judge_layer(layer_backward, (x, W, b, g), said)
    return "Right: with this, and the last layer's blame, you can train a network of any depth."


def _judge_layer(layer_backward: Attempt, layer: tuple[Tensor, Tensor, Tensor, Tensor], said: str) -> None:
    x, W, b, g = (part.double() for part in layer)
    (B, D_in), D_out = x.shape, len(W)
    z = x @ W.T + b

    def gradients(delta: Tensor) -> dict[str, Tensor]:
        return {"dW": delta.T @ x, "db": delta.sum(dim=0), "dx": delta @ W}

    right = gradients(g * (z > 0))
    wrong_slopes = [
        (g, "The ReLU is left out: no gradient passes where the sum was negative."),
        (g * (z < 0), "The ReLU's slope is the wrong way round: it is 1 where the sum is positive."),
        (g * z.relu(), "You multiplied by the ReLU's value; take its slope, which is 0 or 1."),
        (g * (g > 0), "You looked where g is positive; the ReLU was open where x Wᵀ + b is."),
        (g * (x @ W.T > 0), "You looked where x Wᵀ is positive: the bias belongs to the sum."),
        ((z > 0).double(), "g is missing: the slope is multiplied by what the later layers report."),
    ]
    parts = layer_backward.parts(*layer, names=list(right))
    for (name, expected), part in zip(right.items(), parts, strict=True):
        got = layer_backward.as_tensor(part, None, name)
        if name == "dW" and got.shape == (D_in, D_out) != (D_out, D_in):
            raise Wrong(f"{said}{name} is transposed: a gradient has the shape of what it is the gradient of.")
        if name == "db" and got.shape == g.shape:
            raise Wrong(f"{said}db is still a row for each example: the bias serves all of them, so add them up.")
        if got.shape != expected.shape:
            raise Wrong(f"{said}{name} must have the shape {tuple(expected.shape)}; got {tuple(got.shape)}.")
        mistakes = [(gradients(slope)[name], f"{said}{name} is wrong. {why}") for slope, why in wrong_slopes]
        mistakes += [
            (-expected, f"{said}{name} has the wrong sign."),
            (expected / B, f"{said}{name} is a mean over the examples. g knows of the mean already: add them up."),
        ]
        if name == "dW" and D_in == D_out:
            mistakes.append((expected.T, f"{said}dW is transposed: its rows belong to the outputs, as those of W do."))
        if name == "dx" and D_in == D_out:
            delta = g * (z > 0)
            mistakes.append((delta @ W.T, f"{said}dx is the product with Wᵀ; on the way back it is the one with W."))
        seen = f"{said}{name} begins with {in_a_row(expected.flatten()[:3])}; got {in_a_row(got.flatten()[:3])}."
        expect(got, expected, mistakes, "", seen, atol=1e-5)


@check
def check_leaky_variance(leaky_variance: Attempt) -> str:
    """The variance of weights that keeps the mean square through a leaky ReLU of slope a: 2 / ((1 + a²) D)."""
    D, a = 50, 0.5
    answer, right = leaky_variance.number(D, a), 2 / ((1 + a**2) * D)
    if not 0 < answer < math.inf:
        raise Wrong(f"leaky_variance({D}, {a}) is {answer:.4g}. A variance is a positive number.")
    said = f"With D = {D} and a = {a} a layer multiplies the mean square by {answer / right:.3g}; it should be 1."
    mistakes = [
        (math.sqrt(right), "That is the standard deviation; the variance was asked for."),
        (2 / D, "That is the variance for a plain ReLU: what do the negative sums contribute now?"),
        (1 / D, "That keeps the sums; half of them are then multiplied by a."),
        (2 / ((1 + a) * D), "The negative half contributes the square of its slope: a², not a."),
        (2 / ((1 + a) ** 2 * D), "The two halves add up as squares: 1² + a², not (1 + a)²."),
        (1 / ((1 + a**2) * D), "Each half of the sums has half of the mean square: a factor ½ is missing."),
        (2 * (1 + a**2) / D, "The leak lets more through, so the weights must be smaller: divide by 1 + a²."),
        (2 / (a**2 * D), "Only the negative half is counted. What of the positive sums?"),
        (2 / ((1 - a**2) * D), "The square of a negative sum is positive, too: the halves add up, 1 + a²."),
        (1 / right, "That is one over the answer: what multiplies the mean square, not what the weights need."),
        (2 / (1 + a**2), "D is missing: each sum has D terms."),
    ]
    expect(answer, right, mistakes, said, "Work out E[f(z)²] for the positive and the negative half.", rtol=1e-3)
    for other in (0.0, 1.0, 0.1, 0.8):
        if not close(leaky_variance.number(D, other), 2 / ((1 + other**2) * D), rtol=1e-3):
            raise Wrong(f"Right for a = {a}, and wrong for a = {other:g}: the answer must depend on a, as 1/(1 + a²).")
    for other in (2 * D, 7, 784):
        if not close(leaky_variance.number(other, a), 2 / ((1 + a**2) * other), rtol=1e-3):
            raise Wrong(f"Right for D = {D}, and wrong for {other}: the answer must depend on D, as 1/D.")
    if not close(leaky_variance.number(300, 0.25), 2 / ((1 + 0.25**2) * 300), rtol=1e-3):
        raise Wrong("Right for D = 50 or a = 0.5, and wrong for D = 300 and a = 0.25.")
    return "Right: with a = 0 it is He's 2/D, and with a = 1, where nothing is bent, 1/D."
