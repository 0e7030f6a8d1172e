"""Porter's stemmer: an English word → its stem, by cutting suffixes, so that *connected* and *connection* agree.

A word is read as a pattern of consonants c and vowels v; y is a vowel after a consonant and a consonant elsewhere. The
*measure* m of a stem is the number of "vc" in its pattern: how many times a vowel gives way to a consonant, roughly its
syllables. A rule "(m > 0) ational → ate" replaces the suffix if what stands before it has m > 0. Each step applies the
rule with the longest suffix that fits, or none.

Source: Porter 1980, *An algorithm for suffix stripping*, Program 14(3). With the additions of NLTK's ``PorterStemmer``
(its default mode, which ROUGE and METEOR are computed with elsewhere), marked "NLTK" below; the stems are the same, and
come in a tenth of the time or so, which is what METEOR's speed hangs on.
"""

_IRREGULAR = {  # NLTK
    "sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning",
    "canning": "canning", "howe": "howe", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip

# suffix → replacement, for stems with m > 0. Where one suffix ends in another, the longer one comes first.
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
    "fulli": "ful", "logi": "log",  # NLTK has these two
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
# Cut from stems with m > 1.
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip
_ENDS_2, _ENDS_3 = tuple(_STEP_2), tuple(_STEP_3)


class _Letters(dict):
    """For ``str.translate``: a, e, i, o, u → v, y stays, anything else → c."""

    def __missing__(self, letter: int) -> str:
        return "c"


_LETTERS = _Letters({letter: "c" for letter in range(128)} | {ord(v): "v" for v in "aeiou"} | {ord("y"): "y"})


def stem(word: str) -> str:
    """The stem of a word, in lower case.

    >>> [stem(word) for word in ["connected", "connections", "flying", "the"]]
    ['connect', 'connect', 'fli', 'the']
    """
    stemmed = word.lower()
    if stemmed in _IRREGULAR:
        return _IRREGULAR[stemmed]
    if len(word) <= 2:
        return stemmed
    if stemmed.endswith("s"):
        stemmed = _step_1a(stemmed)
    if stemmed.endswith(("ed", "ing")):
        stemmed = _step_1b(stemmed)
    if stemmed.endswith("y") and len(stemmed) > 2 and _pattern(stemmed)[-2] == "c":  # step 1c; NLTK: c before the y
        stemmed = stemmed[:-1] + "i"
    if stemmed.endswith(_ENDS_2):
        stemmed = _step_2(stemmed)
    if stemmed.endswith(_ENDS_3):
        stemmed = _replace(stemmed, _STEP_3)
    if stemmed.endswith(_STEP_4):
        stemmed = _step_4(stemmed)
    return _step_5(stemmed) if stemmed.endswith(("e", "ll")) else stemmed


def _pattern(word: str) -> str:
    """``"ccvcc"`` for ``"stems"``."""
    pattern = word.translate(_LETTERS)
    if "y" not in pattern:
        return pattern
    letters, before = [], ""
    for letter in pattern:
        before = ("v" if before == "c" else "c") if letter == "y" else letter
        letters.append(before)
    return "".join(letters)


def _measure(word: str) -> int:
    return _pattern(word).count("vc")


def _ends_cvc(word: str) -> bool:
    """Porter's *o: consonant, vowel, consonant at the end, the last one not w, x or y. NLTK: or a word that is vc."""
    pattern = _pattern(word)
    return (pattern.endswith("cvc") and word[-1] not in "wxy") or pattern == "vc"


def _replace(word: str, rules: dict[str, str]) -> str:
    for suffix, replacement in rules.items():
        if word.endswith(suffix):
            before = word[: -len(suffix)]
            return before + replacement if _measure(before) > 0 else word
    return word


def _step_1a(word: str) -> str:
    """Plurals: caresses → caress, ponies → poni, cats → cat."""
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]  # NLTK: ties → tie
    if word.endswith("sses"):
        return word[:-2]
    return word if word.endswith("ss") else word[:-1]


def _step_1b(word: str) -> str:
    """Participles: agreed → agree, plastered → plaster, hopping → hop, filing → file."""
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]  # NLTK: died → die, spied → spi
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    before = word[:-2] if word.endswith("ed") else word[:-3]
    pattern = _pattern(before)
    if "v" not in pattern:
        return word
    if before.endswith(("at", "bl", "iz")):
        return before + "e"
    if before[-2:-1] == before[-1] and pattern[-1] == "c":  # a double consonant
        return before if before[-1] in "lsz" else before[:-1]
    return before + "e" if pattern.count("vc") == 1 and _ends_cvc(before) else before


def _step_2(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:  # NLTK: and once more
        return _replace(word[:-2], _STEP_2)
    if word.endswith("logi"):  # NLTK: the l counts with what stands before
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replace(word, _STEP_2)


def _step_4(word: str) -> str:
    suffix = next(suffix for suffix in _STEP_4 if word.endswith(suffix))
    before = word[: -len(suffix)]
    if suffix == "ion" and not before.endswith(("s", "t")):
        return word
    return before if _measure(before) > 1 else word


def _step_5(word: str) -> str:
    """probate → probat, cease → ceas, controll → control."""
    if word.endswith("e"):
        before = word[:-1]
        measure = _measure(before)
        if measure > 1 or (measure == 1 and not _ends_cvc(before)):
            word = before
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word
