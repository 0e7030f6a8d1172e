"""What a GPT needs to hold in memory while it is trained, and while it writes. All sizes are in bytes.

Letters: B sequences, T tokens in each, C ``d_model``, H heads, G key–value heads, D = C / H, F ``d_ff``, L layers,
V vocabulary.
"""

from typing import NamedTuple

from aigc_book.models.gpt import GPTConfig
from aigc_book.scaling.parameters import count_parameters

STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}  # numbers that an optimizer keeps for each parameter
ACTIVATION_BYTES = {"float32": 4, "bfloat16": 2}


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
    config: GPTConfig,
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
        config: of a GPT.
        batch_size: B, sequences that are in memory at once.
        seq_len: T.
        optimizer: sgd, momentum, adam or adamw.
        dtype: of the activations, float32 or bfloat16.
        checkpointing: keep only what goes into each block, and compute the rest a second time (Chen et al., 2016).

    Raises:
        ValueError: a size below 1, another optimizer or dtype, or a config that is not a GPT's.
    """
    if optimizer not in STATES:
        raise ValueError(f"optimizer must be one of {', '.join(STATES)}; got {optimizer!r}")
    if dtype not in ACTIVATION_BYTES:
        raise ValueError(f"dtype must be one of {', '.join(ACTIVATION_BYTES)}; got {dtype!r}")
    numbers = activations(config, batch_size=batch_size, seq_len=seq_len, checkpointing=checkpointing)
    weights = 4 * count_parameters(config)
    return TrainingMemory(weights, weights, STATES[optimizer] * weights, ACTIVATION_BYTES[dtype] * numbers)


def activations(config: GPTConfig, *, batch_size: int, seq_len: int, checkpointing: bool = False) -> int:
    """How many numbers a forward pass of a GPT keeps for the backward pass.

    A block keeps, for each token: what goes into its two norms (2 C), what comes out of them (2 C), queries, keys and
    values ((H + 2 G) D), the output of attention (C), and in the feed-forward half what goes into and comes out of the
    activation (2 F; gated 4 F). That is 16 C with G = H and F = 4 C: half of the 34 bytes of Korthikanti et al. (2023),
    equation 1, less the masks of dropout, which isn't counted here. Attention is a fused kernel's, which keeps no
    T × T weights. After the last block come 2 C and the logits with their softmax, 2 V.

    Args and Raises as for :func:`training_memory`.
    """
    V, L, H, G, C, F = _transformer_sizes(config)
    _check_sizes(batch_size=batch_size, seq_len=seq_len)
    feed_forward = 4 * F if config.activation == "swiglu" else 2 * F
    block = 5 * C + (H + 2 * G) * (C // H) + feed_forward
    blocks = L * C + block if checkpointing else L * block
    return batch_size * seq_len * (blocks + 2 * C + 2 * V)


def cache_bytes(config: GPTConfig, *, batch_size: int, seq_len: int, bytes_per_number: int = 2) -> int:
    """The key–value cache of a GPT that has read ``seq_len`` tokens: 2 L G D numbers a token.

    Args:
        config: of a GPT.
        batch_size: B, texts that are written at once.
        seq_len: T, tokens read and written so far in each.
        bytes_per_number: 2 for 16 bits.

    Raises:
        ValueError: a size below 1, or a config that is not a GPT's.
    """
    _, L, H, G, C, _ = _transformer_sizes(config)
    _check_sizes(batch_size=batch_size, seq_len=seq_len, bytes_per_number=bytes_per_number)
    return 2 * L * G * (C // H) * batch_size * seq_len * bytes_per_number


def _transformer_sizes(config: GPTConfig) -> tuple[int, ...]:
    if not isinstance(config, GPTConfig):
        raise ValueError(f"config must be that of a GPT; got {config!r}")
    config = config.resolved
    return config.vocab_size, config.n_layers, config.n_heads, config.n_kv_heads, config.d_model, config.d_ff


def _check_sizes(**values: int) -> None:
    for name, value in values.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1; got {name}={value!r}")
