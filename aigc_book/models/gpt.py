"""GPT: a stack of causal Transformer blocks that predicts the next token.

One class for the family, from GPT-2 (learned positions, layer norm, GELU) to Llama (rotary, RMS norm, SwiGLU, grouped
queries). Shape letters: B batch, T new tokens, S all tokens seen so far, C ``d_model``, V vocabulary.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.layers.context import Context
from aigc_book.layers.feedforward import ACTIVATIONS, FeedForward, SwiGLU
from aigc_book.layers.inputs import check_ids, check_mask
from aigc_book.layers.kv_cache import KVCache
from aigc_book.layers.linear import Linear
from aigc_book.layers.norms import LayerNorm, RMSNorm, check_eps
from aigc_book.layers.positions import check_positions, new_positions
from aigc_book.models.disk.gpt2 import GPT2Layout
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.llama import LlamaLayout
from aigc_book.models.disk.own import OwnLayout

NORMS = ("layer", "rms")


@dataclass(frozen=True)
class GPTConfig:
    """All that is needed to build a :class:`GPT`; the defaults are GPT-2's smallest.

    What is None follows from the other fields, and goes on following them in ``dataclasses.replace``;
    :attr:`resolved` says what it is.

    Args:
        vocab_size: V.
        max_seq_len: the longest context in tokens.
        n_layers: number of blocks.
        n_heads: H, query heads of a block; must divide ``d_model``.
        d_model: C.
        n_kv_heads: G, key–value heads; must divide ``n_heads``; H if None. Fewer than H is grouped-query attention
            (Ainslie et al., 2023), G = 1 multi-query attention (Shazeer, 2019).
        d_ff: F, width of the feed-forward block; 4 C if None, and with swiglu 8 C / 3, rounded up to a multiple of 64,
            which costs as much (Shazeer, 2020).
        position: a name in the table of :mod:`aigc_book.layers.positions`: learned, sinusoidal, rotary, alibi, none.
        rotary_base: base of the rotary angles.
        norm: layer, or rms (Zhang and Sennrich, 2019), before each half of a block and before the head (pre-norm).
        norm_eps: what the norm adds under its root.
        norm_gain: whether norms learn a gain.
        embedding_norm: whether the embeddings are normalised too, as in BLOOM (Le Scao et al., 2022).
        qk_norm: whether queries and keys are RMS-normalised, which bounds their products (Henry et al., 2020).
        activation: of the feed-forward block: relu, relu2 (So et al., 2021), gelu, gelu_tanh, silu, or swiglu for the
            gated block (Shazeer, 2020).
        bias: whether linear layers and layer norms have biases; PaLM (Chowdhery et al., 2022) left them out.
        tie_embeddings: whether the head shares the token embedding's matrix (Press and Wolf, 2017).
        zero_init: start the head and each block's two output projections at zero, so that at first every block
            passes its input on unchanged and every next token is equally likely (Zhang et al., *Fixup*, 2019).
        dropout: share dropped of embeddings, attention weights and block outputs in training.
        causal: whether no position sees a later one. False makes the same blocks read in both directions, for a masked
            language model: position t's logits are then those of the token at t, and nothing is cached.

    Raises:
        ValueError: a size below 1, heads that don't divide, an odd width where sines come in pairs, an unknown name,
            a dropout outside [0, 1), a rotary base or a norm_eps that makes no sense.
    """

    vocab_size: int = 50257
    max_seq_len: int = 1024
    n_layers: int = 12
    n_heads: int = 12
    d_model: int = 768
    n_kv_heads: int | None = None
    d_ff: int | None = None
    position: str = "learned"
    rotary_base: float = 10_000.0
    norm: str = "layer"
    norm_eps: float = 1e-5
    norm_gain: bool = True
    embedding_norm: bool = False
    qk_norm: bool = False
    activation: str = "gelu_tanh"
    bias: bool = True
    tie_embeddings: bool = True
    zero_init: bool = False
    dropout: float = 0.0
    causal: bool = dataclasses.field(default=True, metadata={"since": "0.3.0"})

    def __post_init__(self):
        for name in ("vocab_size", "max_seq_len", "n_layers", "n_heads", "n_kv_heads", "d_model", "d_ff"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {name}={getattr(self, name)}")
        for name, allowed in (
            ("norm", NORMS),
            ("activation", (*ACTIVATIONS, "swiglu")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model must be divisible by n_heads; got d_model={self.d_model}, n_heads={self.n_heads}"
            )
        if self.n_kv_heads is not None and self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads must be divisible by n_kv_heads; got n_heads={self.n_heads}, n_kv_heads={self.n_kv_heads}"
            )
        check_positions(self.position, self.d_model, self.n_heads)
        if not 0 < self.rotary_base < math.inf:
            raise ValueError(f"rotary_base must be a finite number above 0; got {self.rotary_base!r}")
        check_eps(self.norm_eps)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")

    @property
    def d_head(self) -> int:
        """D = C / H."""
        return self.d_model // self.n_heads

    @property
    def resolved(self) -> "GPTConfig":
        """The same model with nothing left to follow, every None replaced by its value."""
        gated = 64 * -(-8 * self.d_model // (3 * 64))
        width = gated if self.activation == "swiglu" else 4 * self.d_model
        return dataclasses.replace(
            self,
            n_kv_heads=self.n_heads if self.n_kv_heads is None else self.n_kv_heads,
            d_ff=width if self.d_ff is None else self.d_ff,
        )

    @classmethod
    def gpt2(cls) -> "GPTConfig":
        """GPT-2 small, 124 M parameters (Radford et al., 2019, table 2)."""
        return cls()

    @classmethod
    def gpt2_medium(cls) -> "GPTConfig":
        """GPT-2 medium, 355 M parameters."""
        return cls(n_layers=24, n_heads=16, d_model=1024)

    @classmethod
    def gpt2_large(cls) -> "GPTConfig":
        """GPT-2 large, 774 M parameters."""
        return cls(n_layers=36, n_heads=20, d_model=1280)

    @classmethod
    def gpt2_xl(cls) -> "GPTConfig":
        """GPT-2 XL, 1.56 B parameters."""
        return cls(n_layers=48, n_heads=25, d_model=1600)

    @classmethod
    def gpt3(cls) -> "GPTConfig":
        """GPT-3, 175 B parameters (Brown et al., 2020, table 2.1).

        Every layer here is dense; GPT-3 alternates dense and locally banded sparse attention, with the same parameters.
        """
        return cls(max_seq_len=2048, n_layers=96, n_heads=96, d_model=12288)

    @classmethod
    def modern(
        cls,
        *,
        vocab_size: int = 32000,
        max_seq_len: int = 2048,
        n_layers: int = 12,
        n_heads: int = 12,
        n_kv_heads: int = 4,
        d_model: int = 768,
        d_ff: int | None = None,
    ) -> "GPTConfig":
        """What open models have settled on since Llama: RMS norm, rotary positions, SwiGLU, grouped queries, no biases.

        Source: Touvron et al., *LLaMA* (2023), section 2.2; grouped queries: Touvron et al., *Llama 2* (2023).
        """
        return cls(
            vocab_size=vocab_size,
            max_seq_len=max_seq_len,
            n_layers=n_layers,
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            d_model=d_model,
            d_ff=d_ff,
            position="rotary",
            norm="rms",
            activation="swiglu",
            bias=False,
            tie_embeddings=False,
        )

    @classmethod
    def small(
        cls, vocab_size: int, max_seq_len: int = 64, *, n_layers: int = 3, n_heads: int = 3, d_model: int = 96
    ) -> "GPTConfig":
        """What learns fastest when the model is small and the time is short: the book's chapters train it.

        Rotary positions (Su et al., 2021); RMS norms (Zhang and Sennrich, 2019) without gains, on the embeddings too
        and on queries and keys (Henry et al., 2020); the squared ReLU (So et al., 2021); no biases; a head of its own;
        what each block adds, and the head, start at zero.

        Source: the choices of Jordan et al., *modded-nanogpt* (2024), a race to GPT-2's loss.
        """
        return cls(
            vocab_size=vocab_size,
            max_seq_len=max_seq_len,
            n_layers=n_layers,
            n_heads=n_heads,
            d_model=d_model,
            position="rotary",
            norm="rms",
            norm_gain=False,
            embedding_norm=True,
            qk_norm=True,
            activation="relu2",
            bias=False,
            tie_embeddings=False,
            zero_init=True,
        )


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): a pre-norm Transformer block."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        config = config.resolved
        self.attention_norm = new_norm(config)
        self.attention = MultiHeadAttention(
            config.d_model,
            config.n_heads,
            config.n_kv_heads,
            bias=config.bias,
            qk_norm=config.qk_norm,
            dropout=config.dropout,
        )
        self.feedforward_norm = new_norm(config)
        if config.activation == "swiglu":
            self.feedforward = SwiGLU(config.d_model, config.d_ff, bias=config.bias)
        else:
            self.feedforward = FeedForward(config.d_model, config.d_ff, config.activation, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, T, C) → (B, T, C)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), context))
        return x + self.dropout(self.feedforward(self.feedforward_norm(x)))


class GPT(nn.Module):
    """A decoder-only Transformer: ids in, the logits of the next token out, at every position.

    Args:
        config: sizes and choices.

    Source: Radford et al. (2019), section 2.3; initial values as there: N(0, 0.02²), and N(0, (0.02 / √(2 L))²) for the
    two output projections of each of the L blocks.
    """

    model_type = "aigc_book_gpt"  # what config.json says beside weights under these very names
    layouts = (GPT2Layout(), LlamaLayout(), OwnLayout(model_type, GPTConfig))  # the first that holds a model is written

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = new_positions(
            config.position, config.max_seq_len, config.d_model, config.n_heads, config.rotary_base
        )
        self.embedding_norm = new_norm(config) if config.embedding_norm else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = new_norm(config)
        self.head = Linear(config.d_model, config.vocab_size, bias=False)
        if config.tie_embeddings:
            self.head.weight = self.token_embedding.weight
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new initial values from torch's global generator."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        if hasattr(self.position_embedding, "reset_parameters"):  # a code that has weights
            self.position_embedding.reset_parameters()
        residual_std = 0.0 if self.config.zero_init else 0.02 / (2 * self.config.n_layers) ** 0.5
        for block in self.blocks:
            nn.init.normal_(block.attention.out.weight, std=residual_std)
            nn.init.normal_(block.feedforward.down.weight, std=residual_std)
        if self.config.zero_init and not self.config.tie_embeddings:
            nn.init.zeros_(self.head.weight)

    def forward(
        self, ids: Tensor, *, mask: Tensor | None = None, cache: KVCache | None = None, last_only: bool = False
    ) -> Tensor:
        """Logits of the token after each position; no position sees a later one, unless the config says so.

        Args:
            ids: (B, T) int64, each in [0, V).
            mask: (B, S) boolean, True for real tokens and False for padding, over cached and new tokens; positions
                count real tokens only, so that a prompt may be padded on the left. Without a cache also (B, T, T), for
                several texts in one row (as ``text.chat.pack_examples`` makes them): which token may attend to which,
                and positions count what a token may attend to. None: all are real.
            cache: keys and values of the tokens before (:meth:`new_cache`); it takes in the new ones.
            last_only: compute the logits of the last position only, as (B, 1, V).

        Returns:
            (B, T, V) logits.

        Raises:
            ValueError: ids that are not (B, T) whole numbers in range, more tokens than ``max_seq_len``, a mask that is
                not boolean (B, S) or (B, T, T), a cache that is too small, or one for a model that is not causal.
        """
        x = self.hidden_states(ids, mask=mask, cache=cache)
        return self.head(x[:, -1:] if last_only else x)

    def hidden_states(self, ids: Tensor, *, mask: Tensor | None = None, cache: KVCache | None = None) -> Tensor:
        """What the head reads: (B, T, C), after the final norm. Arguments and errors as in :meth:`forward`."""
        check_ids(ids, self.config.vocab_size)
        B, T = ids.shape
        S = T + (0 if cache is None else cache.length)
        if self.config.max_seq_len < S:
            raise ValueError(f"the context is limited to max_seq_len={self.config.max_seq_len} tokens; got {S}")
        packed = cache is None and isinstance(mask, Tensor) and mask.dim() == 3
        check_mask(mask, (B, T, T) if packed else (B, S))
        if cache is not None:
            self._require_causal()
        context = Context.of(ids, mask, is_causal=self.config.causal, cache=cache)
        x, context = self.position_embedding(self.token_embedding(ids), context)
        if self.embedding_norm is not None:
            x = self.embedding_norm(x)
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, context.at(layer))
        if cache is not None:
            cache.advance(T)
        return self.final_norm(x)

    def new_cache(self, batch_size: int, max_seq_len: int | None = None) -> KVCache:
        """An empty key–value cache that fits this model, with room for ``max_seq_len`` tokens (the context's if None).

        Raises:
            ValueError: a size below 1, a longer sequence than the model's context, or a model that is not causal.
        """
        self._require_causal()
        config = self.config
        n_tokens = config.max_seq_len if max_seq_len is None else max_seq_len
        if batch_size < 1 or not 1 <= n_tokens <= config.max_seq_len:
            raise ValueError(
                f"batch_size must be at least 1 and max_seq_len in [1, {config.max_seq_len}]; "
                f"got batch_size={batch_size}, max_seq_len={n_tokens}"
            )
        weight = self.token_embedding.weight
        return KVCache(
            config.n_layers,
            batch_size,
            config.resolved.n_kv_heads,
            n_tokens,
            config.d_head,
            dtype=weight.dtype,
            device=weight.device,
        )

    def _require_causal(self) -> None:
        if not self.config.causal:
            raise ValueError(
                "a model with causal=False has no cache: each new token changes what all others see; it is sampled "
                "from with aigc_book.decoding.masked.gibbs"
            )

    def count_parameters(self) -> int:
        """Number of trained numbers; a matrix that embedding and head share counts once."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "GPT":
        """Read a model that this package or ``transformers`` saved: GPT-2, Llama, or this package's own layout.

        A checkpoint's folder is one in our own layout. The model is in evaluation mode; its dropout and what else a
        lesson needs come back with ``model.train()``.

        Args:
            name: a folder with ``config.json`` and safetensors weights, or the name of such a model on the Hugging
                Face hub.
            dtype: of the weights.

        Raises:
            FileNotFoundError: no such folder, no network, or a file is missing.
            ValueError: a model of another kind, or with a setting that :class:`GPT` doesn't have; weights that are
                missing, left over, of another shape, or damaged; files or settings that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(GPTConfig(**settings)), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, so that :meth:`from_pretrained` reads them back.

        A model with GPT-2's or Llama's choices is written in that layout and opens in ``transformers`` too;
        every other one in this package's own (``model_type: aigc_book_gpt``).
        """
        write_model(self, folder, self.layouts)


def new_norm(config: GPTConfig) -> nn.Module:
    """The norm that the config asks for."""
    if config.norm == "rms":
        return RMSNorm(config.d_model, config.norm_eps, gain=config.norm_gain)
    return LayerNorm(config.d_model, config.norm_eps, bias=config.bias, gain=config.norm_gain)
