"""Batches of ids, in memory and on disk, against brute force, torch's padding and the laws of resuming."""

import io
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from aigc_book.data import id_files
from aigc_book.data.batches import (
    Batch,
    Examples,
    Pairs,
    RandomWindows,
    SequentialWindows,
    pad_batch,
)
from aigc_book.data.id_files import open_ids, write_ids

IDS = np.random.default_rng(7).integers(0, 101, size=997)


def both(batch):
    """Ids and targets."""
    return batch.ids, batch.targets


# ---- windows


def test_random_windows_by_hand():
    """Of 0 … 6, windows of 3 with a target start at 0, 1, 2 or 3, and nowhere else; the targets are one further."""
    windows = RandomWindows(range(7), batch_size=5, block_size=3)
    starts = set()
    for _, batch in zip(range(60), windows, strict=False):
        inputs, targets = batch.ids, batch.targets
        assert inputs.shape == targets.shape == (5, 3)
        assert inputs.dtype == targets.dtype == torch.int64
        assert inputs.is_contiguous() and targets.is_contiguous()
        assert torch.equal(targets, inputs + 1)
        assert torch.equal(inputs, inputs[:, :1] + torch.arange(3))
        starts |= set(inputs[:, 0].tolist())
    assert starts == {0, 1, 2, 3}


def test_random_windows_are_uniform():
    """4 starts, 20,000 draws: each 5,000 times, give or take five standard deviations √(20000 · ¼ · ¾) = 61."""
    windows = RandomWindows(range(7), batch_size=1000, block_size=3, seed=3)
    counts = sum(torch.bincount(next(windows).ids[:, 0], minlength=4) for _ in range(20))
    assert (counts - 5000).abs().max() < 5 * 61


@pytest.mark.parametrize("form", [np.array, lambda ids: torch.from_numpy(np.array(ids)), np.ndarray.tolist])
def test_random_windows_against_brute_force(form):
    windows = RandomWindows(form(IDS), batch_size=3, block_size=11, seed=5)
    generator = np.random.default_rng(5)
    for _ in range(10):
        batch = next(windows)
        inputs, targets = batch.ids, batch.targets
        for row, start in enumerate(generator.integers(0, 997 - 11, size=(3, 1))[:, 0]):
            assert inputs[row].tolist() == IDS[start : start + 11].tolist()
            assert targets[row].tolist() == IDS[start + 1 : start + 12].tolist()


def test_random_windows_over_a_file_are_those_over_memory(tmp_path):
    write_ids(tmp_path / "ids.bin", IDS, 101)
    from_file = RandomWindows(open_ids(tmp_path / "ids.bin")[:900], batch_size=3, block_size=11)
    from_memory = RandomWindows(IDS[:900], batch_size=3, block_size=11)
    for _ in range(10):
        for one, other in zip(both(next(from_file)), both(next(from_memory)), strict=True):
            assert torch.equal(one, other)


def test_seeds_decide_and_the_global_random_state_is_left_alone():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    first = next(RandomWindows(IDS, batch_size=13, block_size=5, seed=1)).ids
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    torch.manual_seed(99)
    assert torch.equal(first, next(RandomWindows(IDS, batch_size=13, block_size=5, seed=1)).ids)
    assert not torch.equal(first, next(RandomWindows(IDS, batch_size=13, block_size=5, seed=2)).ids)


def as_json(state):
    return json.loads(json.dumps(state))


