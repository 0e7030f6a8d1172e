"""Activation checkpointing: forget what is inside of a block, and compute it again for the backward pass."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def repeated_parts(model: nn.Module) -> list[nn.Module]:
    """The parts of a model that stand in an ``nn.ModuleList``, the outermost of them: a Transformer's blocks."""
    found: list[nn.Module] = []
    todo = [model]
    while todo:
        module = todo.pop(0)
        if isinstance(module, nn.ModuleList):
            found += module
        else:
            todo += module.children()
    return found


@contextmanager
def recomputed(model: nn.Module, parts: Sequence[nn.Module] | None = None) -> Iterator[None]:
    """Within, a training step keeps only what goes into each of the parts, and computes the rest a second time.

    Activation checkpointing: a model of L equal parts keeps L inputs and the inside of one part in place of the inside
    of L, for up to one more forward pass, a third more arithmetic at most. Gradients are the same bit for bit, dropout
    included, because the random generators are put back for the second time. ::

        with recomputed(model):
            fit(model, batches, config)

    Args:
        model: alone or shared by several processes; its parts' ``forward`` are changed meanwhile.
        parts: which; :func:`repeated_parts` if None.

    Raises:
        ValueError: there are no such parts.

    Source: Chen et al., *Training Deep Nets with Sublinear Memory Cost* (2016).
    """
    parts = repeated_parts(model) if parts is None else list(parts)
    if not parts:
        raise ValueError(
            f"{type(model).__name__} has no nn.ModuleList of repeated parts; say which to compute twice in parts="
        )
    for part in parts:
        part.forward = partial(checkpoint, part.forward, use_reentrant=False)
    try:
        yield
    finally:
        for part in parts:
            del part.forward  # the class's own is found again


class SavedBytes:
    """What a forward pass keeps for the backward pass, in bytes: ``with SavedBytes(model) as saved: loss = …``.

    Every piece of memory counts once, however many operations keep it, and the weights don't: they are there anyway.
    With :func:`recomputed` the second forward pass is the backward pass's and isn't counted, if that is outside.

    Args:
        model: whose weights and buffers don't count.

    Attributes:
        total: bytes.
    """

    def __init__(self, model: nn.Module):
        self._own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
        self._kept: dict[int, Tensor] = {}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in self._own:
            self._kept[place] = tensor.detach()  # kept, so that no other can be put in its place
        return tensor

    @property
    def total(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in self._kept.values())

    def __enter__(self) -> "SavedBytes":
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)
