"""What each of W devices holds, sends and waits for when they train one model together. Sizes are in bytes."""

import math
from typing import NamedTuple

from aigc_book.scaling.memory import TrainingMemory

# What is sent for each byte of gradients, in units of (W - 1) / W: DDP scatters and gathers the gradients (an
# all-reduce); FSDP gathers the weights for the forward and again for the backward pass and scatters the gradients.
PASSES = {"ddp": 2, "fsdp": 3}


def held_bytes(memory: TrainingMemory, n_devices: int, how: str) -> float:
    """What one device holds: a copy of everything (``"ddp"``), or 1/W of all but its own activations (``"fsdp"``).

    FSDP needs the whole weights of one block besides, while it is computed; they are left out here.

    Args:
        memory: of :func:`aigc_book.scaling.memory.training_memory`, with the sequences of one device.
        n_devices: W.
        how: ``"ddp"`` or ``"fsdp"``.

    Raises:
        ValueError: another way to share, or no device.

    Source: Rajbhandari et al., *ZeRO* (2020), section 5, stage 3 for ``"fsdp"``.
    """
    _check(how, n_devices)
    shared = memory.weights + memory.gradients + memory.optimizer
    return shared / (n_devices if how == "fsdp" else 1) + memory.activations


def sent_bytes(weights: float, n_devices: int, how: str) -> float:
    """What one device sends for an update, with ring algorithms: 2 (W - 1)/W n with DDP and 3 (W - 1)/W n with FSDP.

    Args:
        weights: n, the bytes of all weights, and of all gradients, as they are sent.
        n_devices: W.
        how: ``"ddp"`` or ``"fsdp"``.

    Raises:
        ValueError: another way to share, or no device.

    Source: Rajbhandari et al. (2020), section 7; the ring: Patarasuk and Yuan (2009).
    """
    _check(how, n_devices)
    return PASSES[how] * (n_devices - 1) / n_devices * weights


class StepTime(NamedTuple):
    """Seconds of one update on one of the devices."""

    computing: float
    sending: float  #: if nothing is computed meanwhile

    @property
    def shortest(self) -> float:
        """All that is sent is sent while something is computed."""
        return max(self)

    @property
    def longest(self) -> float:
        """Nothing is sent while something is computed."""
        return self.computing + self.sending


def step_time(
    flops: float, n_sent: float, *, n_devices: int, flops_per_second: float, bytes_per_second: float
) -> StepTime:
    """How long an update takes on W devices that divide its operations: flops / (W · speed), and bytes / bandwidth.

    Args:
        flops: of the whole update, on all devices together.
        n_sent: bytes that one device sends, as of :func:`sent_bytes`.
        n_devices: W.
        flops_per_second: that one device reaches, not its peak.
        bytes_per_second: that one device sends over its slowest link.

    Raises:
        ValueError: no device, or a number that is not positive and finite (``n_sent`` may be 0).
    """
    _check("ddp", n_devices)
    for name, value in {
        "flops": flops,
        "flops_per_second": flops_per_second,
        "bytes_per_second": bytes_per_second,
    }.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number; got {name}={value!r}")
    if not 0 <= n_sent < math.inf:
        raise ValueError(f"n_sent must be at least 0 and finite; got n_sent={n_sent!r}")
    return StepTime(flops / (n_devices * flops_per_second), n_sent / bytes_per_second)


def _check(how: str, n_devices: int) -> None:
    if how not in PASSES:
        raise ValueError(f"how must be one of {', '.join(PASSES)}; got {how!r}")
    if type(n_devices) is not int or n_devices < 1:
        raise ValueError(f"n_devices must be a whole number of at least 1; got n_devices={n_devices!r}")
