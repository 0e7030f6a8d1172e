"""Attention as arcs and pages: what is drawn where, and every documented error."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.attention import figures


def words_of(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


SENTENCES = [["the", "queen", "she"], ["the", "twins", "they"]]


def test_arcs_are_as_thick_as_weights_and_name_those_that_count():
    figure = figures.attention_arcs(SENTENCES, [[0.0, 1.0, 0.0], [0.05, 0.15, 0.8]], ["first", "second"])
    first, second = figure.axes
    assert words_of(first) == ["the", "queen", "100%", "she"]
    assert words_of(second) == ["the", "twins", "15%", "they", "80%"]
    widths = [line.get_linewidth() for line in first.lines]
    assert widths[1] > 5 > 1 > widths[0] == widths[2]
    assert [ax.get_title() for ax in figure.axes] == ["first", "second"]
    ends = [(line.get_xdata()[0], line.get_xdata()[-1]) for line in first.lines]
    centers = [text.get_position()[0] for text in first.texts if "%" not in text.get_text()]
    assert ends == [(pytest.approx(centers[2]), pytest.approx(center)) for center in centers]


@pytest.mark.parametrize(
    ("sentences", "weights"),
    [
        (SENTENCES, [[0.5, 0.5]]),
        (SENTENCES, [[0.5, 0.5], [0.5, 0.5]]),
        (SENTENCES, [0.5, 0.5, 0.0]),
        ([["a", "b"], ["a"]], [[0.5, 0.5], [0.5, 0.5]]),
        ([], np.zeros((0, 3))),
    ],
)
def test_arcs_refuse_weights_that_do_not_fit(sentences, weights):
    with pytest.raises(ValueError, match=r"weights must be \(R, T\) for \d sentences of equal length; got \("):
        figures.attention_arcs(sentences, weights)


def test_arcs_refuse_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 2 sentences; got 1"):
        figures.attention_arcs(SENTENCES, np.full((2, 3), 1 / 3), ["only"])


def test_page_wraps_and_shades_by_weight():
    words = ["word"] * 40 + ["they"]
    weights = np.zeros(41)
    weights[3], weights[7] = 0.5, 0.25
    figure = figures.attention_page(words, weights)
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == words
    assert len({text.get_position()[1] for text in texts}) == 3  # 17 words of 4 letters on a line of 88
    assert all(text.get_position()[0] + 4 <= 88 for text in texts)
    shades = [text.get_bbox_patch().get_alpha() for text in texts]
    assert (shades[3], shades[7], shades[0]) == (1.0, 0.5, 0.0)
    assert to_hex(texts[-1].get_color()) == plotting.BLUE.lower()


def test_page_refuses_weights_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 2 words; got 1"):
        figures.attention_page(["a", "b"], [1.0])
    with pytest.raises(ValueError, match="one for each of the 0 words; got 0"):
        figures.attention_page([], [])
