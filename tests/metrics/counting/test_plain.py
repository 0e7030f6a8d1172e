"""The fast counting is what the plain definition says, for anything; and there is one door to it."""

import ast
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_book.metrics import counting
from aigc_book.metrics.counting import plain
from aigc_book.metrics.tokenize import tokenize

IDS = st.lists(st.integers(0, 4) | st.sampled_from([2**21, 2**50, 2**62]), max_size=9)
SMALL = st.lists(st.integers(0, 4), max_size=12)
fast = settings(deadline=None, max_examples=200)


def rows(lists):
    return counting.Rows.from_lists(lists)


@fast
@given(st.lists(st.tuples(IDS, st.lists(IDS, min_size=1, max_size=4)), max_size=6), st.integers(1, 6))
def test_clipped_matches(corpus, max_order):
    flat = [ids for _, references in corpus for ids in references]
    per_segment = np.array([len(references) for _, references in corpus], int)
    found = counting.clipped_matches(rows([ids for ids, _ in corpus]), rows(flat), max_order, per_segment)
    assert found.tolist() == [plain.clipped_matches(ids, references, max_order) for ids, references in corpus]


@fast
@given(st.lists(st.tuples(SMALL, SMALL), max_size=80))
def test_longest_common_subsequences(pairs):
    lefts, rights = [left for left, _ in pairs], [right for _, right in pairs]
    tables = [plain.lcs_table(left, right) for left, right in pairs]
    assert counting.lcs_lengths(rows(lefts), rows(rights)).tolist() == [table[-1][-1] for table in tables]
    for left, right, table in zip(lefts, rights, tables, strict=True):
        for i, row in enumerate(counting.lcs_rows(left, right)):
            assert [j - (row & ((1 << j) - 1)).bit_count() for j in range(len(right) + 1)] == table[i]


@fast
@given(st.lists(st.tuples(SMALL, SMALL), max_size=6))
def test_equal_words_are_matched_from_the_end(pairs):
    left, right = rows([left for left, _ in pairs]), rows([right for _, right in pairs])
    i, j = counting.match_equal(left.ids, left.row_of, right.ids, right.row_of)
    found = sorted(zip(i.tolist(), j.tolist(), strict=True))
    expected = []
    for row, (a, b) in enumerate(pairs):
        expected += [(left.starts[row] + m, right.starts[row] + n) for m, n in plain.match_equal(a, b)]
    assert found == expected


@fast
@given(st.lists(st.text("ab 我.", max_size=12), max_size=6), st.sampled_from(["13a", "none", "char", str.split]))
def test_ids(texts, tokenizer):
    numbers = {}
    expected = [[numbers.setdefault(token, len(numbers)) for token in tokenize(text, tokenizer)] for text in texts]
    assert counting.TokenIds(tokenizer).encode(texts).to_lists() == expected


def test_there_is_one_door():
    metrics = Path(counting.__file__).parents[1]
    for path in metrics.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith("aigc_book.metrics.counting."), path.name
