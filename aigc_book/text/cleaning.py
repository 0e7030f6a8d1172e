"""Cleaning: the same text, however it was typed, becomes the same characters.

:func:`clean` takes these steps, in this order:

1. **Line ends**: ``\\r\\n``, ``\\r`` and Unicode's own line and page ends become ``\\n``.
2. **Control characters** that nobody sees go (:func:`remove_controls`).
3. **One spelling** for each character, full-width letters among them (:func:`normalize`).
4. **Markup**: character references are resolved, HTML's tags, comments, scripts and styles go (:func:`remove_markup`).
5. **White space**: runs of spaces become one, runs of empty lines too (:func:`collapse_spaces`).

A step can make work for an earlier one: ``&#65308;b>`` is a full-width ``＜b>`` after step 4, and a tag after step 3.
So the steps are repeated until nothing changes, which takes two rounds for nearly all texts, and ``clean(clean(text))
== clean(text)`` for every text. The price: an escaped tag, ``&lt;b&gt;``, is taken for a tag and goes as well. A text
that was made to need round after round, such as a comment within the halves of a comment within the halves of a
comment, is refused after :data:`MOST_ROUNDS`, so that the time is proportional to the length.
"""

import html
import re
import unicodedata
from html.entities import html5

FORMS = ("NFKC", "NFC")
WIDE_MARKS = ("chinese", "keep", "narrow")
MOST_ROUNDS = 100  #: of cleaning, before a text is refused

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls (but tab and line feed), soft hyphen, zero-width space and its like, marks of writing direction, byte order
# mark, annotation marks, what can be no character, halves of a character, and tag characters (which can hide text).
# The zero-width joiners U+200C and U+200D stay: emoji, Persian and the scripts of India are spelled with them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_CHINESE = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")
# The marks of Chinese text that NFKC would exchange for those of ASCII; it leaves 、。「」《》“” alone.
_MARKS = "，：；！？（）…"
_NARROW = str.maketrans({mark: unicodedata.normalize("NFKC", mark) for mark in _MARKS})

_REFERENCE = re.compile("&(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});")
_AMPERSANDS = re.compile("&(?:amp;)+")  # escaped several times over
# Elements that part lines, and elements within a line.
_BLOCKS = (
    "address|article|aside|blockquote|body|br|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|head|hr|html|li|"
    "main|nav|ol|option|pre|p|section|table|tbody|td|tfoot|th|thead|title|tr|ul"
)
_INLINE = (
    "abbr|acronym|audio|a|bdi|bdo|big|button|b|center|cite|code|colgroup|col|del|details|dfn|embed|em|font|iframe|img|"
    "input|ins|i|kbd|label|link|mark|meta|nobr|noscript|param|picture|q|rp|rt|ruby|samp|script|select|small|source|"
    "span|strike|strong|style|sub|summary|sup|svg|s|textarea|tt|u|var|video|wbr"
)
_ATTRIBUTE = (
    r"(?:[a-z_:@][-\w:.]*\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=`]+)"
    r"|async|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted|nowrap|open|readonly|required|selected)"
)
# Only HTML's own elements with well-formed attributes are tags: "<module>" and "a<b and c>d" are text.
_TAG = re.compile(rf"</?(?:(?P<block>{_BLOCKS})|{_INLINE})(?:\s+{_ATTRIBUTE})*\s*/?>|<!doctype\b[^<>]*>", re.IGNORECASE)
# Each stops where a second one begins, so that a text of unclosed ones takes no longer than its length.
_UNSEEN = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<(script|style)\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>", re.IGNORECASE | re.DOTALL
)


