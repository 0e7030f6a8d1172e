"""Attention as tables, arcs and pages: what is drawn where, and every documented error."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting


def words_of(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_attention_labels_rows_and_columns_and_writes_small_tables_out():
    figure = plotting.attention([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], ["a", "b", "c"], ["k1", "k2"])
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["k1", "k2"]
    assert words_of(ax) == ["0.25", "0.75", "1.00", "0.00", "0.50", "0.50"]
    assert ax.images[0].get_clim() == (0, 1)
    assert figure.axes[1].get_ylabel() == "attention weight"


def test_attention_of_several_heads_and_another_range():
    weights = np.full((5, 2, 2), 0.2)
    figure = plotting.attention(weights, ["a", "b"], titles=list("vwxyz"), darkest=0.4)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == list("vwxyz")
    assert all(ax.images[0].get_clim() == (0, 0.4) and not ax.texts for ax in shown)
    labelled = [
        [any(label.get_text() for label in axis.get_ticklabels()) for axis in (ax.yaxis, ax.xaxis)] for ax in shown
    ]
    assert labelled == [[True, True], *[[False, True]] * 3, [True, False]]  # at the left and at the top of the grid


def test_attention_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"T=3 queries and S=2 keys; got \(2, 2\)"):
        plotting.attention(np.eye(2), ["a", "b", "c"], ["k1", "k2"])
    with pytest.raises(ValueError, match=r"got \(2,\)"):
        plotting.attention([0.5, 0.5], ["a", "b"])
    with pytest.raises(ValueError, match="one for each of the 2 heads; got 1"):
        plotting.attention(np.ones((2, 1, 1)), ["a"], titles=["only"])


SENTENCES = [["the", "queen", "she"], ["the", "twins", "they"]]


def test_arcs_are_as_thick_as_weights_and_name_those_that_count():
    figure = plotting.attention_arcs(SENTENCES, [[0.0, 1.0, 0.0], [0.05, 0.15, 0.8]], ["first", "second"])
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
        plotting.attention_arcs(sentences, weights)


def test_arcs_refuse_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 2 sentences; got 1"):
        plotting.attention_arcs(SENTENCES, np.full((2, 3), 1 / 3), ["only"])


def test_page_wraps_and_shades_by_weight():
    words = ["word"] * 40 + ["they"]
    weights = np.zeros(41)
    weights[3], weights[7] = 0.5, 0.25
    figure = plotting.attention_page(words, weights)
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == words
    assert len({text.get_position()[1] for text in texts}) == 3  # 17 words of 4 letters on a line of 88
    assert all(text.get_position()[0] + 4 <= 88 for text in texts)
    shades = [text.get_bbox_patch().get_alpha() for text in texts]
    assert (shades[3], shades[7], shades[0]) == (1.0, 0.5, 0.0)
    assert to_hex(texts[-1].get_color()) == plotting.BLUE.lower()


def test_page_refuses_weights_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 2 words; got 1"):
        plotting.attention_page(["a", "b"], [1.0])
    with pytest.raises(ValueError, match="one for each of the 0 words; got 0"):
        plotting.attention_page([], [])
