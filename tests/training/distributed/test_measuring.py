"""What is measured of an update, in a job of one process."""

import pytest
import torch

from aigc_book.data.batches import RandomWindows
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.distributed import World, shared
from aigc_book.training.distributed.measuring import all_measured, bare_bytes, held, peak_bytes
from aigc_book.training.optimizers import SGD, AdamW

CONFIG = GPTConfig(vocab_size=11, max_seq_len=5, n_layers=2, n_heads=1, d_model=6)


@pytest.fixture
def world(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield World(0, 1, torch.device("cpu"), torch.distributed.group.WORLD)
    torch.distributed.destroy_process_group()


def test_everything_of_one_process_and_of_a_world_of_one(world):
    """12 bytes a parameter are held; the arithmetic is the same; one process alone calls no collective."""

    def parts(world, how):
        torch.manual_seed(0)
        model = GPT(CONFIG)
        model = model if world is None else shared(model, world, how)
        windows = RandomWindows(torch.arange(50) % 11, batch_size=4, block_size=5)
        return model, windows, AdamW(model.parameters())

    found = all_measured(parts, world)
    n = GPT(CONFIG).count_parameters()
    assert found["one"]["held"] == found["ddp"]["held"] == found["fsdp"]["held"] == 12 * n
    assert found["one"]["flops"] == found["ddp"]["flops"] == found["fsdp"]["flops"] > 0
    assert found["one"]["calls"] == []
    assert sum(size for kind, size in found["ddp"]["calls"] if kind == "all_reduce" and size > 16) == 4 * n
    for each in ("one", "ddp", "fsdp"):
        assert found[each]["peak"] > 16 * n - 4 * n and found[each]["seconds"] > 0
    assert set(found["bare"]) == {"all_reduce", "reduce_scatter", "all_gather"}


def test_held_without_a_state(world):
    """SGD without momentum keeps nothing: 4 bytes a weight."""
    model = torch.nn.Linear(3, 2)
    assert held(model, SGD(model.parameters())) == 4 * 8


def test_peak_bytes_by_hand():
    """Two tensors of 4,000 bytes at once, then one of 6,000: 8,000."""
    with peak_bytes(torch.device("cpu")) as found:
        one, other = torch.empty(1000), torch.empty(1000)
        del one, other
        third = torch.empty(1500)
        del third
    assert found == [8000]


def test_bare_bytes_in_a_world_of_one_are_few(world):
    assert all(n is None or n < 100_000 for n in bare_bytes(10_000, world.group).values())
