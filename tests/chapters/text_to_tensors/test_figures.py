"""Tokens as chips, merges as a table, batches from above: what is shown, and every documented error."""

import re

import pytest

from aigc_book.chapters.text_to_tensors import figures


def words_of(html) -> str:
    return re.sub(r"<[^>]+>", " ", html.data)


def test_strips_show_tokens_ids_and_numbers():
    groups = {"a <b> c": {"words": ["a", "<b>", "c"], "pieces": ["a <", "b\n", "> c"]}}
    shown = figures.token_strips(groups, {"a <b> c": {"words": [3, 1, 41]}})
    assert "<b>" not in shown.data.replace("<b>a &lt;b&gt; c</b>", "").replace("<b>3</b>", "")  # the text is escaped
    assert re.sub(r"\s+", " ", words_of(shown)).strip() == (
        "a &lt;b&gt; c words a 3 &lt;b&gt; 1 c 41 3 pieces a␣&lt; b⏎ &gt;␣c 3"
    )


def test_strips_that_can_not_be():
    with pytest.raises(ValueError, match="groups must hold at least one text; got none"):
        figures.token_strips({})
    with pytest.raises(ValueError, match="'words' must have tokens, and one id for each; got 0 tokens and no ids"):
        figures.token_strips({"a": {"words": []}})
    with pytest.raises(ValueError, match="got 1 tokens and 2 ids"):
        figures.token_strips({"a": {"words": ["a"]}}, {"a": {"words": [1, 2]}})


def test_merges_stack_by_rank():
    """With merges a+b, ab+c: "abcd" has a level of four symbols, one with ab, one with abc."""
    shown = figures.merge_table([list("abcd")], [("a", "b"), ("ab", "c")], {"a": "A", "ab": "AB"})
    rows = re.findall(r"<tr>(.*?)</tr>", shown.data)
    text = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows]
    assert text == ["abc merge 2", "AB merge 1", "A byte b byte c byte d byte"]
    assert [re.findall(r'colspan="(\d)"', row) for row in rows] == [["3", "1"], ["2", "2"], ["1", "1", "1", "1"]]


def test_the_first_learned_merge_goes_first():
    """In "abc" with b+c learned before a+b, the pair b+c wins."""
    shown = figures.merge_table([list("abc")], [("b", "c"), ("a", "b")], {})
    assert "bc" in words_of(shown) and "ab" not in words_of(shown)


def test_merge_tables_that_can_not_be():
    for words in ([], [["a"], []]):
        with pytest.raises(ValueError, match="words must hold at least one word, and none that is empty"):
            figures.merge_table(words, [], {})


def test_batches_say_how_much_is_padding():
    """Rows of 4 and 2: six of eight places are used. Packed, all are."""
    figure = figures.batch_grids({"padded": [[4], [2]], "packed": [[3, 1], [4]]})
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == [
        "padded\n25% padding",
        "packed\n0% padding",
    ]
    assert [len(ax.patches) for ax in figure.axes] == [4, 5]  # one a row for the padding, one a document


@pytest.mark.parametrize("panels", [{}, {"a": []}, {"a": [[1], []]}])
def test_batches_that_can_not_be(panels):
    with pytest.raises(ValueError, match="must hold at least one panel, each with rows, and none of them empty"):
        figures.batch_grids(panels)
