"""Networks, boundaries, digits and races: what is drawn, and every documented error."""

import re

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.neural_networks import figures

TINY = dict(
    values=[[1, 2], [0, 1], [-0.5]],
    weights=[np.array([[1.0, 1], [3, -1]]), np.array([[2.0, -1]])],
    value_gradients=[[6, -2], [-4, 2], [-2]],
    weight_gradients=[np.array([[0.0, 0], [2, 4]]), np.array([[0.0, -2]])],
    layer_names=["in", "hidden", "out"],
)


def test_network_shows_every_number_once_forwards_and_once_backwards():
    ax = figures.network_numbers(**TINY).axes[0]
    black = [t.get_text() for t in ax.texts if to_hex(t.get_color()) == plotting.INK]
    red = [t.get_text().strip() for t in ax.texts if to_hex(t.get_color()) == plotting.RED.lower()]
    assert {"1", "2", "0", "-0.5", "3", "-1"} <= set(black)
    assert sorted(red)[:5] == ["-2", "-2", "-2", "-4", "0"]
    assert len(red) == 5 + 6 + 1  # units, arrows, and the legend


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [np.zeros((2, 2))]}, r"weights must have the shapes \[\(2, 2\), \(1, 2\)\]; got \[\(2, 2\)\]"),
        ({"weight_gradients": [np.zeros((2, 2)), np.zeros((2, 1))]}, r"weight_gradients must have the shapes"),
        ({"value_gradients": [[6], [-4, 2], [-2]]}, r"layers of \[2, 2, 1\] units; got \[1, 2, 1\] and 3 names"),
        ({"layer_names": ["in"]}, "and 1 names"),
    ],
)
def test_network_errors(change, message):
    with pytest.raises(ValueError, match=message):
        figures.network_numbers(**(TINY | change))


def test_boundaries_ask_the_model_everywhere_and_draw_the_line():
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    asked = []

    def model(grid):
        asked.append(grid)
        return (grid[:, 0] > 0.5) * 0.9

    figure = figures.decision_boundaries({"step": model, "flat": lambda g: np.full(len(g), 0.2)}, points, [0, 1, 0, 1])
    step, flat = figure.axes
    assert asked[0].min() < 0 and asked[0].max() > 1
    image = step.images[0].get_array()
    assert image[:, 0].max() == 0 and image[:, -1].min() == 0.9
    assert len(step.collections) == 3 and len(flat.collections) == 2  # no line where the model is never undecided


@pytest.mark.parametrize(
    ("models", "points", "labels"),
    [({}, np.zeros((2, 2)), [0, 1]), ({"a": len}, np.zeros((2, 3)), [0, 1]), ({"a": len}, np.zeros((2, 2)), [0])],
)
def test_boundary_errors(models, points, labels):
    with pytest.raises(ValueError, match=r"at least one model, points \(N, 2\) and labels \(N,\); got"):
        figures.decision_boundaries(models, points, labels)


def test_digits_read_names_what_is_wrong():
    figure = figures.digits_read(np.zeros((10, 8, 8)), range(10), [*range(9), 3], [0.5] * 10)
    titles = [ax.title for ax in figure.axes]
    assert titles[0].get_text() == "0  50%"
    assert titles[9].get_text() == "9≠3  50%"
    assert to_hex(titles[9].get_color()) == plotting.RED.lower()
    assert to_hex(titles[0].get_color()) == plotting.GREEN.lower()
    assert sum(bool(ax.images) for ax in figure.axes) == 10


@pytest.mark.parametrize("n", [0, 2])
def test_digits_read_errors(n):
    with pytest.raises(ValueError, match=f"equally long and not empty; got {n}, 1, 1 and 1"):
        figures.digits_read(np.zeros((n, 8, 8)), [1], [1], [1.0])


BOX = dict(minimum=(0, 0), xlim=(-2, 2), ylim=(-2, 2))


def bowl(x, y):
    return x**2 + 3 * y**2


def spiral_in(steps=12):
    shrink = 0.8 ** np.arange(steps + 1)
    return np.stack([1.5 * shrink, shrink], axis=1)


def test_race_is_a_page_of_its_own_without_a_network():
    paths = {"fast": spiral_in(), "slow": 0.5 + 0.5 * spiral_in()}
    before = {name: path.copy() for name, path in paths.items()}
    page = figures.descent_race(bowl, paths, frames=4, dpi=30, **BOX).data
    assert len(re.findall(r"frames\[\d+\] =", page)) == 7  # 4 pictures, and the last one three times more
    assert "data:image/png;base64" in page
    assert set(re.findall(r'(?:src|href)="(https?://[^"]+)"', page)) <= {
        "https://maxcdn.bootstrapcdn.com/font-awesome/4.4.0/css/font-awesome.min.css"  # taken out by the book's build
    }
    assert len(page) < 300_000
    assert plt.get_fignums() == []
    for name, path in paths.items():
        assert np.array_equal(path, before[name])


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({}, r"paths must be 1 to 6 arrays of one shape \(steps \+ 1, 2\); got \{\}"),
        ({"a": spiral_in(), "b": spiral_in(3)}, r"got \{'a': \(13, 2\), 'b': \(4, 2\)\}"),
        ({"a": np.zeros((5, 3))}, r"got \{'a': \(5, 3\)\}"),
        ({"a": np.zeros(5)}, r"got \{'a': \(5,\)\}"),
        ({str(n): spiral_in() for n in range(7)}, "paths must be 1 to 6"),
    ],
)
def test_race_errors(paths, message):
    with pytest.raises(ValueError, match=message):
        figures.descent_race(bowl, paths, **BOX)


def test_race_needs_two_frames():
    with pytest.raises(ValueError, match="frames must be at least 2; got 1"):
        figures.descent_race(bowl, {"a": spiral_in()}, frames=1, **BOX)


def test_steps_up_are_red_and_counted():
    figure = figures.steps_up_and_down({"small": [3.0, 2.0, 2.5, 1.0, 0.5], "large": [3.0, 2.0, 1.0]})
    left, right = figure.axes
    colors = [to_hex(line.get_color()) for line in left.lines]
    assert colors.count(plotting.COLORS["wrong"].lower()) == 1
    assert colors.count(plotting.COLORS["validation"].lower()) == 3
    assert [ax.texts[0].get_text() for ax in (left, right)] == ["25% of steps go up", "0% of steps go up"]
    assert (left.get_title(loc="left"), right.get_title(loc="left")) in {("small", "large"), ("", "")}


@pytest.mark.parametrize("losses", [{}, {"a": [1.0]}])
def test_steps_errors(losses):
    with pytest.raises(ValueError, match="at least one list of two values or more; got"):
        figures.steps_up_and_down(losses)
