"""Attention as a table: what is drawn where, and every documented error."""

import numpy as np
import pytest

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
