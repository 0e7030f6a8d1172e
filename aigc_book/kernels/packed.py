"""Weights laid out once for inference, in the order in which they are read fastest.

Without a batch to share them with, every weight is read for a single product, so that a linear layer is as fast as its
weights can be read. In which order they lie decides up to a factor of three. Shape letters: C inputs, O outputs.
"""

import copy

import torch
from torch import Tensor, nn

from aigc_book.kernels import processor
from aigc_book.kernels.linear import SMALLEST, by_onednn, onednn

# In which dtypes oneDNN's blocks are read faster than a plain matrix. Of the time of a plain product, with one row:
# AMD EPYC (Zen 5) 0.4 to 0.6 in float32 and 0.6 to 0.7 in bfloat16; Intel Xeon (AVX-512, AMX) 1.2 in float32 and 0.5
# to 1 in bfloat16. Weights in 8 bits (torch._weight_int8pack_mm) are no faster than bfloat16 here: 0.8 to 1.2 times
# its time with one row, 1.2 to 1.8 times with 8 and 2.6 to 3.5 times with 128 (AMD EPYC, Zen 5).
PAYS = {
    processor.AMD: (torch.float32, torch.bfloat16),
    processor.INTEL: (torch.bfloat16,),
    processor.PLAIN: (),
}


class PackedLinear(nn.Module):
    """A linear layer for inference on a CPU, whose weights lie in the blocks that oneDNN's kernel reads.

    :func:`pack` makes them. Packed weights can't be trained, saved, or moved to another device or dtype.
    """

    # The layout depends on how many rows the kernel expects. This one is the best, or nearly so, from 1 to 2048.
    ROWS = 32

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.packed_weight = onednn._reorder_linear_weight(linear.weight.detach(), self.ROWS)
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach(), requires_grad=False)

    @staticmethod
    def fits(linear: nn.Linear) -> bool:
        """Whether packing is possible and worth while: a large matrix in a dtype in which it pays here, on a CPU."""
        weight = linear.weight
        return (
            weight.device.type == "cpu"
            and weight.numel() >= SMALLEST
            and onednn is not None
            and weight.dtype in PAYS[processor.NAME]
            and (weight.dtype == torch.float32 or onednn._is_mkldnn_bf16_supported())
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
        return by_onednn(x, self.packed_weight, self.bias)

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
