"""Which processor this is, of those that the kernels of this room were measured on.

What makes a product faster on one processor makes it slower on another. So every kernel says on which of the measured
processors it pays, and takes torch's plain way on all others. The choice follows from the machine alone: it is made
once, when this module is imported, and is the same in every run there, so that a resumed run equals an uninterrupted
one to the last bit.
"""

import os
import platform
from pathlib import Path

import torch

AMD, INTEL, PLAIN = "amd", "intel", "plain"
_VENDORS = {"AuthenticAMD": AMD, "GenuineIntel": INTEL}


def identify(description: str, capability: str, has_libraries: bool = True) -> str:
    """The name of a processor.

    Args:
        description: a text with the vendor's own name for itself in it, such as Linux's /proc/cpuinfo.
        capability: what torch's kernels are compiled for here, ``torch.backends.cpu.get_cpu_capability()``.
        has_libraries: whether this build of torch has the two libraries that were measured, MKL and oneDNN.

    Returns:
        ``amd`` (measured: EPYC, Zen 5) or ``intel`` (measured: Xeon, AVX-512 and AMX), each with AVX-512 only;
        ``plain`` for every other one.
    """
    if capability != "AVX512" or not has_libraries:
        return PLAIN
    return next((name for vendor, name in _VENDORS.items() if vendor in description), PLAIN)


def choose(wanted: str | None) -> str:
    """This machine's name; or the wanted one, to compare kernels or to test them anywhere.

    Args:
        wanted: the environment variable ``AIGC_BOOK_KERNELS``: amd, intel or plain. None or empty: this machine's.

    Raises:
        ValueError: it is none of the three.
    """
    if wanted:
        if wanted not in (AMD, INTEL, PLAIN):
            raise ValueError(f"AIGC_BOOK_KERNELS must be one of {AMD}, {INTEL}, {PLAIN}; got {wanted!r}")
        return wanted
    info = Path("/proc/cpuinfo")
    description = info.read_text(encoding="utf-8") if info.exists() else platform.processor()
    has_libraries = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    return identify(description, torch.backends.cpu.get_cpu_capability(), has_libraries)


NAME = choose(os.environ.get("AIGC_BOOK_KERNELS"))


def bfloat16_pays() -> bool:
    """Whether training in bfloat16 (``torch.autocast``) is faster on this CPU than in float32.

    It is on AMD's processors with AVX-512, which have instructions for it (avx512_bf16): the step of a small GPT with
    Muon takes 0.7 of the time (Zen 5, 48 in place of 70 ms). On the Xeon that was measured it took 1.3 times as long,
    132 in place of 99 ms. Elsewhere it wasn't measured.
    """
    return NAME == AMD
