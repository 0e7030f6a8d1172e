"""The figures of the training chapters: what is drawn where, and every documented error."""

import re

import pytest
from matplotlib.colors import to_hex, to_rgba

from aigc_book import plotting
from aigc_book.chapters.pretraining import figures


def test_window_questions_show_context_target_and_what_is_hidden():
    figure = figures.window_questions(["The", " cat", "\n", "$x$ and $y$"])
    rows = {}
    for text in figure.axes[0].texts:
        rows.setdefault(-text.get_position()[1], []).append(text)
    assert [[text.get_text() for text in row] for row in rows.values()] == [["The", "␣cat", "⏎", "$x$␣and␣$y$"]] * 3
    for row, texts in rows.items():
        grounds = [text.get_bbox_patch().get_facecolor() for text in texts]
        assert grounds[:row] == [to_rgba(plotting.SKY, 0.4)] * row
        assert grounds[row] == to_rgba(plotting.ORANGE, 0.4)
        assert all(text.get_color() != plotting.INK for text in texts[row + 1 :])
    figure.canvas.draw()  # a dollar is a dollar


def test_training_line_leads_from_text_to_loss_and_back():
    figure = figures.training_line()
    words = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert words[:7] == ["text", "tokens", "windows", "optimizer", "model", "targets", "loss"]
    assert words[7:] == ["inputs", "one place on", "gradient", "update"]
    figure.canvas.draw()


def story(moments):
    return figures.training_story(
        ([1, 2, 63], [3.0, 2.5, 1.0]),
        ([0, 3, 15, 40, 63], [3.5, 2.4, 1.9, 1.8, 1.7]),
        moments,
        baselines={"pairs": 2.1},
        ylabel="bits per byte",
    )


def test_training_story_marks_the_moments():
    ax = story([0, 3, 15, 63]).axes[0]
    dots = [line for line in ax.lines if to_hex(line.get_color()) == plotting.COLORS["highlight"].lower()]
    assert [dot.get_ydata()[0] for dot in dots] == [3.5, 2.4, 1.9, 1.7]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([0, 1, 2, 3])  # evenly spaced
    assert [label.get_text() for label in ax.get_xticklabels()] == ["untrained", "update 3", "update 15", "update 63"]
    assert {"pairs", "training text", "held-out text"} <= {text.get_text() for text in ax.texts}
    ax.figure.canvas.draw()


@pytest.mark.parametrize("moments", [[], [0, 4]])
def test_training_story_needs_the_loss_at_its_moments(moments):
    with pytest.raises(ValueError, match="moments must be steps with a held-out loss"):
        story(moments)


def test_sample_cards_mark_the_words_that_do_not_exist():
    page = figures.sample_cards({0: "the qxz", 1000: "The. 42 catz \n\n cat", 7: "x\x08y � <b>&"}, {"the", "cat", "b"})
    assert [re.sub("<.*?>", "", words) for words in re.findall("<mark.*?</mark>", page)] == ["qxz", "catz", "x�y", "�"]
    titles = re.findall("<strong>(.*?)</strong>", page)
    assert titles == ["before training", "update 1,000", "update 7"]
    assert "The. 42" in page
    assert "&lt;b&gt;&amp;" in page  # what the model writes is text, not markup
