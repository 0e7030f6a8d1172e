"""The timeline: years, lanes and colours, names that don't touch, and the documented error."""

import itertools

import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.plotting import Milestone

SYSTEMS = [
    Milestone("first", 2013.5, "text", "counts"),
    Milestone("a long name for a system", 2020.1, "images", "network"),
    Milestone("soon after", 2020.4, "images", "counts"),
    Milestone("later", 2023.9, "text", "network"),
]


def test_systems_stand_at_their_year_in_their_lane_and_colour():
    figure = plotting.timeline(SYSTEMS, colors={"network": plotting.RED})
    ax = figure.axes[0]
    dots = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    assert {name: xy[0] for name, xy in dots.items()} == {m.name: m.year for m in SYSTEMS}
    assert dots["first"][1] == dots["later"][1] < dots["soon after"][1]  # lanes from the top
    assert {"text", "images"} <= {text.get_text() for text in ax.texts}
    legend = {text.get_text() for text in ax.get_legend().get_texts()}
    assert legend == {"counts", "network"}
    colors = {line.get_xdata()[0]: to_hex(line.get_color()) for line in ax.lines if len(line.get_xdata())}
    assert colors[2020.1] == colors[2023.9] == plotting.RED.lower() != colors[2013.5]


def test_names_do_not_touch():
    figure = plotting.timeline([Milestone(f"system {i}", 2020 + i / 9, "text", "x") for i in range(9)])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if hasattr(text, "xy")]
    assert len(boxes) == 9
    assert not [1 for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]


def test_no_system():
    with pytest.raises(ValueError, match="milestones must hold at least one system; got none"):
        plotting.timeline([])
