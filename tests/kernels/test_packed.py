"""Packing: what a packed model computes, and what it can't do."""

import pytest
import torch
from torch import nn

from aigc_book.kernels import processor
from aigc_book.kernels.linear import SMALLEST, onednn
from aigc_book.kernels.packed import PackedLinear, pack
from aigc_book.layers.linear import Linear

C, OUT = 521, 509  # primes whose product is a little above the smallest size that is packed
needs_onednn = pytest.mark.skipif(onednn is None, reason="this build of torch has no oneDNN linear kernel")


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
def test_a_packed_model_computes_the_same(amd):
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
def test_a_packed_model_has_no_gradients(amd):
    packed = pack(Net())
    assert not any(parameter.requires_grad for parameter in packed.parameters())
    assert not packed(torch.tensor([[1]]))[1].requires_grad


@needs_onednn
def test_a_packed_model_can_be_packed_again(amd):
    packed = pack(Net())
    twice, ids = pack(packed), torch.tensor([[1, 2]])
    assert torch.equal(twice(ids)[1], packed(ids)[1])


@needs_onednn
def test_what_packed_weights_cannot_do(amd):
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


def test_layers_that_do_not_fit_are_shared(name):
    model = nn.Sequential(nn.Linear(C, OUT, dtype=torch.float64), nn.Linear(3, 2), nn.Linear(C, OUT, device="meta"))
    packed = pack(model)
    assert [type(layer) for layer in packed] == [nn.Linear] * 3
    assert packed[0].weight.data_ptr() == model[0].weight.data_ptr()


def test_what_is_packed_follows_from_the_processor(name):
    fitting = {
        dtype: PackedLinear.fits(nn.Linear(C, OUT, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16, torch.float16)
    }
    here = onednn is not None and onednn._is_mkldnn_bf16_supported()
    assert SMALLEST < C * OUT
    assert fitting == {
        torch.float32: name == processor.AMD and onednn is not None,
        torch.bfloat16: name != processor.PLAIN and here,
        torch.float16: False,
    }


def test_without_onednn_nothing_is_packed(amd, monkeypatch):
    monkeypatch.setattr("aigc_book.kernels.packed.onednn", None)
    linear = Linear(C, OUT)
    assert not PackedLinear.fits(linear)
    assert isinstance(pack(nn.Sequential(linear))[0], Linear)
