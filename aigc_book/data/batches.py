"""The batches that a model trains on: random windows, sequential windows, padded sequences.

Shape letters: B sequences in a batch, T positions, N ids in all; ids may lie on disk (:mod:`aigc_book.data.id_files`).
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aigc_book.data.id_files import MappedPages, as_ids

_COMPARED = 4096  # ids, evenly spaced, by which a run that goes on recognises its text
IGNORED = -100  # a target that counts for nothing, torch's convention


@dataclass(frozen=True)
class Batch:
    """Sequences, and what should be predicted from them.

    Args:
        ids: (B, T) whole numbers.
        targets: (B, T), one for each place, or (B,), one for each sequence; what is :data:`IGNORED` counts for nothing.
        mask: (B, T) boolean, True for real tokens and False for padding; or (B, T, T), which token (of a row) may
            attend to which (of a column), for several texts in one sequence. None: all are real.

    Raises:
        ValueError: shapes or dtypes that don't fit.
    """

    ids: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor | None = None

    def __post_init__(self):
        _check_sequences("ids", self.ids)
        _check_targets("ids", self.ids, self.targets)
        if self.targets.dim() > 1 and self.targets.shape[:2] != self.ids.shape:
            raise ValueError(
                f"targets must be one for each place, {tuple(self.ids.shape)}, or one for each sequence; "
                f"got shape {tuple(self.targets.shape)}"
            )
        packed = isinstance(self.mask, torch.Tensor) and self.mask.dim() == 3
        _check_mask("mask", self.mask, self.ids, (*self.ids.shape, self.ids.size(1)) if packed else None)


@dataclass(frozen=True)
class Pairs:
    """Pairs of sequences for a model that reads one and writes the other.

    Args:
        source: (B, S) whole numbers: what is read.
        ids: (B, T) whole numbers: what has been written before each place; the first is a start token.
        targets: (B, T): what is to be written at each place; what is :data:`IGNORED` counts for nothing.
        source_mask: (B, S) boolean, True for real tokens and False for padding. None: all are real.

    Raises:
        ValueError: shapes or dtypes that don't fit.
    """

    source: torch.Tensor
    ids: torch.Tensor
    targets: torch.Tensor
    source_mask: torch.Tensor | None = None

    def __post_init__(self):
        _check_sequences("source", self.source)
        _check_sequences("ids", self.ids)
        _check_targets("source", self.source, self.targets)
        if self.targets.shape != self.ids.shape:
            raise ValueError(
                f"targets must be one for each place, {tuple(self.ids.shape)}; got shape {tuple(self.targets.shape)}"
            )
        _check_mask("source_mask", self.source_mask, self.source)


@dataclass(frozen=True)
class Examples:
    """Things of any kind, and what each of them is: images or vectors with their labels, say.

    Args:
        inputs: (B, …).
        targets: (B, …).

    Raises:
        ValueError: not as many inputs as targets.
    """

    inputs: torch.Tensor
    targets: torch.Tensor

    def __post_init__(self):
        _check_targets("inputs", self.inputs, self.targets)


class RandomWindows:
    """Endless batches of windows that start at random places, for training.

    A window is ``block_size`` ids, and its targets are the same places shifted by one. Starts are drawn uniformly and
    independently from 0 … N − block_size − 1 with a generator of its own, so that neither the global random state
    changes the batches nor the batches it.

    Args:
        ids: (N,) integers: an array, a memory map of :func:`aigc_book.data.id_files.open_ids`, a tensor or a list.
            Not copied, not changed.
        batch_size: B, windows in a batch.
        block_size: T, ids in a window.
        seed: of the generator, a non-negative integer.
        vocab_size: where given, all ids are checked to be below it.

    Yields:
        :class:`Batch` of ids and targets, both (B, T) int64 in the CPU's memory; whoever trains moves it to a device.

    Raises:
        ValueError: the text is too short for a window, an id is out of range, or a size is below 1.
    """

    def __init__(
        self,
        ids: np.ndarray | torch.Tensor | Sequence[int],
        *,
        batch_size: int,
        block_size: int,
        seed: int = 0,
        vocab_size: int | None = None,
    ):
        self.ids = as_ids(ids, vocab_size)
        _check_window(len(self.ids), batch_size, block_size)
        self.batch_size, self.block_size = batch_size, block_size
        self._rng = np.random.default_rng(seed)
        self._drawn = 0
        self._n_starts = len(self.ids) - block_size
        # (2, 1, T): the offsets of the inputs, and those of the targets one further
        self._offsets = np.arange(block_size) + np.arange(2)[:, None, None]
        self._pages = MappedPages(self.ids)
        some = self.ids[:: -(-len(self.ids) // _COMPARED)]
        self._checksum = zlib.crc32(some.astype("<i8").tobytes())
        self._pages.touched(len(some), self.ids.itemsize)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        starts = self._rng.integers(0, self._n_starts, size=(self.batch_size, 1))
        pair = self.ids.take(starts + self._offsets)  # (2, B, T)
        self._drawn += 1
        self._pages.touched(self.batch_size, self.block_size * self.ids.itemsize)
        return _batch(pair)

    def state_dict(self) -> dict:
        """The exact position: what :meth:`load_state_dict` needs to go on with the very next batch.

        Plain numbers and strings only, so that it can be written as JSON.
        """
        return {**self._shape(), "batches_drawn": self._drawn, "random_state": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict) -> None:
        """Go on from a :meth:`state_dict`.

        Raises:
            ValueError: the state is of other ids (by their number and by some thousands of them), or of another batch
                or window size.
        """
        saved = {name: state.get(name) for name in self._shape()}
        if saved != self._shape() or "random_state" not in state:
            raise ValueError(f"the state is of other windows: expected {self._shape()}, got {saved}")
        self._rng.bit_generator.state = state["random_state"]
        self._drawn = state["batches_drawn"]

    def _shape(self) -> dict:
        return {
            "n_ids": len(self.ids),
            "batch_size": self.batch_size,
            "block_size": self.block_size,
            "checksum": self._checksum,
        }


class SequentialWindows:
    """One pass over the ids in order and without overlap, for evaluation: every full window once; iterate at will.

    There are (N − 1) // block_size windows: every id but the first is the target of exactly one place, except for those
    at the end that do not fill a window. The last batch may be smaller than ``batch_size``.

    Args, Yields and Raises as in :class:`RandomWindows`; ``len()`` is the number of batches.
    """

    def __init__(
        self,
        ids: np.ndarray | torch.Tensor | Sequence[int],
        *,
        batch_size: int,
        block_size: int,
        vocab_size: int | None = None,
    ):
        self.ids = as_ids(ids, vocab_size)
        _check_window(len(self.ids), batch_size, block_size)
        self.batch_size, self.block_size = batch_size, block_size
        self.n_windows = (len(self.ids) - 1) // block_size

    def __len__(self) -> int:
        return -(-self.n_windows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        pages = MappedPages(self.ids)
        for first in range(0, self.n_windows, self.batch_size):
            rows = min(self.batch_size, self.n_windows - first)
            start, length = first * self.block_size, rows * self.block_size
            pair = np.stack([self.ids[start : start + length], self.ids[start + 1 : start + 1 + length]])
            pages.touched(1, length * self.ids.itemsize)
            yield _batch(pair.reshape(2, rows, self.block_size))


def pad_batch(sequences: Sequence, pad_id: int, *, side: str = "right") -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences of different lengths as one rectangle, and the mask that tells ids from padding.

    Args:
        sequences: B lists, arrays or one-dimensional tensors of ids, none of them empty. Not changed.
        pad_id: fills the places that are left.
        side: where the padding goes, ``"right"`` (training) or ``"left"`` (generation,
            which goes on at the last column).

    Returns:
        ``(ids, mask)``: ids (B, T) int64 with T the longest length; mask (B, T) bool, True where there is an id.

    Raises:
        ValueError: there are no sequences, one of them is empty or not one-dimensional, or side is neither.
        TypeError: the ids, or pad_id, are not integers.
    """
    if isinstance(pad_id, bool) or not hasattr(pad_id, "__index__"):
        raise TypeError(f"pad_id must be an integer; got {pad_id!r}")
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right'; got {side!r}")
    rows = [as_ids(sequence) for sequence in sequences]
    if not rows:
        raise ValueError("sequences must hold at least one sequence; got none")
    lengths = np.array([len(row) for row in rows])
    if not lengths.all():
        raise ValueError(f"every sequence must hold at least one id; sequence {int(lengths.argmin())} is empty")
    column = np.arange(lengths.max())  # (T,)
    mask = column < lengths[:, None] if side == "right" else column >= column.size - lengths[:, None]  # (B, T)
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate(rows)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _batch(pair: np.ndarray) -> Batch:
    """(2, B, T) of any integer → ids and targets (B, T) int64."""
    ids, targets = torch.from_numpy(pair.astype(np.int64, copy=False))
    return Batch(ids, targets)


