"""Training and evaluation mode: put a model into one for a while, and give every part its own back.

A model has a mode for each of its modules. ``model.eval()`` and later ``model.train()`` forget that: a part that was
frozen in evaluation mode comes back in training mode, with its dropout on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within, every module is in evaluation mode; afterwards, also after an error, each is in its own again.

    Gradients are as before: ``torch.no_grad()`` is another thing, and a second one where both are wanted.
    """
    with _modes([module for module in model.modules() if module.training], False):
        yield


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """Within, the model trains; afterwards, also after an error, each module is in its own mode again.

    A model in training mode is left as it is: somebody has put those of its parts into evaluation mode that are in it.
    A model in evaluation mode, as ``from_pretrained`` gives it, is put into training mode, but for the parts that are
    frozen whole: they have parameters, and none of them requires a gradient.
    """
    with _modes([] if model.training else _trained(model), True):
        yield


def _trained(module: nn.Module) -> list[nn.Module]:
    """The modules in evaluation mode, without those of parts that are frozen whole."""
    parameters = list(module.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        return []
    return [module] * (not module.training) + [m for child in module.children() for m in _trained(child)]


@contextmanager
def _modes(modules: list[nn.Module], mode: bool) -> Iterator[None]:
    for module in modules:
        module.training = mode
    try:
        yield
    finally:
        for module in modules:
            module.training = not mode
