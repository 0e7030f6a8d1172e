"""Bytes on the wire: the ring's formula, and what the kernel counts."""

import os

import pytest
import torch

from aigc_book.training.distributed.wire import Collectives, Sent, ring_bytes


def test_ring_bytes_by_hand():
    """Five processes, 100 bytes: 4 steps of 20 bytes to add up, and as many again to hand round."""
    assert ring_bytes("reduce_scatter", 100, 5) == 80
    assert ring_bytes("all_gather", 100, 5) == 80
    assert ring_bytes("all_reduce", 100, 5) == 160
    assert ring_bytes("all_reduce", 100, 1) == 0
    with pytest.raises(ValueError, match=r"kind must be one of all_reduce.*; got 'gossip'"):
        ring_bytes("gossip", 100, 2)


@pytest.fixture
def job_of_one(tmp_path):
    """A group of a single process."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_collectives_are_written_down(job_of_one):
    """3 × 4 bytes added up, 2 × 8 spread; other operators don't count."""
    with Collectives() as seen:
        torch.distributed.all_reduce(torch.ones(3) + 1)
        torch.distributed.broadcast(torch.ones(2, dtype=torch.float64), 0)
        torch.distributed.barrier()
    assert [tuple(call) for call in seen.calls] == [("all_reduce", 12), ("broadcast", 16)]
    assert seen.n_bytes("all_reduce") == 12
    assert seen.ring_bytes(4) == 2 * 0.75 * 12 + 0.75 * 16


def test_a_collective_that_is_not_known_is_refused(job_of_one):
    words = r"the collective .* isn't counted; known are allreduce_"
    with pytest.raises(NotImplementedError, match=words), Collectives():
        torch.distributed.scatter(torch.ones(2), [torch.ones(2)])


def test_sent_counts_what_is_written(tmp_path):
    with Sent() as sent, (tmp_path / "x").open("wb", buffering=0) as file:
        os.write(file.fileno(), b"x" * 1000)
    assert sent.total is None or 1000 <= sent.total < 100_000


def test_nobody_counts(monkeypatch):
    monkeypatch.setattr("aigc_book.training.distributed.wire.Path.read_text", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError), Sent():
        pass

    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr("aigc_book.training.distributed.wire.Path.read_text", absent)
    with Sent() as sent:
        pass
    assert sent.total is None
