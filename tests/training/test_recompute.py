"""Activation checkpointing: the same gradients, less kept."""

import pytest
import torch
from torch import nn

from aigc_book.data.batches import Batch
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.losses import next_token_loss
from aigc_book.training.recompute import SavedBytes, recomputed, repeated_parts


class Part(nn.Module):
    """tanh three times."""

    def forward(self, x):
        return x.tanh().tanh().tanh()


class Stack(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5))
        self.parts = nn.ModuleList(Part() for _ in range(n))

    def forward(self, x):
        for part in self.parts:
            x = part(x + self.weight)
        return x


def test_saved_bytes_by_hand():
    """Four parts of three tanh, each of which keeps its 5 results of 4 bytes: 240; recomputed, four inputs: 80."""
    model = Stack(4)
    with SavedBytes(model) as saved:
        model(torch.zeros(5))
    assert saved.total == 4 * 3 * 5 * 4
    with recomputed(model), SavedBytes(model) as saved:
        model(torch.zeros(5))
    assert saved.total == 4 * 5 * 4


def test_a_tensor_that_is_kept_twice_counts_once_and_weights_do_not():
    """x · w keeps both: 3 × 4 bytes of x count, those of the weight don't; of x · x both are one."""
    model = nn.ParameterList([torch.ones(3)])
    x = torch.ones(3, requires_grad=True)
    with SavedBytes(model) as saved:
        (x * model[0] + x * x).sum()
    assert saved.total == 12


def gradients(model, batch, is_recomputed):
    torch.manual_seed(7)
    model.zero_grad()
    if is_recomputed:
        with recomputed(model):
            total, _ = next_token_loss(model, batch)
            total.backward()
    else:
        next_token_loss(model, batch)[0].backward()
    return [p.grad.clone() for p in model.parameters()], torch.rand(())


def test_gradients_are_the_same_bit_for_bit_with_dropout():
    model = GPT(GPTConfig(vocab_size=13, max_seq_len=5, n_layers=3, n_heads=2, d_model=6, dropout=0.3))
    ids = torch.randint(13, (4, 6))
    batch = Batch(ids[:, :-1], ids[:, 1:])
    plain, again = gradients(model, batch, False), gradients(model, batch, True)
    assert all(torch.equal(p, q) for p, q in zip(plain[0], again[0], strict=True))
    assert torch.equal(plain[1], again[1])  # the global generator goes on at the same place
    assert all("forward" not in vars(block) for block in model.blocks)


def test_after_an_error_the_parts_are_as_they_were():
    model = Stack(2)
    with pytest.raises(RuntimeError, match="on purpose"), recomputed(model):
        raise RuntimeError("on purpose")
    assert all("forward" not in vars(part) for part in model.parts)


def test_repeated_parts():
    model = GPT(GPTConfig(vocab_size=13, max_seq_len=5, n_layers=3, n_heads=2, d_model=6))
    assert repeated_parts(model) == list(model.blocks)
    assert repeated_parts(nn.ModuleDict({"one": model, "two": Stack(2)}))[3:] != []
    words = r"Linear has no nn.ModuleList of repeated parts; say which .* in parts="
    with pytest.raises(ValueError, match=words), recomputed(nn.Linear(2, 2)):
        pass
    with recomputed(model, [model.blocks[1]]):
        assert ["forward" in vars(block) for block in model.blocks] == [False, True, False]
