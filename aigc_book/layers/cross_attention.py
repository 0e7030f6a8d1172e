"""Cross-attention: the positions of one sequence gather from those of another.

Shape letters: B batch, T queries, S keys, H heads, D head width, C ``d_model``.
"""

from torch import Tensor, nn

from aigc_book.layers.attention import attention_weights, scaled_dot_product_attention
from aigc_book.layers.linear import Linear


class CrossAttention(nn.Module):
    """head_h = attention(x W_q[h], m W_k[h], m W_v[h]) for queries x and a memory m; concat(head_1 … head_H) W_o.

    Keys and values depend on the memory only. Whoever asks it again and again, as a decoder does for every new token,
    computes them once (:meth:`project`) and passes them on.

    Args:
        d_model: C, width of queries, memory and output.
        n_heads: H, must divide ``d_model``.
        bias: whether the projections add a bias.
        dropout: share of attention weights dropped in training.

    Raises:
        ValueError: heads that don't divide the width.

    Source: Vaswani et al. (2017), section 3.2.3.
    """

    def __init__(self, d_model: int, n_heads: int, *, bias: bool = True, dropout: float = 0.0):
        super().__init__()
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"d_model must be divisible by n_heads; got d_model={d_model}, n_heads={n_heads}")
        self.n_heads, self.d_head, self.dropout = n_heads, d_model // n_heads, dropout
        self.q = Linear(d_model, d_model, bias=bias)
        self.k = Linear(d_model, d_model, bias=bias)
        self.v = Linear(d_model, d_model, bias=bias)
        self.out = Linear(d_model, d_model, bias=bias)

    def project(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, C) → keys and values, each (B, H, S, D)."""
        return self._heads(self.k(memory)), self._heads(self.v(memory))

    def forward(self, x: Tensor, keys_and_values: tuple[Tensor, Tensor], *, mask: Tensor | None = None) -> Tensor:
        """Let each of T positions gather from the memory.

        Args:
            x: (B, T, C).
            keys_and_values: of :meth:`project`; with a batch of 1 they serve every row of x.
            mask: boolean, broadcasts to (B, H, T, S), True = may attend.

        Returns:
            (B, T, C).
        """
        q, (k, v) = self._heads(self.q(x)), (part.expand(x.size(0), -1, -1, -1) for part in keys_and_values)
        dropout = self.dropout if self.training else 0.0
        y = scaled_dot_product_attention(q, k, v, mask, dropout=dropout)
        return self.out(y.transpose(1, 2).reshape(x.shape))

    def weights(self, x: Tensor, keys_and_values: tuple[Tensor, Tensor], *, mask: Tensor | None = None) -> Tensor:
        """How much each position attends to each of the memory's, (B, H, T, S); arguments as of :meth:`forward`."""
        return attention_weights(self._heads(self.q(x)), keys_and_values[0].expand(x.size(0), -1, -1, -1), mask)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, self.d_head)).transpose(1, 2)  # (B, T, C) → (B, H, T, D)
