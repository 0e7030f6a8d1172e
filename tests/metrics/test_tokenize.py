import functools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import tokenize as rouge_tokenize
from sacrebleu.metrics.bleu import _get_tokenizer

from aigc_book.metrics.counting import TokenIds
from aigc_book.metrics.porter import stem
from aigc_book.metrics.tokenize import CHINESE, TOKENIZERS, tokenize

SACREBLEU = {name: _get_tokenizer(name)() for name in ("13a", "zh", "char", "none")}
TEXT = st.text(
    st.one_of(st.sampled_from("ab5.,.,--'&;<>()\"_ \n\t\xa0\u3000我。“→"), st.characters(exclude_categories=["Cs"])),
    max_size=30,
)
PIECES = st.lists(
    st.sampled_from(["&quot;", "&amp;", "&lt;", "&gt;", "<skipped>", "-\n", "5", ".", ",", "-", "a", " ", "我", "…"]),
    max_size=12,
).map("".join)
quick = settings(deadline=None, max_examples=300)


@quick
@given(st.one_of(TEXT, PIECES))
@pytest.mark.parametrize("name", ["13a", "zh", "char", "none"])
def test_tokens_are_sacrebleus(name, text):
    assert tokenize(text, name) == SACREBLEU[name](text).split()


def test_zh_sets_apart_the_same_characters_as_sacrebleu():
    is_chinese = SACREBLEU["zh"]._is_chinese_char.__wrapped__
    characters = [chr(c) for c in [*range(0x10000), *range(0x10000, sys.maxunicode + 1, 97)]]
    assert [c for c in characters if CHINESE.match(c)] == [c for c in characters if is_chinese(c)]


@quick
@given(TEXT)
def test_rouge_tokens_are_rouge_scores(text):
    assert tokenize(text, "rouge") == rouge_tokenize.tokenize(text, None)


def test_13a_by_hand():
    """A period stays between digits and goes elsewhere; a dash goes after a digit; the apostrophe stays."""
    assert tokenize("It's 3.5-4 km, isn't it? (No.)") == [
        "It's", "3.5", "-", "4", "km", ",", "isn't", "it", "?", "(", "No", ".", ")",
    ]  # fmt: skip


def test_13a_with_marks_side_by_side():
    """The first period of a..5 is cut off after a letter and uses it up; the second has no letter left, and stays."""
    assert tokenize("a..5") == ["a", ".", ".5"]
    assert tokenize("a...5") == ["a", ".", ".", ".", "5"]


def test_chinese_by_hand():
    assert tokenize("我有3.5米。", "zh") == ["我", "有", "3.5", "米", "。"]
    assert tokenize("我 有", "char") == ["我", "有"]
    assert tokenize("我有3米", "rouge") == ["3"]  # ROUGE's own tokenization drops Chinese


def test_a_function_can_be_the_tokenizer():
    assert tokenize("a-b", functools.partial(str.split, sep="-")) == ["a", "b"]


@pytest.mark.parametrize("name", [*TOKENIZERS, str.split])
def test_ids_stand_for_the_tokens_of_each_text(name, pairs):
    texts = [text for hypothesis, references in pairs for text in (hypothesis, *references)]
    ids = TokenIds(name)
    half = len(texts) // 2
    rows = ids.encode(texts[:half]).to_lists() + ids.encode(texts[half:]).to_lists()
    tokens = ids.tokens()
    assert [[tokens[i] for i in row] for row in rows] == [tokenize(text, name) for text in texts]
    assert len(set(tokens)) == len(tokens)


def test_tokens_that_are_normalized_to_the_same_share_an_id():
    rows = TokenIds("13a", lambda token: stem(token)).encode(["walks Walked,", "walking ,"])
    assert rows.ids.tolist() == [0, 0, 1, 0, 1]
    assert rows.lengths.tolist() == [3, 2]
    assert rows.ids.dtype == np.int64


@pytest.mark.parametrize("name", ["14a", None, 13])
def test_unknown_tokenizer(name):
    with pytest.raises(ValueError, match="tokenize must be one of 13a, zh, char, none, rouge, or a function; got"):
        tokenize("a", name)
    with pytest.raises(ValueError, match="tokenize must be one of"):
        TokenIds(name)


@pytest.mark.parametrize("text", [None, 5, ["a"], b"a"])
def test_what_is_no_text(text):
    with pytest.raises(ValueError, match="text must be one text; got"):
        tokenize(text)
