"""Every check of the chapter on neural networks accepts the solution and names the typical mistakes."""

import math

import pytest
import torch
from torch.nn import functional as F

from aigc_book.chapters.neural_networks import checks


def says(verdict, pattern):
    assert not verdict
    with pytest.raises(AssertionError, match=pattern):
        raise AssertionError(verdict.message)


# --- the gradient of cross-entropy by the logits


def one_hot(z, y):
    return F.one_hot(y, z.size(1)).float()


def solution_gradient(z, y):
    return (z.softmax(dim=1) - one_hot(z, y)) / len(y)


def in_place(z, y):
    p = z.softmax(dim=1)
    p[torch.arange(len(y)), y] -= 1
    return p / len(y)


def overflows(z, y):
    return (z.exp() / z.exp().sum(dim=1, keepdim=True) - one_hot(z, y)) / len(y)


def one_maximum(z, y):
    e = (z - z.max()).exp()
    return (e / e.sum(dim=1, keepdim=True) - one_hot(z, y)) / len(y)


@pytest.mark.parametrize("gradient", [solution_gradient, in_place])
def test_logit_gradient_accepts_the_solution(gradient):
    assert checks.check_logit_gradient(gradient)


def test_logit_gradient_unanswered():
    says(checks.check_logit_gradient(lambda z, y: None), "Not answered yet: logit_gradient")


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda z, y: -solution_gradient(z, y), "The sign is flipped"),
        (lambda z, y: solution_gradient(z, y) * len(y), "gradient of the sum over the examples"),
        (lambda z, y: z.softmax(1) / len(y), "subtract 1 at each y.$"),
        (lambda z, y: z.softmax(1), "subtract 1 at each y. And the loss is a mean"),
        (lambda z, y: -one_hot(z, y) / z.softmax(1) / len(y), "gradient by the probabilities"),
        (lambda z, y: (z.sigmoid() - one_hot(z, y)) / len(y), "Sigmoids don't add up to 1"),
        (lambda z, y: (z.softmax(0) - one_hot(z, y)) / len(y), "must run over the classes"),
        (lambda z, y: (z - one_hot(z, y)) / len(y), "Logits are not probabilities yet"),
        (lambda z, y: solution_gradient(z, y) * len(y) / z.size(1), "divided by the number of classes"),
        (lambda z, y: solution_gradient(z, y) / z.size(1), "divided by every number there is"),
        (lambda z, y: z, r"For one example the gradient should be \(.*\); got \(1.541"),
        (one_maximum, "beside one with logits of 1000.*Subtract the largest logit of each row, not one number"),
        (
            lambda z, y: (z.softmax(1) - one_hot(z, y)) / 3,
            "Right for a small case, and wrong for 4 examples of 2 classes",
        ),
        (lambda z, y: (z.softmax(1) - one_hot(z, torch.tensor([4, 0, 2]))) / len(y), "raised"),
        (lambda z, y: z.softmax(1) - one_hot(z, y) / len(y), "Only the 1 at each y was divided by N"),
        (lambda z, y: z.softmax(1) / len(y) - one_hot(z, y), "Only the probabilities were divided by N"),
        (lambda z, y: z.log_softmax(1) / len(y), "as in the loss; this asks for its gradient"),
        (lambda z, y: z[0], r"must have the shape \(3, 5\); got \(5,\)"),
        (lambda z, y: [[0.0]], r"must have the shape \(3, 5\); got \(1, 1\)"),
        (overflows, r"For logits of ±1000 the gradient is \(nan.*subtract the largest logit"),
    ],
)
def test_logit_gradient_names_the_mistake(gradient, message):
    says(checks.check_logit_gradient(gradient), message)


# --- backwards through a layer


def backward(x, W, b, g, *, slope=None):
    delta = g * ((x @ W.T + b > 0) if slope is None else slope)
    return delta.T @ x, delta.sum(dim=0), delta @ W


def by_autograd(x, W, b, g):
    for tensor in (x, W, b):
        tensor.requires_grad_()
    return torch.autograd.grad((x @ W.T + b).relu(), (W, b, x), g)


@pytest.mark.parametrize("solution", [backward, by_autograd])
def test_layer_backward_accepts_the_solution(solution):
    assert checks.check_layer_backward(solution)


def test_layer_backward_unanswered():
    says(checks.check_layer_backward(lambda x, W, b, g: None), "Not answered yet: layer_backward")


