"""The map of sizes and the laws show what they were given."""

import numpy as np
import pytest

from aigc_book import plotting
from aigc_book.chapters.data_scale_compute import figures


def points(ax, marker):
    return [tuple(np.ravel(line.get_data())) for line in ax.lines if line.get_marker() == marker]


def test_map_has_every_run_and_lines_of_equal_compute():
    published = {"one": (1e9, 2e10), "two": (1e11, 3e11)}
    figure = figures.compute_map(
        published, [(1e4, 2e5), (3e5, 2e5)], {"a day": 1e20}, here_label="here", tokens_per_parameter=20
    )
    (ax,) = figure.axes
    assert {(1e9, 2e10), (1e11, 3e11), (1e4, 3e5, 2e5, 2e5)} == set(points(ax, "o"))
    day = next(line for line in ax.lines if line.get_color() == plotting.GREY)
    assert 6 * day.get_xdata() * day.get_ydata() == pytest.approx(1e20)
    words = {text.get_text() for text in ax.texts}
    assert {"one", "two", "here", "a day", "20 tokens a parameter"} <= words


def test_law_draws_band_points_and_the_one_it_never_saw():
    def law(x):
        return 3 / x, 2 / x, 4 / x

    figure = figures.law_through_points(
        ([1.0, 2, 5], [3.0, 1.5, 0.6]), {"first": law, "second": law}, (10.0, 0.31), xlabel="N", ylabel="loss"
    )
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == ["first", "second"]
    for ax in figure.axes:
        assert points(ax, "*") == [(10.0, 0.31)]
        assert points(ax, "o") == [(1.0, 2.0, 5.0, 3.0, 1.5, 0.6)]
        band = ax.collections[0].get_paths()[0].vertices
        assert band[:, 1].max() == pytest.approx(4 / (1 / 1.3), rel=1e-6)


def test_no_law_is_an_error():
    with pytest.raises(ValueError, match="laws must hold at least one law; got none"):
        figures.law_through_points(([1.0], [1.0]), {}, (2.0, 1.0), xlabel="", ylabel="")
