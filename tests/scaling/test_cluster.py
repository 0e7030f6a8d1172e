"""What devices hold, send and wait for: by hand, and every error."""

import pytest

from aigc_book.scaling.cluster import held_bytes, sent_bytes, step_time
from aigc_book.scaling.memory import TrainingMemory


def test_held_by_hand():
    """10 + 10 + 20 of weights, gradients and Adam, 7 of activations: 47 in a copy, and 40 / 5 + 7 in a shard."""
    memory = TrainingMemory(10, 10, 20, 7)
    assert held_bytes(memory, 5, "ddp") == 47
    assert held_bytes(memory, 5, "fsdp") == 15
    assert held_bytes(memory, 1, "fsdp") == memory.total


def test_sent_by_hand():
    """Five devices, 100 bytes: four fifths for each of the two or three times round the ring; nobody to send to: 0."""
    assert sent_bytes(100, 5, "ddp") == pytest.approx(160)
    assert sent_bytes(100, 5, "fsdp") == pytest.approx(240)
    assert sent_bytes(100, 1, "ddp") == 0


def test_step_time_by_hand():
    """60 operations on 3 devices of 2 a second: 10 s; 12 bytes at 4 a second: 3 s."""
    time = step_time(60, 12, n_devices=3, flops_per_second=2, bytes_per_second=4)
    assert time == (10, 3) and time.shortest == 10 and time.longest == 13


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: held_bytes(TrainingMemory(1, 1, 1, 1), 2, "zero"), "how must be one of ddp, fsdp; got 'zero'"),
        (lambda: sent_bytes(1, 0, "ddp"), "n_devices must be a whole number of at least 1; got n_devices=0"),
        (lambda: sent_bytes(1, 2, "gossip"), "got 'gossip'"),
        (lambda: step_time(0, 1, n_devices=1, flops_per_second=1, bytes_per_second=1), "flops must be a positive"),
        (lambda: step_time(1, -1, n_devices=1, flops_per_second=1, bytes_per_second=1), "n_sent must be at least 0"),
        (
            lambda: step_time(1, 1, n_devices=1, flops_per_second=1, bytes_per_second=0),
            "bytes_per_second must be a positive number",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
