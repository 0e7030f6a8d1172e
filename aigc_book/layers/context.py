"""What the blocks of a Transformer are told beside their input: one object for all of them.

Shape letters: B batch, T queries, S keys, H heads, D head width.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_book.layers.kv_cache import KVCache


@dataclass(frozen=True)
class Context:
    """Where tokens stand, who may look at whom, and what was computed before.

    A model makes one for each call, its position code (:mod:`aigc_book.layers.positions`) fills in ``turn`` or
    ``bias``, and it goes through all blocks down to the attention. The default lets every position see every other.

    Attributes:
        positions: where the S tokens so far stand, (S,) or (B, S) whole numbers; the T queries are the last of them.
        mask: boolean, broadcasts to (B, H, T, S), True = may attend.
        is_causal: no position sees a later one.
        turn: cosines and sines by which queries and keys are turned, of
            :func:`aigc_book.layers.positions.rotary_angles` for the T positions.
        bias: added to the scores, broadcasts to (B, H, T, S).
        cache: keys and values of earlier positions; the new ones are appended, S = cached + T. None: S = T.
        layer: which layer of the cache the next block's is.
    """

    positions: Tensor | None = None
    mask: Tensor | None = None
    is_causal: bool = False
    turn: tuple[Tensor, Tensor] | None = None
    bias: Tensor | None = None
    cache: KVCache | None = None
    layer: int = 0

    @classmethod
    def of(
        cls, ids: Tensor, mask: Tensor | None = None, *, is_causal: bool = False, cache: KVCache | None = None
    ) -> "Context":
        """The context of new tokens, from what a model is called with.

        Args:
            ids: (B, T), the new tokens.
            mask: (B, S) boolean, True for real tokens and False for padding, over cached and new tokens; positions
                count real tokens only, so that a text may be padded on the left. Or (B, T, T), which token may attend
                to which: positions count those before a token that it may attend to, so that they begin again with each
                of several texts in a row that don't see one another. None: all are real.
            is_causal: no position sees a later one.
            cache: of the tokens before.
        """
        if mask is None:
            n_tokens = ids.size(1) + (0 if cache is None else cache.length)
            return cls(torch.arange(n_tokens, device=ids.device), is_causal=is_causal, cache=cache)
        if mask.dim() == 3:
            positions = (mask.tril().sum(dim=-1) - 1).clamp_min(0)  # (B, T)
            return cls(positions, mask[:, None], is_causal, cache=cache)  # (B, 1, T, T)
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        mask = mask[:, None, None, :]  # (B, 1, 1, S): the same keys for every head and query
        return cls(positions, mask, is_causal, cache=cache)

    def at(self, layer: int) -> "Context":
        """The same for the block that has this layer of the cache."""
        return self if self.cache is None else dataclasses.replace(self, layer=layer)


EVERYTHING = Context()  # every position sees every other
