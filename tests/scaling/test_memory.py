"""Memory counted from the config equals what a step of training really holds."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from aigc_book.models.bert import BERTConfig
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.models.mlp import MLPConfig
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.models.seq2seq import EncoderDecoder, Seq2SeqConfig
from aigc_book.scaling import activations, cache_bytes, count_parameters, training_memory
from aigc_book.scaling.parameters import MODELS
from aigc_book.training.losses import cross_entropy
from aigc_book.training.optimizers import SGD, AdamW

SMALL = GPTConfig(vocab_size=101, max_seq_len=256, n_layers=3, n_heads=6, d_model=48)


BERT_SMALL = BERTConfig(vocab_size=101, max_seq_len=256, n_layers=3, n_heads=6, d_model=48)
PAIRS_SMALL = Seq2SeqConfig(101, 101, max_seq_len=256, n_encoder_layers=2, n_decoder_layers=3, n_heads=6, d_model=48)
LSTM_SMALL = RNNConfig(vocab_size=11, d_model=48, n_layers=2)


def run(config, batch_size, seq_len):
    """A model of a config, and a forward pass of it with its loss."""
    model = MODELS[type(config)](config)
    ids = torch.randint(getattr(config, "vocab_size", 7), (batch_size, seq_len))

    def forward():
        if isinstance(config, BERTConfig):
            return model(ids).sum()
        if isinstance(config, MLPConfig):
            x, labels = torch.randn(batch_size, seq_len, config.d_in), ids % config.d_out
            return cross_entropy(model(x), labels)[0]
        return cross_entropy(model(ids, ids) if isinstance(config, Seq2SeqConfig) else model(ids), ids)[0]

    return model, forward


def kept_by_a_forward_pass(config, batch_size, seq_len):
    """Numbers that autograd keeps for the backward pass, each tensor's memory once; weights and ids left out."""
    model, forward = run(config, batch_size, seq_len)
    weights = {p.data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and tensor.is_floating_point():
            kept[storage.data_ptr()] = (storage.nbytes() // tensor.element_size(), tensor)  # held: no address twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = forward()
    assert loss.requires_grad
    return sum(numbers for numbers, _ in kept.values())


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        dataclasses.replace(SMALL, n_layers=1, d_ff=300),
        GPTConfig.modern(vocab_size=101, max_seq_len=256, n_layers=3, n_heads=6, n_kv_heads=2, d_model=48),
        dataclasses.replace(SMALL, activation="relu"),
        BERT_SMALL,
        dataclasses.replace(BERT_SMALL, activation="relu", d_ff=300),
        PAIRS_SMALL,
        dataclasses.replace(PAIRS_SMALL, norm_first=True, activation="gelu"),
        LSTM_SMALL,
        dataclasses.replace(LSTM_SMALL, cell="gru", n_layers=1),
        dataclasses.replace(LSTM_SMALL, cell="rnn"),
        MLPConfig(d_in=13, d_out=7, d_hidden=(50, 30)),
        MLPConfig(d_in=13, d_out=7, d_hidden=(50, 30), activation="gelu"),
    ],
    ids=lambda config: f"{type(config).__name__}-{getattr(config, 'activation', None) or config.cell}",
)
def test_activations_are_what_autograd_keeps(config):
    # 160 tokens: longer than what attention on a CPU writes out, so that the fused kernel is at work
    measured = kept_by_a_forward_pass(config, batch_size=2, seq_len=160)
    assert activations(config, batch_size=2, seq_len=160) == pytest.approx(measured, rel=0.15)


def test_activations_by_hand():
    """B = 2, T = 3, V = 5, L = 1, C = 4, F = 7: 5 · 4 + 3 · 4 + 2 · 7 = 46 in a block, 2 · 4 + 2 · 5 = 18 after it."""
    config = GPTConfig(vocab_size=5, max_seq_len=3, n_layers=1, n_heads=2, d_model=4, d_ff=7)
    assert activations(config, batch_size=2, seq_len=3) == 2 * 3 * (46 + 18)


def test_half_of_the_published_formula():
    """Korthikanti et al. (2023): 34 bytes · B T C a block in 16 bits, 2 of them masks of dropout: 16 numbers."""
    config = GPTConfig.gpt3()
    more = dataclasses.replace(config, n_layers=97)
    one_block = activations(more, batch_size=1, seq_len=7) - activations(config, batch_size=1, seq_len=7)
    assert one_block == 16 * 7 * config.d_model


