"""A multilayer perceptron: linear layers with an activation between them.

Shape letters: B batch, D_l the width of layer l, from ``d_in`` = D_0 to ``d_out``.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.layers.feedforward import ACTIVATIONS as FEEDFORWARD_ACTIVATIONS
from aigc_book.layers.linear import Linear
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.own import OwnLayout

ACTIVATIONS = {**FEEDFORWARD_ACTIVATIONS, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
GAINS = {"tanh": 1.0, "sigmoid": 1.0}  # all others throw away about half of what comes in, which √2 makes up for


@dataclass(frozen=True)
class MLPConfig:
    """All that is needed to build an :class:`MLP`.

    Args:
        d_in: width of the input.
        d_out: width of the output: one per class for a classifier, one per target for a regression.
        d_hidden: the widths in between, from the input on; with none the model is linear.
        activation: between the layers: relu, relu2, gelu, gelu_tanh, silu, tanh or sigmoid.

    Raises:
        ValueError: a width that is not a whole number of at least 1, an unknown activation.
    """

    d_in: int
    d_out: int
    d_hidden: tuple[int, ...] = (64,)
    activation: str = "relu"

    def __post_init__(self):
        try:
            object.__setattr__(self, "d_hidden", tuple(self.d_hidden))
        except TypeError:
            raise ValueError(f"d_hidden must be a sequence of widths, such as (64,); got {self.d_hidden!r}") from None
        for name, width in (("d_in", self.d_in), ("d_out", self.d_out), *(("d_hidden", d) for d in self.d_hidden)):
            if isinstance(width, bool) or not isinstance(width, int) or width < 1:
                raise ValueError(f"{name} must be whole numbers of at least 1; got {width!r}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.activation!r}")

    @property
    def widths(self) -> tuple[int, ...]:
        """D_0 to D_L, the input's and the output's among them."""
        return (self.d_in, *self.d_hidden, self.d_out)


class MLP(nn.Module):
    """h_0 = x, h_l = f(h_{l-1} W_lᵀ + b_l), and logits from the last layer, which has no activation.

    What the output means is up to the loss: numbers for a squared error, the log-odds of "yes" for binary
    cross-entropy, log-probabilities up to a constant for cross-entropy.

    Args:
        config: widths and activation.

    Source: Rumelhart, Hinton and Williams (1986). Initial weights: N(0, 2 / D) for D inputs (He et al., 2015, equation
    10), and N(0, 1 / D) where the ReLU family does not follow: with tanh, sigmoid, and in the last layer. Biases: 0.
    """

    model_type = "aigc_book_mlp"  # what config.json says beside weights under these very names
    layouts = (OwnLayout(model_type, MLPConfig),)

    def __init__(self, config: MLPConfig):
        super().__init__()
        self.config = config
        widths = config.widths
        self.layers = nn.ModuleList(Linear(d_in, d_out) for d_in, d_out in itertools.pairwise(widths))
        self.activation = ACTIVATIONS[config.activation]
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from torch's global generator."""
        for layer in self.layers:
            gain = 1.0 if layer is self.layers[-1] else GAINS.get(self.config.activation, math.sqrt(2))
            nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) floats → (..., d_out) logits.

        Raises:
            ValueError: x is not of width ``d_in``, or holds whole numbers.
        """
        if not x.is_floating_point() or x.dim() == 0 or x.size(-1) != self.config.d_in:
            raise ValueError(
                f"x must be floats of shape (..., d_in={self.config.d_in}); got {x.dtype} of shape {tuple(x.shape)}"
            )
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))  # (..., D_l)
        return self.layers[-1](x)

    def count_parameters(self) -> int:
        """Numbers that training changes: Σ D_l (D_{l-1} + 1)."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "MLP":
        """Read a folder that :meth:`save_pretrained` wrote, or a checkpoint's; in evaluation mode.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: another kind of model, weights that don't fit the config, or files that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(MLPConfig(**settings)), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, in this package's own layout."""
        write_model(self, folder, self.layouts)
