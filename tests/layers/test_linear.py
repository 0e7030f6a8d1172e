"""The linear layer is torch's in all but its kernel."""

import copy

import torch
from torch import nn

from aigc_book.layers.linear import Linear


def test_linear_is_copied_and_saved_like_torchs():
    torch.manual_seed(0)
    linear = Linear(521, 509)
    assert linear.state_dict().keys() == nn.Linear(521, 509).state_dict().keys()
    assert torch.equal(copy.deepcopy(linear).weight, linear.weight)
    assert isinstance(linear, nn.Linear)
