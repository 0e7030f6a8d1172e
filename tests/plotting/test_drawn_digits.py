"""Digits in a plane and in rows: what is drawn where, and every documented error."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting


def scatter(n: int, seed: int = 0) -> plotting.Scatter:
    rng = np.random.default_rng(seed)
    return plotting.Scatter(rng.random((n, 8, 8)), rng.normal(size=(n, 2)), np.arange(n) % 2)


CLOUDS = [(np.array([1.0, 0.0]), np.diag([4.0, 0.25])), (np.array([-1.0, 0.0]), np.eye(2))]


def test_images_stand_at_their_points():
    real, drawn = scatter(5), scatter(3, seed=1)
    figure = plotting.line_and_clouds(real, drawn, (np.array([1.0, 0.0]), -0.5), CLOUDS)
    for ax, given in zip(figure.axes, (real, drawn), strict=True):
        assert len(ax.images) == len(given.images)
        for image, (x, y) in zip(ax.images, given.points, strict=True):
            left, right, bottom, top = image.get_extent()
            assert ((left + right) / 2, (bottom + top) / 2) == pytest.approx((x, y))
    ink = figure.axes[0].images[1].get_array()
    np.testing.assert_allclose(ink[..., 3], real.images[1])  # the second kind: its colour, as dark as the ink
    assert to_hex(ink[0, 0, :3]) == plotting.RED.lower()


def test_clouds_are_ellipses_of_one_and_two_deviations():
    figure = plotting.line_and_clouds(scatter(4), scatter(4), (np.array([0.0, 1.0]), 0.0), CLOUDS)
    one, two, *_ = (line.get_xydata() for line in figure.axes[1].lines)
    assert one.max(axis=0) == pytest.approx([1 + 2, 0.5], abs=1e-2)  # roots of 4 and 0.25 around (1, 0)
    assert two.max(axis=0) == pytest.approx([1 + 4, 1.0], abs=1e-2)
    assert [to_hex(line.get_color()) for line in figure.axes[1].lines] == [plotting.BLUE.lower()] * 2 + [
        plotting.RED.lower()
    ] * 2


def test_plane_errors():
    good, line = scatter(4), (np.array([1.0, 0.0]), 0.0)
    with pytest.raises(ValueError, match=r"drawn must have as many images as points and kinds.*got 4, 3 and 4"):
        plotting.line_and_clouds(good, good._replace(points=good.points[:3]), line, CLOUDS)
    with pytest.raises(ValueError, match=r"real must have .* one at least; got 0, 0 and 0"):
        plotting.line_and_clouds(scatter(0), good, line, CLOUDS)
    with pytest.raises(ValueError, match="clouds must be two, one for each kind; got 1"):
        plotting.line_and_clouds(good, good, line, CLOUDS[:1])


def test_rows_have_names_and_notes():
    images = np.random.default_rng(0).random((3, 8, 8))
    figure = plotting.digit_rows(
        {"written": images, "drawn": images[::-1]}, {"drawn": ["0", "7", "2"]}, right={"drawn": [True, False, True]}
    )
    axes = np.array(figure.axes).reshape(2, 3)
    assert [line[0].get_ylabel() for line in axes] == ["written", "drawn"]
    assert [ax.get_xlabel() for ax in axes[1]] == ["0", "7", "2"]
    assert [ax.get_xlabel() for ax in axes[0]] == [""] * 3
    assert [to_hex(ax.xaxis.label.get_color()) for ax in axes[1]] == [
        c.lower() for c in (plotting.GREEN, plotting.RED, plotting.GREEN)
    ]
    np.testing.assert_array_equal(axes[1][0].images[0].get_array(), images[2])


def test_notes_without_a_verdict_are_grey():
    figure = plotting.digit_rows({"row": np.zeros((2, 8, 8))}, {"row": ["a", "b"]})
    assert to_hex(figure.axes[0].xaxis.label.get_color()) == plotting.GREY.lower()


@pytest.mark.parametrize(
    ("rows", "notes", "says"),
    [
        ({}, {}, r"rows must be equally long and not empty; got \[\]"),
        ({"a": np.zeros((2, 8, 8)), "b": np.zeros((3, 8, 8))}, {}, r"equally long and not empty; got \[2, 3\]"),
        ({"a": np.zeros((2, 8, 8))}, {"a": ["x"]}, "a note on 'a' must be for one of 2 images of a row; got 1"),
        ({"a": np.zeros((2, 8, 8))}, {"b": ["x", "y"]}, "a note on 'b' must be for one of 2 images"),
    ],
)
def test_row_errors(rows, notes, says):
    with pytest.raises(ValueError, match=says):
        plotting.digit_rows(rows, notes)
