"""Freed memory is kept for the next step."""

import platform
import resource
from pathlib import Path

import pytest
import torch

from aigc_book.kernels.memory import freed_memory_kept


def page_faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pieces = [torch.ones(2**19) for _ in range(20)]  # 2 MiB each
    del pieces
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library isn't glibc")
def test_a_repeated_step_faults_no_pages():
    with freed_memory_kept(torch.device("cpu")):
        page_faults_of_a_step()
        page_faults_of_a_step()
        assert page_faults_of_a_step() < 2_000  # of 10,240 pages


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library isn't glibc")
def test_memory_goes_back_afterwards():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    with freed_memory_kept(torch.device("cpu")):
        pieces = [torch.ones(2**19) for _ in range(100)]
        del pieces
        inside = resident()
    assert resident() < inside - 100 * 2**20


def test_on_other_devices_nothing_happens(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", None)
    with freed_memory_kept(torch.device("meta")):
        pass


def test_errors_pass_through():
    with pytest.raises(KeyError), freed_memory_kept(torch.device("cpu")):
        raise KeyError
