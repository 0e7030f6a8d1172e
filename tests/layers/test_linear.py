"""Linear layers that read their weights fast: against torch.nn.Linear; packing; errors."""

import copy

import pytest
import torch
from torch import nn

from aigc_book.layers.linear import FEWEST, SMALLEST, Linear, PackedLinear, _onednn, pack

# A little above the size from which oneDNN's kernel is used: primes whose product is above 2¹⁸.
C, OUT = 521, 509
needs_onednn = pytest.mark.skipif(_onednn is None, reason="this build of torch has no oneDNN linear kernel")


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
def test_equals_the_product(make_input, bias, dtype):
    linear, x = new_linear(bias, dtype), make_input().to(dtype)
    layers = [linear] + ([PackedLinear(linear)] if PackedLinear.fits(linear) else [])
    for layer in layers:
        with torch.no_grad():
            y = layer(x)
        assert y.shape == (*x.shape[:-1], OUT) and y.dtype == dtype
        close(y, linear, x)


@pytest.mark.parametrize("strides", ["rows", "columns"])
@needs_onednn
def test_weights_in_any_order(strides):
    linear = new_linear()
    if strides == "columns":
        linear.weight.data = linear.weight.data.t().contiguous().t()
    x = torch.randn(2, C)
    with torch.no_grad():
        close(linear(x), linear, x)
        close(PackedLinear(linear)(x), linear, x)


def test_gradients_are_those_of_torch():
    ours, theirs = new_linear(), new_linear(cls=nn.Linear)
    x = torch.randn(3, C, requires_grad=True)
    ours(x).square().sum().backward()
    gradient, x.grad = x.grad, None
    theirs(x).square().sum().backward()
    assert torch.equal(gradient, x.grad)
    assert torch.equal(ours.weight.grad, theirs.weight.grad)
    assert torch.equal(ours.bias.grad, theirs.bias.grad)


@needs_onednn
def test_the_kernel_is_used_only_where_it_may(monkeypatch):
    calls = []
    kernel = torch.ops.mkldnn._linear_pointwise

    class Spy:
        def _linear_pointwise(self, *args):
            calls.append(args)
            return kernel(*args)

    monkeypatch.setattr("aigc_book.layers.linear._onednn", Spy())
    linear, x = new_linear(), torch.randn(2, C)
    with torch.no_grad():
        linear(x)
        assert len(calls) == 1
        with torch.autocast("cpu", torch.bfloat16):
            assert linear(x).dtype == torch.bfloat16
        Linear(5, 7)(torch.randn(2, 5))
        linear.double()(x.double())
    linear.float()(x)  # with gradients
    assert len(calls) == 1


def test_without_the_kernel_everything_works(monkeypatch):
    monkeypatch.setattr("aigc_book.layers.linear._onednn", None)
    linear, x = new_linear(), torch.randn(2, C)
    with torch.no_grad():
        close(linear(x), linear, x)
    assert not PackedLinear.fits(linear)
    assert isinstance(pack(nn.Sequential(linear))[0], Linear)


def test_a_wrong_width_gives_torchs_own_message():
    with torch.no_grad(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        new_linear()(torch.randn(2, C + 1))


# Packing


class Net(nn.Module):
    """Large layers, one of them in two places, a small one, a tied one, dropout, a norm."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(OUT, C)
        self.norm = nn.LayerNorm(C)
        self.first = nn.Sequential(nn.Linear(C, C), nn.Dropout(0.5), Linear(C, C))
        self.again = self.first[0]
        self.small = nn.Linear(C, 3)
        self.head = Linear(C, OUT, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("shift", torch.ones(C))

    def forward(self, ids):
        x = self.again(self.first(self.norm(self.embedding(ids) + self.shift)))
        return self.small(x), self.head(x)


@needs_onednn
def test_a_packed_model_computes_the_same():
    torch.manual_seed(0)
    model, ids = Net(), torch.tensor([[3, 5, 7]])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    packed = pack(model)
    assert [type(m) for m in packed.first] == [PackedLinear, nn.Dropout, PackedLinear]
    assert type(packed.head) is PackedLinear and type(packed.small) is nn.Linear
    assert packed.again is packed.first[0]
    assert not packed.training and not any(module.training for module in packed.modules())
    # The model itself is as it was, in training mode.
    assert type(model.head) is Linear and model.first[0].training and model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    with torch.no_grad():
        for actual, expected in zip(packed(ids), model.eval()(ids), strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    # What isn't packed is shared.
    assert packed.embedding.weight.data_ptr() == model.embedding.weight.data_ptr()
    assert "PackedLinear(in_features=521, out_features=509, bias=False)" in repr(packed)


@needs_onednn
def test_a_packed_model_has_no_gradients():
    packed = pack(Net())
    assert not any(parameter.requires_grad for parameter in packed.parameters())
    assert not packed(torch.tensor([[1]]))[1].requires_grad


@needs_onednn
def test_a_packed_model_can_be_packed_again():
    packed = pack(Net())
    twice, ids = pack(packed), torch.tensor([[1, 2]])
    assert torch.equal(twice(ids)[1], packed(ids)[1])


@needs_onednn
def test_what_packed_weights_cannot_do():
    packed = pack(Net())
    with pytest.raises(RuntimeError, match="packed weights can't be saved; save the model that was packed"):
        packed.state_dict()
    for move in (lambda: packed.to("meta"), packed.double, packed.bfloat16):
        with pytest.raises(
            RuntimeError, match="can't be moved to another device or dtype; move the model, then pack it"
        ):
            move()
    with pytest.raises(ValueError, match=r"expected \(..., 521\) in torch.float32; got \(2, 520\) in torch.float32"):
        packed.head(torch.randn(2, 520))
    with pytest.raises(ValueError, match=r"expected .* in torch.float32; got \(2, 521\) in torch.bfloat16"):
        packed.head(torch.randn(2, 521).bfloat16())


def test_layers_that_do_not_fit_are_shared():
    model = nn.Sequential(nn.Linear(C, OUT, dtype=torch.float64), nn.Linear(3, 2), nn.Linear(C, OUT, device="meta"))
    packed = pack(model)
    assert [type(layer) for layer in packed] == [nn.Linear] * 3
    assert packed[0].weight.data_ptr() == model[0].weight.data_ptr()


def test_linear_is_copied_and_saved_like_torchs():
    linear = new_linear()
    assert linear.state_dict().keys() == new_linear(cls=nn.Linear).state_dict().keys()
    assert torch.equal(copy.deepcopy(linear).weight, linear.weight)
    assert isinstance(linear, nn.Linear)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 13), (7, 131), (997,)])
def test_gradients_equal_torchs(shape, bias):
    """From 2¹⁵ numbers in x on the layer is computed as a convolution, and so are its gradients."""
    torch.manual_seed(0)
    linear = Linear(37, 41, bias=bias)
    x = torch.randn(*shape, 37, requires_grad=True)
    assert (x.numel() >= FEWEST) == (shape != (2, 13))
    dy = torch.randn(*shape, 41)
    y, expected = linear(x), torch.nn.functional.linear(x, linear.weight, linear.bias)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    wanted = [x, *linear.parameters()]
    for ours, theirs in zip(torch.autograd.grad(y, wanted, dy), torch.autograd.grad(expected, wanted, dy), strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
