"""Words on a plane, arrows between them, rows of dots, a cloud: what is drawn where, and every documented error."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from aigc_book import plotting
from aigc_book.chapters.word_embeddings import figures


def test_families_are_written_out_and_others_are_dots():
    words = ["red", "blue", "one", "two", "other"]
    points = np.array([[0, 0], [0, 1], [5, 0], [5, 1], [9, 9.0]])
    before = points.copy()
    ax = figures.word_map(points, words, {"colours": ["red", "blue", "mauve"], "numbers": ["one", "two"]}).axes[0]
    texts = {text.get_text(): text for text in ax.texts}
    assert set(texts) == {"red", "blue", "one", "two", "colours", "numbers"}
    assert texts["red"].xy == (0, 0)
    assert texts["red"].get_color() == texts["colours"].get_color() != texts["one"].get_color()
    assert texts["colours"].get_weight() == "bold"
    assert len(ax.lines[0].get_xdata()) == 5
    assert np.array_equal(points, before)


def boxes(figure) -> list:
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in figure.axes[0].texts]


def test_words_at_the_same_place_are_moved_apart():
    words = ["alpha", "beta", "gamma", "delta", "omega"]
    figure = figures.word_map(np.array([[0, 0.0]] * 4 + [[9, 9]]), words, {"letters": words[:4]})
    found = boxes(figure)
    assert len(found) == 5
    for i, a in enumerate(found):
        for b in found[:i]:
            assert min(a.x1, b.x1) - max(a.x0, b.x0) < 2 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2  # pixels


def test_arrows_go_from_the_first_word_to_the_second():
    ax = figures.word_arrows([[0, 0], [1, 0]], [[0, 1], [1, 2]], [("key", "keys"), ("file", "files")]).axes[0]
    texts = {text.get_text(): text for text in ax.texts if text.get_text()}
    assert {word: tuple(text.xy) for word, text in texts.items()} == {
        "key": (0, 0), "file": (1, 0), "keys": (0, 1), "files": (1, 2)
    }  # fmt: skip
    assert texts["key"].get_color() == plotting.BLUE
    assert texts["keys"].get_color() == plotting.RED
    arrows = [text for text in ax.texts if not text.get_text()]
    assert [(tuple(a.xyann), tuple(a.xy)) for a in arrows] == [((0, 0), (0, 1)), ((1, 0), (1, 2))]


def test_rows_of_dots_are_named_in_the_first():
    rows = {"plural": {"ours": 20.0, "peer": 5.0}, "tense": {"ours": 7.0, "peer": 9.0}}
    ax = figures.dot_rows(rows, xlabel="right (%)", colors={"peer": plotting.RED}, line=("chance", 1.0)).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plural", "tense"]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "o"]
    assert dots == [(20, 0), (5, 0), (7, 1), (9, 1)]
    assert {text.get_text() for text in ax.texts} == {"ours", "peer", "chance"}
    assert to_hex(ax.lines[2].get_color()) == plotting.RED.lower()
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row is on top
    assert ax.lines[-1].get_xdata() == [1.0, 1.0]


def test_a_cloud_is_an_image_with_a_line_across():
    ax = figures.cloud([0, 2], [1, 3], xlabel="x", ylabel="y", line=("equal", 2.0, 1.0)).axes[0]
    assert ax.lines[0].get_rasterized()
    assert ax.lines[1].get_ydata().tolist() == [1, 5]
    assert ax.texts[0].get_text() == "equal"
    assert len(figures.cloud([0], [1], xlabel="x", ylabel="y").axes[0].lines) == 1


def test_errors():
    with pytest.raises(ValueError, match=r"shape \(2, 2\), one for each word; got \(3, 2\)"):
        figures.word_map(np.zeros((3, 2)), ["a", "b"], {"f": ["a"]})
    with pytest.raises(ValueError, match="one of the family 'f'; got none of"):
        figures.word_map(np.zeros((2, 2)), ["a", "b"], {"f": ["c"]})
    with pytest.raises(ValueError, match=r"must be \(1, 2\); got \(1, 2\) and \(2, 2\)"):
        figures.word_arrows(np.zeros((1, 2)), np.zeros((2, 2)), [("a", "b")])
    with pytest.raises(ValueError, match="at least one row; got none"):
        figures.dot_rows({}, xlabel="x")


def test_window_names_every_word_and_its_distance():
    words = ["the", "error", "is", "raised", "when"]
    figure = figures.context_window(words, centre=1, window=2)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("") == 3  # an arrow for each neighbour
    assert [text for text in texts if text] == [*words, "d = 1", "centre", "d = 1", "d = 2", "d = 3"]
    figure.draw_without_rendering()


@pytest.mark.parametrize(("n", "centre"), [(6, 0), (1, 0), (3, 3), (3, -1)])
def test_window_refuses_what_a_sheet_cannot_hold(n, centre):
    with pytest.raises(ValueError, match=f"got {n} words, place {centre}"):
        figures.context_window(["a"] * n, centre, 1)
