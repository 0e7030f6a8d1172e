"""The arithmetic of a training run, and what follows from it: days, device-hours, energy, money."""

import math
from typing import NamedTuple

from torch import nn

from aigc_book.layers.attention import MultiHeadAttention
from aigc_book.layers.cross_attention import CrossAttention
from aigc_book.scaling.parameters import Config, shapes
from aigc_book.scaling.published import Hardware, find_hardware

SECONDS_A_DAY = 86_400


def forward_flops(config: Config, seq_len: int = 1) -> int:
    """Floating-point operations of the matrix products in a forward pass, for each token (each example of an MLP).

    A weight is used in one multiplication and one addition: 2 FLOPs. In an attention the products of queries with keys
    and of weights with values add 4 T C, for the whole T × T square; a kernel that leaves out the masked half needs
    half of it. Looking up an embedding, norms, activations and the softmax are not matrix products and don't count.

    Args:
        config: of a GPT, a BERT, a recurrent network, an MLP, or an encoder and decoder; of the last, for a token of
            the source and one of the target together.
        seq_len: T, tokens in a sequence; only attention needs more for each of them in a longer one.

    Raises:
        ValueError: another kind of config, or a size below 1.

    Source: Kaplan et al. (2020), table 1; Chowdhery et al., *PaLM* (2022), appendix B.
    """
    if type(seq_len) is not int or seq_len < 1:
        raise ValueError(f"seq_len must be a whole number of at least 1; got {seq_len!r}")
    modules = list(shapes(config).modules())
    weights = sum(module.weight.numel() for module in modules if isinstance(module, nn.Linear))
    n_attentions = sum(isinstance(module, MultiHeadAttention | CrossAttention) for module in modules)
    return 2 * weights + (4 * n_attentions * seq_len * config.d_model if n_attentions else 0)


def training_flops(n_parameters: float, n_tokens: float) -> float:
    """C = 6 N D: two operations a parameter and token in the forward pass, four in the backward pass.

    It leaves out attention's products of tokens with tokens (:func:`forward_flops` has them) and counts an embedding
    that the head doesn't share, though looking it up is free.

    Args:
        n_parameters: N; of a mixture of experts, those that one token uses.
        n_tokens: D, counted as often as they are read.

    Raises:
        ValueError: a number that is not positive and finite.

    Source: Kaplan et al. (2020), section 2.1.
    """
    _check_positive(n_parameters=n_parameters, n_tokens=n_tokens)
    return 6.0 * n_parameters * n_tokens


class TrainingCost(NamedTuple):
    """What a training run takes."""

    days: float
    device_hours: float
    energy_mwh: float  #: megawatt-hours, with what the building adds
    dollars: float | None  #: rent of the devices; None if no price is known


def training_cost(
    flops: float,
    hardware: Hardware | str,
    *,
    n_devices: int = 1,
    utilisation: float = 0.4,
    pue: float = 1.1,
    dollars_per_hour: float | None = None,
) -> TrainingCost:
    """Time, energy and rent of a run that needs so many floating-point operations.

    seconds = flops / (devices · peak · utilisation), energy = device-hours · watts · PUE, money = device-hours · price.

    It leaves out: experiments and runs that failed, people, data, storage, network and hosts beyond the PUE, the making
    of the devices, and every use of the model afterwards.

    Args:
        flops: of the whole run, as :func:`training_flops` gives them.
        hardware: a row of the table, or its name.
        n_devices: how many work at once.
        utilisation: the share of the peak that useful operations reach ("MFU"); 0.3 to 0.5 is usual for large models.
        pue: power usage effectiveness, what the building draws for each watt of its computers; 1.1 is good.
        dollars_per_hour: rent of a device; the row's if None.

    Raises:
        ValueError: hardware that is not in the table, a number that is not positive and finite, a utilisation above 1,
            or a PUE below 1.
    """
    row = find_hardware(hardware) if isinstance(hardware, str) else hardware
    _check_positive(flops=flops, n_devices=n_devices, utilisation=utilisation, pue=pue)
    if utilisation > 1:
        raise ValueError(f"utilisation must be in (0, 1]; got {utilisation}")
    if pue < 1:
        raise ValueError(f"pue must be at least 1: the building draws no less than its computers; got {pue}")
    price = row.dollars_per_hour if dollars_per_hour is None else dollars_per_hour
    if price is not None:
        _check_positive(dollars_per_hour=price)
    device_seconds = flops / (row.peak_flops * utilisation)
    hours = device_seconds / 3600
    return TrainingCost(
        days=device_seconds / n_devices / SECONDS_A_DAY,
        device_hours=hours,
        energy_mwh=hours * row.watts * pue / 1e6,
        dollars=None if price is None else hours * price,
    )


def utilisation(flops: float, hardware: Hardware | str, device_hours: float) -> float:
    """The share of the devices' peak that a run of so many device-hours reached.

    Raises:
        ValueError: hardware that is not in the table, or a number that is not positive and finite.
    """
    row = find_hardware(hardware) if isinstance(hardware, str) else hardware
    _check_positive(flops=flops, device_hours=device_hours)
    return flops / (row.peak_flops * device_hours * 3600)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number; got {name}={value!r}")
