"""The ladder of models and the wall: what is drawn where, and every documented error."""

import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.recurrent_networks import figures


def test_ladder_has_a_bar_and_a_text_for_each_model():
    rows = {"counts": (2.5, "the of"), "network": (2.0, "the wuggish cat")}
    figure = figures.text_ladder(rows, known={"the", "of", "cat"}, xlabel="bits", colors={"network": plotting.BLUE})
    bars, page = figure.axes
    assert [bar.get_width() for bar in bars.patches] == [2.5, 2.0]
    assert to_hex(bars.patches[1].get_facecolor()) == plotting.BLUE.lower()
    assert [label.get_text() for label in bars.get_yticklabels()] == ["counts", "network"]
    assert bars.get_xlabel() == "bits"
    assert [text.get_text() for text in bars.texts] == ["2.50", "2.00"]
    red = [text.get_text() for text in page.texts if text.get_color() == plotting.COLORS["wrong"]]
    assert red == ["wuggish"]
    assert [text.xy[1] for text in page.texts] == [0, 0, 1, 1, 1]


def test_ladder_shows_three_lines_and_no_strange_signs():
    figure = figures.text_ladder({"a": (1.0, "word " * 200 + "\x00")}, known={"word"}, xlabel="bits")
    heights = {text.xyann[1] for text in figure.axes[1].texts}
    assert len(heights) == 3
    figure = figures.text_ladder({"a": (1.0, "two\nlines \x07 文")}, known={"two", "lines"}, xlabel="bits")
    assert [text.get_text() for text in figure.axes[1].texts] == ["two", "lines", "�", "�"]
    figure.draw_without_rendering()


def test_ladder_refuses_nothing():
    with pytest.raises(ValueError, match="rows must hold at least one model"):
        figures.text_ladder({}, known=set(), xlabel="bits")


def test_wall_draws_the_loss_and_every_path():
    paths = {"thrown": [1.0, 0.9, -1.0], "kept": [1.0, 0.95, 0.9]}
    figure = figures.wall(lambda u: u**2, paths, xlim=(-1.5, 1.5), xlabel="u")
    top, below = figure.axes
    assert top.lines[0].get_ydata()[0] == 2.25
    assert top.lines[1].get_ydata().tolist() == pytest.approx([1.0, 0.81, 1.0])
    assert below.lines[0].get_xdata().tolist() == paths["thrown"]
    assert below.lines[1].get_ydata().tolist() == [0, 1, 2]
    assert {text.get_text(): text.xy for text in below.texts} == {"thrown": (-1.0, 2), "kept": (0.9, 2)}
    assert below.yaxis_inverted()
    figure.draw_without_rendering()


@pytest.mark.parametrize("paths", [{}, {"a": []}])
def test_wall_refuses_no_path(paths):
    with pytest.raises(ValueError, match="at least one path, and none that is empty"):
        figures.wall(lambda u: u, paths, xlim=(0, 1), xlabel="u")


@pytest.mark.parametrize("steps", [2, 4])
def test_unrolled_has_a_layer_an_input_and_a_state_for_each_step(steps):
    figure = figures.unrolled(steps)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("tanh") == texts.count("$W$") == texts.count("$U$") == steps
    assert {f"$x_{t}$" for t in range(1, steps + 1)} | {f"$h_{t}$" for t in range(steps + 1)} <= set(texts)
    figure.draw_without_rendering()


@pytest.mark.parametrize("steps", [1, 5])
def test_unrolled_refuses_what_a_phone_cannot_show(steps):
    with pytest.raises(ValueError, match=f"steps must be from 2 to 4; got {steps}"):
        figures.unrolled(steps)


def test_lstm_cell_has_four_sets_of_rows_and_both_states():
    figure = figures.lstm_cell()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"$i_t$", "$f_t$", "$g_t$", "$o_t$", "$c_{t-1}$", "$h_{t-1}$", "$x_t$", "$c_t$", "$h_t$"} <= set(texts)
    assert texts.count(r"$\sigma$") == 3
    assert texts.count("tanh") == 2
    figure.draw_without_rendering()
