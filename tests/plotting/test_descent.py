"""The race of optimizers and the steps that go up: what is drawn, and every documented error."""

import re

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from aigc_book import plotting

BOX = dict(minimum=(0, 0), xlim=(-2, 2), ylim=(-2, 2))


def bowl(x, y):
    return x**2 + 3 * y**2


def spiral_in(steps=12):
    shrink = 0.8 ** np.arange(steps + 1)
    return np.stack([1.5 * shrink, shrink], axis=1)


def test_race_is_a_page_of_its_own_without_a_network():
    paths = {"fast": spiral_in(), "slow": 0.5 + 0.5 * spiral_in()}
    before = {name: path.copy() for name, path in paths.items()}
    page = plotting.descent_race(bowl, paths, frames=4, dpi=30, **BOX).data
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
        plotting.descent_race(bowl, paths, **BOX)


def test_race_needs_two_frames():
    with pytest.raises(ValueError, match="frames must be at least 2; got 1"):
        plotting.descent_race(bowl, {"a": spiral_in()}, frames=1, **BOX)


def test_steps_up_are_red_and_counted():
    figure = plotting.steps_up_and_down({"small": [3.0, 2.0, 2.5, 1.0, 0.5], "large": [3.0, 2.0, 1.0]})
    left, right = figure.axes
    colors = [to_hex(line.get_color()) for line in left.lines]
    assert colors.count(plotting.COLORS["wrong"].lower()) == 1
    assert colors.count(plotting.COLORS["validation"].lower()) == 3
    assert [ax.texts[0].get_text() for ax in (left, right)] == ["25% of steps go up", "0% of steps go up"]
    assert (left.get_title(loc="left"), right.get_title(loc="left")) in {("small", "large"), ("", "")}


@pytest.mark.parametrize("losses", [{}, {"a": [1.0]}])
def test_steps_errors(losses):
    with pytest.raises(ValueError, match="at least one list of two values or more; got"):
        plotting.steps_up_and_down(losses)
