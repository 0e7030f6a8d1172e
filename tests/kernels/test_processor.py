"""The choice follows from the machine, and unknown machines get the plain way."""

import os
import subprocess
import sys

import pytest

from aigc_book.kernels.processor import NAME, bfloat16_pays, choose, identify


@pytest.mark.parametrize(
    ("description", "capability", "has_libraries", "expected"),
    [
        ("vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC", "AVX512", True, "amd"),
        ("vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)", "AVX512", True, "intel"),
        ("AMD64 Family 26 Model 68 Stepping 0, AuthenticAMD", "AVX512", True, "amd"),  # as Windows says it
        ("vendor_id\t: AuthenticAMD", "AVX2", True, "plain"),
        ("vendor_id\t: GenuineIntel", "DEFAULT", True, "plain"),
        ("vendor_id\t: AuthenticAMD", "AVX512", False, "plain"),
        ("CPU implementer\t: 0x41", "NEON", True, "plain"),
        ("arm", "DEFAULT", True, "plain"),
        ("", "AVX512", True, "plain"),
    ],
)
def test_a_processor_is_known_by_its_maker_and_its_instructions(description, capability, has_libraries, expected):
    assert identify(description, capability, has_libraries) == expected


def test_the_choice_is_this_machines_unless_another_is_wanted():
    assert choose("") == choose(None) in ("amd", "intel", "plain")
    assert [choose(name) for name in ("amd", "intel", "plain")] == ["amd", "intel", "plain"]
    with pytest.raises(ValueError, match="AIGC_BOOK_KERNELS must be one of amd, intel, plain; got 'fast'"):
        choose("fast")


@pytest.mark.parametrize("wanted", ["", "plain", "intel"])
def test_it_is_made_once_and_the_same_in_every_process(wanted):
    code = "from aigc_book.kernels import processor; print(processor.NAME)"
    names = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"AIGC_BOOK_KERNELS": wanted},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    }
    assert names == {choose(wanted)}
    assert choose(os.environ.get("AIGC_BOOK_KERNELS")) == NAME


def test_bfloat16_pays_where_it_was_measured_to(name):
    assert bfloat16_pays() == (name == "amd")
