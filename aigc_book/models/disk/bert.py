"""BERT's layout, as ``transformers`` has it, alone and with each of the heads that we have."""

from typing import Any

import torch

from aigc_book.models.disk.layout import Tensors, modules_of, rename
from aigc_book.models.disk.settings import Settings

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
POOLER = {"pooler.dense.weight": "pooler.weight", "pooler.dense.bias": "pooler.bias"}
MASKED_LM = {
    "cls.predictions.transform.dense.weight": "transform.weight",
    "cls.predictions.transform.dense.bias": "transform.bias",
    "cls.predictions.transform.LayerNorm.weight": "transform_norm.weight",
    "cls.predictions.transform.LayerNorm.bias": "transform_norm.bias",
    "cls.predictions.bias": "bias",
}
CLASSIFIER = {"classifier.weight": "classifier.weight", "classifier.bias": "classifier.bias"}
DECODER = "cls.predictions.decoder."  # of the masked language model: the embedding's matrix and the head's bias again
EMBEDDING = "embeddings.word_embeddings.weight"
# Beside the tensors of a model: a table of positions, and the head for the next sentence, which ours don't have.
IGNORED = ("embeddings.position_ids",)
IGNORED_HEADS = ("cls.seq_relationship.",)
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
NEUTRAL = {"position_embedding_type": ("absolute", None), "is_decoder": (False, None)}


