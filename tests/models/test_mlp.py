"""The multilayer perceptron against torch.nn.Sequential, by hand, and how its signal and gradient travel."""

import dataclasses

import pytest
import torch
from torch import nn

from aigc_book.models.mlp import ACTIVATIONS, MLP, MLPConfig

MODULES = {"relu": nn.ReLU(), "gelu": nn.GELU(), "silu": nn.SiLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}
MODULES["gelu_tanh"] = nn.GELU(approximate="tanh")


def new_model(config, seed=0):
    torch.manual_seed(seed)
    model = MLP(config)
    for layer in model.layers:
        nn.init.normal_(layer.bias)  # so that no part of it is without effect
    return model


@pytest.mark.parametrize("activation", MODULES)
@pytest.mark.parametrize("d_hidden", [(), (5,), (7, 3)])
def test_equals_torch_sequential(activation, d_hidden):
    model = new_model(MLPConfig(11, 2, d_hidden, activation))
    modules = []
    for layer in model.layers:
        twin = nn.Linear(layer.in_features, layer.out_features)
        twin.load_state_dict(layer.state_dict())
        modules += [twin, MODULES[activation]]
    peer = nn.Sequential(*modules[:-1])
    x = torch.randn(13, 11, generator=torch.Generator().manual_seed(1))
    ours, theirs = model(x), peer(x)
    torch.testing.assert_close(ours, theirs)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    for p, q in zip(model.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_by_hand():
    """x = (1, 2). Hidden: (1·1 + 2·1 - 4, 1·3 - 2·1 + 0) = (-1, 1), after ReLU (0, 1). Out: 0·5 + 1·7 + 0.5 = 7.5."""
    model = MLP(MLPConfig(2, 1, (2,)))
    values = {
        "layers.0.weight": [[1.0, 1.0], [3.0, -1.0]],
        "layers.0.bias": [-4.0, 0.0],
        "layers.1.weight": [[5.0, 7.0]],
        "layers.1.bias": [0.5],
    }
    model.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    assert model(torch.tensor([[1.0, 2.0]])).tolist() == [[7.5]]


def test_without_hidden_layers_it_is_linear():
    model = new_model(MLPConfig(3, 2, ()))
    x, y = torch.randn(2, 5, 3)
    zero = model(torch.zeros(3))
    torch.testing.assert_close(model(x + y) - zero, (model(x) - zero) + (model(y) - zero))


def test_count_on_paper():
    """5·(11+1) + 2·(5+1) = 72."""
    assert MLP(MLPConfig(11, 2, (5,))).count_parameters() == 72


def test_signal_and_gradient_survive_thirty_layers():
    """He's variance keeps E[h²] at E[x²] = 1 through ReLUs and, with as many outputs as inputs, the gradient too; the
    last layer's weights have the variance 1/D, so that half of either is left, give or take the luck of the draw."""
    torch.manual_seed(0)
    model = MLP(MLPConfig(256, 256, (256,) * 30))
    x = torch.randn(64, 256, requires_grad=True)
    y = model(x)
    (grad,) = torch.autograd.grad(y, x, torch.randn(64, 256))
    assert 0.1 < y.square().mean() < 2.5
    assert 0.1 < grad.square().mean() < 2.5


def test_tanh_layers_shrink_slowly():
    """tanh² z ≈ z² - 2z⁴/3 with E[z⁴] = 3q² takes 2q² from the variance q: after l layers about 1 / (2l) is left."""
    torch.manual_seed(0)
    y = MLP(MLPConfig(256, 256, (256,) * 30, "tanh"))(torch.randn(64, 256))
    assert 0.3 / 60 < y.square().mean() < 3 / 60


def test_initial_biases_are_zero_and_a_seed_gives_one_model():
    config = MLPConfig(11, 2, (5,))
    torch.manual_seed(0)
    first = MLP(config)
    torch.manual_seed(0)
    second = MLP(config)
    assert all(not layer.bias.any() for layer in first.layers)
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(p, q)


def test_takes_any_leading_axes_and_leaves_its_input_alone():
    model = new_model(MLPConfig(3, 2))
    x = torch.randn(5, 7, 3)
    before = x.clone()
    y = model(x)
    assert y.shape == (5, 7, 2)
    assert torch.equal(x, before)
    torch.testing.assert_close(y[2, 3], model(x[2, 3]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation):
    model = new_model(MLPConfig(2, 1, (8,), activation))
    assert model(torch.randn(5, 2)).requires_grad


def test_config_takes_a_list_of_widths():
    assert MLPConfig(2, 1, [8, 4]) == MLPConfig(2, 1, (8, 4))
    assert MLPConfig(2, 1, [8, 4]).widths == (2, 8, 4, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_in": 0}, "d_in must be whole numbers of at least 1; got 0"),
        ({"d_out": 2.0}, "d_out must be whole numbers of at least 1; got 2.0"),
        ({"d_hidden": (8, -1)}, "d_hidden must be whole numbers of at least 1; got -1"),
        ({"d_hidden": (True,)}, "d_hidden must be whole numbers of at least 1; got True"),
        ({"d_hidden": 64}, r"d_hidden must be a sequence of widths, such as \(64,\); got 64"),
        ({"activation": "step"}, "activation must be one of relu, .*sigmoid; got 'step'"),
    ],
)
def test_config_errors(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MLPConfig(3, 2), **change)


@pytest.mark.parametrize("x", [torch.zeros(5, 4), torch.zeros(5, 3, dtype=torch.int64), torch.tensor(1.0)])
def test_forward_errors(x):
    with pytest.raises(ValueError, match=r"x must be floats of shape \(..., d_in=3\); got torch"):
        MLP(MLPConfig(3, 2))(x)
