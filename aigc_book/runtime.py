"""Where the book runs and how large: the device, the dtype, the seed and the scale of an experiment.

One switch for the whole book. The scale is ``cpu`` (a chapter takes about a minute on two cores) or ``gpu`` (the same
cells, larger numbers). Two environment variables override what is found: ``AIGC_BOOK_DEVICE`` (any torch device
string, such as ``cpu``, ``cuda:1`` or ``mps``) and ``AIGC_BOOK_SCALE`` (``cpu`` or ``gpu``).

A chapter takes every seed from here, so that one number, the base seed in ``AIGC_BOOK_SEED``, moves them all: what the
chapter says must hold under another one too.
"""

import os
import random
from typing import NamedTuple, TypeVar

import numpy as np
import torch

T = TypeVar("T")
SCALES = ("cpu", "gpu")
SEEDS = 2**32  # NumPy takes no seed from here on


class Runtime(NamedTuple):
    """What :func:`setup` decided; unpacks as ``device, dtype, scale``."""

    device: torch.device
    dtype: torch.dtype
    scale: str


def find_device() -> torch.device:
    """The device named by ``AIGC_BOOK_DEVICE``, else the first CUDA GPU, else the CPU.

    Raises:
        ValueError: the variable names no device that torch knows, or a CUDA device that is not there.
    """
    name = os.environ.get("AIGC_BOOK_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"AIGC_BOOK_DEVICE must be a torch device such as cpu or cuda:0; got {name!r}") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"AIGC_BOOK_DEVICE={name!r}, but torch sees {torch.cuda.device_count()} CUDA devices")
    return device


def find_scale() -> str:
    """The scale named by ``AIGC_BOOK_SCALE``, else ``gpu`` on a CUDA device and ``cpu`` everywhere else.

    Raises:
        ValueError: the variable is neither ``cpu`` nor ``gpu``.
    """
    scale = os.environ.get("AIGC_BOOK_SCALE") or ("gpu" if find_device().type == "cuda" else "cpu")
    if scale not in SCALES:
        raise ValueError(f"AIGC_BOOK_SCALE must be one of {', '.join(SCALES)}; got {scale!r}")
    return scale


def seed(n: int = 0) -> int:
    """The chapter's seed ``n`` moved by the book's base seed: (n + ``AIGC_BOOK_SEED``) mod 2³².

    Without the variable, or with 0, it is ``n`` itself.

    Args:
        n: a non-negative integer below 2³².

    Raises:
        ValueError: ``n`` or the variable is no such integer.
    """
    if type(n) is not int or not 0 <= n < SEEDS:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1; got {n!r}")
    base = os.environ.get("AIGC_BOOK_SEED") or "0"
    if not (base.isascii() and base.isdigit() and int(base) < SEEDS):
        raise ValueError(f"AIGC_BOOK_SEED must be an integer from 0 to 2**32 - 1; got {base!r}")
    return (n + int(base)) % SEEDS


def generator(n: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on ``device`` that begins at ``seed(n)``.

    Raises:
        ValueError: as :func:`seed`.
    """
    return torch.Generator(device).manual_seed(seed(n))


def setup(seed: int = 0) -> Runtime:
    """Seed every random generator, ask torch for deterministic kernels, and say where to run.

    The same seed on the same machine gives the same numbers.

    Args:
        seed: a non-negative integer below 2³², which the base seed moves as :func:`generator`'s.

    Returns:
        ``(device, dtype, scale)``: dtype is bfloat16 on a GPU that computes in it and float32 elsewhere;
        it is the dtype for mixed precision, weights stay in float32.

    Raises:
        ValueError: the seed is out of range, or an environment override makes no sense.
    """
    start = generator(seed).initial_seed()  # the name seed means the number here
    device, scale = find_device(), find_scale()
    random.seed(start)
    np.random.seed(start)
    torch.manual_seed(start)
    # cuBLAS is deterministic only with a fixed workspace, which it reads from here when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return Runtime(device, torch.bfloat16 if bf16 else torch.float32, scale)


def pick(*, cpu: T, gpu: T) -> T:
    """The value for the current scale, with both written side by side: ``n_layers = pick(cpu=4, gpu=12)``."""
    return gpu if find_scale() == "gpu" else cpu
