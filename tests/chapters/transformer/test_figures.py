"""Lines between what is read and what is written: what is drawn where, and every documented error."""

import numpy as np
import pytest

from aigc_book.chapters.transformer import figures


def test_lines_are_as_thick_as_weights_and_faint_ones_are_left_out():
    weights = np.array([[0.0, 1.0, 0.0], [0.75, 0.22, 0.03]])
    kept = weights.copy()
    figure = figures.reading_lines([figures.ReadingPanel("sort", ["s", "2", "1"], ["1", "2"], weights)])
    (ax,) = figure.axes
    assert ax.get_title() == "sort"
    assert [text.get_text() for text in ax.texts] == ["s", "2", "1", "1", "2"]
    ends = [tuple(line.get_xdata()) for line in ax.lines]
    assert ends == [(0.5, 1), (1.5, 0), (1.5, 1)]  # two outputs stand centred below three sources
    widths = [line.get_linewidth() for line in ax.lines]
    assert widths[0] > widths[1] > widths[2]
    assert np.array_equal(weights, kept)


def test_a_longer_output_has_its_source_centred():
    figure = figures.reading_lines([figures.ReadingPanel("t", ["a"], ["x", "y", "z"], np.ones((3, 1)))] * 2)
    assert len(figure.axes) == 2
    assert [line.get_xdata()[1] for line in figure.axes[1].lines] == [1, 1, 1]


def test_readings_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one reading; got none"):
        figures.reading_lines([])
    with pytest.raises(ValueError, match=r"weights must be \(1, 2\) for the tokens of 'sort'; got \(2, 1\)"):
        figures.reading_lines([figures.ReadingPanel("sort", ["a", "b"], ["c"], np.ones((2, 1)))])
