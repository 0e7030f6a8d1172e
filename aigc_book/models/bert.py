"""BERT: a stack of Transformer blocks in which every token sees the whole text, and the heads that are put on it.

Shape letters: B batch, T tokens, C ``d_model``, V vocabulary, L labels.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from aigc_book.layers.context import Context
from aigc_book.layers.encoder_block import EncoderBlock
from aigc_book.layers.feedforward import ACTIVATIONS
from aigc_book.layers.inputs import check_ids, check_mask
from aigc_book.layers.linear import Linear
from aigc_book.layers.norms import LayerNorm, check_eps
from aigc_book.layers.positions import LearnedPositions
from aigc_book.models.disk.bert import BERTLayout, count_labels
from aigc_book.models.disk.layout import read_model, write_model
from aigc_book.models.disk.own import OwnLayout

HEADS = ("masked_lm", "text_classifier", "token_classifier")  # what stands on an encoder, as model_type spells it


@dataclass(frozen=True)
class BERTConfig:
    """All that is needed to build a :class:`BERT`; the defaults are BERT-base's.

    What is None follows from the other fields, and goes on following them in ``dataclasses.replace``;
    :attr:`resolved` says what it is.

    Args:
        vocab_size: V.
        max_seq_len: the longest text in tokens.
        n_layers: number of blocks.
        n_heads: H; must divide ``d_model``.
        d_model: C.
        d_ff: width of the feed-forward block; 4 C if None.
        n_segments: how many kinds of text a batch may mark (BERT has two sentences).
        activation: of the feed-forward block: relu, relu2, gelu, gelu_tanh or silu.
        norm_eps: what the norm adds under its root.
        dropout: share dropped of embeddings, attention weights and block outputs in training.

    Raises:
        ValueError: a size below 1, heads that don't divide, an unknown activation, a dropout outside [0, 1).
    """

    vocab_size: int = 30522
    max_seq_len: int = 512
    n_layers: int = 12
    n_heads: int = 12
    d_model: int = 768
    d_ff: int | None = None
    n_segments: int = 2
    activation: str = "gelu"
    norm_eps: float = 1e-12
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("vocab_size", "max_seq_len", "n_layers", "n_heads", "d_model", "d_ff", "n_segments"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {name}={getattr(self, name)}")
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model must be divisible by n_heads; got d_model={self.d_model}, n_heads={self.n_heads}"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {self.activation!r}")
        check_eps(self.norm_eps)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {self.dropout}")

    @property
    def resolved(self) -> "BERTConfig":
        """The same model with nothing left to follow, every None replaced by its value."""
        return dataclasses.replace(self, d_ff=4 * self.d_model if self.d_ff is None else self.d_ff)

    @classmethod
    def base(cls) -> "BERTConfig":
        """BERT-base, 110 M parameters (Devlin et al., 2019, section 3)."""
        return cls()

    @classmethod
    def large(cls) -> "BERTConfig":
        """BERT-large, 340 M parameters."""
        return cls(n_layers=24, n_heads=16, d_model=1024)


class BERT(nn.Module):
    """An encoder: ids in, one vector for each token out, computed from the tokens on both of its sides.

    Args:
        config: sizes and choices.

    Source: Devlin et al., *BERT* (2019), section 3; post-norm blocks as in Vaswani et al. (2017); initial values
    N(0, 0.02²).
    """

    model_type = "aigc_book_bert"  # what config.json says beside weights under these very names
    layouts = (
        BERTLayout("BertModel"),
        OwnLayout(model_type, BERTConfig),
        *(OwnLayout(f"aigc_book_bert_{head}", BERTConfig, part="encoder") for head in HEADS),
    )

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = LearnedPositions(config.max_seq_len, config.d_model)
        self.segment_embedding = nn.Embedding(config.n_segments, config.d_model)
        self.embedding_norm = LayerNorm(config.d_model, config.norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                config.d_model,
                config.n_heads,
                config.resolved.d_ff,
                activation=config.activation,
                norm_eps=config.norm_eps,
                dropout=config.dropout,
            )
            for _ in range(config.n_layers)
        )
        self.apply(_draw)

    def forward(self, ids: Tensor, *, mask: Tensor | None = None, segment_ids: Tensor | None = None) -> Tensor:
        """A vector for each token.

        Args:
            ids: (B, T) int64, each in [0, V).
            mask: (B, T) boolean, True for real tokens and False for padding, which nothing attends to. None: all real.
            segment_ids: (B, T) int64, to which segment a token belongs; 0 if None.

        Returns:
            (B, T, C), after the last block's norm.

        Raises:
            ValueError: ids or segments that are not (B, T) whole numbers in range, more tokens than ``max_seq_len``, a
                mask that is not boolean (B, T).
        """
        config = self.config
        check_ids(ids, config.vocab_size)
        if ids.size(1) > config.max_seq_len:
            raise ValueError(f"the context is limited to max_seq_len={config.max_seq_len} tokens; got {ids.size(1)}")
        if segment_ids is None:
            segment_ids = torch.zeros_like(ids)
        check_ids(segment_ids, config.n_segments, "segment_ids", "n_segments")
        if segment_ids.shape != ids.shape:
            shapes = f"{tuple(ids.shape)}; got {tuple(segment_ids.shape)}"
            raise ValueError(f"segment_ids must have the shape of ids, {shapes}")
        check_mask(mask, ids.shape)
        x = self.token_embedding(ids) + self.segment_embedding(segment_ids)
        x, context = self.position_embedding(x, Context.of(ids, mask))
        x = self.dropout(self.embedding_norm(x))
        for block in self.blocks:
            x = block(x, context)
        return x

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "BERT":
        """Read the encoder of any of Hugging Face's BERT models, or of ours, without its head; in evaluation mode.

        Args:
            name: a folder with ``config.json`` and safetensors weights (a checkpoint's, too), or the name of such a
                model on the Hugging Face hub.
            dtype: of the weights.

        Raises:
            FileNotFoundError: no such folder, no network, or a file is missing.
            ValueError: another kind of model, a setting that :class:`BERT` doesn't have, weights that don't fit, files
                or settings that contradict one another.
        """
        return read_model(name, cls.layouts, lambda settings, _: cls(BERTConfig(**settings)), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the folder as ``transformers``' ``BertModel`` reads it."""
        write_model(self, folder, self.layouts)


class MaskedLM(nn.Module):
    """BERT's own task, which token stood at each place: logits = norm(f(h W + c)) Eᵀ + b, with the token embeddings E.

    Args:
        encoder: what the head is put on; its token embedding is the head's matrix too.
    """

    model_type = "aigc_book_bert_masked_lm"  # what config.json says beside weights under these very names
    layouts = (BERTLayout("BertForMaskedLM"), OwnLayout(model_type, BERTConfig))

    def __init__(self, encoder: BERT):
        super().__init__()
        config = encoder.config
        self.config, self.encoder = config, encoder
        self.transform = Linear(config.d_model, config.d_model)
        self.activation = ACTIVATIONS[config.activation]
        self.transform_norm = LayerNorm(config.d_model, config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.transform.apply(_draw)

    def forward(self, ids: Tensor, *, mask: Tensor | None = None, segment_ids: Tensor | None = None) -> Tensor:
        """(B, T) ids → (B, T, V) logits of the token at each place; arguments and errors as of :class:`BERT`."""
        h = self.encoder(ids, mask=mask, segment_ids=segment_ids)
        h = self.transform_norm(self.activation(self.transform(h)))
        return h @ self.encoder.token_embedding.weight.T + self.bias

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "MaskedLM":
        """Read a ``BertForMaskedLM``; arguments and errors as of :meth:`BERT.from_pretrained`."""
        return read_model(name, cls.layouts, lambda settings, _: cls(BERT(BERTConfig(**settings))), dtype)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the folder as ``transformers``' ``BertForMaskedLM`` reads it."""
        write_model(self, folder, self.layouts)


class TextClassifier(nn.Module):
    """One label for a text: logits = tanh(h_0 W_p + b_p) W + b, from the vector of the first token ([CLS]).

    Args:
        encoder: what the head is put on.
        n_labels: L.

    Raises:
        ValueError: fewer than one label.
    """

    model_type = "aigc_book_bert_text_classifier"  # what config.json says beside weights under these very names
    layouts = (BERTLayout("BertForSequenceClassification"), OwnLayout(model_type, BERTConfig))

    def __init__(self, encoder: BERT, n_labels: int):
        super().__init__()
        self.config, self.encoder, self.n_labels = encoder.config, encoder, _check_labels(n_labels)
        self.pooler = Linear(encoder.config.d_model, encoder.config.d_model)
        self.dropout = nn.Dropout(encoder.config.dropout)
        self.classifier = Linear(encoder.config.d_model, n_labels)
        self.pooler.apply(_draw)
        self.classifier.apply(_draw)

    def forward(self, ids: Tensor, *, mask: Tensor | None = None, segment_ids: Tensor | None = None) -> Tensor:
        """(B, T) ids → (B, L) logits; arguments and errors as of :class:`BERT`."""
        first = self.encoder(ids, mask=mask, segment_ids=segment_ids)[:, 0]  # (B, C)
        return self.classifier(self.dropout(torch.tanh(self.pooler(first))))

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "TextClassifier":
        """Read a ``BertForSequenceClassification``; arguments and errors as of :meth:`BERT.from_pretrained`.

        A new head on a pre-trained encoder is ``TextClassifier(BERT.from_pretrained(name), n_labels)``.
        """
        return read_model(
            name, cls.layouts, lambda settings, tensors: cls(BERT(BERTConfig(**settings)), count_labels(tensors)), dtype
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the folder as ``transformers``' ``BertForSequenceClassification`` reads it."""
        write_model(self, folder, self.layouts)


class TokenClassifier(nn.Module):
    """One label for each token: logits = h W + b.

    Args:
        encoder: what the head is put on.
        n_labels: L.

    Raises:
        ValueError: fewer than one label.
    """

    model_type = "aigc_book_bert_token_classifier"  # what config.json says beside weights under these very names
    layouts = (BERTLayout("BertForTokenClassification"), OwnLayout(model_type, BERTConfig))

    def __init__(self, encoder: BERT, n_labels: int):
        super().__init__()
        self.config, self.encoder, self.n_labels = encoder.config, encoder, _check_labels(n_labels)
        self.dropout = nn.Dropout(encoder.config.dropout)
        self.classifier = Linear(encoder.config.d_model, n_labels)
        self.classifier.apply(_draw)

    def forward(self, ids: Tensor, *, mask: Tensor | None = None, segment_ids: Tensor | None = None) -> Tensor:
        """(B, T) ids → (B, T, L) logits; arguments and errors as of :class:`BERT`."""
        return self.classifier(self.dropout(self.encoder(ids, mask=mask, segment_ids=segment_ids)))

    @classmethod
    def from_pretrained(cls, name: str | Path, *, dtype: torch.dtype = torch.float32) -> "TokenClassifier":
        """Read a ``BertForTokenClassification``; arguments and errors as of :meth:`BERT.from_pretrained`."""
        return read_model(
            name, cls.layouts, lambda settings, tensors: cls(BERT(BERTConfig(**settings)), count_labels(tensors)), dtype
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the folder as ``transformers``' ``BertForTokenClassification`` reads it."""
        write_model(self, folder, self.layouts)


def _draw(module: nn.Module) -> None:
    """Initial values as BERT's."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _check_labels(n_labels: int) -> int:
    if n_labels < 1:
        raise ValueError(f"n_labels must be at least 1; got {n_labels}")
    return n_labels