def test_activations_of_the_others_by_hand():
    """B = 2, T = 3, C = 4, F = 7, V = 5. BERT, two blocks: 2 · 4 + 2 (8 · 4 + 2 · 7) = 100. Encoder and decoder of one
    block each, ReLU: 2 · 4 + 2 · 5 + (32 + 7) + (32 + 7 + 24) = 120. Two LSTM layers: 4 + 2 · 32 + 10 = 78.
    MLP 3 – 6 – 2: 3 + 6 + 4 = 13."""
    bert = BERTConfig(vocab_size=5, max_seq_len=3, n_layers=2, n_heads=2, d_model=4, d_ff=7)
    assert activations(bert, batch_size=2, seq_len=3) == 6 * 100
    pairs = Seq2SeqConfig(5, 5, 3, n_encoder_layers=1, n_decoder_layers=1, n_heads=2, d_model=4, d_ff=7)
    assert activations(pairs, batch_size=2, seq_len=3) == 6 * 120
    assert activations(pairs, batch_size=2, seq_len=3, checkpointing=True) == 6 * (18 + 2 * 4 + 63)
    assert activations(RNNConfig(5, d_model=4, n_layers=2), batch_size=2, seq_len=3) == 6 * 78
    assert activations(MLPConfig(3, 2, (6,)), batch_size=2, seq_len=1) == 2 * 13
    with pytest.raises(ValueError, match="checkpointing is of Transformer blocks, which RNNConfig has none of"):
        training_memory(LSTM_SMALL, batch_size=1, seq_len=1, checkpointing=True)


def test_checkpointing_keeps_one_block_and_the_borders():
    kept = activations(SMALL, batch_size=2, seq_len=3, checkpointing=True)
    assert kept == 2 * 3 * (3 * 48 + 16 * 48 + 2 * 48 + 2 * 101)
    assert kept < activations(SMALL, batch_size=2, seq_len=3)


@pytest.mark.parametrize(("optimizer", "build"), [("adamw", AdamW), ("sgd", SGD)])
@pytest.mark.parametrize("config", [SMALL, BERT_SMALL, PAIRS_SMALL, LSTM_SMALL, MLPConfig(3, 2)], ids=type)
def test_weights_gradients_and_optimizer_are_what_is_allocated(config, optimizer, build):
    model, forward = run(config, 2, 5)
    updating = build(model.parameters(), lr=1e-3)
    forward().backward()
    updating.step()
    memory = training_memory(config, batch_size=2, seq_len=5, optimizer=optimizer, dtype="float32")
    states = [v for s in updating.state.values() for v in s.values() if isinstance(v, torch.Tensor) and v.dim() > 0]
    assert memory.weights == sum(p.nbytes for p in model.parameters())
    assert memory.gradients == sum(p.grad.nbytes for p in model.parameters())
    assert memory.optimizer == sum(state.nbytes for state in states)


def test_sixteen_bytes_a_parameter():
    memory = training_memory(GPTConfig.gpt3(), batch_size=1, seq_len=2048)
    assert memory.weights + memory.gradients + memory.optimizer == 16 * count_parameters(GPTConfig.gpt3())
    assert memory.total == sum(memory)
    assert training_memory(SMALL, batch_size=2, seq_len=5, dtype="float32").activations == 2 * (
        training_memory(SMALL, batch_size=2, seq_len=5).activations
    )


@pytest.mark.parametrize("n_kv_heads", [6, 2, 1])
def test_cache_is_what_is_allocated(n_kv_heads):
    config = dataclasses.replace(SMALL, n_kv_heads=n_kv_heads)
    cache = GPT(config).new_cache(batch_size=5, max_seq_len=7)
    assert cache_bytes(config, batch_size=5, seq_len=7, bytes_per_number=4) == cache.nbytes


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_state_of_a_recurrent_network_is_what_is_allocated(cell):
    config = dataclasses.replace(LSTM_SMALL, cell=cell)
    state = RNN(config).new_cache(batch_size=5)
    for seq_len in (1, 1000):
        assert cache_bytes(config, batch_size=5, seq_len=seq_len, bytes_per_number=4) == state.nbytes


def test_the_cache_of_an_encoder_and_decoder_is_what_is_allocated():
    reading = EncoderDecoder(PAIRS_SMALL).reading(torch.zeros(5, 7, dtype=torch.int64))
    held = reading.new_cache(5, 7).nbytes + sum(part.nbytes for pair in reading.memory for part in pair)
    assert cache_bytes(PAIRS_SMALL, batch_size=5, seq_len=7, bytes_per_number=4) == held


def memory_of(config=SMALL, batch_size=2, seq_len=3, **options):
    return training_memory(config, batch_size=batch_size, seq_len=seq_len, **options)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of sgd, momentum, adam, adamw; got 'lion'"),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16; got 'int8'"),
        ({"batch_size": -1}, "batch_size must be a whole number of at least 1; got batch_size=-1"),
        ({"seq_len": 2.5}, r"seq_len must be a whole number of at least 1; got seq_len=2\.5"),
        ({"config": SimpleNamespace(cell="rnn")}, r"config must be that of a model \(GPTConfig, .*; got namespace"),
    ],
)
def test_errors(wrong, says):
    with pytest.raises(ValueError, match=says):
        memory_of(**wrong)


def test_cache_errors():
    with pytest.raises(ValueError, match=r"bytes_per_number must be a whole number of at least 1; got .*=0"):
        cache_bytes(SMALL, batch_size=1, seq_len=1, bytes_per_number=0)
    for config in (SimpleNamespace(cell="rnn"), BERT_SMALL, MLPConfig(3, 2), None):
        with pytest.raises(ValueError, match=r"config must be that of a model that writes token by token .*; got"):
            cache_bytes(config, batch_size=1, seq_len=1)
