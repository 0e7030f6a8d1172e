"""Linear layers that read their weights as fast as memory delivers them.

Without a batch to share them with, every weight is read for a single product, so that a linear layer is as fast as its
weights can be read. Which kernel does that, and in which order the weights lie, decides up to a factor of three.
Shape letters: C inputs, O outputs.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# torch's own compiler calls oneDNN's linear kernel under this name. Where a build of torch lacks it, F.linear serves.
_onednn = torch.ops.mkldnn if hasattr(torch.ops.mkldnn, "_linear_pointwise") else None

# For smaller matrices the kernel takes longer to set up than it saves.
SMALLEST = 2**18
FEWEST = 2**15  # numbers in x from which on a convolution is quicker


def _onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x Wᵀ + b by oneDNN, without gradients; the weight may be packed."""
    return _onednn._linear_pointwise(x, weight, bias, "none", [], "")


def _as_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x Wᵀ + b as a convolution of width 1 over the positions, with gradients, which torch has oneDNN compute.

    Vaswani et al. (2017), section 3.3, describe the feed-forward block in this way.
    """
    positions = x.reshape(1, 1, -1, x.size(-1)).permute(0, 3, 1, 2)  # (1, C, 1, N), where channels lie side by side
    y = F.conv2d(positions, weight[:, :, None, None], bias)  # (1, O, 1, N)
    return y.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """y = x Wᵀ + b: ``torch.nn.Linear``, which it is in all but the kernel.

    On a CPU and in float32 oneDNN's kernel takes the place of the BLAS library's: without gradients for a matrix of at
    least 2¹⁸ numbers, and with gradients for at least 2¹⁵ numbers in x. On AMD's CPUs it has been measured to be twice
    as fast; the result is the same up to rounding. (In bfloat16 torch uses oneDNN by itself.)
    """

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., O)."""
        if (
            self.weight.device.type == "cpu"
            and self.weight.dtype == x.dtype == torch.float32
            and x.size(-1) == self.in_features
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        ):
            if torch.is_grad_enabled():
                if x.numel() >= FEWEST and torch.backends.mkldnn.is_available():
                    return _as_convolution(x, self.weight, self.bias)
            elif self.weight.numel() >= SMALLEST and _onednn is not None:
                return _onednn_linear(x, self.weight, self.bias)
        return F.linear(x, self.weight, self.bias)


class PackedLinear(nn.Module):
    """A linear layer for inference on a CPU, whose weights lie in the blocks that oneDNN's kernel reads.

    :func:`pack` makes them. Packed weights can't be trained, saved, or moved to another device or dtype.
    """

    # The layout depends on how many rows the kernel expects. This one is the best, or nearly so, from 1 to 2048.
    ROWS = 32

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.packed_weight = _onednn._reorder_linear_weight(linear.weight.detach(), self.ROWS)
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach(), requires_grad=False)

    @staticmethod
    def fits(linear: nn.Linear) -> bool:
        """Whether packing is possible and worth while: a large matrix in float32 or bfloat16 on a CPU that has both."""
        weight = linear.weight
        return (
            weight.device.type == "cpu"
            and weight.numel() >= SMALLEST
            and _onednn is not None
            and (
                weight.dtype == torch.float32
                or (weight.dtype == torch.bfloat16 and _onednn._is_mkldnn_bf16_supported())
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., O).

        Raises:
            ValueError: x is of another width or dtype than the packed weights.
        """
        if x.size(-1) != self.in_features or x.dtype != self.packed_weight.dtype:
            raise ValueError(
                f"expected (..., {self.in_features}) in {self.packed_weight.dtype}; got {tuple(x.shape)} in {x.dtype}"
            )
        return _onednn_linear(x, self.packed_weight, self.bias)

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        raise RuntimeError("packed weights can't be saved; save the model that was packed")

    def _apply(self, fn, recurse: bool = True) -> nn.Module:
        raise RuntimeError("packed weights can't be moved to another device or dtype; move the model, then pack it")


def pack(model: nn.Module) -> nn.Module:
    """A copy of a model for inference on a CPU, with weights in the order in which they are read fastest.

    Every large ``nn.Linear`` is replaced by a :class:`PackedLinear`; everything else (embeddings, norms, small layers,
    layers on other devices or in other dtypes) is shared with the model, which is left as it is. The copy is in
    evaluation mode, has no gradients, and gives the model's results up to rounding.

    Packing takes as long as a few dozen tokens do, and the packed weights take as much memory as the weights; delete
    the model if it is not needed any more. A head that is tied to the embedding is packed apart from it.

    When the model is trained further, pack it again.

    Args:
        model: any model that is made of ``nn.Linear`` layers.
    """
    copies: dict[int, nn.Module] = {}  # a module that stands in two places is one module in the copy too

    def copied(module: nn.Module) -> nn.Module:
        if id(module) not in copies:
            if isinstance(module, nn.Linear) and PackedLinear.fits(module):
                twin = PackedLinear(module)
            else:
                twin = copy.copy(module)
                twin._parameters = {
                    name: p if p is None else nn.Parameter(p.detach(), requires_grad=False)
                    for name, p in module._parameters.items()
                }
                twin._modules = {name: m if m is None else copied(m) for name, m in module._modules.items()}
            twin.training = False
            copies[id(module)] = twin
        return copies[id(module)]

    return copied(model)
