"""How many numbers a model is, from its config alone: nothing is built.

Letters: C ``d_model``, H heads, G key–value heads, D = C / H, F ``d_ff``, L layers, V vocabulary.
"""

import itertools
from typing import Any

EMBEDDINGS = ("token embedding", "positions", "head")  # what grows with the vocabulary and the context
GATES = {"rnn": 1, "gru": 3, "lstm": 4}  # how many times C rows the two matrices of a recurrent cell have


def parameter_table(config: Any) -> dict[str, int]:
    """The parameters of a model, part by part.

    A block of a Transformer has C (H + 2 G) D + C² weights in its attention and 2 C F (gated: 3 C F) in its
    feed-forward half; with G = H and F = 4 C that is 12 C². A recurrent layer has 2 C² weights and 2 C biases for each
    gate. A matrix that embedding and head share is counted with the embedding.

    Args:
        config: of a GPT (it has ``n_heads``), of a recurrent network (``cell``) or of an MLP (``d_hidden``), as in
            ``aigc_book.models``; only its fields are read.

    Returns:
        part → number, in the order in which data pass through them.

    Raises:
        ValueError: another kind of config, or a size in it that is not a whole number of at least 1.

    Source: Kaplan et al., *Scaling Laws for Neural Language Models* (2020), table 1; with biases and norms added.
    """
    if hasattr(config, "n_heads"):
        return _transformer(getattr(config, "resolved", config))
    if hasattr(config, "cell"):
        return _recurrent(config)
    if hasattr(config, "d_hidden"):
        return _perceptron(config)
    raise ValueError(
        "config must be that of a GPT (with n_heads), of a recurrent network (cell) or of an MLP (d_hidden);"
        f" got {config!r}"
    )


def count_parameters(config: Any, *, embeddings: bool = True) -> int:
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


def sizes(config: Any, *names: str) -> tuple[int, ...]:
    """Fields of a config that must be whole numbers of at least 1.

    Raises:
        ValueError: a field is missing or something else.
    """
    values = tuple(getattr(config, name, None) for name in names)
    for name, value in zip(names, values, strict=True):
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1; got {name}={value!r}")
    return values


def _transformer(config: Any) -> dict[str, int]:
    names = ("vocab_size", "max_seq_len", "n_layers", "n_heads", "n_kv_heads", "d_model", "d_ff")
    V, T, L, H, G, C, F = sizes(config, *names)
    D = C // H
    bias = int(config.bias)
    norm = C * (int(config.norm_gain) + int(bias and config.norm == "layer"))
    up = 2 if config.activation == "swiglu" else 1  # the gate is a second matrix beside the first
    return {
        "token embedding": V * C,
        "positions": T * C if config.position == "learned" else 0,
        "attention": L * (C * (H + 2 * G) * D + C * C + bias * ((H + 2 * G) * D + C)),
        "feed-forward": L * ((up + 1) * C * F + bias * (up * F + C)),
        "norms": (2 * L + 1 + int(config.embedding_norm)) * norm,
        "head": 0 if config.tie_embeddings else V * C,
    }


def _recurrent(config: Any) -> dict[str, int]:
    V, C, L = sizes(config, "vocab_size", "d_model", "n_layers")
    if config.cell not in GATES:
        raise ValueError(f"cell must be one of {', '.join(GATES)}; got {config.cell!r}")
    return {
        "token embedding": V * C,
        "recurrent layers": L * GATES[config.cell] * (2 * C * C + 2 * C),
        "head": V if config.tie_embeddings else V * C + V,
    }


def _perceptron(config: Any) -> dict[str, int]:
    d_in, d_out = sizes(config, "d_in", "d_out")
    widths = (d_in, *config.d_hidden, d_out)
    if any(type(width) is not int or width < 1 for width in widths):
        raise ValueError(f"d_hidden must hold whole numbers of at least 1; got d_hidden={config.d_hidden!r}")
    layers = enumerate(itertools.pairwise(widths), start=1)
    return {f"layer {i}": (rows + 1) * columns for i, (rows, columns) in layers}
