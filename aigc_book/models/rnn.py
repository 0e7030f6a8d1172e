"""A recurrent language model: an embedding, recurrent layers, and a head, as GPT is with attention.

It trains with :func:`aigc_book.training.loop.fit` and speaks with :func:`aigc_book.decoding.generate.generate`, which
carries the layers' state where a GPT has its key–value cache.
Shape letters: B batch, T tokens, S all tokens read so far, C ``d_model``, V vocabulary.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.layers.inputs import check_ids, check_mask
from aigc_book.layers.linear import Linear
from aigc_book.layers.recurrence import RecurrentLayer, State, check_cell
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.own import OwnLayout


@dataclass(frozen=True)
class RNNConfig:
    """All that is needed to build an :class:`RNN`.

    Args:
        vocab_size: V.
        d_model: C, width of the embedding and of every layer's state.
        n_layers: number of layers; each reads the states of the one below.
        cell: rnn, lstm or gru.
        tie_embeddings: whether the head shares the embedding's matrix.
        forget_bias: initial bias of an LSTM's forget gate. 1 lets the state last from the beginning (Jozefowicz,
            Zaremba and Sutskever, 2015); 0 is about what ``nn.LSTM`` has.
        dropout: share dropped of the embeddings and of every layer's outputs in training.

    Raises:
        ValueError: a size below 1, an unknown cell, a dropout outside [0, 1).
    """

    vocab_size: int
    d_model: int = 128
    n_layers: int = 1
    cell: str = "lstm"
    tie_embeddings: bool = False
    forget_bias: float = 1.0
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("vocab_size", "d_model", "n_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {name}={getattr(self, name)}")
        check_cell(self.cell)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")

    @property
    def max_seq_len(self) -> int:
        """No limit, since the state has one size however much was read."""
        return sys.maxsize


class RNNState:
    """What an :class:`RNN` carries from token to token, in all its layers: the counterpart of a key–value cache.

    Its size doesn't depend on how much was read. Like a key–value cache it is made for generation: no gradient flows
    through it.
    """

    def __init__(self, layers: list[State]):
        self.layers = layers
        self.length = 0  # tokens read so far

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return sum(part.nbytes for state in self.layers for part in state)

    def reset(self) -> None:
        """Forget all tokens."""
        self.layers = [tuple(torch.zeros_like(part) for part in state) for state in self.layers]
        self.length = 0

    def reorder(self, rows: Tensor) -> None:
        """Let row b continue what was row ``rows[b]``, for beam search."""
        self.layers = [tuple(part[rows] for part in state) for state in self.layers]


class RNN(nn.Module):
    """A recurrent language model: ids in, the logits of the next token out, at every position.

    Args:
        config: sizes and choices.

    Source: Mikolov et al. (2010) for the simple cell; Sundermeyer, Schlüter and Ney (2012) for the LSTM. Embeddings
    start as N(0, 0.1²), everything else is uniform in ±1/√C.
    """

    model_type = "aigc_book_rnn"  # what config.json says beside weights under these very names
    layouts = (OwnLayout(model_type, RNNConfig),)

    def __init__(self, config: RNNConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(
            RecurrentLayer(config.d_model, config.d_model, config.cell) for _ in range(config.n_layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = Linear(config.d_model, config.vocab_size)
        if config.tie_embeddings:
            self.head.weight = self.token_embedding.weight
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from torch's global generator."""
        self.head.reset_parameters()
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.token_embedding.weight, std=0.1)
        for layer in self.layers:
            layer.reset_parameters()
            if self.config.cell == "lstm":  # gates are in the order i, f, g, o
                C = self.config.d_model
                nn.init.constant_(layer.input.bias[C : 2 * C], self.config.forget_bias)
                nn.init.zeros_(layer.recurrent.bias[C : 2 * C])

    def forward(
        self, ids: Tensor, *, mask: Tensor | None = None, cache: RNNState | None = None, last_only: bool = False
    ) -> Tensor:
        """Logits of the token after each position; no position sees a later one.

        Args:
            ids: (B, T) int64, each in [0, V).
            mask: (B, S) boolean, True for real tokens and False for padding, over the S tokens read so far and now;
                padding leaves the state as it is. None: all are real.
            cache: the state after the tokens before (:meth:`new_cache`); it becomes that after the new ones.
            last_only: compute the logits of the last position only, as (B, 1, V).

        Returns:
            (B, T, V) logits.

        Raises:
            ValueError: ids that are not (B, T) whole numbers in range, a mask that is not boolean (B, S), or a cache of
                another batch size.
        """
        x = self.hidden_states(ids, mask=mask, cache=cache)
        return self.head(x[:, -1:] if last_only else x)

    def hidden_states(self, ids: Tensor, *, mask: Tensor | None = None, cache: RNNState | None = None) -> Tensor:
        """What the head reads: h of the last layer, (B, T, C). Arguments and errors as in :meth:`forward`."""
        check_ids(ids, self.config.vocab_size)
        B, T = ids.shape
        if mask is not None:
            S = T if cache is None else cache.length + T
            check_mask(mask, (B, S))
            mask = mask[:, S - T :]
        x = self.dropout(self.token_embedding(ids))
        states = []
        for index, layer in enumerate(self.layers):
            x, state = layer(x, None if cache is None else cache.layers[index], mask=mask)
            x = self.dropout(x)
            states.append(tuple(part.detach() for part in state))
        if cache is not None:
            cache.layers = states
            cache.length += T
        return x

    def new_cache(self, batch_size: int, max_seq_len: int | None = None) -> RNNState:
        """The state before the first token, for :meth:`forward`.

        Args:
            batch_size: B.
            max_seq_len: makes no difference: the state's size doesn't depend on the length.

        Raises:
            ValueError: a batch size below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        return RNNState([layer.new_state(batch_size) for layer in self.layers])

    def count_parameters(self) -> int:
        """Number of trained numbers; a matrix that embedding and head share counts once."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "RNN":
        """Read a folder that :meth:`save_pretrained` wrote, or a checkpoint's; in evaluation mode.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: another kind of model, weights that don't fit the config, or files that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(RNNConfig(**settings)), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, in this package's own layout."""
        write_model(self, folder, self.layouts)
