"""The precision that goes with a machine."""

import pytest
import torch

from aigc_book.kernels import processor
from aigc_book.training.recipes import fastest_dtype


@pytest.mark.parametrize(
    ("name", "expected"), [("amd", torch.bfloat16), ("intel", torch.float32), ("plain", torch.float32)]
)
def test_a_cpu_trains_in_bfloat16_where_that_was_measured_to_pay(monkeypatch, name, expected):
    monkeypatch.setattr(processor, "NAME", name)
    assert fastest_dtype(torch.device("cpu")) == expected
    assert fastest_dtype(torch.device("meta")) == torch.float32


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_trains_in_bfloat16_if_it_can(monkeypatch, supported):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: supported)
    assert fastest_dtype(torch.device("cuda")) == (torch.bfloat16 if supported else torch.float32)
