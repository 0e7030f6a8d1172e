"""What a model needs to hold in memory while it is trained, and while it writes. All sizes are in bytes.

Letters: B sequences, T tokens in each, C ``d_model``, H heads, G key–value heads, D = C / H, F ``d_ff``, L layers,
V vocabulary.
"""

from typing import NamedTuple

from aigc_book.models.bert import BERTConfig
from aigc_book.models.gpt import GPTConfig
from aigc_book.models.mlp import MLPConfig
from aigc_book.models.rnn import RNNConfig
from aigc_book.models.seq2seq import Seq2SeqConfig
from aigc_book.scaling.parameters import Config, count_parameters

STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}  # numbers that an optimizer keeps for each parameter
ACTIVATION_BYTES = {"float32": 4, "bfloat16": 2}
# What the gradient of a cell needs, in C a token: its gates, its states, and what is multiplied with what.
CELL_NUMBERS = {"rnn": 2, "lstm": 8, "gru": 9}
CELL_STATES = {"rnn": 1, "lstm": 2, "gru": 1}
GIVEN_BACK = ("relu", "tanh", "sigmoid")  # their gradient is found from what came out, so that only that is kept


class TrainingMemory(NamedTuple):
    """Bytes, by what they are for."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(self)


def training_memory(
    config: Config,
    *,
    batch_size: int,
    seq_len: int,
    optimizer: str = "adamw",
    dtype: str = "bfloat16",
    checkpointing: bool = False,
) -> TrainingMemory:
    """What training holds at once: weights, gradients and optimizer in 32 bits, activations in the dtype.

    With AdamW that is 16 bytes a parameter. Weights and gradients in 16 bits beside a 32-bit copy of the weights, as
    large runs have them, come to the same 16 bytes (Rajbhandari et al., *ZeRO*, 2020, section 3.1).

    Args:
        config: of a GPT, a BERT, an encoder and decoder, a recurrent network or an MLP.
        batch_size: B, sequences that are in memory at once.
        seq_len: T; of an encoder and decoder the length of the source and of the target; of an MLP 1.
        optimizer: sgd, momentum, adam or adamw.
        dtype: of the activations, float32 or bfloat16.
        checkpointing: keep only what goes into each block, and compute the rest a second time (Chen et al., 2016).

    Raises:
        ValueError: a size below 1, another optimizer or dtype, another kind of config, checkpointing of a model that
            has no Transformer blocks.
    """
    if optimizer not in STATES:
        raise ValueError(f"optimizer must be one of {', '.join(STATES)}; got {optimizer!r}")
    if dtype not in ACTIVATION_BYTES:
        raise ValueError(f"dtype must be one of {', '.join(ACTIVATION_BYTES)}; got {dtype!r}")
    numbers = activations(config, batch_size=batch_size, seq_len=seq_len, checkpointing=checkpointing)
    weights = 4 * count_parameters(config)
    return TrainingMemory(weights, weights, STATES[optimizer] * weights, ACTIVATION_BYTES[dtype] * numbers)


def activations(config: Config, *, batch_size: int, seq_len: int, checkpointing: bool = False) -> int:
    """How many numbers a forward pass keeps for the backward pass.

    A block of a Transformer keeps, for each token: what goes into its two norms (2 C), what comes out of them (2 C),
    queries, keys and values ((H + 2 G) D), the output of attention (C), and in the feed-forward half what goes into and
    comes out of the activation (2 F; ReLU F; gated 4 F). That is 16 C with G = H and F = 4 C: half of the 34 bytes of
    Korthikanti et al. (2023), equation 1, less the masks of dropout, which isn't counted here. Attention is a fused
    kernel's, which keeps no T × T weights. Attention to an encoder's output adds 6 C. A recurrent layer keeps 2 C (LSTM
    8 C, GRU 9 C). Around the blocks come embeddings and norms, C or 2 C, and after them the logits with their softmax,
    2 V. A BERT is counted without a head.

    Args and Raises as for :func:`training_memory`.
    """
    _check_sizes(batch_size=batch_size, seq_len=seq_len)
    if isinstance(config, RNNConfig | MLPConfig):
        if checkpointing:
            raise ValueError(f"checkpointing is of Transformer blocks, which {type(config).__name__} has none of")
        return batch_size * seq_len * (_recurrent(config) if isinstance(config, RNNConfig) else _plain(config))
    stacks, around = _stacks(config)
    kept = 0
    for n_blocks, block in stacks:
        kept += n_blocks * (config.d_model if checkpointing else block)
    if checkpointing:
        kept += max(block for _, block in stacks)
    return batch_size * seq_len * (kept + around)


def cache_bytes(config: Config, *, batch_size: int, seq_len: int, bytes_per_number: int = 2) -> int:
    """What a model that writes carries along after ``seq_len`` tokens: 2 L G D numbers a token in a GPT's cache.

    An encoder and decoder keeps keys and values of the target's tokens and of the source's: 4 L C numbers for a token
    of each. A recurrent network has a state of L C numbers (LSTM 2 L C), however much it has read.

    Args:
        config: of a GPT, an encoder and decoder, or a recurrent network.
        batch_size: B, texts that are written at once.
        seq_len: T, tokens read and written so far in each; of an encoder and decoder those of the source and those of
            the target.
        bytes_per_number: 2 for 16 bits.

    Raises:
        ValueError: a size below 1, or a config of a model that doesn't write.
    """
    _check_sizes(batch_size=batch_size, seq_len=seq_len, bytes_per_number=bytes_per_number)
    if isinstance(config, RNNConfig):
        return batch_size * CELL_STATES[config.cell] * config.n_layers * config.d_model * bytes_per_number
    if isinstance(config, Seq2SeqConfig):
        a_token = 4 * config.n_decoder_layers * config.d_model
    elif isinstance(config, GPTConfig):
        a_token = 2 * config.n_layers * config.resolved.n_kv_heads * (config.d_model // config.n_heads)
    else:
        raise ValueError(
            "config must be that of a model that writes token by token (GPTConfig, Seq2SeqConfig or RNNConfig); "
            f"got {config!r}"
        )
    return a_token * batch_size * seq_len * bytes_per_number


def _stacks(config: Config) -> tuple[list[tuple[int, int]], int]:
    """Of a Transformer: (blocks, numbers that each keeps a token) of each stack, and what is kept around them."""
    if not isinstance(config, GPTConfig | BERTConfig | Seq2SeqConfig):
        raise ValueError(
            "config must be that of a model (GPTConfig, BERTConfig, Seq2SeqConfig, RNNConfig or MLPConfig); "
            f"got {config!r}"
        )
    config = config.resolved
    C = config.d_model
    feed_forward = (4 if config.activation == "swiglu" else _numbers_of(config.activation)) * config.d_ff
    if isinstance(config, GPTConfig):
        of_attention = (config.n_heads + 2 * config.n_kv_heads) * (C // config.n_heads)
        return [(config.n_layers, 5 * C + of_attention + feed_forward)], 2 * C + 2 * config.vocab_size
    block = 8 * C + feed_forward
    if isinstance(config, BERTConfig):
        return [(config.n_layers, block)], 2 * C
    ends = 4 * C if config.norm_first else 2 * C
    stacks = [(config.n_encoder_layers, block), (config.n_decoder_layers, block + 6 * C)]
    return stacks, ends + 2 * config.vocab_size


def _recurrent(config: RNNConfig) -> int:
    layers = config.n_layers * CELL_NUMBERS[config.cell] * config.d_model
    return config.d_model + layers + 2 * config.vocab_size


def _plain(config: MLPConfig) -> int:
    return config.d_in + _numbers_of(config.activation) * sum(config.d_hidden) + 2 * config.d_out


def _numbers_of(activation: str) -> int:
    """How many numbers are kept for each that an activation makes."""
    return 1 if activation in GIVEN_BACK else 2


def _check_sizes(**values: int) -> None:
    for name, value in values.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1; got {name}={value!r}")
