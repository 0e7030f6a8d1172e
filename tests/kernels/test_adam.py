"""One pass over memory gives what the formula gives."""

import math

import pytest
import torch

from aigc_book.kernels import processor
from aigc_book.kernels.adam import fused_adam

SETTINGS = dict(lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.5)


def tensors(dtype=torch.float64):
    torch.manual_seed(0)
    return [[torch.randn(5, 7, dtype=dtype), torch.randn(3, dtype=dtype)] for _ in range(2)] + [
        [torch.zeros(5, 7, dtype=dtype), torch.zeros(3, dtype=dtype)] for _ in range(2)
    ]


def test_an_update_on_paper(amd):
    """θ = 2, g = 3, t = 1: the decay leaves 2 (1 - 0.1 · 0.5) = 1.9; m̂ = g and √v̂ = |g|, so 1.9 - 0.1 · 3/3 = 1.8."""
    theta, g, m, v = ([torch.tensor([number], dtype=torch.float64)] for number in (2.0, 3.0, 0.0, 0.0))
    assert fused_adam(theta, g, m, v, [1], **SETTINGS)
    torch.testing.assert_close(theta[0], torch.tensor([1.8], dtype=torch.float64))
    torch.testing.assert_close(m[0], torch.tensor([0.3], dtype=torch.float64))
    torch.testing.assert_close(v[0], torch.tensor([0.09], dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_formula(amd, dtype):
    theta, g, m, v = tensors(dtype)
    expected = [p.clone() for p in theta]
    gradients = [d.clone() for d in g]
    means, squares = ([torch.zeros_like(p) for p in theta] for _ in range(2))
    for t in (1, 2, 3):
        assert fused_adam(theta, g, m, v, [t, t], **SETTINGS)
        for p, d, mean, square in zip(expected, g, means, squares, strict=True):
            p.mul_(1 - 0.1 * 0.5)
            mean.mul_(0.9).add_(d, alpha=0.1)
            square.mul_(0.99).addcmul_(d, d, value=0.01)
            p.sub_(0.1 * (mean / (1 - 0.9**t)) / ((square / (1 - 0.99**t)).sqrt() + 1e-8))
        torch.testing.assert_close(theta, expected)
    assert all(torch.equal(one, other) for one, other in zip(g, gradients, strict=True))
    assert all(math.isfinite(float(p.sum())) for p in theta)


@pytest.mark.parametrize("unfit", ["16 bits", "not contiguous", "other gradient"])
def test_what_does_not_fit_is_left_alone(amd, unfit):
    theta, g, m, v = tensors()
    if unfit == "16 bits":
        theta, g, m, v = ([part.bfloat16() for part in parts] for parts in (theta, g, m, v))
    elif unfit == "not contiguous":
        theta[0] = theta[0].t().contiguous().t()
    else:
        g[0] = g[0].float()
    before = [p.clone() for p in theta]
    assert not fused_adam(theta, g, m, v, [1, 1], **SETTINGS)
    assert all(torch.equal(p, old) for p, old in zip(theta, before, strict=True))


def test_an_unknown_processor_keeps_to_the_formula(monkeypatch):
    monkeypatch.setattr(processor, "NAME", processor.PLAIN)
    assert not fused_adam(*tensors(), [1, 1], **SETTINGS)