class BERTLayout:
    """A BERT of one of ``transformers``' architectures, whose encoder we call "encoder" where there is a head.

    Args:
        architecture: BertModel, BertForMaskedLM, BertForSequenceClassification or BertForTokenClassification. With
            BertModel the encoder of any of them is read (and of those with heads that we don't have), without its head.
    """

    model_type = "bert"
    generation = None

    def __init__(self, architecture: str):
        self._architecture = architecture
        self._bare = architecture == "BertModel"
        self._labels = architecture.endswith("Classification")

    def read(self, config: Settings, stored: Tensors) -> tuple[dict[str, Any], Tensors]:
        """Settings of ``BERTConfig`` and tensors under our names; what is missing is as ``BertConfig`` has it.

        Raises:
            ValueError: a setting that BERT doesn't have, or a head that contradicts the settings or the embedding.
        """
        config.refuse("bert", NEUTRAL)
        settings = {
            "vocab_size": config.whole("vocab_size", default=30522),
            "max_seq_len": config.whole("max_position_embeddings", default=512),
            "n_layers": config.whole("num_hidden_layers", default=12),
            "n_heads": config.whole("num_attention_heads", default=12),
            "d_model": config.whole("hidden_size", default=768),
            "d_ff": config.whole("intermediate_size", default=3072),
            "n_segments": config.whole("type_vocab_size", default=2),
            "activation": config.choice("hidden_act", ACTIVATIONS, "gelu"),
            "norm_eps": config.number("layer_norm_eps", default=1e-12),
            "dropout": config.equal_dropout(*DROPOUTS, default=0.1),
        }
        tied, of_head = config.flag("tie_word_embeddings", True), config.get("classifier_dropout")
        if self._labels and of_head not in (None, settings["dropout"]):
            raise config.error(f"classifier_dropout must be that of the encoder, {settings['dropout']}; got {of_head}")
        encoder, head = _split(stored)
        n_layers = settings["n_layers"]
        if self._bare:
            return settings, rename({k: v for k, v in encoder.items() if k not in POOLER}, NAMES, n_layers)
        head |= {name: encoder.pop(name) for name in POOLER if name in encoder}
        head = {name: tensor for name, tensor in head.items() if not name.startswith(IGNORED_HEADS)}
        if self._architecture == "BertForMaskedLM":
            # The files of most published BERTs carry the pooler of the head for the next sentence, too.
            head = {name: tensor for name, tensor in head.items() if name not in POOLER}
            head = _without_copies(config, head, encoder.get(EMBEDDING), tied)
        if self._labels:
            _check_labels(config, head)
        ours = {f"encoder.{name}": tensor for name, tensor in rename(encoder, NAMES, n_layers).items()}
        return settings, ours | rename(head, {**POOLER, **MASKED_LM, **CLASSIFIER}, 1)

    def holds(self, settings: dict[str, Any]) -> bool:
        """Whether ``transformers`` has a name for the activation."""
        return settings["activation"] in ACTIVATIONS.values()

    def write(self, settings: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
        """As ``transformers`` reads it."""
        config = {
            "architectures": [self._architecture],
            "vocab_size": settings["vocab_size"],
            "max_position_embeddings": settings["max_seq_len"],
            "num_hidden_layers": settings["n_layers"],
            "num_attention_heads": settings["n_heads"],
            "hidden_size": settings["d_model"],
            "intermediate_size": settings["d_ff"],
            "type_vocab_size": settings["n_segments"],
            "hidden_act": next(k for k, v in ACTIVATIONS.items() if v == settings["activation"]),
            "layer_norm_eps": settings["norm_eps"],
            **dict.fromkeys(DROPOUTS, settings["dropout"]),
            "pad_token_id": 0,
        }
        if self._labels:
            labels = [f"LABEL_{i}" for i in range(len(tensors["classifier.weight"]))]
            config["id2label"] = {str(i): label for i, label in enumerate(labels)}
            config["label2id"] = {label: i for i, label in enumerate(labels)}
        names = {ours: theirs for theirs, ours in self._names().items()}
        return config, rename(tensors, names, settings["n_layers"])

    def modules(self, settings: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """Those of the architecture."""
        return modules_of(self._names(), settings["n_layers"])

    def _names(self) -> dict[str, str]:
        """The architecture's names → ours."""
        before, ours_before = ("", "") if self._bare else ("bert.", "encoder.")
        names = {f"{before}{theirs}": f"{ours_before}{ours}" for theirs, ours in NAMES.items()}
        return names | {f"bert.{theirs}": ours for theirs, ours in POOLER.items()} | {**MASKED_LM, **CLASSIFIER}


def count_labels(tensors: Tensors) -> int:
    """How many labels the head in these tensors tells apart.

    Raises:
        ValueError: there is no such head.
    """
    if "classifier.weight" not in tensors:
        raise ValueError("the model has no classifier; put a new one on BERT.from_pretrained(folder)")
    return len(tensors["classifier.weight"])


def _split(stored: Tensors) -> tuple[Tensors, Tensors]:
    """The encoder's tensors, without the prefix that they have where there is a head, and all others."""
    # Old files call a norm's weight and bias gamma and beta.
    names = {
        n: n.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias") for n in stored
    }
    if len(set(names.values())) < len(names):
        raise ValueError("the weights hold a norm's tensors twice, as gamma and beta and as weight and bias")
    prefix = "bert." if any(name.startswith("bert.") for name in stored) else ""
    encoder: Tensors = {}
    head: Tensors = {}
    for name, tensor in stored.items():
        new = names[name]
        inside = new.startswith(prefix) if prefix else new.startswith(("embeddings.", "encoder.", "pooler."))
        if inside and new.removeprefix(prefix) not in IGNORED:
            encoder[new.removeprefix(prefix)] = tensor
        elif not inside:
            head[new] = tensor
    if prefix and (twice := encoder.keys() & head.keys()):
        raise ValueError(f"the weights hold {min(twice)!r} twice, once without its prefix")
    return encoder, head


def _without_copies(config: Settings, head: Tensors, embedding: torch.Tensor | None, tied: bool) -> Tensors:
    """The masked language model's head without its copies of the embedding and of its own bias.

    Raises:
        ValueError: they are no copies, or the settings say that there should be another matrix and there isn't.
    """
    head = dict(head)
    matrix, bias = head.pop(f"{DECODER}weight", None), head.pop(f"{DECODER}bias", None)
    if matrix is None and not tied:
        raise config.error("tie_word_embeddings=False asks for a decoder with weights of its own; they are missing")
    if matrix is not None and embedding is not None and not torch.equal(matrix, embedding):
        raise config.error(f"{DECODER}weight differs from the token embedding, which MaskedLM reads out with")
    if bias is not None and not torch.equal(head.setdefault("cls.predictions.bias", bias), bias):
        raise config.error(f"{DECODER}bias differs from cls.predictions.bias; MaskedLM has one")
    return head


def _check_labels(config: Settings, head: Tensors) -> None:
    """Refuse a head with another number of labels than the settings speak of."""
    labels, number = config.get("id2label"), config.get("num_labels")
    for said in (len(labels) if isinstance(labels, dict) else None, number):
        if said is not None and "classifier.weight" in head and said != len(head["classifier.weight"]):
            rows = len(head["classifier.weight"])
            raise config.error(f"it speaks of {said} labels, and the weights of the classifier have {rows}")
