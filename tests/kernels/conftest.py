"""The kernels of every processor can be tested on any."""

import pytest

from aigc_book.kernels import processor


@pytest.fixture(params=[processor.AMD, processor.INTEL, processor.PLAIN])
def name(request, monkeypatch):
    """Let the kernels choose as they do on this processor."""
    monkeypatch.setattr(processor, "NAME", request.param)
    return request.param


@pytest.fixture
def amd(monkeypatch):
    """Let the kernels choose as they do on AMD's processors, where most of them pay."""
    monkeypatch.setattr(processor, "NAME", processor.AMD)
