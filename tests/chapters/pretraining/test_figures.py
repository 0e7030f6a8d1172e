"""The figures of the training chapters: what is drawn where, and every documented error."""

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


def story(samples):
    return figures.training_story(
        ([1, 2, 63], [3.0, 2.5, 1.0]),
        ([0, 3, 15, 40, 63], [3.5, 2.4, 1.9, 1.8, 1.7]),
        samples,
        baselines={"pairs": 2.1},
        known={"the", "cat"},
        ylabel="bits per byte",
    )


def test_training_story_marks_the_moments_and_the_words_that_do_not_exist():
    figure = story({0: "the qxz", 3: "cat \n\n the", 15: "The. 42 catz", 63: "漢\x08 $the$"})
    ax, page = figure.axes
    dots = [line for line in ax.lines if to_hex(line.get_color()) == plotting.COLORS["highlight"].lower()]
    assert [dot.get_ydata()[0] for dot in dots] == [3.5, 2.4, 1.9, 1.7]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([0, 1, 2, 3])  # evenly spaced
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "before training",
        "update 3",
        "update 15",
        "update 63",
    ]
    words = {text.get_text(): text.get_color() == plotting.COLORS["wrong"] for text in page.texts}
    assert words == {
        "the": False,
        "qxz": True,
        "cat": False,
        "The.": False,
        "42": False,
        "catz": True,
        "��": True,
        "$the$": False,
    }
    assert {"pairs", "training text", "held-out text"} <= {text.get_text() for text in ax.texts}
    figure.canvas.draw()


def test_training_story_breaks_lines_and_keeps_only_what_fits():
    page = story({0: "the cat " * 200, 63: "the"}).axes[1]
    lines = {text.xyann[1] for text in page.texts}
    assert len(lines) == 7
    assert len(page.texts) == 7 * 7 + 1  # "the cat the cat the cat the" has 27 of 28 characters


@pytest.mark.parametrize("samples", [{}, {0: "the", 4: "cat"}])
def test_training_story_needs_the_loss_at_its_samples(samples):
    with pytest.raises(ValueError, match="samples must be of steps with a held-out loss"):
        story(samples)
