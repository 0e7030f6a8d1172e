"""Ids on disk: read back as they were written, and refused when the file isn't whole or isn't one."""

import re

import numpy as np
import pytest
import torch

from aigc_book.data import id_files
from aigc_book.data.id_files import id_dtype, open_ids, write_ids

IDS = np.random.default_rng(7).integers(0, 101, size=997)


@pytest.mark.parametrize(("vocab_size", "size"), [(1, 1), (256, 1), (257, 2), (65536, 2), (65537, 4), (2**32, 4)])
def test_the_dtype_is_the_smallest_that_holds_the_vocabulary(vocab_size, size):
    assert id_dtype(vocab_size).itemsize == size
    assert np.iinfo(id_dtype(vocab_size)).max >= vocab_size - 1


@pytest.mark.parametrize(
    "form",
    [
        lambda ids: ids,
        lambda ids: ids.tolist(),
        lambda ids: iter(ids.tolist()),
        lambda ids: torch.from_numpy(ids),
        lambda ids: (ids[first : first + 89] for first in range(0, len(ids), 89)),
        lambda ids: [ids[:500].tolist(), [], torch.from_numpy(ids[500:])],
    ],
    ids=["array", "list", "iterator", "tensor", "arrays", "mixed"],
)
@pytest.mark.parametrize("vocab_size", [101, 300, 70000])
def test_what_is_written_in_any_form_is_read_back(tmp_path, form, vocab_size, monkeypatch):
    monkeypatch.setattr(id_files, "_CHUNK", 83)
    before = IDS.copy()
    assert write_ids(tmp_path / "ids.bin", form(IDS), vocab_size) == len(IDS)
    found = open_ids(tmp_path / "ids.bin")
    assert found.dtype == id_dtype(vocab_size)
    assert np.array_equal(found, IDS)
    assert np.array_equal(IDS, before)


def test_the_file_by_hand(tmp_path):
    """Magic, version 1, 2 bytes an id, 3 ids, vocabulary 258 = 0x0102; then 0, 257 = 0x0101 and 5, little end first."""
    write_ids(tmp_path / "ids.bin", [0, 257, 5], 258)
    header = b"aigc-ids\x01\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0"
    assert (tmp_path / "ids.bin").read_bytes() == header + b"\0\0\x01\x01\x05\0"


def test_opened_ids_are_a_read_only_map_and_so_are_their_slices(tmp_path):
    write_ids(tmp_path / "ids.bin", IDS, 101)
    ids = open_ids(tmp_path / "ids.bin", vocab_size=101)
    assert np.array_equal(ids[900:], IDS[900:])
    assert not ids[900:].flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 1


@pytest.mark.parametrize(
    ("ids", "wrong"), [([3, -1, 2], "-1 to 3, .* position 1"), ([[1, 2], [3, 101]], "3 to 101, .* position 3")]
)
def test_ids_out_of_range_are_not_written(tmp_path, ids, wrong):
    with pytest.raises(ValueError, match=rf"ids must be from 0 to vocab_size - 1 = 100; got {wrong}"):
        write_ids(tmp_path / "ids.bin", ids, 101)
    assert list(tmp_path.iterdir()) == []


def test_other_things_that_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"there are no ids to write to .*ids.bin"):
        write_ids(tmp_path / "ids.bin", [], 101)
    with pytest.raises(TypeError, match="ids must be integers; got float64"):
        write_ids(tmp_path / "ids.bin", [0.5], 101)
    with pytest.raises(ValueError, match=r"ids must be one-dimensional; got shape \(2, 2\)"):
        write_ids(tmp_path / "ids.bin", np.zeros((2, 2), int), 101)
    for vocab_size in (0, 2**32 + 1):
        with pytest.raises(ValueError, match=rf"vocab_size must be from 1 to 2\*\*32; got {vocab_size}"):
            write_ids(tmp_path / "ids.bin", [0], vocab_size)


def test_files_that_are_not_opened(tmp_path):
    path = tmp_path / "ids.bin"
    with pytest.raises(FileNotFoundError, match=r"there is no token file .*ids.bin"):
        open_ids(path)
    write_ids(path, IDS, 300)
    whole = path.read_bytes()
    for content, said in [
        (whole[:-1], f"is truncated: its 997 ids need {32 + 2 * 997} bytes, but the file has {31 + 2 * 997}"),
        (whole + b"x", "is too long: its 997 ids need"),
        (whole[:20], "is not a token file of write_ids: it begins with b'aigc-ids'"),
        (b"", "is not a token file of write_ids: it begins with b''"),
        (IDS.astype(np.uint16).tobytes(), "is not a token file of write_ids"),
        (whole[:8] + b"\x02" + whole[9:], "has version 2 with 2 bytes an id; expected version 1 with 1, 2, 4"),
        (whole[:12] + b"\x03" + whole[13:], "has version 1 with 3 bytes an id"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(said)):
            open_ids(path)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="holds ids of a vocabulary of 300; expected at most 299"):
        open_ids(path, vocab_size=299)
