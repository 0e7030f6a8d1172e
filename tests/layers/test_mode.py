"""Modes: one for a while, and every module's own afterwards."""

import pytest
import torch
from torch import nn

from aigc_book.layers.mode import evaluating, training


class Model(nn.Module):
    """Two parts and a dropout between them."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(3, 3)


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


MIXED = ([], ["encoder"], ["", "encoder.1"], ["", "encoder", "encoder.0", "encoder.1", "dropout", "head"])


@pytest.mark.parametrize("context", [evaluating, training])
@pytest.mark.parametrize("in_evaluation", MIXED)
def test_every_module_is_given_its_own_mode_back_also_after_an_error(context, in_evaluation):
    model = Model()
    for name in in_evaluation:
        model.get_submodule(name).training = False
    before = modes(model)
    with context(model), evaluating(model):
        assert not any(modes(model).values())
    assert modes(model) == before
    with pytest.raises(KeyboardInterrupt), context(model):
        raise KeyboardInterrupt
    assert modes(model) == before


def test_nested():
    model = Model()
    model.encoder.eval()
    before = modes(model)
    with evaluating(model):
        with training(model):
            assert all(modes(model).values())
            with evaluating(model):
                assert not any(modes(model).values())
            assert all(modes(model).values())
        assert not any(modes(model).values())
    assert modes(model) == before


def test_a_model_in_training_mode_is_left_as_it_is():
    model = Model()
    model.encoder.eval()
    before = modes(model)
    with training(model):
        assert modes(model) == before


def test_a_model_in_evaluation_mode_trains_but_for_parts_that_are_frozen_whole():
    model = Model().eval()
    model.encoder.requires_grad_(False)
    with training(model):
        assert modes(model) == {
            "": True,
            "encoder": False,
            "encoder.0": False,
            "encoder.1": False,
            "dropout": True,
            "head": True,
        }
    assert not any(modes(model).values())
    model.encoder[0].bias.requires_grad_(True)  # frozen in part: it trains
    with training(model):
        assert all(modes(model).values())


def test_gradients_are_as_before():
    with evaluating(Model()):
        assert torch.is_grad_enabled()
    with torch.no_grad(), evaluating(Model()):
        assert not torch.is_grad_enabled()


def test_a_module_with_two_names():
    model = Model()
    model.again = model.head
    with evaluating(model):
        assert not model.head.training
    assert model.head.training
    model.eval()
    with training(model):
        assert model.again.training
    assert not model.head.training


def test_a_compiled_model_and_its_inside_change_together():
    model = Model()
    wrapped = torch.compile(model, backend="eager")
    model.encoder.eval()
    before = modes(model)
    with evaluating(wrapped):
        assert not any(modes(model).values())
    assert modes(model) == before
    model.eval()
    with training(wrapped):
        assert all(modes(model).values())
    assert not any(modes(model).values())
