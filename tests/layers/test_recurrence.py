"""Recurrent layers against torch.nn's in values and gradients, and steps worked out on paper."""

import math

import pytest
import torch
from torch import nn

from aigc_book.layers.recurrence import RecurrentLayer, check_cell, gru_step, lstm_step, rnn_step

PEERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
every_cell = pytest.mark.parametrize("cell", PEERS)


def weight_pairs(theirs, index, ours):
    """The parameters of layer ``index`` of torch's, each with ours that has its place."""
    pairs = {"ih": ours.input, "hh": ours.recurrent}
    return [
        (getattr(theirs, f"{kind}_{name}_l{index}"), getattr(linear, kind))
        for name, linear in pairs.items()
        for kind in ("weight", "bias")
    ]


# One step on paper


def column(*numbers):
    return torch.tensor([numbers], dtype=torch.float64)


def test_rnn_step_on_paper():
    """h = tanh(0.3 + 0.5 · 0.4 + 0.1) = tanh(0.6)."""
    (h,) = rnn_step(column(0.3), column(0.5 * 0.4 + 0.1), (column(0.4),))
    torch.testing.assert_close(h, column(math.tanh(0.6)))


def test_lstm_step_on_paper():
    """Gates at 0 are ½; g = tanh(ln 2) = 3/5: c = ½ · 2 + ½ · 3/5 = 1.3, h = ½ tanh(1.3)."""
    h, c = lstm_step(column(0, -1, math.log(2), 3), column(0, 1, 0, -3), (column(0.9), column(2)))
    torch.testing.assert_close(c, column(1.3))
    torch.testing.assert_close(h, column(math.tanh(1.3) / 2))


def test_lstm_gates_are_in_torchs_order():
    """Input closed, forget open, candidate any, output open: c is kept and h = tanh(c)."""
    h, c = lstm_step(column(-50, 50, 3, 50), column(0, 0, 0, 0), (column(0.9), column(2)))
    torch.testing.assert_close((h, c), (column(math.tanh(2)), column(2)))


def test_gru_step_on_paper():
    """r = z = ½ and n = tanh(ln 2 + ½ · 0) = 3/5: h = ½ · 3/5 + ½ · 1 = 0.8."""
    (h,) = gru_step(column(0, 0, math.log(2)), column(0, 0, 0), (column(1),))
    torch.testing.assert_close(h, column(0.8))


# torch's own


