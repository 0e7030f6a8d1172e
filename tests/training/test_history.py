"""The history of a run: saved, loaded, written."""

import json

import pytest
import torch

from aigc_book.training.history import History, Recorder


def test_save_and_load(tmp_path):
    history = History(steps=[1, 2], losses=[0.1 + 0.2, 1 / 3], validation_losses=[2.5], validation_steps=[2])
    history.save(tmp_path / "history.json")
    assert History.load(tmp_path / "history.json") == history
    assert [p.name for p in tmp_path.iterdir()] == ["history.json"]


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"steps": [1]}', '{"steps": [1'])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=r"x\.json is not a history"):
        History.load(tmp_path / "x.json")
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "y.json")


def test_entries_are_means_since_the_last_one():
    recorder = Recorder()
    recorder.start_clock()
    for loss in (1.0, 2.0, 6.0):
        recorder.count(torch.tensor(loss), tokens=10)
    assert recorder.enter(0.1, 5.0) == 3.0
    recorder.count(torch.tensor(4.0), tokens=7)
    recorder.enter(0.2, 6.0)
    history = recorder.history
    assert (history.steps, history.losses, history.tokens) == ([3, 4], [3.0, 4.0], [30, 37])
    assert (history.learning_rates, history.gradient_norms) == ([0.1, 0.2], [5.0, 6.0])
    assert 0 <= history.seconds[0] <= history.seconds[1]


def test_a_stopped_clock_counts_nothing():
    recorder = Recorder()
    recorder.start_clock()
    recorder.stop_clock()
    seconds = recorder.seconds
    recorder.stop_clock()
    assert recorder.seconds == seconds


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_is_named_with_its_step(bad):
    recorder = Recorder()
    for loss in (1.0, 2.0, 3.0, bad, 4.0):
        if loss == 3.0:
            recorder.settle()
        recorder.count(torch.tensor(loss), tokens=1)
    with pytest.raises(FloatingPointError, match=f"the loss is {bad} at step 4"):
        recorder.settle()


def test_state_goes_through_json_unchanged():
    recorder = Recorder()
    recorder.start_clock()
    for loss in (0.1, 0.2, 0.7):
        recorder.count(torch.tensor(loss), tokens=3)
        if recorder.step == 2:
            recorder.enter(0.1, 1.0)
    recorder.enter_validation(2.5)
    again = Recorder()
    again.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
    for each in (recorder, again):
        each.start_clock()
        each.count(torch.tensor(0.4), tokens=3)
        each.enter(0.3, 2.0)
        each.history.seconds.clear()
    assert recorder.history == again.history and recorder.history.losses[1] == pytest.approx((0.7 + 0.4) / 2)
