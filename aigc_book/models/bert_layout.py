"""The names and settings that a BERT has on disk, in ``transformers``' layout, and the way between them and ours."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from aigc_book.models import pretrained

if TYPE_CHECKING:
    from aigc_book.models.bert import BERTConfig

# transformers' name → ours, where a tensor is taken over as it is ("{}" is the block).
NAMES = {
    "embeddings.word_embeddings.weight": "token_embedding.weight",
    "embeddings.position_embeddings.weight": "position_embedding.weight",
    "embeddings.token_type_embeddings.weight": "segment_embedding.weight",
    "embeddings.LayerNorm.weight": "embedding_norm.weight",
    "embeddings.LayerNorm.bias": "embedding_norm.bias",
}
for _theirs, _ours in {
    "attention.self.query": "attention.q",
    "attention.self.key": "attention.k",
    "attention.self.value": "attention.v",
    "attention.output.dense": "attention.out",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "feedforward.up",
    "output.dense": "feedforward.down",
    "output.LayerNorm": "feedforward_norm",
}.items():
    for _part in ("weight", "bias"):
        NAMES[f"encoder.layer.{{}}.{_theirs}.{_part}"] = f"blocks.{{}}.{_ours}.{_part}"
HEAD_NAMES = {
    "pooler.dense.weight": "pooler.weight",
    "pooler.dense.bias": "pooler.bias",
    "cls.predictions.transform.dense.weight": "transform.weight",
    "cls.predictions.transform.dense.bias": "transform.bias",
    "cls.predictions.transform.LayerNorm.weight": "transform_norm.weight",
    "cls.predictions.transform.LayerNorm.bias": "transform_norm.bias",
    "cls.predictions.bias": "bias",
    "classifier.weight": "classifier.weight",
    "classifier.bias": "classifier.bias",
}
HEADS = ("pooler.", "transform.", "transform_norm.", "bias", "classifier.")
# What files carry beside: copies of tied tensors, a table of positions, the head for the next sentence.
IGNORED = ("embeddings.position_ids", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias")
IGNORED_HEADS = ("cls.seq_relationship.",)
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
}


def read(folder: Path) -> tuple[dict, dict[str, Tensor]]:
    """Settings of ``BERTConfig``, and tensors under our names: the encoder's, and those of the head, if there is one.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: another kind of model, a setting that ours doesn't have, weights that are damaged or incomplete.
    """
    config = pretrained.read_config(folder)
    if config.get("model_type") != "bert":
        raise ValueError(f"{folder / 'config.json'}: model_type must be bert; got {config.get('model_type')!r}")
    pretrained.refuse(config, "bert", {"position_embedding_type": "absolute", "is_decoder": False})
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise ValueError(f"hidden_act must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    settings = {
        "vocab_size": config["vocab_size"],
        "max_seq_len": config["max_position_embeddings"],
        "n_layers": config["num_hidden_layers"],
        "n_heads": config["num_attention_heads"],
        "d_model": config["hidden_size"],
        "d_ff": config["intermediate_size"],
        "n_segments": config.get("type_vocab_size", 2),
        "activation": ACTIVATIONS[activation],
        "norm_eps": config.get("layer_norm_eps", 1e-12),
        "dropout": config.get("hidden_dropout_prob", 0.1),
    }
    return settings, _from_theirs(pretrained.read_tensors(folder), settings["n_layers"])


def write(
    folder: Path, config: "BERTConfig", tensors: dict[str, Tensor], architecture: str, n_labels: int | None = None
) -> None:
    """Write a BERT, alone (``BertModel``) or with a head, whose encoder's tensors begin with "encoder.".

    Raises:
        ValueError: an activation that ``transformers`` has no name for.
    """
    names = [theirs for theirs, ours in ACTIVATIONS.items() if ours == config.activation]
    if not names:
        allowed = ", ".join(sorted(set(ACTIVATIONS.values())))
        raise ValueError(f"transformers' BERT knows the activations {allowed}; got {config.activation!r}")
    prefix = "" if architecture == "BertModel" else "bert."
    settings = {
        "architectures": [architecture],
        "model_type": "bert",
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.max_seq_len,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "hidden_size": config.d_model,
        "intermediate_size": config.resolved.d_ff,
        "type_vocab_size": config.n_segments,
        "hidden_act": names[0],
        "layer_norm_eps": config.norm_eps,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
        "pad_token_id": 0,
    }
    if n_labels is not None:
        settings["id2label"] = {str(i): f"LABEL_{i}" for i in range(n_labels)}
        settings["label2id"] = {f"LABEL_{i}": i for i in range(n_labels)}
    pretrained.write(folder, settings, _to_theirs(tensors, config.n_layers, prefix))


def with_encoder(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, named as in a model that holds the encoder as ``encoder`` and the head itself."""
    return {name if name.startswith(HEADS) else f"encoder.{name}": tensor for name, tensor in tensors.items()}


def count_labels(tensors: dict[str, Tensor], folder: Path) -> int:
    """How many labels the head in these tensors tells apart.

    Raises:
        ValueError: there is no such head.
    """
    if "classifier.weight" not in tensors:
        raise ValueError(f"{folder}: the model has no classifier; put a new one on BERT.from_pretrained(folder)")
    return len(tensors["classifier.weight"])


def _from_theirs(tensors: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    rest = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    rest = {name: tensor for name, tensor in rest.items() if name not in IGNORED}
    rest = {name: tensor for name, tensor in rest.items() if not name.startswith(IGNORED_HEADS)}
    # Old files call a norm's weight and bias gamma and beta.
    rest = {name.replace("LayerNorm.gamma", "LayerNorm.weight"): tensor for name, tensor in rest.items()}
    rest = {name.replace("LayerNorm.beta", "LayerNorm.bias"): tensor for name, tensor in rest.items()}
    return pretrained.rename(rest, {**NAMES, **HEAD_NAMES}, n_layers)


def _to_theirs(tensors: dict[str, Tensor], n_layers: int, prefix: str) -> dict[str, Tensor]:
    """Everything that isn't a head's belongs to the encoder, which has a prefix where there is a head."""
    names = {ours: f"{prefix}{theirs}" for theirs, ours in NAMES.items()}
    names |= {ours: theirs for theirs, ours in HEAD_NAMES.items()}
    names |= {"pooler.weight": "bert.pooler.dense.weight", "pooler.bias": "bert.pooler.dense.bias"}
    rest = {name.removeprefix("encoder."): tensor for name, tensor in tensors.items()}
    return pretrained.rename(rest, names, n_layers)
