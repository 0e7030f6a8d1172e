"""Bars: their lengths, their values, the line of guessing, and every documented error."""

import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting


def test_bars_end_in_their_values():
    groups = {"left": {"all": 0.5, "some": 0.25}, "right": {"all": 1.0}}
    figure = plotting.bars(groups, xlabel="share", colors={"some": plotting.RED}, guess={"left": 0.125})
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == [0.5, 0.25]
    assert [text.get_text() for text in left.texts] == ["50%", "25%", "guess"]
    assert [text.get_text() for text in right.texts] == ["100%"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["all", "some"]
    assert to_hex(left.patches[1].get_facecolor()) == plotting.RED.lower()
    assert left.lines[0].get_xdata()[0] == 0.125 and not right.lines


def test_names_that_all_share_are_written_once():
    same = plotting.bars({"left": {"a": 0.5}, "right": {"a": 1.0}}, xlabel="share")
    other = plotting.bars({"left": {"a": 0.5}, "right": {"b": 1.0}}, xlabel="share")
    for figure, shown in ((same, [True, False]), (other, [True, True])):
        assert [ax.yaxis.get_tick_params()["labelleft"] for ax in figure.axes] == shown


@pytest.mark.parametrize("groups", [{}, {"a": {}}])
def test_nothing_to_draw(groups):
    with pytest.raises(ValueError, match="groups must hold at least one group, and none that is empty"):
        plotting.bars(groups, xlabel="share")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_are_shares(share):
    with pytest.raises(ValueError, match=f"the shares of 'a' must be from 0 to 1; got {share} for 'b'"):
        plotting.bars({"a": {"b": share}}, xlabel="share")
