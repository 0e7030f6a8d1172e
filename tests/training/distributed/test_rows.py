"""Rows of a batch: whatever a batch is, the parts together are the whole."""

from typing import NamedTuple

import pytest
import torch

from aigc_book.data.batches import Batch, Examples, Pairs
from aigc_book.training.distributed.rows import n_rows, own_rows, rows


class Named(NamedTuple):
    images: torch.Tensor
    names: list


def test_rows_of_every_kind_of_batch():
    """Rows 2 to 3 of five: the second of two processes that had rows 2 … would begin there."""
    ids = torch.arange(10).view(5, 2)
    mask = ids > 4
    batch = rows(Batch(ids, ids + 1, mask), 2, 4)
    assert batch.ids.tolist() == [[4, 5], [6, 7]] and batch.targets.tolist() == [[5, 6], [7, 8]]
    assert batch.mask.tolist() == [[False, True], [True, True]]
    assert rows(Batch(ids, ids), 0, 1).mask is None
    assert rows(Pairs(ids, ids, ids), 4, 5).source.tolist() == [[8, 9]]
    assert rows(Examples(ids.float(), ids[:, 0]), 1, 2).targets.tolist() == [2]
    assert rows(ids, 3, 4).tolist() == [[6, 7]]
    found = rows({"x": ids, "y": [ids, (ids, "a name")], "n": 3}, 0, 1)
    assert found["y"][1][0].tolist() == [[0, 1]] and found["y"][1][1] == "a name" and found["n"] == 3
    named = rows(Named(ids, list("abcde")), 2, 4)
    assert isinstance(named, Named) and named.names == ["c", "d"]
    assert ids.shape == (5, 2)


def test_the_rows_of_all_processes_are_the_batch():
    ids = torch.randint(9, (12, 3))
    parts = [rows(ids, rank * 4, rank * 4 + 4) for rank in range(3)]
    assert torch.equal(torch.cat(parts), ids)


@pytest.mark.parametrize(("n", "expected"), [(5, [3, 2]), (4, [2, 2]), (1, [1, 0])])
def test_rows_for_an_evaluation_that_cannot_be_halved(n, expected):
    """Five rows are three and two; of a single one the second process computes a copy that doesn't count."""
    world = type("World", (), {"size": 2})()
    counted = []
    for rank in range(2):
        world.rank = rank
        ((part, counts),) = own_rows([torch.arange(n)], world)
        assert len(part) > 0
        counted.append(part if counts else part[:0])
    assert [len(part) for part in counted] == expected
    assert torch.equal(torch.cat(counted), torch.arange(n))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((torch.ones(2, 3), torch.ones(3)), r"as many rows; got batch\[0\] has 2, batch\[1\] has 3"),
        ((torch.ones(2, 3), torch.tensor(1.0)), r"batch\[1\] has None"),
        (["a", "b"], "as many rows; got list"),
    ],
)
def test_what_has_no_rows(batch, message):
    with pytest.raises(ValueError, match=message):
        n_rows(batch)


def test_an_object_that_nobody_can_cut():
    class Opaque:
        pass

    with pytest.raises(ValueError, match="a batch of Opaque can't be divided among processes"):
        rows((torch.ones(2), Opaque()), 0, 1)
