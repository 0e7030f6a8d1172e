"""The figures of the evaluation chapters: what is drawn where, and every documented error."""

import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.text_metrics import figures

GROUPS = [("kept", 100, {"rewritten": [5, 100, 40]}), ("broken", 0, {"negated": [87, 99, 3], "other": [0, 1, 2]})]


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_score_matrix_shows_scores_and_marks_what_is_wrong():
    figure = figures.score_matrix(GROUPS, ["A", "B", "C"], note="dark: wrong")
    ax = figure.axes[0]
    assert texts(figure) == ["kept", "5", "100", "40", "broken", "87", "99", "3", "0", "1", "2", "dark: wrong"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rewritten", "negated", "other"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "B", "C"]
    error = ax.collections[0].get_array().reshape(5, 3)  # two headings, three rows
    assert error[1].tolist() == pytest.approx([0.95, 0.0, 0.6])
    assert error[3].tolist() == pytest.approx([0.87, 0.99, 0.03])
    assert error[0].mask.all() and error[2].mask.all()


def test_score_matrix_on_another_scale():
    figure = figures.score_matrix([("kept", 1, {"row": [0.25]})], ["A"], best=1)
    assert figure.axes[0].collections[0].get_array().compressed().tolist() == pytest.approx([0.75])


def test_score_matrix_wants_rows_and_a_score_for_each_column():
    with pytest.raises(ValueError, match="groups must hold at least one row with scores; got none"):
        figures.score_matrix([("kept", 100, {})], ["A"])
    with pytest.raises(ValueError, match="row 'negated' must have one score for each of 2 columns; got 3"):
        figures.score_matrix([("broken", 0, {"negated": [1, 2, 3]})], ["A", "B"])


def test_subsequence_table_colours_where_words_agree():
    figure = figures.subsequence_table(["a", "cat"], ["cat", "a", "sat"], [[0, 1, 1], [1, 1, 1]])
    ax = figure.axes[0]
    assert [text for text in texts(figure) if text] == ["cat", "a", "sat", "a", "0", "1", "1", "cat", "1", "1", "1"]
    grounds = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    fields = [grounds[5:8], grounds[9:12]]  # behind the head's four cells and each row's word
    assert [[ground != "#ffffff" for ground in row] for row in fields] == [[False, True, False], [True, False, False]]


def test_subsequence_table_wants_a_row_for_each_word():
    with pytest.raises(ValueError, match=r"lengths must be 2 rows of 1; got rows of \[1\]"):
        figures.subsequence_table(["a", "cat"], ["cat"], [[0]])


def test_word_alignment_colours_words_by_run():
    figure = figures.word_alignment(["b", "c", "x", "a"], ["a", "b", "c"], [[(0, 1), (1, 2)], [(3, 0)]])
    ax = figure.axes[0]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0, 1], [1, 2], [3, 0]]
    color = {(text.get_position()): to_hex(text.get_color()).upper() for text in ax.texts}
    assert color[0, 1] == color[1, 0] == color[1, 1] == plotting.BLUE
    assert color[3, 1] == color[0, 0] == plotting.ORANGE
    assert color[2, 1] == plotting.GREY


def test_word_alignment_wants_places_inside_the_texts():
    with pytest.raises(ValueError, match=r"places must be in texts of 1 and 2 words; got \(0, 2\)"):
        figures.word_alignment(["a"], ["a", "b"], [[(0, 2)]])
