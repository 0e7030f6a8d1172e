"""Token ids on disk: written a chunk at a time, mapped into memory, never held there as a whole."""

import mmap
import os
import struct
from collections.abc import Iterable, Iterator
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
            check_range(chunk, vocab_size, first_position=count)
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


def as_ids(ids: object, vocab_size: int | None = None) -> np.ndarray:
    """Ids in any form as one-dimensional integers, all below ``vocab_size`` where that is given."""
    array = ids.detach().cpu().numpy() if isinstance(ids, torch.Tensor) else np.asarray(ids)
    if array.ndim != 1:
        raise ValueError(f"ids must be one-dimensional; got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers; got {array.dtype}")
    if vocab_size is not None:
        pages = MappedPages(array)
        for first in range(0, len(array), _CHUNK):
            check_range(array[first : first + _CHUNK], vocab_size, first_position=first)
            pages.touched(1, _CHUNK * array.itemsize)
    return array


def check_range(ids: np.ndarray, vocab_size: int, first_position: int) -> None:
    """Refuse ids that are no rows of a table of ``vocab_size``, and say where the first of them stands."""
    if ids.size and (ids.min() < 0 or ids.max() >= vocab_size):
        index = int(np.argmax((ids < 0) | (ids >= vocab_size)))
        raise ValueError(
            f"ids must be from 0 to vocab_size - 1 = {vocab_size - 1}; got {ids.min()} to {ids.max()},"
            f" the first of the wrong ones at position {first_position + index}"
        )


def _chunks(ids: Iterable) -> Iterator[np.ndarray]:
    """Any of the forms that write_ids takes → one-dimensional integer arrays of bounded size."""
    if isinstance(ids, np.ndarray | torch.Tensor):
        array = as_ids(ids)
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
            yield from _chunks(as_ids(item))
    else:
        while chunk := list(islice(items, _CHUNK)):
            yield as_ids(chunk)


class MappedPages:
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
