"""Curves and panels of curves: what is drawn where, and every documented error."""

import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting


def test_curves_name_their_lines_at_the_ends():
    figure = plotting.curves({"train": ([1, 10], [3, 1]), "other": ([1, 10], [3, 2])}, xlabel="step", ylabel="loss")
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert {text.get_text(): text.xy for text in ax.texts} == {"train": (10, 1), "other": (10, 2)}
    assert to_hex(ax.lines[0].get_color()) == plotting.COLORS["train"].lower()


@pytest.mark.parametrize("logy", [False, True])
def test_names_that_would_touch_are_moved_apart(logy):
    lines = {"a": ([0, 1], [1, 5.0]), "b": ([0, 1], [1, 5.01]), "c": ([0, 1], [1, 9.0]), "d": ([0, 1], [1, 5.0])}
    figure = plotting.curves(lines, xlabel="x", ylabel="y", logy=logy)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    heights = {t.get_text(): ax.transData.transform(t.xy)[1] * 72 / figure.dpi + t.xyann[1] for t in ax.texts}
    a, d, b, c = (heights[name] for name in "adbc")
    assert d - a > 10 and b - d > 10
    assert {t.get_text(): t.xyann[1] for t in ax.texts}["c"] == 0  # far from the others: not moved
    assert c > b


def test_panels_share_colours_and_have_ticks_where_they_were_measured():
    panels = [
        plotting.Panel("left", {"ours": ([2, 8, 1024], [1, 2, 3])}, "seconds"),
        plotting.Panel(
            "right", {"peer": ([2, 8, 1024], [1, 2, 3]), "ours": ([2, 8, 1024], [4, 5, 6])}, "MiB", logy=True
        ),
    ]
    figure = plotting.curve_panels(panels, xlabel="n", logx=True)
    left, right = figure.axes
    assert left.lines[0].get_color() == right.lines[1].get_color() != right.lines[0].get_color()
    assert [label.get_text() for label in left.get_xticklabels()] == ["2", "8", "1,024"]
    assert (left.get_yscale(), right.get_yscale()) == ("linear", "log")
    assert (left.get_ylabel(), right.get_ylabel(), right.get_xlabel()) == ("seconds", "MiB", "n")
    assert right.lines[1].get_ydata().tolist() == [4, 5, 6]
    figure.canvas.draw()
    assert "1" in [label.get_text() for label in right.get_yticklabels()]  # and not 10⁰ with an exponent


def test_dots_are_named_at_the_highest():
    figure = plotting.curve_panels(
        [plotting.Panel("", {"measured": ([0, 1, 2], [5, 9, 7])}, "y")], xlabel="x", dots=["measured"]
    )
    ax = figure.axes[0]
    assert ax.lines[0].get_linestyle() == "None" and ax.lines[0].get_marker() == "o"
    assert ax.texts[0].xy == (1, 9)


def test_panels_want_a_panel():
    with pytest.raises(ValueError, match="at least one panel; got none"):
        plotting.curve_panels([], xlabel="n")
