"""The figures of the chapter: what is drawn where, and every documented error."""

import pytest
from matplotlib.colors import to_hex

from aigc_book.chapters.alignment import figures


def looks(*values):
    return [{"kl": kl, "gain": gain, "truth": truth} for kl, gain, truth in values]


def test_the_stages_are_drawn():
    figure = figures.stages()
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"base model", "tuned model", "reward model", "policy", "labelled pairs"} <= words


def test_proxy_and_truth_over_kl():
    runs = {"GRPO, β = 0": [looks((0, 0, 1), (9, 2, -3)), looks((-0.1, 0, 1), (4, 1, 0))], "DPO": [looks((0, 0, 1))]}
    figure = figures.over_kl(runs, {"truth": 1.0})
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[0, 2], [0, 1], [0]]
    assert [list(line.get_xdata()) for line in left.lines][:2] == [[0, 9], [0, 4]]  # a divergence below 0 is noise
    assert [list(line.get_ydata()) for line in right.lines[1:]] == [[1, -3], [1, 0], [1]]
    assert to_hex(left.lines[0].get_color()) == figures.RED.lower()
    assert {text.get_text() for text in right.texts} == set(runs)
    assert left.get_xlim()[0] == 0 and left.get_xlim()[1] > 9
    with pytest.raises(ValueError, match="methods must be among GRPO"):
        figures.over_kl({"other": []}, {"truth": 1.0})


def test_a_bar_for_the_mean_and_a_dot_for_each_seed():
    figure = figures.three_stages({"one": [1.0, 2.0], "two": [-4.0, -2.0]}, best=3.0)
    ax = figure.axes[0]
    assert [bar.get_width() for bar in ax.patches] == [1.5, -3.0]
    assert list(ax.lines[0].get_xdata()) == [1.0, 2.0] and list(ax.lines[1].get_xdata()) == [-4.0, -2.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]


def test_rewards_over_compute():
    arms = {"rewards, from zero": [([0, 64], [-8.0, 0.0]), ([0, 64], [-7.0, 0.2])]}
    figure = figures.from_zero(arms, best=3.0)
    ax = figure.axes[0]
    assert [list(line.get_ydata()) for line in ax.lines[2:]] == [[-8.0, 0.0], [-7.0, 0.2]]
    assert {"perfect", "silence", "rewards,\nfrom zero"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(ValueError, match="arms must be among likelihood, from zero"):
        figures.from_zero({"other": []}, best=3.0)
