"""The Transformer of the paper: an encoder reads one sequence, a decoder writes another.

Shape letters: B batch, S source tokens, T target tokens, H heads, D head width, C ``d_model``, V target vocabulary.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.layers.context import Context
from aigc_book.layers.cross_attention import CrossAttention
from aigc_book.layers.encoder_block import EncoderBlock
from aigc_book.layers.feedforward import ACTIVATIONS, FeedForward
from aigc_book.layers.inputs import check_ids, check_mask
from aigc_book.layers.kv_cache import KVCache
from aigc_book.layers.linear import Linear
from aigc_book.layers.mode import evaluating
from aigc_book.layers.norms import LayerNorm, check_eps
from aigc_book.layers.positions import check_positions, new_positions
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.own import OwnLayout

KeysAndValues = list[tuple[Tensor, Tensor]]  # of the memory, for each layer: (B, H, S, D) twice


@dataclass(frozen=True)
class Seq2SeqConfig:
    """All that is needed to build an :class:`EncoderDecoder`; the defaults are the paper's base model.

    What is None follows from the other fields, and goes on following them in ``dataclasses.replace``;
    :attr:`resolved` says what it is.

    Args:
        source_vocab_size: how many ids the source has.
        vocab_size: V, how many ids the target has.
        max_seq_len: the longest source, and the longest target, in tokens.
        n_encoder_layers: blocks of the encoder.
        n_decoder_layers: blocks of the decoder.
        n_heads: H; must divide ``d_model``.
        d_model: C.
        d_ff: width of the feed-forward blocks; 4 C if None.
        position: a name in the table of :mod:`aigc_book.layers.positions`, for source and target.
        activation: of the feed-forward blocks: relu, relu2, gelu, gelu_tanh or silu.
        norm_first: pre-norm, with a norm behind the last block, if True; post-norm as in the paper if False.
        norm_eps: what the norm adds under its root.
        tie_embeddings: whether the head shares the target embedding's matrix.
        dropout: share dropped of embeddings, attention weights and block outputs in training.

    Raises:
        ValueError: a size below 1, heads that don't divide, a width that the positions can't have, an unknown name, a
            dropout outside [0, 1).
    """

    source_vocab_size: int
    vocab_size: int
    max_seq_len: int = 512
    n_encoder_layers: int = 6
    n_decoder_layers: int = 6
    n_heads: int = 8
    d_model: int = 512
    d_ff: int | None = None
    position: str = "sinusoidal"
    activation: str = "relu"
    norm_first: bool = False
    norm_eps: float = 1e-5
    tie_embeddings: bool = True
    dropout: float = 0.0

    def __post_init__(self):
        for name in (
            "source_vocab_size",
            "vocab_size",
            "max_seq_len",
            "n_encoder_layers",
            "n_decoder_layers",
            "n_heads",
            "d_model",
            "d_ff",
        ):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {name}={getattr(self, name)}")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model must be divisible by n_heads; got d_model={self.d_model}, n_heads={self.n_heads}"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.activation!r}")
        check_positions(self.position, self.d_model, self.n_heads)
        check_eps(self.norm_eps)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")

    @property
    def resolved(self) -> "Seq2SeqConfig":
        """The same model with nothing left to follow, every None replaced by its value."""
        return dataclasses.replace(self, d_ff=4 * self.d_model if self.d_ff is None else self.d_ff)


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to the memory, feed-forward, each with a residual connection and a norm.

    Post-norm: norm(x + f(x)). Pre-norm: x + f(norm(x)). Source: Vaswani et al. (2017), section 3.1.
    """

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        config = config.resolved
        self.norm_first = config.norm_first
        self.attention = MultiHeadAttention(config.d_model, config.n_heads, dropout=config.dropout)
        self.attention_norm = LayerNorm(config.d_model, config.norm_eps)
        self.cross_attention = CrossAttention(config.d_model, config.n_heads, dropout=config.dropout)
        self.cross_attention_norm = LayerNorm(config.d_model, config.norm_eps)
        self.feedforward = FeedForward(config.d_model, config.d_ff, config.activation)
        self.feedforward_norm = LayerNorm(config.d_model, config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, context: Context, memory: tuple[Tensor, Tensor], memory_mask: Tensor | None = None
    ) -> Tensor:
        """(B, T, C) → (B, T, C).

        Args:
            x: (B, T, C).
            context: of the target; causal.
            memory: what ``cross_attention.project`` made of the encoder's output.
            memory_mask: boolean, broadcasts to (B, H, T, S), True = may attend.
        """
        if self.norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), context))
            x = x + self.dropout(self.cross_attention(self.cross_attention_norm(x), memory, mask=memory_mask))
            return x + self.dropout(self.feedforward(self.feedforward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, context)))
        x = self.cross_attention_norm(x + self.dropout(self.cross_attention(x, memory, mask=memory_mask)))
        return self.feedforward_norm(x + self.dropout(self.feedforward(x)))


