"""Devices and training runs as their makers published them, each with its source."""

from typing import NamedTuple


class Hardware(NamedTuple):
    """One accelerator."""

    name: str
    peak_flops: float  #: 16-bit matrix products with dense matrices, operations a second
    memory_bytes: float
    bytes_per_second: float  #: of its memory
    watts: float  #: the most that it draws
    dollars_per_hour: float | None  #: a rent of its time that was published or follows from one, or None
    source: str


# Data sheets double the operations a second "with sparsity"; those here are for dense matrices.
HARDWARE = (
    Hardware("T4", 65e12, 16e9, 320e9, 70, None, "NVIDIA T4 data sheet (2018)"),
    Hardware(
        "V100",
        125e12,
        32e9,
        900e9,
        300,
        1.50,
        "NVIDIA V100 SXM2 data sheet (32 GB: 2018); price: what Li's (2020) 4.6 million dollars for 355 years come to",
    ),
    Hardware(
        "A100",
        312e12,
        80e9,
        2039e9,
        400,
        2.93,
        "NVIDIA A100 SXM 80 GB data sheet (2020); price: Google's for the card of 40 GB, by AssemblyAI (2021)",
    ),
    Hardware("H100", 989e12, 80e9, 3350e9, 700, None, "NVIDIA H100 SXM data sheet (2022)"),
    Hardware("H800", 989e12, 80e9, 3350e9, 700, 2.00, "an H100 with slower links; price: DeepSeek-AI (2024), table 1"),
    Hardware("H200", 989e12, 141e9, 4800e9, 700, None, "NVIDIA H200 SXM data sheet (2023)"),
)


def find_hardware(name: str) -> Hardware:
    """The row of the table with this name, in upper or lower case.

    Raises:
        ValueError: there is none; the message lists the names.
    """
    for row in HARDWARE:
        if row.name.lower() == str(name).lower():
            return row
    names = ", ".join(row.name for row in HARDWARE)
    raise ValueError(f"hardware must be in the table ({names}), or a Hardware row of your own; got {name!r}")


class PublishedRun(NamedTuple):
    """One training run, as it was published; None where the source doesn't say."""

    name: str
    year: int
    n_parameters: float  #: of a mixture of experts, those that one token uses
    n_tokens: float
    hardware: str
    device_hours: float
    energy_mwh: float | None  #: its publishers calculated it themselves, as hours · watts, with or without a PUE
    source: str


RUNS = (
    PublishedRun(
        "GPT-3", 2020, 174.6e9, 300e9, "V100", 10_000 * 14.8 * 24, 1287, "Brown et al. (2020); Patterson et al. (2021)"
    ),
    PublishedRun("BLOOM", 2022, 176.2e9, 366e9, "A100", 1_082_990, 433.196, "Luccioni et al. (2023), table 1"),
    PublishedRun("LLaMA 65B", 2023, 65.2e9, 1.4e12, "A100", 1_022_362, 449, "Touvron et al. (2023a), tables 2 and 15"),
    PublishedRun("Llama 2 70B", 2023, 69e9, 2.0e12, "A100", 1_720_320, None, "Touvron et al. (2023b), table 2"),
    PublishedRun(
        "Llama 3.1 405B", 2024, 405e9, 15.6e12, "H100", 30.84e6, None, "Grattafiori et al. (2024); model card"
    ),
    PublishedRun("DeepSeek-V3", 2024, 37e9, 14.8e12, "H800", 2.664e6, None, "DeepSeek-AI (2024), table 1"),
)
