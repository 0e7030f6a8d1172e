"""One switch for the whole book: what it decides, what overrides it, and that a seed means the same numbers."""

import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from aigc_book import runtime


@pytest.fixture(autouse=True)
def unchanged_elsewhere(monkeypatch):
    """The machine without overrides; afterwards, every global state that setup touches as it was."""
    for name in ("AIGC_BOOK_DEVICE", "AIGC_BOOK_SCALE", "AIGC_BOOK_SEED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", os.environ.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8"))
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def two_gpus(monkeypatch):
    """torch as it answers on a machine with two GPUs that compute in bfloat16; nothing is put on them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: None)


# ---- what is found


def test_without_a_gpu_everything_is_small_and_exact(no_gpu):
    assert runtime.setup() == (torch.device("cpu"), torch.float32, "cpu")


def test_with_a_gpu_everything_is_large_and_mixed(two_gpus):
    device, dtype, scale = runtime.setup()
    assert (device.type, dtype, scale) == ("cuda", torch.bfloat16, "gpu")


def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert runtime.setup().dtype == torch.float32


def test_a_runtime_has_names_too(no_gpu):
    found = runtime.setup()
    assert (found.device, found.dtype, found.scale) == tuple(found)


# ---- overrides


@pytest.mark.parametrize(("name", "expected"), [("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda:1"), ("", "cuda")])
def test_the_device_can_be_named(two_gpus, monkeypatch, name, expected):
    monkeypatch.setenv("AIGC_BOOK_DEVICE", name)
    device, dtype, scale = runtime.setup()
    assert device == torch.device(expected)
    assert (dtype, scale) == ((torch.float32, "cpu") if expected == "cpu" else (torch.bfloat16, "gpu"))


@pytest.mark.parametrize("scale", ["cpu", "gpu"])
@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_the_scale_can_be_named_whatever_the_device(two_gpus, monkeypatch, device, scale):
    monkeypatch.setenv("AIGC_BOOK_DEVICE", device)
    monkeypatch.setenv("AIGC_BOOK_SCALE", scale)
    found = runtime.setup()
    assert (str(found.device), found.scale) == (device, scale)
    assert runtime.pick(cpu=4, gpu=12) == {"cpu": 4, "gpu": 12}[scale]


# ---- pick


def test_pick_takes_what_stands_beside_the_scale(no_gpu, monkeypatch):
    small, large = {"layers": 4}, {"layers": 12}
    assert runtime.pick(cpu=small, gpu=large) is small
    assert runtime.pick(cpu=None, gpu=1) is None
    monkeypatch.setenv("AIGC_BOOK_SCALE", "gpu")
    assert runtime.pick(cpu=small, gpu=large) is large


def test_pick_wants_both_by_name():
    with pytest.raises(TypeError):
        runtime.pick(4, 12)
    with pytest.raises(TypeError, match="gpu"):
        runtime.pick(cpu=4)


# ---- what makes no sense


def test_devices_that_are_none(no_gpu, monkeypatch):
    monkeypatch.setenv("AIGC_BOOK_DEVICE", "fridge")
    for ask in (runtime.setup, runtime.find_device, runtime.find_scale, lambda: runtime.pick(cpu=1, gpu=2)):
        with pytest.raises(ValueError, match=r"AIGC_BOOK_DEVICE must be a torch device .*; got 'fridge'"):
            ask()


def test_cuda_devices_that_are_not_there(two_gpus, monkeypatch):
    monkeypatch.setenv("AIGC_BOOK_DEVICE", "cuda:2")
    with pytest.raises(ValueError, match="AIGC_BOOK_DEVICE='cuda:2', but torch sees 2 CUDA devices"):
        runtime.setup()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("AIGC_BOOK_DEVICE", "cuda")
    with pytest.raises(ValueError, match="AIGC_BOOK_DEVICE='cuda', but torch sees 0 CUDA devices"):
        runtime.setup()


@pytest.mark.parametrize("scale", ["GPU", "tpu", "large"])
def test_scales_that_are_none(monkeypatch, scale):
    monkeypatch.setenv("AIGC_BOOK_SCALE", scale)
    for ask in (runtime.setup, runtime.find_scale, lambda: runtime.pick(cpu=1, gpu=2)):
        with pytest.raises(ValueError, match=f"AIGC_BOOK_SCALE must be one of cpu, gpu; got '{scale}'"):
            ask()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "a", None, True])
def test_seeds_that_are_none(seed):
    before = random.getstate()
    message = rf"seed must be an integer from 0 to 2\*\*32 - 1; got {re.escape(repr(seed))}"
    for ask in (runtime.setup, runtime.seed, runtime.generator):
        with pytest.raises(ValueError, match=message):
            ask(seed)
    assert random.getstate() == before
    runtime.setup(2**32 - 1)


# ---- the same seed


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_a_seed_governs_all_three_generators(no_gpu):
    runtime.setup(5)
    first = draw()
    runtime.setup(5)
    assert draw() == first
    runtime.setup(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_the_default_seed_is_zero(no_gpu):
    runtime.setup()
    first = draw()
    runtime.setup(0)
    assert draw() == first


@pytest.mark.parametrize("base", ["", "0"])
def test_without_a_base_a_seed_is_itself(monkeypatch, base):
    monkeypatch.setenv("AIGC_BOOK_SEED", base)
    assert [runtime.seed(n) for n in (0, 3, 2**32 - 1)] == [0, 3, 2**32 - 1]
    assert runtime.seed() == 0


def test_the_base_seed_moves_every_seed(no_gpu, monkeypatch):
    """Base 1000: setup(5) is setup(1005), generator(5) starts at 1005, and the last seed comes round to 999."""
    runtime.setup(1005)
    there = draw()
    expected = torch.rand(7, generator=torch.Generator().manual_seed(1005))
    monkeypatch.setenv("AIGC_BOOK_SEED", "1000")
    assert runtime.seed(5) == 1005
    assert runtime.seed(2**32 - 1) == 999
    runtime.setup(5)
    assert draw() == there
    assert torch.equal(torch.rand(7, generator=runtime.generator(5)), expected)
    assert runtime.generator(5, "cpu").initial_seed() == 1005


def test_a_generator_leaves_the_global_ones_alone(no_gpu):
    runtime.setup(5)
    first = draw()
    runtime.setup(5)
    torch.rand(3, generator=runtime.generator(0))
    assert draw() == first


@pytest.mark.parametrize("base", ["-1", str(2**32), "1.5", "many", "²"])
def test_bases_that_are_none(monkeypatch, base):
    monkeypatch.setenv("AIGC_BOOK_SEED", base)
    for ask in (runtime.setup, runtime.seed, runtime.generator):
        with pytest.raises(ValueError, match=r"AIGC_BOOK_SEED must be an integer from 0 to 2\*\*32 - 1; got "):
            ask(3)


def test_kernels_are_deterministic_and_a_set_workspace_is_kept(no_gpu, monkeypatch):
    torch.use_deterministic_algorithms(False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    runtime.setup()
    assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    runtime.setup()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


TRAIN = """
import random
import re
import numpy as np, torch
from torch import nn
from aigc_book import runtime
for seed in (3, 4):
    device, dtype, scale = runtime.setup(seed)
    parts = nn.Embedding(17, 13), nn.Linear(13, 13), nn.Dropout(0.1), nn.ReLU(), nn.Linear(13, 17)
    model = nn.Sequential(*parts).to(device)
    for _ in range(20):
        ids = torch.randint(17, (97,), device=device)
        loss = nn.functional.cross_entropy(model(ids), (ids + 1) % 17)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * parameter.grad
    total = sum(parameter.double().sum().item() for parameter in model.parameters())
    print(repr((loss.item(), total, random.random(), np.random.rand())))
"""


def train_in_fresh_process(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-c", TRAIN]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_same_seed_trains_to_the_same_numbers_in_fresh_processes():
    """Bit for bit: the numbers are compared as they are printed, in full."""
    seed_3, seed_4 = train_in_fresh_process(hash_seed=1)
    assert train_in_fresh_process(hash_seed=2) == [seed_3, seed_4]
    assert seed_3 != seed_4
