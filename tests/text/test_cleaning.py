"""Cleaning, by hand and by law: cleaning twice is cleaning once, whatever the text."""

import html
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aigc_book.text.cleaning import clean, collapse_spaces, normalize, remove_controls, remove_markup

# Text made of what the steps look at, so that they get into each other's way.
PIECES = [
    *("<", ">", "/", "b", "p", "&", "amp;", "lt;", "gt;", "#65308;", "#x200b;", "&nbsp;", "<!--", "-->"),
    *("<script>", "</script>", "href=", '"', "'", "<br/>", "</p>", "＜", "＞", "＆", "，", "！", "…", "中", "e"),
    *("\u0301", "\u200b", "\u3000", " ", "\n", "\r", "\x00", "\ud800", "\u2028", "ﬁ", "ｱ"),
]
AWKWARD = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
SETTINGS = [
    {},
    {"form": "NFC"},
    {"wide_marks": "keep"},
    {"wide_marks": "narrow"},
    {"markup": False},
    {"spaces": False},
    {"form": "NFC", "markup": False, "spaces": False},
]


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("", ""),
        ("a", "a"),
        ("plain text stays", "plain text stays"),
        ("two\r\nlines\rthree\u2028four", "two\nlines\nthree\nfour"),
        ("zero\u200bwidth soft\u00adhyphen \ufeffbom nul\x00 half\ud83d", "zerowidth softhyphen bom nul half"),
        ("cafe\u0301", "café"),
        ("ﬁne ＡＩ　２．０", "fine AI 2.0"),
        ("x² ½ ①", "x2 1\u20442 1"),
        ("  a\t b  \n\n\n\n c\u00a0d ", "a b\n\nc d"),
        ("<p>One.</p><p>Two<br>lines</p>", "One.\n\nTwo\nlines"),
        ("un<b>believ</b>able", "unbelievable"),
        ('<a href="x">here</a> &amp; there&nbsp;&eacute;', "here & there é"),
        ("<!-- hidden --><script>if (a<b) run()</script><STYLE>p {}</STYLE>shown", "shown"),
        ("&lt;b&gt; and &amp;lt;b&amp;gt;", "and"),
        ("&#65308;b>", ""),
        ("<<b>b>a</<i>i>", "a"),
        ("a<p<br>>b", "a\nb"),
        ("<x<b>> <b <c>> <b><", "<x> <b <c>> <"),
        ("File <module>, a<b and c>d, 1 < 2 > 0", "File <module>, a<b and c>d, 1 < 2 > 0"),
        ("&unknown; &#xFFFFFFFF; AT&T", "&unknown; \ufffd AT&T"),
        ("\U0001f468\u200d\U0001f4bb", "\U0001f468\u200d\U0001f4bb"),  # man, joiner, laptop: one emoji
    ],
)
def test_by_hand(dirty, cleaned):
    assert clean(dirty) == cleaned


@pytest.mark.parametrize(
    ("wide_marks", "cleaned"),
    [
        ("chinese", "你好，ＧＰＴ！（对…）\nHi, GPT!(yes...)"),
        ("keep", "你好，ＧＰＴ！（对…）\nHi， GPT！（yes…）"),
        ("narrow", "你好,ＧＰＴ!(对...)\nHi, GPT!(yes...)"),
    ],
)
def test_marks_of_chinese_punctuation(wide_marks, cleaned):
    """The letters become narrow under every rule; 、。「」 are not touched by any."""
    dirty = "你好，ＧＰＴ！（对…）\nHi， GPT！（yes…）"
    assert clean(dirty, wide_marks=wide_marks) == cleaned.replace("ＧＰＴ", "GPT")
    assert clean("「一、二。」", wide_marks=wide_marks) == "「一、二。」"


def test_what_can_be_left_out():
    assert clean("ﬁ ＡＩ e\u0301", form="NFC") == "ﬁ ＡＩ é"
    assert clean("<b>a</b> &lt;", markup=False) == "<b>a</b> &lt;"
    assert clean("def f():\n\n\n\n    return 1  ", spaces=False) == "def f():\n\n\n\n    return 1  "


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@given(text=st.one_of(AWKWARD, st.text()))
@example("&am<b>p;lt;b&gt;")
@example("<<b>b>")
@example("&amp;amp;amp;lt;p&amp;gt;")
def test_cleaning_twice_is_cleaning_once(settings, text):
    cleaned = clean(text, **settings)
    assert clean(cleaned, **settings) == cleaned


@given(AWKWARD)
def test_what_is_left_is_clean(text):
    cleaned = clean(text)
    cleaned.encode()  # no half characters
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned and "\n\n\n" not in cleaned and "\r" not in cleaned
    assert "<b>" not in cleaned and "</p>" not in cleaned and "&lt;" not in cleaned
    assert not any(unicodedata.category(c) == "Cc" for c in cleaned.replace("\n", ""))


@given(st.text())
def test_narrow_marks_are_plain_nfkc(text):
    assert normalize(text, wide_marks="narrow") == unicodedata.normalize("NFKC", text)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Zs", "Zl", "Zp"])))
def test_escaped_text_comes_back(text):
    """Without full-width forms, tags and spaces, resolving the references undoes html.escape."""
    text = unicodedata.normalize("NFKC", text).replace("<", "").replace("&", "")
    assert remove_markup(html.escape(text)) == text


def test_each_step_alone():
    assert remove_controls("a\u200bb\tc\n") == "ab\tc\n"
    assert normalize("Ａ，") == "A,"
    assert normalize("中，") == "中，"
    assert remove_markup("<hr>&copy;<i>x</i>") == "\n©x"
    assert collapse_spaces(" a \t b\n\n\n\nc ") == "a b\n\nc"


@pytest.mark.parametrize(
    "hostile", ["<!--", "<script>", "<a ", "<a href='", "&amp;", "&", "<", "<b>" * 3, "&amp;amp;", "a=b ", " \n"]
)
def test_long_hostile_texts_take_no_longer_than_their_length(hostile):
    """Eight times the text may take eight times as long, not sixty-four times; measured generously.

    Counted is this process's own time, however busy the machine is.
    """

    def seconds(n: int) -> float:
        text = "<a " + hostile * n
        start = time.process_time()
        clean(text)
        return time.process_time() - start

    seconds(1000)
    assert min(seconds(8000) for _ in range(3)) < 30 * min(seconds(1000) for _ in range(3)) + 0.01


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<" * 50_000 + "b" + ">b" * 49_999 + ">", ""),
        ("<" * 50_000 + ">" * 50_000, "<" * 50_000 + ">" * 50_000),
        ("<a" + "x<b>" * 50_000, "<a" + "x" * 50_000),
    ],
)
def test_nested_tags_take_one_pass(text, left):
    """4,000 nested ones took 43 seconds, a round for each."""
    assert clean(text) == left


@pytest.mark.parametrize("nested", ["<!-" * 400 + "- x -->" * 400, "&" + "#38;" * 400 + "lt;"])
def test_what_needs_too_many_rounds_is_refused(nested):
    with pytest.raises(ValueError, match=r"after 100 rounds of cleaning the text still changes .* it begins with '"):
        clean(nested)


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="form must be one of NFKC, NFC; got 'NFD'"):
        clean("a", form="NFD")
    with pytest.raises(ValueError, match="wide_marks must be one of chinese, keep, narrow; got 'wide'"):
        clean("a", wide_marks="wide")
    with pytest.raises(ValueError, match=r"text must be a string; got bytes \(decode bytes first\)"):
        clean(b"a")
    with pytest.raises(ValueError, match="text must be a string; got NoneType"):
        clean(None)
