"""Batches of any kind: moved as a whole, described, told apart."""

from collections import UserDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from aigc_book.data.batches import Batch, Examples, Pairs
from aigc_book.training.batch import digest, shapes, to_device

META = torch.device("meta")
Named = namedtuple("Named", "x y")


@dataclass(frozen=True)
class Own:
    """A batch of somebody's own."""

    x: torch.Tensor
    name: str
    extra: dict


ids = torch.zeros(2, 3, dtype=torch.int64)
EVERY = [
    ids,
    (ids, ids),
    [ids, (ids, None)],
    {"input_ids": ids, "more": [ids]},
    Named(ids, "a"),
    Batch(ids, ids, ids.bool()),
    Pairs(ids, ids, ids),
    Examples(ids.float(), ids[:, 0]),
    Own(ids, "name", {"y": ids}),
    UserDict(x=ids),
]


def devices(batch):
    from aigc_book.training.batch import tensors_of

    return {tensor.device.type for _, tensor in tensors_of(batch)}


@pytest.mark.parametrize("batch", EVERY, ids=lambda batch: type(batch).__name__)
def test_all_of_a_batch_moves_and_the_old_one_stays(batch):
    moved = to_device(batch, META)
    assert devices(moved) == {"meta"} and devices(batch) == {"cpu"}
    assert shapes(moved) == shapes(batch)
    if not isinstance(batch, UserDict):
        assert type(moved) is type(batch)


def test_what_has_its_own_way_to_move_uses_it():
    transformers = pytest.importorskip("transformers")
    batch = transformers.BatchEncoding({"input_ids": ids})
    moved = to_device(batch, META)
    assert devices(moved) == {"meta"} and isinstance(moved, transformers.BatchEncoding)


def test_what_is_no_tensor_stays_or_is_refused():
    assert to_device(("a", 1, 2.5, None, True), META) == ("a", 1, 2.5, None, True)
    with pytest.raises(TypeError, match=r"a batch must be a tensor, or a tuple, .* got numpy\.ndarray"):
        to_device((ids, np.ones(2)), META)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batch", EVERY, ids=lambda batch: type(batch).__name__)
def test_batches_on_cuda_are_those_on_cpu(batch):
    moved = to_device(batch, torch.device("cuda"))
    assert devices(moved) == {"cuda"} and digest(moved) == digest(batch)


def test_fingerprints_tell_batches_apart():
    one = Batch(ids, ids)
    assert digest(one) == digest(Batch(ids.clone(), ids.clone()))
    others = [Batch(ids, ids + 1), Batch(ids[:, :2], ids[:, :2]), Batch(ids, ids, ids.bool()), (ids, ids)]
    assert len({digest(each) for each in [one, *others]}) == 5
    assert digest(torch.ones((), dtype=torch.bfloat16)) != digest(torch.zeros((), dtype=torch.bfloat16))
    assert shapes(one) == "batch.ids (2, 3), batch.targets (2, 3)"
