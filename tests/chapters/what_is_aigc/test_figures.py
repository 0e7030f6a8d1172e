"""Digits in the plane and in rows, and systems by year: what is drawn where, and every documented error."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.what_is_aigc import figures
from aigc_book.chapters.what_is_aigc.figures import Milestone


def scatter(n: int, seed: int = 0) -> figures.Scatter:
    rng = np.random.default_rng(seed)
    return figures.Scatter(rng.random((n, 8, 8)), rng.normal(size=(n, 2)), np.arange(n) % 2)


CLOUDS = [(np.array([1.0, 0.0]), np.diag([4.0, 0.25])), (np.array([-1.0, 0.0]), np.eye(2))]


def test_the_two_directions_are_drawn():
    figure = figures.two_directions()
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"discriminative", "generative", "image $x$", "digit $y$", "noise $z$", "new image"} <= words


def test_images_stand_at_their_points():
    real, drawn = scatter(5), scatter(3, seed=1)
    figure = figures.line_and_clouds(real, drawn, (np.array([1.0, 0.0]), -0.5), CLOUDS)
    for ax, given in zip(figure.axes, (real, drawn), strict=True):
        assert len(ax.images) == len(given.images)
        for image, (x, y) in zip(ax.images, given.points, strict=True):
            left, right, bottom, top = image.get_extent()
            assert ((left + right) / 2, (bottom + top) / 2) == pytest.approx((x, y))
    ink = figure.axes[0].images[1].get_array()
    np.testing.assert_allclose(ink[..., 3], real.images[1])  # the second kind: its colour, as dark as the ink
    assert to_hex(ink[0, 0, :3]) == plotting.RED.lower()


def test_clouds_are_ellipses_of_one_and_two_deviations():
    figure = figures.line_and_clouds(scatter(4), scatter(4), (np.array([0.0, 1.0]), 0.0), CLOUDS)
    one, two, *_ = (line.get_xydata() for line in figure.axes[1].lines)
    assert one.max(axis=0) == pytest.approx([1 + 2, 0.5], abs=1e-2)  # roots of 4 and 0.25 around (1, 0)
    assert two.max(axis=0) == pytest.approx([1 + 4, 1.0], abs=1e-2)
    assert [to_hex(line.get_color()) for line in figure.axes[1].lines] == [plotting.BLUE.lower()] * 2 + [
        plotting.RED.lower()
    ] * 2


def test_plane_errors():
    good, line = scatter(4), (np.array([1.0, 0.0]), 0.0)
    with pytest.raises(ValueError, match=r"drawn must have as many images as points and kinds.*got 4, 3 and 4"):
        figures.line_and_clouds(good, good._replace(points=good.points[:3]), line, CLOUDS)
    with pytest.raises(ValueError, match=r"real must have .* one at least; got 0, 0 and 0"):
        figures.line_and_clouds(scatter(0), good, line, CLOUDS)
    with pytest.raises(ValueError, match="clouds must be two, one for each kind; got 1"):
        figures.line_and_clouds(good, good, line, CLOUDS[:1])


def test_rows_have_names_and_notes():
    images = np.random.default_rng(0).random((3, 8, 8))
    figure = figures.digit_rows(
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
    figure = figures.digit_rows({"row": np.zeros((2, 8, 8))}, {"row": ["a", "b"]})
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
        figures.digit_rows(rows, notes)


SYSTEMS = [
    Milestone("first", 2013.5, "text", "counts", "table"),
    Milestone("a long name for a system", 2020.1, "images", "network", "deep"),
    Milestone("soon after", 2020.4, "images", "counts", "deep"),
    Milestone("later", 2023.9, "text", "network", "table"),
]


def test_systems_stand_at_their_year_in_their_lane_with_colour_and_marker():
    figure = figures.timeline(SYSTEMS, colors={"network": plotting.RED})
    ax = figure.axes[0]
    dots = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    assert {name: xy[0] for name, xy in dots.items()} == {m.name: m.year for m in SYSTEMS}
    assert dots["first"][1] == dots["later"][1] < dots["soon after"][1]  # lanes from the top
    assert {"text", "images"} <= {text.get_text() for text in ax.texts}
    legend = {text.get_text() for text in ax.get_legend().get_texts()}
    assert legend == {"counts", "network"}
    colors = {line.get_xdata()[0]: to_hex(line.get_color()) for line in ax.lines if len(line.get_xdata())}
    assert colors[2020.1] == colors[2023.9] == plotting.RED.lower() != colors[2013.5]
    markers = {line.get_xdata()[0]: line.get_marker() for line in ax.lines if len(line.get_xdata())}
    assert markers[2020.1] == markers[2020.4] != markers[2013.5] == markers[2023.9]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"table", "deep"}


def test_names_do_not_touch():
    figure = figures.timeline([Milestone(f"system {i}", 2020 + i / 9, "text", "x", "y") for i in range(9)])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if hasattr(text, "xy")]
    assert len(boxes) == 9
    assert not [1 for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_no_system():
    with pytest.raises(ValueError, match="milestones must hold at least one system; got none"):
        figures.timeline([])
