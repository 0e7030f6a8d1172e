"""Frozen products and their corrections in one step, against float64 and torch's own gradients, on every processor."""

import pytest
import torch
from torch import nn

from aigc_book.kernels.linear import FEWEST
from aigc_book.kernels.low_rank import low_rank_linear, low_rank_linear_fits
from aigc_book.layers.linear import Linear

C, OUT, RANK = 131, 257, 5
ROWS = FEWEST // (C * OUT) + 3  # so many that oneDNN's kernel is used where it pays


def parts(n, bias, dtype=torch.float64):
    generator = torch.Generator().manual_seed(n)
    shapes = [(n, C), (OUT, C), (OUT,), (RANK, C), (OUT, RANK)]
    x, weight, b0, a, b = (torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
    return x, weight, b0 if bias else None, a, b


def exact(x, weight, bias, a, b):
    y = x @ weight.t() + 1.5 * (x @ a.t()) @ b.t()
    return y if bias is None else y + bias


@pytest.mark.parametrize("n", [1, 7, ROWS])
@pytest.mark.parametrize("bias", [True, False])
def test_low_rank_equals_the_formula_and_its_gradients(name, n, bias):
    wanted = [part if part is None else part.requires_grad_() for part in parts(n, bias)]
    upstream = torch.randn(n, OUT, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x, weight, b0, a, b = parts(n, bias, torch.float32)
    x, a, b = (part.requires_grad_() for part in (x, a, b))
    y = low_rank_linear(x, weight, b0, a, b, 1.5)
    expected = exact(*wanted)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-3)
    y.backward(upstream.float())
    expected.backward(upstream)
    for ours, theirs in zip((x, a, b), (wanted[0], wanted[3], wanted[4]), strict=True):
        torch.testing.assert_close(
            ours.grad.double(), theirs.grad, rtol=1e-4, atol=1e-5 * theirs.grad.abs().max().item()
        )
    assert weight.grad is None


@pytest.mark.parametrize("shape", [(C,), (0, C), (2, 3, C), (2, 0, C)])
def test_low_rank_keeps_the_shape(name, shape):
    _, weight, bias, a, b = parts(1, True, torch.float32)
    x = torch.randn(shape, requires_grad=True)
    y = low_rank_linear(x, weight, bias, a.requires_grad_(), b, 1.5)
    assert y.shape == (*shape[:-1], OUT)
    y.sum().backward()
    assert x.grad.shape == x.shape and a.grad.shape == a.shape


@pytest.mark.parametrize("bias", [True, False])
def test_frozen_linear_has_the_gradient_of_its_input_and_a_second_one(name, bias):
    """d/dx Σ (x Wᵀ)³ = 3 (x Wᵀ)² W, and differentiated once more it is torch's again."""
    torch.manual_seed(0)
    layer = Linear(C, OUT, bias=bias).requires_grad_(False)
    plain = nn.Linear(C, OUT, bias=bias).double().requires_grad_(False)
    plain.load_state_dict({key: value.double() for key, value in layer.state_dict().items()})
    x = torch.randn(ROWS, C, requires_grad=True)
    xx = x.detach().double().requires_grad_()
    grads = []
    for module, given in ((layer, x), (plain, xx)):
        (first,) = torch.autograd.grad(module(given).pow(3).sum(), given, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), given)
        grads.append((first.double(), second.double()))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * theirs.abs().max().item())


def test_frozen_linear_trains_its_bias(name):
    layer = Linear(C, OUT)
    layer.weight.requires_grad_(False)
    layer(torch.randn(ROWS, C)).sum().backward()
    torch.testing.assert_close(layer.bias.grad, torch.full((OUT,), float(ROWS)))
    assert layer.weight.grad is None


def test_frozen_linear_in_a_function_transform(name):
    """torch.func takes the gradient of each of three inputs; each is the sum of W's columns."""
    layer = Linear(C, OUT).requires_grad_(False)
    grads = torch.func.vmap(torch.func.grad(lambda x: layer(x).sum()))(torch.randn(3, ROWS, C))
    torch.testing.assert_close(grads, layer.weight.sum(dim=0).expand(3, ROWS, C))


def test_low_rank_is_for_plain_frozen_layers_of_one_dtype():
    base, a, x = Linear(C, OUT).requires_grad_(False), torch.randn(RANK, C), torch.randn(2, C)
    assert low_rank_linear_fits(x, base, a)
    assert not low_rank_linear_fits(x.double(), base, a)
    assert not low_rank_linear_fits(x, Linear(C, OUT), a)
    assert not low_rank_linear_fits(torch.randn(2, C + 1), base, a)
    with torch.autocast("cpu", torch.bfloat16):
        assert not low_rank_linear_fits(x, base, a)
    handle = base.register_forward_hook(lambda *_: None)
    assert not low_rank_linear_fits(x, base, a)
    handle.remove()
    assert low_rank_linear_fits(x, base, a)
