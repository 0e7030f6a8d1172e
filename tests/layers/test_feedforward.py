"""Feed-forward blocks against arithmetic on paper and the formula written out."""

import pytest
import torch
from torch.nn import functional as F

from aigc_book.layers.feedforward import ACTIVATIONS, FeedForward, SwiGLU


def test_squared_relu_block_on_paper():
    """x = 2, W_up = (1, -1), W_down = (3, 5)ᵀ: up gives 2 and -2, squared ReLU 4 and 0, down 4·3 + 0·5 = 12."""
    block = FeedForward(1, 2, "relu2", bias=False)
    block.up.weight.data = torch.tensor([[1.0], [-1.0]])
    block.down.weight.data = torch.tensor([[3.0, 5.0]])
    assert block(torch.tensor([2.0])).item() == 12.0


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_block_equals_its_formula(activation):
    torch.manual_seed(0)
    block, x = FeedForward(3, 7, activation), torch.randn(2, 5, 3)
    f = {
        "relu": lambda z: z.clamp(min=0),
        "relu2": lambda z: z.clamp(min=0) ** 2,
        "gelu": lambda z: z * 0.5 * (1 + torch.erf(z / 2**0.5)),
        "gelu_tanh": lambda z: 0.5 * z * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (z + 0.044715 * z**3))),
        "silu": lambda z: z / (1 + torch.exp(-z)),
    }[activation]
    expected = f(x @ block.up.weight.T + block.up.bias) @ block.down.weight.T + block.down.bias
    torch.testing.assert_close(block(x), expected)


def test_swiglu_equals_its_formula():
    torch.manual_seed(0)
    block, x = SwiGLU(3, 7), torch.randn(2, 5, 3)
    gate, up = block.gate.weight, block.up.weight
    torch.testing.assert_close(block(x), (F.silu(x @ gate.T) * (x @ up.T)) @ block.down.weight.T)


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match=r"activation must be one of relu, .*; got 'tanhh'"):
        FeedForward(3, 7, "tanhh")