def changed(change):
    """The solution with one of its three parts changed."""

    def wrong(x, W, b, g):
        return change(*backward(x, W, b, g), g * (x @ W.T + b > 0))

    return wrong


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda x, W, b, g: backward(x, W, b, g, slope=1.0), "dW is wrong. The ReLU is left out"),
        (lambda x, W, b, g: backward(x, W, b, g, slope=x @ W.T + b < 0), "wrong way round"),
        (lambda x, W, b, g: backward(x, W, b, g, slope=(x @ W.T + b).relu()), "take its slope, which is 0 or 1"),
        (lambda x, W, b, g: backward(x, W, b, g, slope=g > 0), "You looked where g is positive"),
        (lambda x, W, b, g: backward(x, W, b, g, slope=x @ W.T > 0), "the bias belongs to the sum"),
        (changed(lambda dW, db, dx, delta: (dW.T, db, dx)), "dW is transposed"),
        (changed(lambda dW, db, dx, delta: (dW, delta, dx)), "db is still a row for each example"),
        (changed(lambda dW, db, dx, delta: (dW, db / 7, dx)), "db is a mean over the examples"),
        (changed(lambda dW, db, dx, delta: (dW, db, dx.sum(0))), r"dx must have the shape \(7, 3\); got \(3,\)"),
        (changed(lambda dW, db, dx, delta: (-dW, db, dx)), "dW has the wrong sign"),
        (lambda x, W, b, g: ((x @ W.T + b > 0).float().T @ x, g.sum(0), g @ W), "dW is wrong. g is missing"),
        (changed(lambda dW, db, dx, delta: (dW if len(dW) == 5 else dW.T, db, dx)), "from 4 to 4: dW is transposed"),
        (
            changed(lambda dW, db, dx, delta: (dW, db, dx * (1 if len(dW) == 5 else 2))),
            "Right for one layer",
        ),
        (changed(lambda dW, db, dx, delta: (dW, db, dx + 1)), r"dx begins with \("),
        (
            changed(lambda dW, db, dx, delta: (dW, db)),
            "must return 3 things, dW, db and dx; it returned a tuple",
        ),
        (lambda x, W, b, g: g, r"must return 3 things, dW, db and dx; it returned tensor \(7, 5\)"),
    ],
)
def test_layer_backward_names_the_mistake(layer, message):
    says(checks.check_layer_backward(layer), message)


# --- initial weights before a leaky ReLU


def test_leaky_variance_accepts_the_solution():
    assert checks.check_leaky_variance(lambda D, a: 2 / ((1 + a**2) * D))
    assert checks.check_leaky_variance(lambda D, a: torch.tensor(2 / D) / (1 + a * a))


def test_leaky_variance_is_what_keeps_the_mean_square():
    torch.manual_seed(0)
    h = torch.randn(2000, 300)
    z = h @ (torch.randn(300, 300) * math.sqrt(2 / (1.25 * 300)))
    assert 0.95 < F.leaky_relu(z, 0.5).square().mean() < 1.05


def test_leaky_variance_unanswered():
    says(checks.check_leaky_variance(lambda D, a: None), "Not answered yet: leaky_variance")


@pytest.mark.parametrize(
    ("variance", "message"),
    [
        (lambda D, a: math.sqrt(2 / ((1 + a**2) * D)), "That is the standard deviation"),
        (lambda D, a: 2 / D, r"multiplies the mean square by 1\.25; it should be 1\. .*plain ReLU"),
        (lambda D, a: 1 / D, "That keeps the sums"),
        (lambda D, a: 2 / ((1 + a) * D), "a², not a"),
        (lambda D, a: 2 / ((1 + a) ** 2 * D), "add up as squares"),
        (lambda D, a: 1 / ((1 + a**2) * D), "a factor ½ is missing"),
        (lambda D, a: 2 * (1 + a**2) / D, "so the weights must be smaller"),
        (lambda D, a: 2 / (a**2 * D), "What of the positive sums"),
        (lambda D, a: 0.3, "Work out E"),
        (lambda D, a: 0.032, "Right for a = 0.5, and wrong for a = 0"),
        (lambda D, a: 2 / ((1 + 1 / 4) * D) if a == 0.5 else 2 / ((1 + a) * D), "wrong for a = 0.1"),
        (lambda D, a: (1 + a**2) * D / 2, "one over the answer"),
        (lambda D, a: 2 / (1 + a**2), "D is missing"),
        (lambda D, a: 2 / (1.25 * D), "Right for a = 0.5, and wrong for a = 0"),
        (lambda D, a: 2 / ((1 + a**2) * 50), "Right for D = 50, and wrong for 100"),
        (lambda D, a: -1.0, "A variance is a positive number"),
        (lambda D, a: math.nan, "A variance is a positive number"),
    ],
)
def test_leaky_variance_names_the_mistake(variance, message):
    says(checks.check_leaky_variance(variance), message)
