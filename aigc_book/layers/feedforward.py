"""The feed-forward half of a Transformer block: the same small network at every position."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from aigc_book.layers.linear import Linear


def squared_relu(x: Tensor) -> Tensor:
    """max(x, 0)² (So et al., *Primer*, 2021)."""
    return F.relu(x).square()


ACTIVATIONS = {
    "relu": F.relu,
    "relu2": squared_relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),  # the approximation that GPT-2 was trained with
    "silu": F.silu,
}


class FeedForward(nn.Module):
    """y = f(x W_up) W_down, with the activation f; Vaswani et al. (2017), equation 2, has f = ReLU.

    Args:
        d_model: C, width of the input and of the output.
        d_ff: width in between, usually 4 C.
        activation: one of relu, relu2, gelu, gelu_tanh, silu.
        bias: whether the projections add a bias.

    Raises:
        ValueError: the activation is not known.
    """

    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu", *, bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        self.activation = ACTIVATIONS[activation]
        self.up = Linear(d_model, d_ff, bias=bias)
        self.down = Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., C)."""
        return self.down(self.activation(self.up(x)))


class SwiGLU(nn.Module):
    """y = (SiLU(x W_gate) ⊙ x W_up) W_down: a feed-forward block whose first layer is gated.

    With three matrices in place of two, d_ff = 8 C / 3 costs as much
    as a plain block of 4 C.

    Args:
        d_model: C, width of the input and of the output.
        d_ff: width in between.
        bias: whether the projections add a bias.

    Source: Shazeer, *GLU Variants Improve Transformer* (2020), equation 6.
    """

    def __init__(self, d_model: int, d_ff: int, *, bias: bool = False):
        super().__init__()
        self.gate = Linear(d_model, d_ff, bias=bias)
        self.up = Linear(d_model, d_ff, bias=bias)
        self.down = Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., C)."""
        return self.down(F.silu(self.gate(x)) * self.up(x))
