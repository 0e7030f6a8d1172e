"""Counted from the config, equal to what is built, and to what was published."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from aigc_book.models.bert import BERT, BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLP, MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig
from aigc_book.scaling import count_parameters, parameter_table

SMALL = GPTConfig(vocab_size=101, max_seq_len=17, n_layers=3, n_heads=6, d_model=12)
GPT_VARIANTS = {
    "default": {},
    "untied": {"tie_embeddings": False},
    "no bias": {"bias": False},
    "grouped queries": {"n_kv_heads": 2},
    "one key-value head": {"n_kv_heads": 1},
    "swiglu": {"activation": "swiglu", "d_ff": 32},
    "swiglu without bias": {"activation": "swiglu", "bias": False},
    "relu2": {"activation": "relu2", "d_ff": 31},
    "rms": {"norm": "rms"},
    "rms without gain": {"norm": "rms", "norm_gain": False},
    "layer norm without gain": {"norm_gain": False},
    "rotary": {"position": "rotary"},
    "sinusoidal": {"position": "sinusoidal"},
    "alibi": {"position": "alibi"},
    "no positions": {"position": "none"},
    "embedding norm": {"embedding_norm": True},
    "embedding norm, rms": {"embedding_norm": True, "norm": "rms"},
    "normalised queries": {"qk_norm": True},
    "zero": {"zero_init": True},
    "dropout": {"dropout": 0.1},
}


def numel(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("changes", GPT_VARIANTS.values(), ids=GPT_VARIANTS)
def test_gpt_equals_the_built_model(changes):
    config = dataclasses.replace(SMALL, **changes)
    assert count_parameters(config) == numel(GPT(config))


def test_modern_equals_the_built_model():
    config = GPTConfig.modern(vocab_size=97, max_seq_len=16, n_layers=2, n_heads=6, n_kv_heads=3, d_model=60)
    assert count_parameters(config) == numel(GPT(config))


def test_gpt2_equals_the_built_model():
    with torch.device("meta"):  # shapes without memory
        model = GPT(GPTConfig.gpt2())
    assert count_parameters(GPTConfig.gpt2()) == numel(model)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("tied", [False, True])
def test_rnn_equals_the_built_model(cell, tied):
    config = RNNConfig(vocab_size=23, d_model=7, n_layers=3, cell=cell, tie_embeddings=tied)
    assert count_parameters(config) == numel(RNN(config))


@pytest.mark.parametrize("d_hidden", [(), (5,), (5, 11, 3)])
def test_mlp_equals_the_built_model(d_hidden):
    config = MLPConfig(d_in=7, d_out=2, d_hidden=d_hidden)
    assert count_parameters(config) == numel(MLP(config))


def test_by_hand():
    """V = 5, T = 3, L = 1, H = G = 1, C = 2, F = 7, with biases and layer norm.

    Embedding 5 · 2 = 10; positions 3 · 2 = 6; attention 4 · 2² + 4 · 2 = 24; feed-forward 2 · 2 · 7 + 7 + 2 = 37;
    three norms of gain and bias, 3 · 4 = 12; a head of its own 5 · 2 = 10.
    """
    config = GPTConfig(vocab_size=5, max_seq_len=3, n_layers=1, n_heads=1, d_model=2, d_ff=7, tie_embeddings=False)
    parts = {"token embedding": 10, "positions": 6, "attention": 24, "feed-forward": 37, "norms": 12, "head": 10}
    assert parameter_table(config) == parts
    assert count_parameters(config) == 99
    assert count_parameters(config, embeddings=False) == 73


def test_gpt3():
    """Brown et al. (2020), table 2.1: 175.0 B."""
    assert count_parameters(GPTConfig.gpt3()) == 174_604_259_328


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (GPTConfig.gpt2(), 124e6),
        (GPTConfig.gpt2_medium(), 355e6),
        (GPTConfig.gpt2_large(), 774e6),
        (GPTConfig.gpt2_xl(), 1558e6),
    ],
)
def test_gpt2_sizes(config, published):
    assert count_parameters(config) == pytest.approx(published, rel=0.01)


def test_llama2_7b():
    """Touvron et al. (2023b): "7B"; the file that Meta published has 6,738,415,616 numbers."""
    config = GPTConfig.modern(n_layers=32, n_heads=32, n_kv_heads=32, d_model=4096, d_ff=11008, max_seq_len=4096)
    assert count_parameters(config) == 6_738_415_616


@pytest.mark.parametrize(
    "config", [SimpleNamespace(depth=3), None, SimpleNamespace(**vars(SMALL) | {"position": "spiral"}), GPTConfig]
)
def test_what_is_no_config_of_ours_is_refused(config):
    """An unknown position, or a size that is none, can't even be written into a config."""
    with pytest.raises(ValueError, match=r"config must be one of a model \(GPTConfig, BERTConfig, .*\); got"):
        count_parameters(config)
    with pytest.raises(ValueError, match="position must be one of"):
        dataclasses.replace(SMALL, position="spiral")
    with pytest.raises(ValueError, match="n_layers must be at least 1; got n_layers=-1"):
        dataclasses.replace(SMALL, n_layers=-1)


def test_counting_builds_no_numbers_and_draws_none():
    state = torch.get_rng_state()
    assert count_parameters(GPTConfig.gpt3()) > 1e11
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
@pytest.mark.parametrize("tied", [False, True])
def test_seq2seq_equals_the_built_model(norm_first, position, tied):
    config = Seq2SeqConfig(19, 23, 11, 2, 3, 2, 8, None, position, "relu", norm_first, tie_embeddings=tied)
    assert count_parameters(config) == numel(EncoderDecoder(config))


def test_bert_by_hand():
    """V = 5, T = 3, C = 2, F = 7, L = 1: 5 · 2, 3 · 2, 2 · 2 embeddings; attention 24, feed-forward 37, norms 3 · 4."""
    config = BERTConfig(vocab_size=5, max_seq_len=3, n_layers=1, n_heads=1, d_model=2, d_ff=7)
    parts = {"token embedding": 10, "positions": 6, "segments": 4, "attention": 24, "feed-forward": 37, "norms": 12}
    assert parameter_table(config) == parts
    assert count_parameters(config) == numel(BERT(config)) == 93
    assert count_parameters(config, embeddings=False) == 73


def test_seq2seq_by_hand():
    """Vocabularies 7 and 5, C = 2, F = 3, one block each: embeddings 24; attention 2 · 24 and 24 across; feed-forward
    2 · (6 + 3 + 6 + 2) = 34; norms 5 · 4."""
    config = Seq2SeqConfig(7, 5, 11, 1, 1, 1, 2, 3)
    parts = {"token embedding": 24, "positions": 0, "attention": 48, "cross-attention": 24, "feed-forward": 34}
    assert parameter_table(config) == parts | {"norms": 20, "head": 0}
