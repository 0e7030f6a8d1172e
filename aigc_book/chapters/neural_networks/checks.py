"""Checks for the exercises of the chapter on neural networks. Each takes a reader's function, returns a verdict."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_book.chapters.verdict import Verdict, unanswered


def check_logit_gradient(logit_gradient: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """The gradient of the mean cross-entropy by the logits, (softmax - one-hot) / N, safe for logits of ±1000."""
    generator = torch.Generator().manual_seed(0)
    z, y = torch.randn(3, 5, generator=generator), torch.tensor([4, 0, 2])
    answer = logit_gradient(z.clone(), y.clone())
    if answer is None:
        return unanswered("logit_gradient")
    if not isinstance(answer, Tensor) or answer.shape != z.shape:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        return Verdict(False, f"The gradient has the shape of the logits, {tuple(z.shape)}; got {got}.")
    p, one_hot = z.softmax(dim=1), F.one_hot(y, 5).float()
    right = (p - one_hot) / len(y)
    mistakes = [
        (
            -right,
            "The sign is flipped: the right answer's logit needs a negative gradient, so that a step raises it.",
        ),
        (right * len(y), "That is the gradient of the sum over the examples. The loss is their mean: divide by N."),
        (p / len(y), "Nothing is taken away for the right answer: subtract 1 at each y."),
        (p, "Nothing is taken away for the right answer: subtract 1 at each y. And the loss is a mean."),
        (
            -one_hot / p / len(y),
            "That is the gradient by the probabilities. Go on through the softmax, to the logits.",
        ),
        ((z.sigmoid() - one_hot) / len(y), "Sigmoids don't add up to 1: the classes compete, so take the softmax."),
        ((z.softmax(dim=0) - one_hot) / len(y), "The softmax runs over the examples. It must run over the classes."),
        ((z - one_hot) / len(y), "Logits are not probabilities yet: take the softmax first."),
        (right * len(y) / 5, "You divided by the number of classes; the mean is over the examples."),
        (right / 5, "You divided by every number there is; the mean is over the examples only."),
    ]
    for mistake, why in mistakes:
        if torch.allclose(answer.float(), mistake, atol=1e-5):
            return Verdict(False, why)
    if not torch.allclose(answer.float(), right, atol=1e-5):
        return Verdict(False, f"For one example the gradient should be {_row(right[0])}; got {_row(answer[0])}.")
    far = torch.tensor([[1000.0, 0.0, -1000.0]])
    answer = logit_gradient(far, torch.tensor([1])).float()
    if not torch.allclose(answer, torch.tensor([[1.0, -1.0, 0.0]]), atol=1e-5):
        return Verdict(
            False,
            f"For logits of ±1000 the gradient is {_row(answer[0])}. e^1000 overflows: subtract the largest logit "
            "before taking exponentials, which changes nothing else.",
        )
    return Verdict(True, "Right: what the network said, minus what was right, shared among the examples.")


def check_layer_backward(layer_backward: Callable[[Tensor, Tensor, Tensor, Tensor], tuple]) -> Verdict:
    """The gradients of y = ReLU(x Wᵀ + b): dW = δᵀ x, db = Σ δ, dx = δ W, with δ = g where the sum is positive."""
    generator = torch.Generator().manual_seed(0)
    B, D_in, D_out = 7, 3, 5
    x, W = torch.randn(B, D_in, generator=generator), torch.randn(D_out, D_in, generator=generator)
    b, g = torch.randn(D_out, generator=generator), torch.randn(B, D_out, generator=generator)
    answer = layer_backward(x.clone(), W.clone(), b.clone(), g.clone())
    if answer is None:
        return unanswered("layer_backward")
    if not isinstance(answer, tuple | list) or len(answer) != 3 or not all(isinstance(a, Tensor) for a in answer):
        return Verdict(False, f"Return three tensors, dW, db and dx; got {type(answer).__name__}.")
    z = x @ W.T + b
    delta = g * (z > 0)

    def gradients(delta: Tensor) -> dict[str, Tensor]:
        return {"dW": delta.T @ x, "db": delta.sum(dim=0), "dx": delta @ W}

    right = gradients(delta)
    wrong_slopes = [
        (g, "The ReLU is left out: no gradient passes where the sum was negative."),
        (g * (z < 0), "The ReLU's slope is the wrong way round: it is 1 where the sum is positive."),
        (g * z.relu(), "You multiplied by the ReLU's value; take its slope, which is 0 or 1."),
        (g * (g > 0), "You looked where g is positive; the ReLU was open where x Wᵀ + b is."),
        (g * (x @ W.T > 0), "You looked where x Wᵀ is positive: the bias belongs to the sum."),
    ]
    for (name, expected), got in zip(right.items(), answer, strict=True):
        if name == "dW" and got.shape == (D_in, D_out):
            return Verdict(False, f"{name} is transposed: a gradient has the shape of what it is the gradient of.")
        if name == "db" and got.shape == delta.shape:
            return Verdict(False, "db is still a row for each example: the bias serves all of them, so add them up.")
        if got.shape != expected.shape:
            return Verdict(False, f"{name} must have the shape {tuple(expected.shape)}; got {tuple(got.shape)}.")
        for slope, why in wrong_slopes:
            if torch.allclose(got, gradients(slope)[name], atol=1e-5):
                return Verdict(False, f"{name} is wrong. {why}")
        if torch.allclose(got, expected / B, atol=1e-5):
            return Verdict(False, f"{name} is a mean over the examples. g knows of the mean already: add them up.")
        if not torch.allclose(got, expected, atol=1e-5):
            return Verdict(False, f"{name} begins with {_row(expected.flatten()[:3])}; got {_row(got.flatten()[:3])}.")
    return Verdict(True, "Right: with this, and the last layer's blame, you can train a network of any depth.")


def check_leaky_variance(leaky_variance: Callable[[int, float], float]) -> Verdict:
    """The variance of weights that keeps the mean square through a leaky ReLU of slope a: 2 / ((1 + a²) D)."""
    D, a = 50, 0.5
    answer = leaky_variance(D, a)
    if answer is None:
        return unanswered("leaky_variance")
    answer = float(answer)
    if not 0 < answer < math.inf:
        return Verdict(False, f"leaky_variance({D}, {a}) is {answer:.4g}. A variance is a positive number.")
    right = 2 / ((1 + a**2) * D)
    said = f"With D = {D} and a = {a} a layer multiplies the mean square by {answer / right:.3g}; it should be 1."
    mistakes = {
        math.sqrt(right): "That is the standard deviation; the variance was asked for.",
        2 / D: "That is the variance for a plain ReLU: what do the negative sums contribute now?",
        1 / D: "That keeps the sums; half of them are then multiplied by a.",
        2 / ((1 + a) * D): "The negative half contributes the square of its slope: a², not a.",
        2 / ((1 + a) ** 2 * D): "The two halves add up as squares: 1² + a², not (1 + a)².",
        1 / ((1 + a**2) * D): "Each half of the sums has half of the mean square: a factor ½ is missing.",
        2 * (1 + a**2) / D: "The leak lets more through, so the weights must be smaller: divide by 1 + a².",
        2 / (a**2 * D): "Only the negative half is counted. What of the positive sums?",
    }
    for mistake, why in mistakes.items():
        if math.isclose(answer, mistake, rel_tol=1e-3):
            return Verdict(False, f"{said} {why}")
    if not math.isclose(answer, right, rel_tol=1e-3):
        return Verdict(False, f"{said} Work out E[f(z)²] for the positive and the negative half.")
    for other in (0.0, 1.0):
        if not math.isclose(float(leaky_variance(D, other)), 2 / ((1 + other**2) * D), rel_tol=1e-3):
            return Verdict(False, f"Right for a = {a}, and wrong for a = {other:g}: the answer must depend on a.")
    if not math.isclose(float(leaky_variance(2 * D, a)), right / 2, rel_tol=1e-3):
        return Verdict(False, f"Right for D = {D}, and wrong for {2 * D}: the answer must depend on D.")
    return Verdict(True, "Right: with a = 0 it is He's 2/D, and with a = 1, where nothing is bent, 1/D.")


def _row(vector: Tensor) -> str:
    return "(" + ", ".join(f"{x:.3f}" for x in vector.tolist()) + ")"
