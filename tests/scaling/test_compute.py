"""Arithmetic against torch's own counter, costs by hand and against published runs."""

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from aigc_book.models.bert import BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import Seq2SeqConfig
from aigc_book.scaling import (
    HARDWARE,
    RUNS,
    Hardware,
    count_parameters,
    find_hardware,
    forward_flops,
    training_cost,
    training_flops,
    utilisation,
)

SMALL = GPTConfig(vocab_size=101, max_seq_len=32, n_layers=3, n_heads=6, d_model=12)
MACHINE = Hardware("pencil", 10.0, 1.0, 1.0, 7.0, 3.0, "")


def counted(run):
    # Torch's counter knows no operations of the CPU's fused attention: count those of the products written out.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        out = run()
        forward = counter.get_total_flops()
        out.sum().backward()
    return forward, counter.get_total_flops()


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        dataclasses.replace(SMALL, tie_embeddings=False, bias=False),
        dataclasses.replace(SMALL, d_ff=31, activation="relu"),
        dataclasses.replace(SMALL, activation="swiglu", norm="rms", position="rotary"),
    ],
)
def test_gpt_equals_torchs_counter(config):
    ids = torch.randint(config.vocab_size, (2, 7))
    model = GPT(config)
    forward, both = counted(lambda: model(ids))
    assert forward == 2 * 7 * forward_flops(config, seq_len=7)
    assert both == 3 * forward  # twice as much on the way back


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_rnn_equals_torchs_counter(cell):
    """Over the products of its equations, since a fused cell hides them: each matrix with each of 15 vectors."""
    config = RNNConfig(vocab_size=23, d_model=7, n_layers=2, cell=cell)
    model, vectors = RNN(config), torch.randn(15, 7)
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embedding" not in name]
    forward, _ = counted(lambda: torch.cat([(vectors @ matrix.T).flatten() for matrix in matrices]))
    assert len(matrices) == 5
    assert forward == 3 * 5 * forward_flops(config)


def test_mlp_equals_torchs_counter():
    config = MLPConfig(d_in=7, d_out=3, d_hidden=(5, 11))
    model, x = MLP(config), torch.randn(2, 7)
    forward, _ = counted(lambda: model(x))
    assert forward == 2 * forward_flops(config)


def test_gpt3():
    """Brown et al. (2020), table D.1: 3.14 · 10²³."""
    flops = training_flops(count_parameters(GPTConfig.gpt3()), 300e9)
    assert flops == pytest.approx(3.14e23, rel=1e-3)
    exact = 3 * forward_flops(GPTConfig.gpt3(), seq_len=2048) * 300e9
    assert exact == pytest.approx(flops, rel=0.03)


def test_cost_by_hand():
    """7,200 operations at 10 a second, half used: 1,440 s on one device. Two share 0.4 h: 720 s; 0.4 h · 7 W · 2."""
    cost = training_cost(7200, MACHINE, n_devices=2, utilisation=0.5, pue=2.0)
    assert cost.days == pytest.approx(720 / 86_400)
    assert cost.device_hours == pytest.approx(0.4)
    assert cost.energy_mwh == pytest.approx(0.4 * 7 * 2 / 1e6)
    assert cost.dollars == pytest.approx(1.2)
    assert utilisation(7200, MACHINE, cost.device_hours) == pytest.approx(0.5)


def test_more_devices_save_time_and_nothing_else():
    one, many = (training_cost(1e23, "A100", n_devices=n) for n in (1, 1000))
    assert many.days == pytest.approx(one.days / 1000)
    assert many[1:] == pytest.approx(one[1:])