class EncoderDecoder(nn.Module):
    """A Transformer for pairs: source ids and the target so far in, the logits of the next target token out.

    Args:
        config: sizes and choices.

    Embeddings are multiplied with √C before the positions are added (section 3.4 of the paper). Initial values:
    matrices as in Glorot and Bengio (2010), embeddings N(0, 1/C).

    Source: Vaswani et al., *Attention Is All You Need* (2017). With pre-norm, encoder and decoder end with a norm.
    """

    model_type = "aigc_book_seq2seq"  # what config.json says beside weights under these very names
    layouts = (OwnLayout(model_type, Seq2SeqConfig),)

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.config = config
        config = config.resolved
        C = config.d_model
        self.source_embedding = nn.Embedding(config.source_vocab_size, C)
        self.target_embedding = nn.Embedding(config.vocab_size, C)
        self.source_positions = new_positions(config.position, config.max_seq_len, C, config.n_heads)
        self.target_positions = new_positions(config.position, config.max_seq_len, C, config.n_heads)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder_blocks = nn.ModuleList(
            EncoderBlock(
                C,
                config.n_heads,
                config.d_ff,
                activation=config.activation,
                norm_first=config.norm_first,
                norm_eps=config.norm_eps,
                dropout=config.dropout,
            )
            for _ in range(config.n_encoder_layers)
        )
        self.decoder_blocks = nn.ModuleList(DecoderBlock(config) for _ in range(config.n_decoder_layers))
        self.encoder_norm = LayerNorm(C, config.norm_eps) if config.norm_first else nn.Identity()
        self.decoder_norm = LayerNorm(C, config.norm_eps) if config.norm_first else nn.Identity()
        self.head = Linear(C, config.vocab_size, bias=False)
        if config.tie_embeddings:
            self.head.weight = self.target_embedding.weight
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from torch's global generator."""
        for module in self.modules():
            if isinstance(module, nn.Linear) and module is not self.head:
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for code in (self.source_positions, self.target_positions):
            if hasattr(code, "reset_parameters"):  # a code that has weights
                code.reset_parameters()
        for embedding in {self.source_embedding, self.target_embedding, self.head}:
            nn.init.normal_(embedding.weight, std=self.config.d_model**-0.5)

    def forward(self, source: Tensor, ids: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Logits of the target token after each position, given the target's tokens up to there.

        Args:
            source: (B, S) ids of the source.
            ids: (B, T) ids of the target, shifted: the first is a start token.
            source_mask: (B, S) boolean, True for real tokens and False for padding. None: all are real.

        Returns:
            (B, T, V).

        Raises:
            ValueError: ids that are not (B, length) whole numbers in range, more tokens than ``max_seq_len``, batches
                of different sizes, a mask that is not boolean (B, S).
        """
        if source.shape[:1] != ids.shape[:1]:
            raise ValueError(f"source and ids need the same batch size; got {tuple(source.shape)}, {tuple(ids.shape)}")
        memory = self.encode(source, source_mask)
        return self.head(self.decode(ids, self.project(memory), source_mask))

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """(B, S) source ids → the memory, (B, S, C); mask and errors as of :meth:`forward`."""
        check_ids(source, self.config.source_vocab_size, "source", "source_vocab_size")
        self._check_length("source", source.size(1))
        check_mask(source_mask, source.shape, "source_mask")
        x, context = self._embed(source, Context.of(source, source_mask), self.source_embedding, self.source_positions)
        for block in self.encoder_blocks:
            x = block(x, context)
        return self.encoder_norm(x)

    def project(self, memory: Tensor) -> KeysAndValues:
        """What every decoder block attends to in the memory (B, S, C): its keys and values."""
        return [block.cross_attention.project(memory) for block in self.decoder_blocks]

    def decode(
        self,
        ids: Tensor,
        memory: KeysAndValues,
        source_mask: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """What the head reads, (B, T, C), for target ids (B, T).

        Args:
            ids: (B, T).
            memory: of :meth:`project`; with a batch of 1 it serves every row.
            source_mask: as in :meth:`forward`.
            mask: (B, T so far) boolean, False for padding on the left of the target.
            cache: keys and values of the target's tokens before; it takes in the new ones.
        """
        check_ids(ids, self.config.vocab_size)
        n_tokens = ids.size(1) + (0 if cache is None else cache.length)
        self._check_length("target", n_tokens)
        check_mask(mask, (len(ids), n_tokens))
        context = Context.of(ids, mask, is_causal=True, cache=cache)
        x, context = self._embed(ids, context, self.target_embedding, self.target_positions)
        keys, _ = memory[0]
        check_mask(source_mask, (keys.size(0), keys.size(2)), "source_mask")
        memory_mask = None if source_mask is None else source_mask[:, None, None, :]
        for layer, (block, keys_and_values) in enumerate(zip(self.decoder_blocks, memory, strict=True)):
            x = block(x, context.at(layer), keys_and_values, memory_mask)
        if cache is not None:
            cache.advance(ids.size(1))
        return self.decoder_norm(x)

    def reading(self, source: Tensor, source_mask: Tensor | None = None) -> "Reading":
        """The decoder with this source before its eyes: a model of the target alone, for ``generate`` and beam search.

        >>> generate(model.reading(source), [[START]], 20, GREEDY)  # doctest: +SKIP

        Args:
            source: (B, S) ids; with B = 1 the source serves every prompt (and every beam).
            source_mask: as in :meth:`forward`.
        """
        return Reading(self, source, source_mask)

    def count_parameters(self) -> int:
        """Number of trained numbers; a shared matrix counts once."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "EncoderDecoder":
        """Read a folder that :meth:`save_pretrained` wrote, or a checkpoint's; in evaluation mode.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: another kind of model, weights that don't fit the config, or files that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(Seq2SeqConfig(**settings)), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, in this package's own layout."""
        write_model(self, folder, self.layouts)

    def _embed(
        self, ids: Tensor, context: Context, embedding: nn.Embedding, positions: nn.Module
    ) -> tuple[Tensor, Context]:
        """(B, T) ids → (B, T, C), and the context with what the position code leaves in it."""
        x, context = positions(embedding(ids) * self.config.d_model**0.5, context)
        return self.dropout(x), context

    def _check_length(self, side: str, n_tokens: int) -> None:
        if n_tokens > self.config.max_seq_len:
            raise ValueError(f"{side} is limited to max_seq_len={self.config.max_seq_len} tokens; got {n_tokens}")


class Reading(nn.Module):
    """An :class:`EncoderDecoder` that has read its source: ids of the target in, logits of its next token out.

    It has what :func:`aigc_book.decoding.generate.generate` and :func:`aigc_book.decoding.beam.beam_search` ask for.
    The source is encoded once, here.

    Args:
        model: the model.
        source: (B, S) ids; with B = 1 it serves any number of rows.
        source_mask: (B, S) boolean, True for real tokens. None: all are real.
    """

    def __init__(self, model: EncoderDecoder, source: Tensor, source_mask: Tensor | None = None):
        super().__init__()
        self.model, self.config, self.source_mask = model, model.config, source_mask
        with evaluating(model), torch.no_grad():
            self.memory = model.project(model.encode(source, source_mask))

    def forward(
        self, ids: Tensor, *, mask: Tensor | None = None, cache: KVCache | None = None, last_only: bool = False
    ) -> Tensor:
        """(B, T) target ids → (B, T, V) logits, or (B, 1, V) of the last position; arguments as of ``GPT``'s.

        Raises:
            ValueError: as many rows as neither 1 nor the sources, and what :class:`EncoderDecoder` raises.
        """
        n_sources = self.memory[0][0].size(0)
        if n_sources not in (1, ids.size(0)):
            raise ValueError(f"expected one row of ids for each of the {n_sources} sources; got {ids.size(0)} rows")
        x = self.model.decode(ids, self.memory, self.source_mask, mask=mask, cache=cache)
        return self.model.head(x[:, -1:] if last_only else x)

    def new_cache(self, batch_size: int, max_seq_len: int | None = None) -> KVCache:
        """An empty cache for the target's keys and values, with room for ``max_seq_len`` tokens."""
        config, weight = self.config, self.model.target_embedding.weight
        return KVCache(
            config.n_decoder_layers,
            batch_size,
            config.n_heads,
            config.max_seq_len if max_seq_len is None else max_seq_len,
            config.d_model // config.n_heads,
            dtype=weight.dtype,
            device=weight.device,
        )
