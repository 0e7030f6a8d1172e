"""How many numbers a model is, from its config alone: its shapes are built, on a device without memory, and counted."""

from collections.abc import Callable

import torch
from torch import nn

from aigc_book.models.bert import BERT, BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig

Config = GPTConfig | BERTConfig | Seq2SeqConfig | RNNConfig | MLPConfig
MODELS: dict[type, Callable[..., nn.Module]] = {
    GPTConfig: GPT,
    BERTConfig: BERT,
    Seq2SeqConfig: EncoderDecoder,
    RNNConfig: RNN,
    MLPConfig: MLP,
}
EMBEDDINGS = ("token embedding", "positions", "segments", "head")  # what grows with the vocabulary and the context
# What a parameter's name has in it → its part; the first that fits.
PARTS = {
    "norm": "norms",
    "position": "positions",
    "segment": "segments",
    "embedding": "token embedding",
    "cross_attention": "cross-attention",
    "attention": "attention",
    "feedforward": "feed-forward",
    "head": "head",
}
TRANSFORMER = ("token embedding", "positions", "attention", "feed-forward", "norms", "head")
ORDER = {
    GPTConfig: TRANSFORMER,
    BERTConfig: ("token embedding", "positions", "segments", "attention", "feed-forward", "norms"),
    Seq2SeqConfig: ("token embedding", "positions", "attention", "cross-attention", "feed-forward", "norms", "head"),
    RNNConfig: ("token embedding", "recurrent layers", "head"),
    MLPConfig: (),
}


def shapes(config: Config) -> nn.Module:
    """The model of a config on the meta device: all of its shapes and none of its numbers.

    Raises:
        ValueError: no config of a model of ours.
    """
    if type(config) not in MODELS:
        names = ", ".join(kind.__name__ for kind in MODELS)
        raise ValueError(f"config must be one of a model ({names}); got {config!r}")
    with torch.device("meta"):
        return MODELS[type(config)](config)


def parameter_table(config: Config) -> dict[str, int]:
    """The parameters of a model, part by part.

    A block of a Transformer has C (H + 2 G) D + C² weights in its attention and 2 C F (gated: 3 C F) in its
    feed-forward half; with G = H and F = 4 C that is 12 C². A matrix that embedding and head share is counted with the
    embedding.

    Args:
        config: of a GPT, a BERT, an encoder and decoder, a recurrent network or an MLP.

    Returns:
        part → number, in the order in which data pass through them.

    Raises:
        ValueError: another kind of config.

    Source: Kaplan et al., *Scaling Laws for Neural Language Models* (2020), table 1; with biases and norms added.
    """
    model = shapes(config)
    table = dict.fromkeys(ORDER[type(config)], 0)
    for name, parameter in model.named_parameters():
        part = _part(name, model)
        table[part] = table.get(part, 0) + parameter.numel()
    return table


def count_parameters(config: Config, *, embeddings: bool = True) -> int:
    """All parameters of a model, equal to ``sum(p.numel() for p in model.parameters())``.

    Args:
        config: as for :func:`parameter_table`.
        embeddings: False leaves out token embedding, positions and head: what Kaplan et al. (2020) call N, since
            it is in the blocks that a larger model gets better.

    Raises:
        ValueError: as :func:`parameter_table`.
    """
    parts = parameter_table(config)
    return sum(number for part, number in parts.items() if embeddings or part not in EMBEDDINGS)


def _part(name: str, model: nn.Module) -> str:
    if name.startswith("layers."):
        return f"layer {int(name.split('.')[1]) + 1}" if isinstance(model, MLP) else "recurrent layers"
    return next(part for has, part in PARTS.items() if has in name)
