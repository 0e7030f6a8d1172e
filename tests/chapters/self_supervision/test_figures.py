"""The figures of the chapter: what is drawn where, and every documented error."""

import pytest
from matplotlib import pyplot as plt

from aigc_book.chapters.self_supervision import figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_two_questions_hide_one_word_and_shift_the_others():
    figure = figures.two_questions(["Tom", "lost", "his", "hat", "."], hidden=3)
    words = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert words.count("[M]") == 1 and words.count("hat") == 3  # goes in, is asked for; and in the masked drawing
    assert words.count("end") == 1 and words.count("causal") == words.count("masked") == 1
    assert sum(word.startswith("place ") for word in words) == 10


def test_a_story_shows_both_guesses_and_a_cross_at_the_wrong_one():
    words = ["Tom", "lost", "$his$", "hat", "."] * 5
    figure = figures.filled_story(words, {"one": {1: "lost", 8: "bag"}, "other": {1: "found", 8: "hat"}})
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert drawn.count("bag✗") == drawn.count("found✗") == 1 and "hat✗" not in drawn
    assert drawn.count("lost") == 6 and drawn.count("hat") == 6
    assert {"above: one", "below: other"} <= set(drawn)
    figure.canvas.draw()  # a dollar is a dollar


def test_a_story_of_other_readers_is_refused():
    with pytest.raises(ValueError, match=r"two readers, for the same gaps; got \['one'\]"):
        figures.filled_story(["a"], {"one": {0: "a"}})
    with pytest.raises(ValueError, match="two readers, for the same gaps"):
        figures.filled_story(["a", "b"], {"one": {0: "a"}, "other": {1: "b"}})


def test_broken_stories_over_sweeps():
    figure = figures.broken_over_sweeps({1: [9, 8, 7], 4: [3, 4, 5]}, [2, 3, 4], [0, 0, 0], n=10)
    (ax,) = figure.axes
    assert {text.get_text() for text in ax.texts} == {"causal model", "real stories", "masked model"}
    assert list(ax.get_xticks()) == [1, 4]
    figure.canvas.draw()
