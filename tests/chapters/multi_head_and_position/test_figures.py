"""Heads, position codes, turned pairs: what is drawn where, and every documented error."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.multi_head_and_position import figures


def test_head_grid_has_a_row_for_each_layer_and_marks_heads():
    weights = np.random.default_rng(0).random((2, 3, 5, 5))
    kept = weights.copy()
    figure = figures.head_grid(weights, list("abcde"), marked=[(1, 2)])
    assert np.array_equal(weights, kept)
    axes = np.array(figure.axes).reshape(2, 3)
    assert axes[1, 2].get_title(loc="center") + axes[1, 2].get_title(loc="left") == "layer 1, head 2"
    assert np.array_equal(axes[1, 0].images[0].get_array(), weights[1, 0])
    assert axes[0, 1].images[0].get_clim() == (0, 1)
    edge = {place: to_hex(ax.spines["left"].get_edgecolor()) for place, ax in np.ndenumerate(axes)}
    assert [place for place, color in edge.items() if color == plotting.ORANGE.lower()] == [(1, 2)]
    assert [label.get_text() for label in axes[0, 0].get_yticklabels()] == list("abcde")


def test_head_grid_with_titles():
    figure = figures.head_grid(np.zeros((1, 2, 3, 3)), list("abc"), titles=["one", "two"])
    assert [ax.get_title(loc="center") + ax.get_title(loc="left") for ax in figure.axes] == ["one", "two"]


@pytest.mark.parametrize("shape", [(2, 3, 3), (1, 2, 3, 4), (1, 2, 4, 4)])
def test_head_grid_refuses_weights_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"weights must be \(L, H, T, T\) with T=3 tokens; got"):
        figures.head_grid(np.zeros(shape), list("abc"))


def test_head_grid_refuses_titles_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 2 heads; got 1"):
        figures.head_grid(np.zeros((1, 2, 3, 3)), list("abc"), titles=["one"])


def test_code_maps_centre_their_colours_at_zero():
    maps = [np.array([[-1.0, 2.0], [0.0, 1.0]]), np.zeros((3, 2)), np.full((20, 2), -4.0)]
    figure = figures.code_maps(maps, ["a", "b", "c"], xlabel="x", ylabel="y", columns=2)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.images[0].get_clim() for ax in shown] == [(-2, 2), (-1, 1), (-4, 4)]
    assert [ax.get_ylabel() for ax in shown] == ["y", "", "y"]
    assert {ax.get_xlabel() for ax in shown} == {"x"}


@pytest.mark.parametrize(("maps", "titles"), [([], []), ([np.zeros(3)], ["a"])])
def test_code_maps_refuse_what_is_no_matrix(maps, titles):
    with pytest.raises(ValueError, match="maps must be matrices, at least one; got shapes"):
        figures.code_maps(maps, titles)


def test_code_maps_refuse_titles_that_do_not_fit():
    with pytest.raises(ValueError, match="one for each of the 1 maps; got 2"):
        figures.code_maps([np.zeros((2, 2))], ["a", "b"])


def test_turned_pairs_keep_their_angle():
    figure = figures.turned_pairs((1.0, 0.0), (0.6, -0.3), [(1, 0), (2, 1), (9, 8)], speed=0.7)
    assert [ax.get_title() for ax in figure.axes] == [
        "query at 1, key at 0",
        "query at 2, key at 1",
        "query at 9, key at 8",
    ]
    products = []
    for ax in figure.axes:
        query, key = (np.array(text.get_position()) / 1.2 for text in ax.texts if text.get_text() in ("$q$", "$k$"))
        products.append(query @ key)
    assert np.ptp(products) < 1e-12
    first = figure.axes[0].texts
    assert np.allclose(
        next(t.get_position() for t in first if t.get_text() == "$q$"), [1.2 * np.cos(0.7), 1.2 * np.sin(0.7)]
    )


@pytest.mark.parametrize(("query", "positions"), [((1, 0, 0), [(1, 0)]), ((1, 0), [])])
def test_turned_pairs_refuse_what_is_no_pair(query, positions):
    with pytest.raises(ValueError, match="query and key must be pairs, for at least one place; got"):
        figures.turned_pairs(query, (0, 1), positions)


@pytest.mark.parametrize("n_heads", [2, 3])
def test_split_into_heads_draws_a_row_for_each_head(n_heads):
    texts = [text.get_text() for text in figures.split_into_heads(n_heads).axes[0].texts]
    assert [text for text in texts if text.startswith("head")] == [f"head {h + 1}: (T, D)" for h in range(n_heads)]
    assert texts.count("(T, C)") == 3


def test_split_into_heads_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="two or three heads can be drawn; got 9"):
        figures.split_into_heads(9)