def test_prices():
    assert training_cost(1e20, "H100").dollars is None
    assert training_cost(1e20, "H100", dollars_per_hour=2.0).dollars > 0
    li = training_cost(3.14e23, "V100", utilisation=28 / 125)  # Li (2020): 355 years on one V100, $4.6 M
    assert li.days / 365 == pytest.approx(355, rel=0.01)
    assert li.dollars == pytest.approx(4.6e6, rel=0.02)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_published_runs(run):
    flops = training_flops(run.n_parameters, run.n_tokens)
    used = utilisation(flops, run.hardware, run.device_hours)
    assert 0.15 < used < 0.5
    cost = training_cost(flops, run.hardware, utilisation=used)
    assert cost.device_hours == pytest.approx(run.device_hours)
    if run.energy_mwh is not None:
        assert cost.energy_mwh == pytest.approx(run.energy_mwh, rel=0.12)


def test_the_tables_are_whole():
    assert len({row.name for row in HARDWARE}) == len(HARDWARE)
    for row in HARDWARE:
        assert row.source and min(row.peak_flops, row.memory_bytes, row.bytes_per_second, row.watts) > 0
        assert find_hardware(row.name.lower()) is row
        assert (row.dollars_per_hour is None) or "price" in row.source
    for run in RUNS:
        assert run.source and find_hardware(run.hardware)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((-1, 3), "n_parameters must be a positive number; got n_parameters=-1"),
        ((1, 0), "n_tokens must be a positive number; got n_tokens=0"),
        ((math.nan, 3), "n_parameters must be a positive number; got n_parameters=nan"),
        ((3, math.inf), "n_tokens must be a positive number; got n_tokens=inf"),
        (("7B", 3), "n_parameters must be a positive number; got n_parameters='7B'"),
        ((True, 3), "n_parameters must be a positive number; got n_parameters=True"),
    ],
)
def test_training_flops_errors(arguments, says):
    with pytest.raises(ValueError, match=says):
        training_flops(*arguments)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"hardware": "abacus"}, r"hardware must be in the table \(T4, V100, A100, .*\), or a .*; got 'abacus'"),
        ({"flops": -1.0}, "flops must be a positive number; got flops=-1.0"),
        ({"n_devices": 0}, "n_devices must be a positive number; got n_devices=0"),
        ({"utilisation": 40}, r"utilisation must be in \(0, 1\]; got 40"),
        ({"utilisation": -0.4}, "utilisation must be a positive number; got utilisation=-0.4"),
        ({"pue": 0.9}, "pue must be at least 1.*got 0.9"),
        ({"dollars_per_hour": -2}, "dollars_per_hour must be a positive number; got dollars_per_hour=-2"),
    ],
)
def test_training_cost_errors(options, says):
    with pytest.raises(ValueError, match=says):
        training_cost(**({"flops": 1e20, "hardware": "A100"} | options))


def test_other_errors():
    with pytest.raises(ValueError, match="device_hours must be a positive number; got device_hours=-1"):
        utilisation(1e20, "A100", -1)
    with pytest.raises(ValueError, match="hardware must be in the table"):
        utilisation(1e20, "TPU", 1)
    with pytest.raises(ValueError, match="seq_len must be a whole number of at least 1; got 0"):
        forward_flops(SMALL, seq_len=0)
    with pytest.raises(ValueError, match=r"config must be one of a model \(GPTConfig, .*got namespace"):
        forward_flops(SimpleNamespace(depth=3))


def test_bert_and_seq2seq_by_hand():
    """Per layer of an encoder 4 C² + 2 C F weights and 4 T C for attention, with C = 4, F = 7, T = 3: 2 (64 + 56) + 48;
    a decoder's has a second attention: 2 (128 + 56) + 96; its head 2 C V with V = 5."""
    bert = BERTConfig(vocab_size=11, max_seq_len=3, n_layers=2, n_heads=2, d_model=4, d_ff=7)
    assert forward_flops(bert, seq_len=3) == 2 * (2 * (64 + 56) + 48)
    pair = Seq2SeqConfig(7, 5, 3, 1, 1, 2, 4, 7)
    assert forward_flops(pair, seq_len=3) == 288 + (2 * (128 + 56) + 96) + 40
