"""The history of a run: saved, loaded, written."""

import json

import pytest

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
        recorder.count(loss, tokens=10)
    assert recorder.enter(0.1, 5.0) == 3.0
    recorder.count(4.0, tokens=7)
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


def test_state_goes_through_json_unchanged():
    recorder = Recorder()
    recorder.start_clock()
    for loss in (0.1, 0.2, 0.7):
        recorder.count(loss, tokens=3)
        if recorder.step == 2:
            recorder.enter(0.1, 1.0)
    recorder.enter_validation(2.5)
    again = Recorder()
    again.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
    for each in (recorder, again):
        each.start_clock()
        each.count(0.4, tokens=3)
        each.enter(0.3, 2.0)
        each.history.seconds.clear()
    assert recorder.history == again.history and recorder.history.losses[1] == pytest.approx((0.7 + 0.4) / 2)


def test_repr_is_one_line():
    assert repr(History()) == "<History: no entries>"
    history = History([1, 900], [3.0, 2.0], [0.1] * 2, [1.0] * 2, [5, 9], [1.0, 2.5], [900], [2.25])
    assert repr(history) == "<History: 2 entries up to step 900, loss 2, validation loss 2.25, 2.5 s>"
