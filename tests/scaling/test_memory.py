"""Memory counted from the config equals what a step of training really holds."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.scaling import activations, cache_bytes, count_parameters, training_memory
from aigc_book.training.losses import cross_entropy
from aigc_book.training.optimizers import SGD, AdamW

SMALL = GPTConfig(vocab_size=101, max_seq_len=256, n_layers=3, n_heads=6, d_model=48)


def kept_by_a_forward_pass(config, batch_size, seq_len):
    """Numbers that autograd keeps for the backward pass, each tensor's memory once; weights and ids left out."""
    model = GPT(config)
    weights = {p.data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights and tensor.is_floating_point():
            kept[storage.data_ptr()] = (storage.nbytes() // tensor.element_size(), tensor)  # held: no address twice
        return tensor

    ids = torch.randint(config.vocab_size, (batch_size, seq_len))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss, _ = cross_entropy(model(ids), ids)
    assert loss.requires_grad
    return sum(numbers for numbers, _ in kept.values())


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        dataclasses.replace(SMALL, n_layers=1, d_ff=300),
        GPTConfig.modern(vocab_size=101, max_seq_len=256, n_layers=3, n_heads=6, n_kv_heads=2, d_model=48),
    ],
    ids=["gpt2", "wide", "modern"],
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


def test_checkpointing_keeps_one_block_and_the_borders():
    kept = activations(SMALL, batch_size=2, seq_len=3, checkpointing=True)
    assert kept == 2 * 3 * (3 * 48 + 16 * 48 + 2 * 48 + 2 * 101)
    assert kept < activations(SMALL, batch_size=2, seq_len=3)


@pytest.mark.parametrize(("optimizer", "build"), [("adamw", AdamW), ("sgd", SGD)])
def test_weights_gradients_and_optimizer_are_what_is_allocated(optimizer, build):
    model = GPT(SMALL)
    updating = build(model.parameters(), lr=1e-3)
    ids = torch.randint(SMALL.vocab_size, (2, 5))
    cross_entropy(model(ids), ids)[0].backward()
    updating.step()
    memory = training_memory(SMALL, batch_size=2, seq_len=5, optimizer=optimizer, dtype="float32")
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


def memory_of(config=SMALL, batch_size=2, seq_len=3, **options):
    return training_memory(config, batch_size=batch_size, seq_len=seq_len, **options)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of sgd, momentum, adam, adamw; got 'lion'"),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16; got 'int8'"),
        ({"batch_size": -1}, "batch_size must be a whole number of at least 1; got batch_size=-1"),
        ({"seq_len": 2.5}, r"seq_len must be a whole number of at least 1; got seq_len=2\.5"),
        ({"config": SimpleNamespace(cell="rnn")}, "config must be that of a GPT"),
    ],
)
def test_errors(wrong, says):
    with pytest.raises(ValueError, match=says):
        memory_of(**wrong)


def test_cache_errors():
    with pytest.raises(ValueError, match=r"bytes_per_number must be a whole number of at least 1; got .*=0"):
        cache_bytes(SMALL, batch_size=1, seq_len=1, bytes_per_number=0)
    with pytest.raises(ValueError, match="config must be that of a GPT"):
        cache_bytes(SimpleNamespace(cell="rnn"), batch_size=1, seq_len=1)
