"""The chapter's figures are drawn, with what they were given."""

import pytest

from aigc_book import plotting
from aigc_book.chapters.decoding import figures
from aigc_book.chapters.decoding.figures import Point


@pytest.fixture(autouse=True)
def style():
    plotting.use_style()


def test_trade_off():
    lines = {"a": [Point("1", 0.1, 0.01, 2, 0.1), Point("2", 0.2, 0.01, 3, 0.1)], "b": [Point("1", 0.3, 0, 1, 0)]}
    ax = figures.trade_off(lines, (0.5, 2.5), xlabel="x", ylabel="y").axes[0]
    assert {"a", "b", "real text"} <= {text.get_text() for text in ax.texts}


def test_speculative_round():
    figure = figures.speculative_round(["the", "cat", "sat", "on"], 2, "ran")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("stays") == 2 and words.count("out") == 2 and "ran" in words


def test_growth():
    ax = figures.growth([1, 2], {"without": [1, 4], "with": [1, 2]}).axes[0]
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1, 4], [1, 2]]
