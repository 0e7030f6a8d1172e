"""Token ids on disk, and the batches that a model trains on: random windows, sequential windows, padded sequences.

Shape letters: B sequences in a batch, T positions, N ids in all.
"""

import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from aigc_book.files import write_aside

# The header of a token file: magic, version, bytes an id, number of ids, vocabulary size; little-endian, 32 bytes.
_HEADER = struct.Struct("<8sIIQQ")
_MAGIC, _VERSION = b"aigc-ids", 1
_DTYPES = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_CHUNK = 1 << 18  # ids handled at a time when a file is written or checked
# Pages of a memory map that were read count as the process's memory. A larger map hands them back to the page cache
# after about this many bytes; one fault maps 64 KiB (Linux's fault_around_bytes), whatever was asked for.
_RESIDENT_BYTES, _FAULT_BYTES = 64 << 20, 64 << 10
IGNORED = -100  # a target that counts for nothing, torch's convention


@dataclass(frozen=True)
class Batch:
    """Sequences, and what should be predicted from them.

    Args:
        ids: (B, T) whole numbers.
        targets: (B, T), one for each place, or (B,), one for each sequence; what is :data:`IGNORED` counts for nothing.
        mask: (B, T) boolean, True for real tokens and False for padding. None: all are real.

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
        _check_mask("mask", self.mask, self.ids)


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


def id_dtype(vocab_size: int) -> np.dtype:
    """The smallest unsigned integer that holds every id below ``vocab_size``: 1, 2 or 4 bytes.

    Raises:
        ValueError: vocab_size is below 1 or above 2³².
    """
    for size, dtype in _DTYPES.items():
        if 1 <= vocab_size <= 1 << 8 * size:
            return dtype
    raise ValueError(f"vocab_size must be from 1 to 2**32; got {vocab_size}")


def write_ids(path: str | os.PathLike, ids: Iterable, vocab_size: int) -> int:
    """Write token ids to a file, a chunk at a time, for :func:`open_ids` to map into memory.

    The file is a header of 32 bytes (magic, version, bytes an id, count, vocabulary size) and then the ids as
    little-endian unsigned integers of the smallest size that ``vocab_size`` allows. It is written aside and renamed.

    Args:
        path: the file to write.
        ids: an array or tensor of ids, or an iterable of ids, or an iterable of such arrays or lists (as
            :func:`aigc_book.text.tokenizers.encode_corpus` gives); never held in memory as a whole.
        vocab_size: every id must be below it.

    Returns:
        The number of ids written.

    Raises:
        ValueError: there are no ids, or one is negative or not below ``vocab_size``.
        TypeError: the ids are not integers.
        OSError: the disk is full; a file that was there before is untouched.
    """
    dtype, count = id_dtype(vocab_size), 0
    with write_aside(path) as file:
        file.write(bytes(_HEADER.size))
        for chunk in _chunks(ids):
            _check_range(chunk, vocab_size, first_position=count)
            file.write(chunk.astype(dtype).tobytes())
            count += len(chunk)
        if count == 0:
            raise ValueError(f"there are no ids to write to {path}")
        file.seek(0)
        file.write(_HEADER.pack(_MAGIC, _VERSION, dtype.itemsize, count, vocab_size))
    return count


def open_ids(path: str | os.PathLike, *, vocab_size: int | None = None) -> np.ndarray:
    """Map the ids that :func:`write_ids` wrote into memory: a read-only array (N,) that costs no memory to open.

    A slice of it is again such an array, so that ``ids[:n]`` and ``ids[n:]`` split a corpus for nothing.

    Args:
        path: the file.
        vocab_size: where given, the file's own vocabulary may not be larger.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is foreign, truncated, longer than its header says, or of a larger vocabulary.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no token file {str(path)!r}; write_ids writes one")
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or header[: len(_MAGIC)] != _MAGIC:
            raise ValueError(f"{path} is not a token file of write_ids: it begins with {header[:8]!r}, not {_MAGIC!r}")
        _, version, itemsize, count, file_vocab_size = _HEADER.unpack(header)
        if version != _VERSION or itemsize not in _DTYPES:
            raise ValueError(
                f"{path} has version {version} with {itemsize} bytes an id; expected version {_VERSION}"
                f" with {', '.join(map(str, _DTYPES))}"
            )
        expected, found = _HEADER.size + count * itemsize, path.stat().st_size
        if found != expected:
            what = "truncated" if found < expected else "too long"
            raise ValueError(f"{path} is {what}: its {count} ids need {expected} bytes, but the file has {found}")
        if vocab_size is not None and file_vocab_size > vocab_size:
            raise ValueError(f"{path} holds ids of a vocabulary of {file_vocab_size}; expected at most {vocab_size}")
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype=_DTYPES[itemsize], offset=_HEADER.size)


