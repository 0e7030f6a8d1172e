"""The recurrent language model against torch.nn's stacks, and the laws of a model that carries a state."""

import dataclasses
import itertools
import sys

import pytest
import torch
from torch import nn

from aigc_book.data.batches import Batch
from aigc_book.decoding import GREEDY, generate
from aigc_book.decoding.beam import beam_search
from aigc_book.models.rnn import RNN, RNNConfig
from aigc_book.training.loop import TrainConfig, fit
from aigc_book.training.optimizers import Adam

PEERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
every_cell = pytest.mark.parametrize("cell", PEERS)


def new_model(cell="lstm", seed=0, **settings):
    """A model none of whose parameters is zero, so that no part of it is without effect."""
    torch.manual_seed(seed)
    model = RNN(RNNConfig(vocab_size=31, d_model=7, n_layers=2, cell=cell, **settings))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.eval()


def weight_pairs(theirs, index, ours):
    """The parameters of layer ``index`` of torch's, each with ours that has its place."""
    pairs = {"ih": ours.input, "hh": ours.recurrent}
    return [
        (getattr(theirs, f"{kind}_{name}_l{index}"), getattr(linear, kind))
        for name, linear in pairs.items()
        for kind in ("weight", "bias")
    ]


def new_ids(B=3, T=11, seed=1):
    return torch.randint(31, (B, T), generator=torch.Generator().manual_seed(seed))


# torch's own


@every_cell
def test_a_stack_equals_torchs(cell):
    model = new_model(cell)
    theirs = PEERS[cell](7, 7, num_layers=2, batch_first=True)
    with torch.no_grad():
        for index, layer in enumerate(model.layers):
            for peer, parameter in weight_pairs(theirs, index, layer):
                peer.copy_(parameter)
    ids = new_ids()
    torch.testing.assert_close(model(ids), model.head(theirs(model.token_embedding(ids))[0]))


# Sizes


def test_count_on_paper():
    """V=5, C=3, one LSTM: embedding 15; W and U 12·3 each, b and b' 12 each: 96; head 15 + 5: 131 in all."""
    assert RNN(RNNConfig(vocab_size=5, d_model=3)).count_parameters() == 131
    assert RNN(RNNConfig(vocab_size=5, d_model=3, tie_embeddings=True)).count_parameters() == 116
    assert RNN(RNNConfig(vocab_size=5, d_model=3, cell="gru")).count_parameters() == 35 + 72
    assert RNN(RNNConfig(vocab_size=5, d_model=3, cell="rnn", n_layers=2)).count_parameters() == 35 + 48


def test_the_forget_gate_starts_open():
    model = RNN(RNNConfig(vocab_size=5, d_model=50, n_layers=2, forget_bias=3.0))
    for layer in model.layers:
        bias = layer.input.bias + layer.recurrent.bias
        assert (bias[50:100] == 3.0).all()
        assert bias[:50].abs().max() < 0.3 and bias[100:].abs().max() < 0.3


# Laws


@every_cell
def test_a_future_token_cannot_change_a_past_logit(cell):
    model, ids = new_model(cell), new_ids()
    changed = ids.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 31
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] != after[:, 6:]).any(dim=-1).all()


@every_cell
def test_a_carried_state_equals_reading_all_again(cell):
    model, ids = new_model(cell), new_ids()
    cache = model.new_cache(3)
    parts = [model(ids[:, a:b], cache=cache) for a, b in itertools.pairwise([0, 4, 5, 6, 11])]
    torch.testing.assert_close(torch.cat(parts, dim=1), model(ids))
    assert cache.length == 11


@every_cell
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(cell, side):
    model, ids = new_model(cell), new_ids()
    padding = torch.zeros(3, 4, dtype=torch.long)
    padded = torch.cat((padding, ids) if side == "left" else (ids, padding), dim=1)
    place = torch.arange(15).expand(3, 15)
    mask = place >= 4 if side == "left" else place < 11
    torch.testing.assert_close(model(padded, mask=mask)[mask], model(ids).flatten(0, 1))
    if side == "right":  # the state after the padding is the one before it
        torch.testing.assert_close(model(padded, mask=mask)[:, -1], model(ids)[:, -1])


def test_rows_do_not_mix():
    model, ids = new_model(), new_ids()
    torch.testing.assert_close(model(ids)[1:2], model(ids[1:2]))


def test_last_only_is_the_last_position():
    model, ids = new_model(), new_ids()
    torch.testing.assert_close(model(ids, last_only=True), model(ids)[:, -1:])