def as_checkpoint(state):
    file = io.BytesIO()
    torch.save(state, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


@pytest.mark.parametrize("store", [as_json, as_checkpoint])
def test_resumed_windows_are_the_uninterrupted_ones(store):
    windows = RandomWindows(IDS, batch_size=3, block_size=11, seed=5)
    for _ in range(7):
        next(windows)
    state = store(windows.state_dict())
    assert state["batches_drawn"] == 7
    expected = [next(windows) for _ in range(5)]
    resumed = RandomWindows(IDS, batch_size=3, block_size=11, seed=99)
    resumed.load_state_dict(state)
    for pair in expected:
        for one, other in zip(both(pair), both(next(resumed)), strict=True):
            assert torch.equal(one, other)
    assert resumed.state_dict() == windows.state_dict()


def test_a_state_does_not_change_when_more_is_drawn():
    windows = RandomWindows(IDS, batch_size=3, block_size=11)
    state = windows.state_dict()
    kept = as_json(state)
    next(windows)
    assert state == kept != windows.state_dict()


@pytest.mark.parametrize("other", [{"batch_size": 4}, {"block_size": 10}, {"ids": IDS[1:]}, {"ids": IDS[::-1]}])
def test_a_state_of_other_windows_is_refused(other):
    settings = {"ids": IDS, "batch_size": 3, "block_size": 11}
    state = RandomWindows(**settings).state_dict()
    with pytest.raises(
        ValueError, match=r"the state is of other windows: expected .*, got {'n_ids': 997, 'batch_size': 3"
    ):
        RandomWindows(**{**settings, **other}).load_state_dict(state)
    with pytest.raises(ValueError, match="the state is of other windows"):
        RandomWindows(**settings).load_state_dict({})


def test_sequential_windows_by_hand():
    """Of 0 … 10, T = 3: windows 0–2, 3–5, 6–8, targets up to 9; 10 fills no window. B = 2 leaves a batch of one."""
    windows = SequentialWindows(range(11), batch_size=2, block_size=3)
    assert len(windows) == 2
    expected = [([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]]), ([[6, 7, 8]], [[7, 8, 9]])]
    for _ in range(2):  # again and again
        assert [(batch.ids.tolist(), batch.targets.tolist()) for batch in windows] == expected


@pytest.mark.parametrize("n_ids", [12, 13, 23, 24, 25, 997])
@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_sequential_windows_cover_every_full_window_once(n_ids, batch_size):
    windows = SequentialWindows(IDS[:n_ids], batch_size=batch_size, block_size=11)
    pairs = list(windows)
    assert len(pairs) == len(windows)
    n_windows = (n_ids - 1) // 11
    assert torch.cat([batch.ids for batch in pairs]).flatten().tolist() == IDS[: 11 * n_windows].tolist()
    assert torch.cat([batch.targets for batch in pairs]).flatten().tolist() == IDS[1 : 11 * n_windows + 1].tolist()
    tensors = [t for batch in pairs for t in (batch.ids, batch.targets)]
    assert all(t.dtype == torch.int64 and t.is_contiguous() for t in tensors)


@pytest.mark.parametrize("windows", [RandomWindows, SequentialWindows])
class TestBothWindows:
    def test_a_text_of_just_one_window(self, windows):
        inputs, targets = both(next(iter(windows([5, 6, 7, 8], batch_size=1, block_size=3))))
        assert (inputs.tolist(), targets.tolist()) == ([[5, 6, 7]], [[6, 7, 8]])

    def test_a_text_too_short_for_a_window_is_refused(self, windows):
        with pytest.raises(ValueError, match=r"too short: a window of block_size=64 .* at least 65 ids; got 64"):
            windows(range(64), batch_size=12, block_size=64)

    def test_sizes_below_one_are_refused(self, windows):
        for sizes in ({"batch_size": 0, "block_size": 3}, {"batch_size": 3, "block_size": -1}):
            with pytest.raises(ValueError, match=r"batch_size and block_size must be at least 1; got (0|3) and (3|-1)"):
                windows(IDS, **sizes)

    def test_ids_out_of_range_are_refused(self, windows, monkeypatch):
        monkeypatch.setattr(id_files, "_CHUNK", 83)
        ids = IDS.copy()
        ids[211] = 101
        windows(ids, batch_size=2, block_size=3)  # not asked for
        windows(IDS, batch_size=2, block_size=3, vocab_size=101)
        with pytest.raises(ValueError, match=r"vocab_size - 1 = 100; got 0 to 101, .* position 211"):
            windows(ids, batch_size=2, block_size=3, vocab_size=101)

    def test_other_ids_are_refused(self, windows):
        with pytest.raises(ValueError, match=r"ids must be one-dimensional; got shape \(2, 9\)"):
            windows(np.zeros((2, 9), int), batch_size=2, block_size=3)
        with pytest.raises(TypeError, match="ids must be integers; got float32"):
            windows(torch.zeros(9), batch_size=2, block_size=3)

    def test_ids_are_not_changed_and_batches_are_copies(self, windows):
        ids = IDS.copy()
        inputs, targets = both(next(iter(windows(ids, batch_size=2, block_size=3))))
        inputs += 1
        targets += 1
        assert np.array_equal(ids, IDS)


