"""Products by oneDNN: against float64 and torch.nn.Linear, on every processor."""

import pytest
import torch
from torch import nn

from aigc_book.kernels import processor
from aigc_book.kernels.linear import FEWEST, SMALLEST, onednn
from aigc_book.kernels.packed import PackedLinear
from aigc_book.layers.linear import Linear

# A little above the size from which oneDNN's kernel is used: primes whose product is above 2¹⁸.
C, OUT = 521, 509
needsonednn = pytest.mark.skipif(onednn is None, reason="this build of torch has no oneDNN linear kernel")


def new_linear(bias=True, dtype=torch.float32, cls=Linear):
    torch.manual_seed(0)
    return cls(C, OUT, bias=bias).to(dtype)


def exact(linear, x):
    y = x.double() @ linear.weight.double().t()
    return y if linear.bias is None else y + linear.bias.double()


def close(actual, linear, x):
    tolerance = 1e-5 if x.dtype == torch.float32 else 2e-2
    torch.testing.assert_close(actual.double(), exact(linear, x), rtol=tolerance, atol=tolerance)


INPUTS = [
    lambda: torch.randn(1, C),
    lambda: torch.randn(8, 1, C),
    lambda: torch.randn(3, 7, C),
    lambda: torch.randn(C),
    lambda: torch.randn(0, C),
    lambda: torch.randn(4, 5, C)[:, -1:],  # as the model's head gets it
    lambda: torch.randn(C, 3).t(),
    lambda: torch.randn(1, C).expand(5, C),
]


def test_size_is_chosen_above_the_limit():
    assert SMALLEST < C * OUT < SMALLEST + 5000


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("make_input", INPUTS, ids=range(len(INPUTS)))
def test_equals_the_product(name, make_input, bias, dtype):
    linear, x = new_linear(bias, dtype), make_input().to(dtype)
    layers = [linear] + ([PackedLinear(linear)] if PackedLinear.fits(linear) else [])
    for layer in layers:
        with torch.no_grad():
            y = layer(x)
        assert y.shape == (*x.shape[:-1], OUT) and y.dtype == dtype
        close(y, linear, x)


@pytest.mark.parametrize("strides", ["rows", "columns"])
@needsonednn
def test_weights_in_any_order(amd, strides):
    linear = new_linear()
    if strides == "columns":
        linear.weight.data = linear.weight.data.t().contiguous().t()
    x = torch.randn(2, C)
    with torch.no_grad():
        close(linear(x), linear, x)
        close(PackedLinear(linear)(x), linear, x)


def test_gradients_are_those_of_torch(name):
    ours, theirs = new_linear(), new_linear(cls=nn.Linear)
    x = torch.randn(3, C, requires_grad=True)
    ours(x).square().sum().backward()
    gradient, x.grad = x.grad, None
    theirs(x).square().sum().backward()
    torch.testing.assert_close(gradient, x.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


@needsonednn
def test_the_kernel_is_used_only_where_it_may(amd, monkeypatch):
    calls = []
    kernel = torch.ops.mkldnn._linear_pointwise

    class Spy:
        def _linear_pointwise(self, *args):
            calls.append(args)
            return kernel(*args)

    monkeypatch.setattr("aigc_book.kernels.linear.onednn", Spy())
    linear, x = new_linear(), torch.randn(2, C)
    with torch.no_grad():
        linear(x)
        assert len(calls) == 1
        with torch.autocast("cpu", torch.bfloat16):
            assert linear(x).dtype == torch.bfloat16
        Linear(5, 7)(torch.randn(2, 5))
        linear.double()(x.double())
        monkeypatch.setattr(processor, "NAME", processor.INTEL)
        linear.float()(x)
        monkeypatch.setattr(processor, "NAME", processor.AMD)
    linear(x)  # with gradients
    assert len(calls) == 1


def test_without_the_kernel_everything_works(amd, monkeypatch):
    monkeypatch.setattr("aigc_book.kernels.linear.onednn", None)
    linear, x = new_linear(), torch.randn(2, C)
    with torch.no_grad():
        close(linear(x), linear, x)


def test_a_wrong_width_gives_torchs_own_message(name):
    with torch.no_grad(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        new_linear()(torch.randn(2, C + 1))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 13), (7, 811), (5651,)])
def test_gradients_equal_torchs(name, shape, bias):
    """From 2²³ products on the layer is computed as a convolution, and so are its gradients."""
    torch.manual_seed(0)
    linear = Linear(37, 41, bias=bias)
    x = torch.randn(*shape, 37, requires_grad=True)
    assert (x.numel() * 41 >= FEWEST) == (shape != (2, 13))
    dy = torch.randn(*shape, 41)
    y, expected = linear(x), torch.nn.functional.linear(x, linear.weight, linear.bias)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    wanted = [x, *linear.parameters()]
    for ours, theirs in zip(torch.autograd.grad(y, wanted, dy), torch.autograd.grad(expected, wanted, dy), strict=True):
        assert ours.shape == theirs.shape
        # A weight's gradient is a sum of up to 5,677 products, in another order: where it cancels to a small number,
        # the rounding is still that of the large ones.
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item() + 1e-6)
