"""What is done with a batch, whatever it is: a tensor, or a tuple, list, dict or dataclass of tensors.

The loss alone understands a batch; the loop moves it to the model's device as a whole, and tells batches apart.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from aigc_book.data.batches import IGNORED, Batch, Pairs
from aigc_book.training.wrapping import unwrapped

_PLAIN = (str, bytes, bool, int, float, type(None))  # such as the name of a sample; they stay where they are


def to_device(batch: Any, device: torch.device) -> Any:
    """The batch with all its tensors on the device; to a GPU from pinned memory, so that copying and computing overlap.

    Args:
        batch: a tensor; a tuple, list, mapping (also a ``transformers.BatchEncoding``) or dataclass of such; or
            anything with a method ``to(device)``. Strings, numbers and None stay as they are. Not changed.
        device: where to.

    Raises:
        TypeError: something else is in it.
    """

    def move(tensor: Tensor) -> Tensor:
        if device.type == "cuda" and tensor.device.type == "cpu":
            return tensor.pin_memory().to(device, non_blocking=True)
        return tensor.to(device)

    return _mapped(batch, move, device)


def _mapped(batch: Any, move: Callable[[Tensor], Tensor], device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return move(batch)
    if isinstance(batch, _PLAIN):
        return batch
    if isinstance(batch, dict):
        return {name: _mapped(part, move, device) for name, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):  # a named tuple
        return type(batch)(*(_mapped(part, move, device) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_mapped(part, move, device) for part in batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        moved = {f.name: _mapped(getattr(batch, f.name), move, device) for f in dataclasses.fields(batch) if f.init}
        return dataclasses.replace(batch, **moved)
    if callable(getattr(batch, "to", None)):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {name: _mapped(part, move, device) for name, part in batch.items()}
    raise TypeError(
        "a batch must be a tensor, or a tuple, list, dict or dataclass of tensors; got "
        f"{type(batch).__module__}.{type(batch).__qualname__}"
    )


def tensors_of(batch: Any, name: str = "batch") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in the batch, with the name by which one gets there."""
    if isinstance(batch, Tensor):
        yield name, batch
    elif isinstance(batch, Mapping):
        for key in batch:
            yield from tensors_of(batch[key], f"{name}[{key!r}]")
    elif isinstance(batch, list | tuple):
        for index, part in enumerate(batch):
            yield from tensors_of(part, f"{name}[{index}]")
    elif dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        for f in dataclasses.fields(batch):
            yield from tensors_of(getattr(batch, f.name), f"{name}.{f.name}")


def shapes(batch: Any) -> str:
    """The shapes of all tensors, in words: "batch.ids (4, 7), batch.targets (4, 7)"."""
    return ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors_of(batch)) or type(batch).__name__


def digest(batch: Any) -> str:
    """A fingerprint (SHA-256) of the tensors' names, shapes and values."""
    found = hashlib.sha256()
    for name, tensor in tensors_of(batch):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def check_ids(model: nn.Module, batch: Any) -> None:
    """Refuse ids that the model has no row for, while they are on the CPU: on a GPU they would end the process.

    Looks at :class:`Batch` and :class:`Pairs`; in other batches it can't know what is an id.

    Raises:
        ValueError: ids, or targets of each place, outside of the vocabulary of ``model.config``.
    """
    config = getattr(unwrapped(model), "config", None)
    sizes = {"ids": getattr(config, "vocab_size", None), "source": getattr(config, "source_vocab_size", None)}
    if isinstance(batch, Batch | Pairs):
        for name in ("source", "ids", "targets"):
            values = getattr(batch, name, None)
            size = sizes["ids" if name == "targets" else name]
            if values is not None and size is not None and values.shape[1:]:
                check_range(name, values, size, may_be_ignored=name == "targets")


def check_range(name: str, ids: Tensor, size: int, *, may_be_ignored: bool = False) -> None:
    """Refuse whole numbers outside of 0 … size - 1; what isn't on the CPU would have to be waited for, and passes.

    Raises:
        ValueError: one is outside; with ``may_be_ignored`` also -100 is inside.
    """
    if ids.device.type != "cpu" or ids.is_floating_point() or ids.numel() == 0:
        return
    low, high = (int(x) for x in torch.aminmax(ids))
    if high < size and low < 0 and may_be_ignored and bool(((ids >= 0) | (ids == IGNORED)).all()):
        return
    if low < 0 or high >= size:
        raise ValueError(f"{name} must be from 0 to vocab_size - 1 = {size - 1}; got {low} to {high}")