def mapped_bytes():
    """What of mapped files is in this process's memory now."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssFile:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the process's memory from Linux's /proc")
@pytest.mark.parametrize("windows", [RandomWindows, SequentialWindows])
def test_a_large_file_does_not_fill_the_memory(tmp_path, monkeypatch, windows):
    """64 MiB of ids read all over, with pages handed back after 4 MiB: never more than that, and a batch, at once."""
    monkeypatch.setattr(id_files, "_RESIDENT_BYTES", 4 << 20)
    write_ids(tmp_path / "ids.bin", (np.full(1 << 20, i) for i in range(32)), 50257)
    ids = open_ids(tmp_path / "ids.bin")
    before, largest, seen = mapped_bytes(), 0, set()
    for _, batch in zip(range(2000), windows(ids, batch_size=64, block_size=512, vocab_size=50257), strict=False):
        largest = max(largest, mapped_bytes() - before)
        seen |= set(batch.ids[:, 0].tolist())
    assert seen == set(range(32))
    assert largest < 16 << 20


# ---- padding


SEQUENCES = [[5, 6, 7], np.array([8]), torch.tensor([9, 10])]


def test_padding_by_hand():
    ids, mask = pad_batch(SEQUENCES, 0)
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0], [9, 10, 0]]
    assert mask.tolist() == [[True, True, True], [True, False, False], [True, True, False]]
    ids, mask = pad_batch(SEQUENCES, -100, side="left")
    assert ids.tolist() == [[5, 6, 7], [-100, -100, 8], [-100, 9, 10]]
    assert mask.tolist() == [[True, True, True], [False, False, True], [False, True, True]]
    assert ids.dtype == torch.int64 and mask.dtype == torch.bool


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_against_torch(side):
    lengths = np.random.default_rng(0).integers(1, 17, size=29)
    sequences = [torch.arange(n) + n for n in lengths]
    kept = [s.clone() for s in sequences]
    ids, mask = pad_batch(sequences, 99, side=side)
    assert torch.equal(ids, pad_sequence(sequences, batch_first=True, padding_value=99, padding_side=side))
    ones = [torch.ones_like(s) for s in sequences]
    assert torch.equal(mask, pad_sequence(ones, batch_first=True, padding_side=side).bool())
    assert all(torch.equal(s, k) for s, k in zip(sequences, kept, strict=True))


def test_batches_that_can_not_be_padded():
    with pytest.raises(ValueError, match="sequences must hold at least one sequence; got none"):
        pad_batch([], 0)
    with pytest.raises(ValueError, match="at least one id; sequence 1 is empty"):
        pad_batch([[1], []], 0)
    with pytest.raises(ValueError, match="side must be 'left' or 'right'; got 'top'"):
        pad_batch([[1]], 0, side="top")
    with pytest.raises(TypeError, match="ids must be integers; got float64"):
        pad_batch([[1], [0.5]], 0)
    with pytest.raises(ValueError, match=r"one-dimensional; got shape \(1, 1\)"):
        pad_batch([[[1]]], 0)
    for pad_id in (None, 0.5, True, "0"):
        with pytest.raises(TypeError, match=f"pad_id must be an integer; got {pad_id!r}"):
            pad_batch([[1]], pad_id)


# ---- batches


def ids_of(*shape):
    return torch.zeros(shape, dtype=torch.int64)


def test_batches_that_fit():
    real = torch.ones(2, 3, dtype=torch.bool)
    assert Batch(ids_of(2, 3), ids_of(2, 3), real).mask is real
    assert Batch(ids_of(2, 3), ids_of(2)).mask is None
    assert Pairs(ids_of(2, 3), ids_of(2, 5), ids_of(2, 5), real).source_mask is real
    assert Examples(torch.zeros(2, 3, 5), ids_of(2)).inputs.shape == (2, 3, 5)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Batch(ids_of(2, 3), ids_of(3, 3)), "ids and targets need the same batch size; got 2 and 3"),
        (
            lambda: Batch(ids_of(3), ids_of(3)),
            r"shape \(B, T\); got torch.int64 of shape \(3,\)",
        ),
        (lambda: Batch(torch.zeros(2, 3), ids_of(2, 3)), "ids must be whole numbers .* got torch.float32"),
        (
            lambda: Batch(ids_of(2, 3), ids_of(2, 5)),
            r"\(2, 3\), or one for each sequence; got shape \(2, 5\)",
        ),
        (
            lambda: Batch(ids_of(2, 3), ids_of(2, 3), ids_of(2, 3)),
            r"mask must be boolean of shape \(2, 3\), True = may attend; got torch.int64 of shape \(2, 3\)",
        ),
        (lambda: Batch(ids_of(2, 3), ids_of(2, 3), torch.ones(2, 5).bool()), r"got torch.bool of shape \(2, 5\)"),
        (lambda: Pairs(ids_of(2, 3), ids_of(2, 5), ids_of(2, 3)), r"targets must be one for each place, \(2, 5\)"),
        (
            lambda: Pairs(ids_of(2, 3), ids_of(3, 5), ids_of(3, 5)),
            "source and targets need the same batch size",
        ),
        (
            lambda: Pairs(ids_of(2, 3), ids_of(2, 5), ids_of(2, 5), torch.ones(2, 5).bool()),
            r"source_mask must be boolean of shape \(2, 3\)",
        ),
        (lambda: Batch([[1, 2]], ids_of(1, 2)), r"ids must be a tensor of whole numbers of shape \(B, T\); got list"),
        (lambda: Batch(ids_of(1, 2), [[1, 2]]), "targets must be a tensor; got list"),
        (lambda: Batch(ids_of(1, 2), ids_of(1, 2), [[True, True]]), "mask must be a boolean tensor or None; got list"),
        (lambda: Pairs(None, ids_of(1, 2), ids_of(1, 2)), r"source must be a tensor .*; got NoneType"),
        (lambda: Examples([1.0], ids_of(1)), "inputs must be a tensor; got list"),
        (lambda: Examples(torch.zeros(2, 3), ids_of(3)), "inputs and targets need the same batch size; got 2 and 3"),
        (lambda: Examples(torch.zeros(2, 3), torch.tensor(1)), "same batch size; got 2 and None"),
    ],
)
def test_batches_that_do_not_fit(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_batch_takes_a_mask_of_pairs_and_no_other():
    """(B, T, T) says which token may attend to which."""
    ids = torch.zeros(2, 3, dtype=torch.long)
    assert Batch(ids, ids, torch.ones(2, 3, 3, dtype=torch.bool)).mask.shape == (2, 3, 3)
    for shape in ((2, 3, 4), (2, 1, 3), (1, 3, 3)):
        with pytest.raises(ValueError, match=r"mask must be boolean of shape \(2, 3, 3\), True = may attend"):
            Batch(ids, ids, torch.ones(shape, dtype=torch.bool))
