"""Norms against arithmetic on paper and torch's own modules."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aigc_book.layers.norms import LayerNorm, RMSNorm


def test_layer_norm_on_paper():
    """x = 1, 3, 5: mean 3, variance (4 + 0 + 4) / 3 = 8/3; so -2, 0, 2 divided by √(8/3)."""
    y = LayerNorm(3, eps=0.0)(torch.tensor([1.0, 3.0, 5.0]))
    torch.testing.assert_close(y, torch.tensor([-2.0, 0.0, 2.0]) / math.sqrt(8 / 3))


def test_rms_norm_on_paper():
    """x = 3, 4: mean square (9 + 16) / 2 = 12.5; with gain 1 and 2, 3/√12.5 and 8/√12.5."""
    norm = RMSNorm(2, eps=0.0)
    norm.weight.data = torch.tensor([1.0, 2.0])
    torch.testing.assert_close(norm(torch.tensor([3.0, 4.0])), torch.tensor([3.0, 8.0]) / math.sqrt(12.5))


def test_equal_torch_modules():
    torch.manual_seed(0)
    x = torch.randn(3, 5, 7)
    for ours, theirs in ((LayerNorm(7, 1e-3), nn.LayerNorm(7, 1e-3)), (RMSNorm(7, 1e-3), nn.RMSNorm(7, 1e-3))):
        for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            nn.init.normal_(parameter)
            other.data.copy_(parameter)
        torch.testing.assert_close(ours(x), theirs(x))


def test_without_gain_there_is_nothing_to_learn():
    assert not list(RMSNorm(7, gain=False).parameters())
    assert not list(LayerNorm(7, gain=False, bias=False).parameters())


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_gradients_of_the_rms_norm_equal_torchs(dtype, gain):
    torch.manual_seed(0)
    norm = RMSNorm(7, 1e-3, gain=gain).to(dtype)
    x, dy = torch.randn(3, 5, 7, dtype=dtype, requires_grad=True), torch.randn(3, 5, 7, dtype=dtype)
    y = norm(x)
    (gradient,) = torch.autograd.grad(y, x, dy)
    expected = F.rms_norm(x, (7,), norm.weight, 1e-3)
    (expected_gradient,) = torch.autograd.grad(expected, x, dy)
    loose = dict(rtol=0.02, atol=0.02) if dtype == torch.bfloat16 else dict()
    torch.testing.assert_close(y, expected, **loose)
    torch.testing.assert_close(gradient, expected_gradient, **loose)


def test_the_rms_norms_gradient_is_its_slope():
    x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(RMSNorm(5, gain=False), x)
