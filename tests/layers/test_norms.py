"""Norms against arithmetic on paper and torch's own modules."""

import math

import torch
from torch import nn

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
