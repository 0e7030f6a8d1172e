"""The key–value cache: what attention has computed for earlier tokens, kept so that it is computed once."""

import torch
from torch import Tensor


class KVCache:
    """Keys and values of all layers, allocated once, filled from the left.

    A model appends the keys and values of T new tokens in each of its layers and then calls :meth:`advance` once.
    It is made for generation: no gradient flows through it.

    Args:
        n_layers: how many layers append.
        batch_size: B.
        n_kv_heads: G.
        max_seq_len: room for so many tokens.
        d_head: D.
        dtype: of keys and values.
        device: of keys and values.

    Its size is 2 · n_layers · B · G · max_seq_len · D numbers.
    """

    def __init__(
        self,
        n_layers: int,
        batch_size: int,
        n_kv_heads: int,
        max_seq_len: int,
        d_head: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        shape = (n_layers, 2, batch_size, n_kv_heads, max_seq_len, d_head)
        # Zeros, not empty: a masked value is multiplied with 0, and 0 · NaN of uninitialised memory would be NaN.
        self.memory = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0

    @property
    def batch_size(self) -> int:
        """B."""
        return self.memory.size(2)

    @property
    def max_seq_len(self) -> int:
        """How many tokens there is room for."""
        return self.memory.size(4)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.memory.nbytes

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values (B, G, T, D) of T new tokens behind the ``length`` tokens that are there.

        Returns:
            keys and values (B, G, S, D) of all S = length + T tokens; views of the cache's memory.

        Raises:
            ValueError: no room for T more tokens, or another batch size than the cache's.
        """
        end = self.length + keys.size(2)
        if end > self.max_seq_len:
            raise ValueError(f"the cache has room for {self.max_seq_len} tokens; got {self.length} + {keys.size(2)}")
        if keys.size(0) != self.batch_size:
            raise ValueError(f"the cache was made for batch_size={self.batch_size}; got {keys.size(0)}")
        all_keys, all_values = self.memory[layer, 0], self.memory[layer, 1]
        all_keys[:, :, self.length : end] = keys.detach()
        all_values[:, :, self.length : end] = values.detach()
        return all_keys[:, :, :end], all_values[:, :, :end]

    def advance(self, n_tokens: int) -> None:
        """Count ``n_tokens`` as written, after every layer has appended them."""
        self.length += n_tokens

    def reset(self) -> None:
        """Forget all tokens; the memory is used again."""
        self.length = 0

    def rewind(self, length: int) -> None:
        """Forget all but the first ``length`` tokens; what comes next is written over the rest.

        Raises:
            ValueError: a length below 0, or more tokens than there are.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"length must be in [0, {self.length}], the tokens in the cache; got {length}")
        self.length = length

    def reorder(self, rows: Tensor) -> None:
        """Let row b continue what was row ``rows[b]`` (beam search keeps some hypotheses and drops others)."""
        for memory in self.memory:  # layer by layer, so that the copy that is needed on the way is a small one
            memory[..., : self.length, :] = memory[:, rows, :, : self.length]
