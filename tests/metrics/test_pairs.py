import numpy as np
import pytest

from aigc_book.metrics.pairs import best_references, count_references, merge_counts, read_pairs


@pytest.mark.parametrize(
    "hypotheses, references, expected",
    [
        ("a", "b", (["a"], [["b"]])),
        ("a", ["b", "c"], (["a"], [["b", "c"]])),
        (["a", "b"], ["c", "d"], (["a", "b"], [["c"], ["d"]])),
        (("a", "b"), (("c", "d"), ("e",)), (["a", "b"], [["c", "d"], ["e"]])),
        (iter(["a"]), iter(["b"]), (["a"], [["b"]])),
        (np.array(["a"]), np.array(["b"]), (["a"], [["b"]])),
        ("", "", ([""], [[""]])),
    ],
)
def test_one_form(hypotheses, references, expected):
    assert read_pairs(hypotheses, references) == expected


@pytest.mark.parametrize(
    "hypotheses, references, message",
    [
        ([], [], "hypotheses must hold at least one text; got an empty list"),
        (["a", "b"], ["c"], "must have the same length; got 2 and 1"),
        (["a", "b"], [["c", "d"]], r"sacrebleu's layout is turned by list\(zip\(\*references\)\)"),
        (["a"], "b", "references must be a list of texts; got the string 'b'"),
        (["a"], 5, "references must be a list of texts; got int"),
        (None, ["a"], "hypotheses must be a list of texts; got NoneType"),
        (b"a", ["a"], "hypotheses must be a list of texts; got the string b'a'"),
        (["a"], [[]], r"references\[0\] must hold at least one text; got none"),
        ("a", [], r"references\[0\] must hold at least one text; got none"),
        (["a", 5], ["b", "c"], r"hypotheses\[1\] must be a text; got int"),
        ([["a"]], ["b"], r"hypotheses\[0\] must be a text; got list"),
        (["a"], [None], r"references\[0\] must be a list of texts; got NoneType"),
        (["a"], [["b", None]], r"references\[0\] must hold texts; got NoneType"),
    ],
)
def test_what_is_refused(hypotheses, references, message):
    with pytest.raises(ValueError, match=message):
        read_pairs(hypotheses, references)


def test_input_is_left_as_it_was():
    hypotheses, references = ["a", "b"], [["c"], ["d"]]
    _, sets = read_pairs(hypotheses, references)
    sets[1].append("e")
    assert (hypotheses, references) == (["a", "b"], [["c"], ["d"]])


def test_counts_of_references():
    assert count_references([["a"], ["b"]]) == "1"
    assert count_references([["a"], ["b", "c"]]) == "var"
    assert merge_counts("2", "2") == "2"
    assert merge_counts("1", "2") == "var"


def test_the_first_of_equally_good_references_is_best():
    """Scores 3 | 1 2 2 | 0 0: of the second segment the one at 2, of the third the one at 4."""
    scores = [3, 1, 2, 2, 0, 0]
    assert best_references(scores.__getitem__, np.array([1, 3, 2])).tolist() == [0, 2, 4]