@every_cell
def test_a_layer_equals_torch_in_values_and_gradients(cell):
    B, T, d_in, C = 3, 13, 5, 7
    torch.manual_seed(0)
    ours, theirs = RecurrentLayer(d_in, C, cell).double(), PEERS[cell](d_in, C, batch_first=True).double()
    with torch.no_grad():
        for peer, parameter in weight_pairs(theirs, 0, ours):
            parameter.copy_(peer)
    x, h, c = torch.randn(B, T, d_in).double(), torch.randn(B, C).double(), torch.randn(B, C).double()
    state = (h, c) if cell == "lstm" else (h,)
    mine = [part.clone().requires_grad_() for part in (x, *state)]
    peer = [part.clone().requires_grad_() for part in (x, *state)]
    y, last = ours(mine[0], tuple(mine[1:]))
    peer_state = tuple(part[None] for part in peer[1:])
    expected, expected_last = theirs(peer[0], peer_state if cell == "lstm" else peer_state[0])
    torch.testing.assert_close(y, expected)
    expected_last = expected_last if cell == "lstm" else (expected_last,)
    torch.testing.assert_close(last, tuple(part[0] for part in expected_last))
    upstream = torch.randn_like(y)
    for result, ends in ((y, last), (expected, expected_last)):
        ((result * upstream).sum() + sum((end**2).sum() for end in ends)).backward()
    for one, other in zip(mine, peer, strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    for other, parameter in weight_pairs(theirs, 0, ours):
        torch.testing.assert_close(parameter.grad, other.grad)


@every_cell
def test_fresh_weights_lie_where_torchs_do(cell):
    layer = RecurrentLayer(3, 25, cell)
    assert all(0.15 < parameter.abs().max() <= 0.2 for parameter in layer.parameters())


# Laws


@every_cell
def test_all_real_is_as_good_as_no_mask(cell):
    torch.manual_seed(0)
    layer = RecurrentLayer(5, 7, cell).double()
    x, upstream = torch.randn(3, 13, 5).double().requires_grad_(), torch.randn(3, 13, 7).double()
    mask = torch.ones(3, 13, dtype=torch.bool)
    inputs = [x, *layer.parameters()]
    results = [layer(x)[0], layer(x, mask=mask)[0]]
    torch.testing.assert_close(*results)
    for one, other in zip(*(torch.autograd.grad(y, inputs, upstream) for y in results), strict=True):
        torch.testing.assert_close(one, other)


@every_cell
def test_gradients_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    layer = RecurrentLayer(2, 3, cell).double()
    inputs = [torch.randn(2, 5, 2), *(torch.randn(2, 3) for _ in layer.new_state(2))]
    inputs = [part.double().requires_grad_() for part in inputs]
    assert torch.autograd.gradcheck(lambda x, *state: (y := layer(x, state))[:1] + y[1], inputs)


@every_cell
def test_two_halves_are_the_whole(cell):
    layer, x = RecurrentLayer(5, 7, cell), torch.randn(3, 13, 5)
    whole, last = layer(x)
    first, state = layer(x[:, :6])
    second, state = layer(x[:, 6:], state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)
    torch.testing.assert_close(state, last)


@every_cell
def test_padding_leaves_the_state_as_it_is(cell):
    layer, x = RecurrentLayer(5, 7, cell), torch.randn(3, 13, 5)
    mask = torch.arange(13) < torch.tensor([[13], [6], [0]])
    _, state = layer(x, mask=mask)
    for row, length in enumerate((13, 6, 0)):
        _, alone = layer(x[row : row + 1, :length])
        torch.testing.assert_close(tuple(part[row : row + 1] for part in state), alone)


def test_it_learns_from_many_steps_back():
    """The gradient of the last output reaches the first input."""
    layer = RecurrentLayer(3, 8, "lstm")
    x = torch.randn(2, 20, 3, requires_grad=True)
    layer(x)[0][:, -1].sum().backward()
    assert (x.grad.flatten(0, 1).abs().amax(dim=1) > 0).all()


# Bad input


def test_layer_refuses():
    layer = RecurrentLayer(3, 5, "gru")
    x = torch.zeros(2, 4, 3)
    with pytest.raises(ValueError, match=r"x must be \(B, T, d_in=3\); got \(2, 4, 5\)"):
        layer(torch.zeros(2, 4, 5))
    with pytest.raises(ValueError, match=r"state must be 1 tensors of shape \(2, 5\); got \[\(2, 5\), \(2, 5\)\]"):
        layer(x, (torch.zeros(2, 5), torch.zeros(2, 5)))
    with pytest.raises(
        ValueError, match=r"mask must be boolean of shape \(2, 4\), True = may attend; got torch.float32"
    ):
        layer(x, mask=torch.ones(2, 4))
    with pytest.raises(ValueError, match="d_in and d_model must be at least 1; got d_in=0"):
        RecurrentLayer(0, 5)
    with pytest.raises(ValueError, match="cell must be one of"):
        RecurrentLayer(3, 5, "nas")
    with pytest.raises(ValueError, match="cell must be one of rnn, lstm, gru; got 'LSTM'"):
        check_cell("LSTM")


def test_nothing_is_changed_that_was_passed_in():
    layer = RecurrentLayer(3, 5)
    x, state, mask = torch.randn(2, 4, 3), layer.new_state(2), torch.rand(2, 4) < 0.5
    copies = x.clone(), tuple(part.clone() for part in state), mask.clone()
    layer(x, state, mask=mask)
    assert torch.equal(x, copies[0]) and torch.equal(mask, copies[2])
    assert all(torch.equal(a, b) for a, b in zip(state, copies[1], strict=True))
