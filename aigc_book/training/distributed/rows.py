"""Which rows of a batch are whose: the batch of all processes together is drawn by each, and cut up."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from aigc_book.training.batch import digest, tensors_of
from aigc_book.training.distributed.world import World

_PLAIN = (str, bytes, bool, int, float, type(None))


def n_rows(batch: Any) -> int:
    """B, the size of the first axis of every tensor in the batch.

    Raises:
        ValueError: there is no tensor in it, or they differ in it.
    """
    sizes = {name: tensor.size(0) if tensor.dim() else None for name, tensor in tensors_of(batch)}
    if len(set(sizes.values())) != 1 or None in sizes.values():
        came = ", ".join(f"{name} has {size}" for name, size in sizes.items()) or type(batch).__name__
        raise ValueError(f"a batch can be divided if all its tensors have as many rows; got {came}")
    return next(iter(sizes.values()))


def rows(batch: Any, start: int, stop: int) -> Any:
    """Rows ``start`` to ``stop`` of every tensor in the batch, and of lists with one plain value a row.

    Args:
        batch: as :func:`aigc_book.training.batch.to_device` takes it, but for objects with nothing than ``to``.
    """
    n = n_rows(batch)

    def cut(part: Any) -> Any:
        if isinstance(part, Tensor):
            return part[start:stop]
        if isinstance(part, _PLAIN):
            return part
        if isinstance(part, Mapping):
            return {name: cut(value) for name, value in part.items()}
        if isinstance(part, tuple) and hasattr(part, "_fields"):  # a named tuple
            return type(part)(*map(cut, part))
        if isinstance(part, list | tuple):
            if len(part) == n and all(isinstance(value, _PLAIN) for value in part):
                return part[start:stop]
            return type(part)(map(cut, part))
        if dataclasses.is_dataclass(part):
            fields = {f.name: cut(getattr(part, f.name)) for f in dataclasses.fields(part) if f.init}
            return dataclasses.replace(part, **fields)
        raise ValueError(f"a batch of {type(part).__name__} can't be divided among processes")

    return cut(batch)


class OwnRows:
    """Batches of all processes together, as the rows of them that are this process's: B / W, from rank · B / W on.

    Every process goes through the same batches, so that the place in them is the same everywhere, and a run goes on
    with another number of processes. The first batch is compared among them.

    Args:
        batches: with ``state_dict`` and ``load_state_dict``.
        world: the processes.

    Raises:
        ValueError: the number of rows can't be divided by that of the processes; the processes have other batches.
    """

    def __init__(self, batches: Iterable[Any], world: World):
        self.batches, self.world = batches, world
        if isinstance(size := getattr(batches, "batch_size", None), int):
            self._check_size(size)
        self._source: Iterator[Any] | None = None
        self._is_compared = False

    def __iter__(self) -> Iterator[Any]:
        self._source = iter(self.batches)
        return self

    def __next__(self) -> Any:
        batch = next(self._source)
        n = n_rows(batch)
        self._check_size(n)
        if not self._is_compared:
            found = self.world.gather(digest(batch))
            other = next((rank for rank, said in enumerate(found) if said != found[0]), None)
            if other is not None:
                raise ValueError(
                    f"every process must draw the same batches, and trains on its own rows of them; process {other} "
                    "has another first batch than process 0. Give all of them the same seed"
                )
            self._is_compared = True
        share = n // self.world.size
        return rows(batch, self.world.rank * share, (self.world.rank + 1) * share)

    def _check_size(self, n: int) -> None:
        if n % self.world.size:
            raise ValueError(
                f"a batch is divided among the processes: its rows must be a multiple of {self.world.size}; got {n}"
            )

    def state_dict(self) -> dict[str, Any]:
        """The place in the batches of all."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`, also one of other rows."""
        self.batches.load_state_dict(state)


def own_rows(batches: Iterable[Any], world: World) -> Iterator[tuple[Any, bool]]:
    """For an evaluation: this process's rows of each batch, and whether they count.

    Rows that can't be divided evenly go to the first processes. One that is left without takes a row that doesn't
    count, because all of them must call a model that they share.
    """
    for batch in batches:
        n, share = n_rows(batch), -(-n_rows(batch) // world.size)
        start = world.rank * share
        counts = start < n
        yield (rows(batch, start, min(n, start + share)) if counts else rows(batch, 0, 1)), counts
