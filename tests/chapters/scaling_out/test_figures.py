"""The figures of the chapter: what is drawn where, and every documented error."""

import numpy as np
import pytest

from aigc_book.chapters.scaling_out import figures


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_same_curves_draws_all_of_them_and_names_them():
    figure = figures.same_curves(
        [1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0], {"copies": [4.0, 3.0, 2.0, 1.0], "pieces": [4.0, 3.0, 2.0, 1.5]}
    )
    broad, dashed, dots = figure.axes[0].lines
    assert broad.get_linewidth() > 3 * dashed.get_linewidth()
    assert dots.get_xdata().tolist() == [1, 4] and dots.get_ydata().tolist() == [4.0, 1.5]
    assert words(figure) == ["one process", "copies", "pieces"]
    with pytest.raises(ValueError, match="others must be at most two curves; got a, b, c"):
        figures.same_curves([1], [1.0], {"a": [1.0], "b": [1.0], "c": [1.0]})


def test_a_shard_is_in_one_process_only():
    """Both halves of three things in one process and in each of two copies; one half of each in each shard."""
    found = words(figures.who_holds_what())
    assert found.count("a") == found.count("b") == 3 * (1 + 2 + 1)
    assert found[:3] == ["weights", "gradients", "state"]


def test_ring_sends_every_piece_once():
    found = words(figures.ring())
    assert [word for word in found if word.startswith("piece")] == ["piece a", "piece b", "piece c", "piece d"]
    assert {"0a", "1b", "2c", "3d"} <= set(found)


def test_sent_by_size_has_dots_and_lines():
    figure = figures.sent_by_size((2, 4), {"ring": [1.0, 1.5]}, {"ring": [1.0, 1.5]})
    line, dots = figure.axes[0].lines
    assert np.array_equal(line.get_ydata(), dots.get_ydata()) and dots.get_marker() == "o"
    assert words(figure) == ["ring"]


def test_memory_bars_in_megabytes():
    figure = figures.memory_bars({"one": 3e6, "two": 1e6}, {"one": 2e6, "two": 1.5e6})
    assert [bar.get_width() for bar in figure.axes[0].patches] == [3.0, 1.0]
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [2.0, 1.5]
    assert words(figure) == ["3.0", "1.0"]