def _check_sequences(name: str, ids: torch.Tensor) -> None:
    if not isinstance(ids, torch.Tensor):
        raise ValueError(f"{name} must be a tensor of whole numbers of shape (B, T); got {type(ids).__name__}")
    if ids.dim() != 2 or ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ValueError(f"{name} must be whole numbers of shape (B, T); got {ids.dtype} of shape {tuple(ids.shape)}")


def _check_targets(name: str, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    for which, tensor in ((name, inputs), ("targets", targets)):
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"{which} must be a tensor; got {type(tensor).__name__}")
    sizes = [t.size(0) if t.dim() else None for t in (inputs, targets)]
    if sizes[0] is None or sizes[0] != sizes[1]:
        raise ValueError(f"{name} and targets need the same batch size; got {sizes[0]} and {sizes[1]}")


def _check_mask(name: str, mask: torch.Tensor | None, ids: torch.Tensor, shape: tuple[int, ...] | None = None) -> None:
    if mask is not None and not isinstance(mask, torch.Tensor):
        raise ValueError(f"{name} must be a boolean tensor or None; got {type(mask).__name__}")
    shape = tuple(ids.shape) if shape is None else shape
    if mask is not None and (mask.dtype != torch.bool or mask.shape != shape):
        raise ValueError(
            f"{name} must be boolean of shape {shape}, True = may attend; got {mask.dtype} of shape {tuple(mask.shape)}"
        )


def _check_window(n_ids: int, batch_size: int, block_size: int) -> None:
    if batch_size < 1 or block_size < 1:
        raise ValueError(f"batch_size and block_size must be at least 1; got {batch_size} and {block_size}")
    if n_ids < block_size + 1:
        raise ValueError(
            f"the text is too short: a window of block_size={block_size} and its targets need at least"
            f" {block_size + 1} ids; got {n_ids}"
        )