def test_tied_head_is_the_embedding():
    model = RNN(RNNConfig(vocab_size=5, d_model=3, tie_embeddings=True))
    assert model.head.weight is model.token_embedding.weight


def test_dropout_acts_in_training_only():
    model, ids = new_model(dropout=0.5), new_ids()
    torch.testing.assert_close(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))


# The state


def test_the_state_has_one_size_and_no_gradient():
    model = new_model()
    cache = model.new_cache(3, 10_000)
    size = cache.nbytes
    assert size == 2 * 2 * 3 * 7 * 4  # layers · (h, c) · B · C · bytes
    model(new_ids(), cache=cache)
    assert cache.nbytes == size
    assert not any(part.requires_grad for state in cache.layers for part in state)
    cache.reset()
    assert cache.length == 0
    torch.testing.assert_close(model(new_ids(), cache=cache), model(new_ids()))


def test_reorder_exchanges_the_rows():
    model, ids, rows = new_model(), new_ids(), torch.tensor([2, 2, 0])
    cache = model.new_cache(3)
    model(ids[:, :8], cache=cache)
    cache.reorder(rows)
    later = model(ids[rows, 8:], cache=cache)
    torch.testing.assert_close(later, model(ids[rows])[:, 8:])


# Together with training and decoding


@every_cell
def test_generation_equals_asking_for_one_token_after_the_other(cell):
    model, ids = new_model(cell), new_ids(1, 5)[0]
    expected = ids
    for _ in range(9):
        expected = torch.cat((expected, model(expected[None])[0, -1].argmax()[None]))
    assert torch.equal(generate(model, ids, 9, GREEDY), expected)


def test_prompts_of_several_lengths_are_continued_as_if_alone():
    model = new_model()
    prompts = [[1, 2, 3, 4, 5], [6, 7]]
    together = generate(model, prompts, 8, GREEDY)
    for row, prompt in zip(together, prompts, strict=True):
        assert torch.equal(row, generate(model, torch.tensor(prompt), 8, GREEDY))


def test_one_beam_is_greedy():
    model, ids = new_model(), new_ids(1, 5)[0]
    (best,) = beam_search(model, ids, 6, n_beams=1)
    assert torch.equal(best.ids, generate(model, ids, 6, GREEDY))


@every_cell
def test_it_learns_to_count(cell):
    """0 1 2 3 4 0 1 …: after training the next one is certain."""
    torch.manual_seed(0)
    model = RNN(RNNConfig(vocab_size=5, d_model=16, cell=cell))
    ids = torch.arange(21)[None] % 5
    history = fit(
        model,
        [Batch(ids[:, :-1], ids[:, 1:])] * 60,
        TrainConfig(steps=60, progress=False),
        optimizers=Adam(model.parameters(), lr=0.03),
    )
    assert history.losses[-1] < 0.1 < history.losses[0]


# Bad input


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1; got vocab_size=0"),
        ({"d_model": 0}, "d_model must be at least 1"),
        ({"n_layers": -1}, "n_layers must be at least 1; got n_layers=-1"),
        ({"cell": "elman"}, "cell must be one of rnn, lstm, gru; got 'elman'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
    ],
)
def test_config_refuses(settings, says):
    with pytest.raises(ValueError, match=says):
        RNNConfig(**{"vocab_size": 5, **settings})


def test_the_config_has_no_longest_context():
    assert RNNConfig(vocab_size=5).max_seq_len == sys.maxsize
    assert "max_seq_len" not in dataclasses.asdict(RNNConfig(vocab_size=5))


def test_model_refuses():
    model, ids = new_model(), new_ids()
    with pytest.raises(ValueError, match=r"ids must be whole .* \(B, T\); got torch.int64 of shape \(11,\)"):
        model(ids[0])
    with pytest.raises(ValueError, match="ids must be whole numbers"):
        model(ids.float())
    with pytest.raises(ValueError, match=r"ids must be from 0 to vocab_size - 1 = 30; got \d+ to 31"):
        model(torch.full((1, 2), 31))
    with pytest.raises(
        ValueError, match=r"mask must be boolean of shape \(3, 11\), True = .*; got torch.bool of shape \(3, 4\)"
    ):
        model(ids, mask=torch.ones(3, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="batch_size must be at least 1; got 0"):
        model.new_cache(0)
    with pytest.raises(ValueError, match=r"state must be 2 tensors of shape \(3, 7\)"):
        model(ids, cache=model.new_cache(2))
