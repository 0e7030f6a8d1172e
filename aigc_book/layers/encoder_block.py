"""The block of a Transformer's encoder: every position sees every other.

Shape letters: B batch, S positions, C ``d_model``.
"""

from torch import Tensor, nn

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.layers.context import EVERYTHING, Context
from aigc_book.layers.feedforward import FeedForward
from aigc_book.layers.norms import LayerNorm


class EncoderBlock(nn.Module):
    """Self-attention, then the feed-forward block, each with a residual connection and a norm.

    Post-norm, as in the paper: norm(x + f(x)). Pre-norm, as in GPT-2 and most since: x + f(norm(x)).

    Args:
        d_model: C.
        n_heads: H, must divide ``d_model``.
        d_ff: width of the feed-forward block.
        activation: of the feed-forward block: relu, relu2, gelu, gelu_tanh or silu.
        norm_first: pre-norm if True, post-norm if False.
        norm_eps: what the norm adds under its root.
        dropout: share of attention weights and of each half's output that is dropped in training.

    Raises:
        ValueError: heads that don't divide the width, an unknown activation.

    Source: Vaswani et al. (2017), section 3.1; pre-norm: Xiong et al., *On Layer Normalization in the Transformer
    Architecture* (2020).
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_ff: int,
        *,
        activation: str = "relu",
        norm_first: bool = False,
        norm_eps: float = 1e-5,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.norm_first = norm_first
        self.attention = MultiHeadAttention(d_model, n_heads, dropout=dropout)
        self.attention_norm = LayerNorm(d_model, norm_eps)
        self.feedforward = FeedForward(d_model, d_ff, activation)
        self.feedforward_norm = LayerNorm(d_model, norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, context: Context = EVERYTHING) -> Tensor:
        """(B, S, C) → (B, S, C)."""
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), context))
            return x + self.dropout(self.feedforward(self.feedforward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, context)))
        return self.feedforward_norm(x + self.dropout(self.feedforward(x)))
