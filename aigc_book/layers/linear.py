"""The linear layer, of which nearly everything else is made. Shape letters: C inputs, O outputs."""

from torch import Tensor, nn

from aigc_book.kernels.linear import linear


class Linear(nn.Linear):
    """y = x Wᵀ + b: ``torch.nn.Linear``, which it is in all but the kernel that computes it on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) → (..., O)."""
        return linear(x, self.weight, self.bias)