class RandomWindows:
    """Endless batches of windows that start at random places, for training.

    A window is ``block_size`` ids, and its targets are the same places shifted by one. Starts are drawn uniformly and
    independently from 0 … N − block_size − 1 with a generator of its own, so that neither the global random state
    changes the batches nor the batches it.

    Args:
        ids: (N,) integers: an array, a memory map of :func:`open_ids`, a tensor or a list. Not copied, not changed.
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
        self.ids = _as_ids(ids, vocab_size)
        _check_window(len(self.ids), batch_size, block_size)
        self.batch_size, self.block_size = batch_size, block_size
        self._rng = np.random.default_rng(seed)
        self._drawn = 0
        self._n_starts = len(self.ids) - block_size
        # (2, 1, T): the offsets of the inputs, and those of the targets one further
        self._offsets = np.arange(block_size) + np.arange(2)[:, None, None]
        self._pages = _MappedPages(self.ids)

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
            ValueError: the state is of other ids (by their number) or of another batch or window size.
        """
        saved = {name: state.get(name) for name in self._shape()}
        if saved != self._shape() or "random_state" not in state:
            raise ValueError(f"the state is of other windows: expected {self._shape()}, got {saved}")
        self._rng.bit_generator.state = state["random_state"]
        self._drawn = state["batches_drawn"]

    def _shape(self) -> dict:
        return {"n_ids": len(self.ids), "batch_size": self.batch_size, "block_size": self.block_size}


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
        self.ids = _as_ids(ids, vocab_size)
        _check_window(len(self.ids), batch_size, block_size)
        self.batch_size, self.block_size = batch_size, block_size
        self.n_windows = (len(self.ids) - 1) // block_size

    def __len__(self) -> int:
        return -(-self.n_windows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        pages = _MappedPages(self.ids)
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
        TypeError: the ids are not integers.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right'; got {side!r}")
    rows = [_as_ids(sequence) for sequence in sequences]
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
    if ids.dim() != 2 or ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ValueError(f"{name} must be whole numbers of shape (B, T); got {ids.dtype} of shape {tuple(ids.shape)}")


def _check_targets(name: str, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    sizes = [t.size(0) if t.dim() else None for t in (inputs, targets)]
    if sizes[0] is None or sizes[0] != sizes[1]:
        raise ValueError(f"{name} and targets need the same batch size; got {sizes[0]} and {sizes[1]}")


def _check_mask(name: str, mask: torch.Tensor | None, ids: torch.Tensor) -> None:
    if mask is not None and (mask.dtype != torch.bool or mask.shape != ids.shape):
        raise ValueError(
            f"{name} must be boolean of shape {tuple(ids.shape)}, True = may attend; "
            f"got {mask.dtype} of shape {tuple(mask.shape)}"
        )


def _as_ids(ids: object, vocab_size: int | None = None) -> np.ndarray:
    array = ids.detach().cpu().numpy() if isinstance(ids, torch.Tensor) else np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"ids must be one-dimensional; got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers; got {array.dtype}")
    if vocab_size is not None:
        pages = _MappedPages(array)
        for first in range(0, len(array), _CHUNK):
            _check_range(array[first : first + _CHUNK], vocab_size, first_position=first)
            pages.touched(1, _CHUNK * array.itemsize)
    return array


def _check_range(ids: np.ndarray, vocab_size: int, first_position: int) -> None:
    if ids.size and (ids.min() < 0 or ids.max() >= vocab_size):
        index = int(np.argmax((ids < 0) | (ids >= vocab_size)))
        raise ValueError(
            f"ids must be from 0 to vocab_size - 1 = {vocab_size - 1}; got {ids.min()} to {ids.max()},"
            f" the first of the wrong ones at position {first_position + index}"
        )


def _check_window(n_ids: int, batch_size: int, block_size: int) -> None:
    if batch_size < 1 or block_size < 1:
        raise ValueError(f"batch_size and block_size must be at least 1; got {batch_size} and {block_size}")
    if n_ids < block_size + 1:
        raise ValueError(
            f"the text is too short: a window of block_size={block_size} and its targets need at least"
            f" {block_size + 1} ids; got {n_ids}"
        )


def _chunks(ids: Iterable) -> Iterator[np.ndarray]:
    """Any of the forms that write_ids takes → one-dimensional integer arrays of bounded size."""
    if isinstance(ids, np.ndarray | torch.Tensor):
        array = _as_ids(ids)
        for first in range(0, len(array), _CHUNK):
            yield array[first : first + _CHUNK]
        return
    items = iter(ids)
    first = next(items, None)
    if first is None:
        return
    items = chain([first], items)
    if isinstance(first, Iterable):
        for item in items:
            yield from _chunks(_as_ids(item))
    else:
        while chunk := list(islice(items, _CHUNK)):
            yield _as_ids(chunk)


class _MappedPages:
    """Counts how much of a memory map has been read, and hands its pages back to the page cache when it gets much.

    The data stays cached by the system: reading it again costs a page fault and no disk access.
    """

    def __init__(self, array: np.ndarray):
        base: object = array
        while base is not None and not isinstance(base, mmap.mmap):
            base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
        too_small = base is None or array.nbytes <= _RESIDENT_BYTES
        self._mapping = None if too_small or not hasattr(mmap, "MADV_DONTNEED") else base
        self._bytes = 0

    def touched(self, n_reads: int, n_bytes: int) -> None:
        """Note ``n_reads`` reads of ``n_bytes`` each from places of their own."""
        if self._mapping is None:
            return
        self._bytes += n_reads * (n_bytes + 2 * _FAULT_BYTES)
        if self._bytes > _RESIDENT_BYTES:
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._bytes = 0