def clean(
    text: str,
    *,
    form: str = "NFKC",
    wide_marks: str = "chinese",
    markup: bool = True,
    spaces: bool = True,
) -> str:
    """Clean a text, in English, Chinese, or both; cleaning it again changes nothing.

    Args:
        text: any string; an empty one stays empty.
        form: ``"NFKC"`` gives ``ﬁ ｆｉ`` one spelling, and takes more than that: ``x²`` becomes ``x2``, ``½`` becomes
            ``1⁄2``. ``"NFC"`` joins letters with their accents and leaves all else, full-width letters too.
        wide_marks: see :func:`normalize`.
        markup: whether to take out HTML; False for text that speaks *about* HTML.
        spaces: whether to take step 5; False for source code, whose spaces mean something.

    Raises:
        ValueError: ``text`` is no string, or needs more than :data:`MOST_ROUNDS`, or ``form`` or ``wide_marks`` is not
            one of the above.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a string; got {type(text).__name__} (decode bytes first)")
    for _ in range(MOST_ROUNDS):
        before = text
        text = remove_controls(_LINE_ENDS.sub("\n", text))
        text = normalize(text, form=form, wide_marks=wide_marks)
        if markup:
            text = remove_markup(text)
        if spaces:
            text = collapse_spaces(text)
        if text == before:
            return text
    raise ValueError(
        f"after {MOST_ROUNDS} rounds of cleaning the text still changes (its markup is nested deeper than in any real"
        f" text); it begins with {text[:40]!r}"
    )


def remove_controls(text: str) -> str:
    """Take out what is in a text and can't be seen: control characters, zero-width spaces, marks of writing direction,
    halves of characters. Tabs, line ends and the joiners of emoji stay."""
    return _CONTROLS.sub("", text)


def normalize(text: str, *, form: str = "NFKC", wide_marks: str = "chinese") -> str:
    """One spelling for each character: Unicode's normalization, with a rule for Chinese punctuation.

    NFKC makes full-width letters, digits and marks narrow: ``ＡＩ２．０！`` becomes ``AI2.0!``. In Chinese text that is
    right for letters and digits and wrong for the marks ``，：；！？（）…``, which are its punctuation. With ``"NFC"``
    they all stay.

    Args:
        text: any string.
        form: ``"NFKC"`` or ``"NFC"`` (Unicode Standard Annex 15).
        wide_marks: what becomes of those marks under NFKC. ``"chinese"``: they stay in a line that holds a Chinese
            character (or Japanese kana), and become narrow in any other. ``"keep"``: they stay. ``"narrow"``: plain
            NFKC.

    Raises:
        ValueError: ``form`` or ``wide_marks`` is not one of these.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}; got {form!r}")
    if wide_marks not in WIDE_MARKS:
        raise ValueError(f"wide_marks must be one of {', '.join(WIDE_MARKS)}; got {wide_marks!r}")
    if form == "NFC" or wide_marks == "narrow":
        return unicodedata.normalize(form, text)
    kept = [unicodedata.normalize("NFKC", part) for part in re.split(f"([^{_MARKS}]+)", text)[1::2]]
    marks = re.split(f"[^{_MARKS}]+", text)
    whole = "".join(mark + part for mark, part in zip(marks, [*kept, ""], strict=True))
    if wide_marks == "keep":
        return whole
    lines = whole.split("\n")
    return "\n".join(line if _CHINESE.search(line) else line.translate(_NARROW) for line in lines)


def remove_markup(text: str) -> str:
    """Resolve character references (``&eacute;``, ``&#20013;``) and take out HTML.

    A tag that parts lines, such as ``<p>`` or ``<br>``, leaves a line end behind; others leave nothing, so that
    ``un<b>believ</b>able`` is one word. What is no element of HTML stays, as the ``<module>`` of a traceback does. A
    tag that comes about when another goes, as in ``<<b>b>``, goes with it.
    """
    text = _REFERENCE.sub(_resolved, _AMPERSANDS.sub("&", text))
    text = _UNSEEN.sub("", text)
    return _without_tags(text)


def _without_tags(text: str) -> str:
    """Take out tags from the inside out, in one pass: a tag ends at a ``>`` and begins at the last ``<`` before it."""
    done: list[str] = []
    opened: list[list[str]] = []  # parts of what may still become a tag, each beginning with "<", the inner one last
    for part in re.split("([<>])", text):
        if part == "<":
            opened.append([part])
            continue
        here = opened[-1] if opened else done
        here.append(part)
        if part == ">" and opened:
            tag = _TAG.fullmatch("".join(opened.pop()))
            if tag is None:  # then the outer ones hold a "<" and a ">", and no tag does
                done += [kept for outer in [*opened, here] for kept in outer]
                opened.clear()
            elif tag["block"]:
                (opened[-1] if opened else done).append("\n")
    return "".join([*done, *(kept for outer in opened for kept in outer)])


def _resolved(reference: re.Match) -> str:
    name = reference[1]
    return html.unescape(reference[0]) if name[0] == "#" else html5.get(f"{name};", reference[0])


def collapse_spaces(text: str) -> str:
    """Spaces and tabs of any width in a row → one space; none at a line's beginning or end; at most one empty line."""
    lines = "\n".join(line.strip(" ") for line in _SPACES.sub(" ", text).split("\n"))
    return re.sub("\n{3,}", "\n\n", lines).strip("\n")
