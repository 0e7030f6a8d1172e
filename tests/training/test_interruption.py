"""Ctrl-C: the step is finished and saved, and going on gives what an uninterrupted run gives."""

import signal
import threading

import pytest
import torch

from aigc_book.data.batches import RandomWindows
from aigc_book.models.gpt import GPT, GPTConfig
from aigc_book.training.checkpoint import Checkpoints
from aigc_book.training.interruption import held_back
from aigc_book.training.loop import TrainConfig, fit

CONFIG = GPTConfig(vocab_size=11, max_seq_len=5, n_layers=1, n_heads=2, d_model=6, dropout=0.2)


@pytest.fixture(autouse=True)
def python_listens():
    """A job in the background may have been started with Ctrl-C switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Pressing:
    """Windows; when the batch of a number is drawn, somebody presses Ctrl-C."""

    def __init__(self, numbers=()):
        self.windows = RandomWindows(torch.arange(97) % 11, batch_size=2, block_size=5, seed=1)
        self.numbers, self.drawn = numbers, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.drawn += 1
        if self.drawn in self.numbers:
            signal.raise_signal(signal.SIGINT)
        return next(self.windows)

    def state_dict(self):
        return self.windows.state_dict()

    def load_state_dict(self, state):
        self.windows.load_state_dict(state)


def run(folder, batches, resume=False):
    torch.manual_seed(3)
    model = GPT(CONFIG)
    config = TrainConfig(12, accumulate=2, log_every=5, checkpoint_every=100, progress=False)
    return model, fit(model, batches, config, checkpoints=folder, resume=resume)


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    """Two batches an update: the seventh batch is the first of step 4, which is finished and saved."""
    model, history = run(tmp_path / "whole", Pressing())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", Pressing([7]))
    assert Checkpoints(tmp_path / "stopped").latest().name == "step-00000004"
    again, history_again = run(tmp_path / "stopped", Pressing(), resume=True)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))
    assert history.losses == history_again.losses and history.steps == [5, 10, 12]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_does_not_wait(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Pressing([7, 8]))
    assert Checkpoints(tmp_path).latest() is None


def test_it_is_noted_and_comes_at_the_end():
    seen = []
    with pytest.raises(KeyboardInterrupt), held_back() as interruption:
        signal.raise_signal(signal.SIGINT)
        seen.append(interruption.came)
    assert seen == [True]
    with held_back() as interruption:
        seen.append(interruption.came)
    assert seen == [True, False]


def test_an_error_within_goes_first():
    with pytest.raises(ValueError, match="of its own"), held_back():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("an error of its own")


def test_where_ctrl_c_is_not_pythons_own_nothing_is_held_back():
    """A program's own handler stays, and so does Python's in another thread, where none can be set."""
    presses = []
    before = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        with held_back() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert presses == [signal.SIGINT] and not interruption.came
    finally:
        signal.signal(signal.SIGINT, before)

    def elsewhere():
        with held_back() as interruption:
            presses.append(interruption.came)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert presses == [signal.SIGINT, False]
