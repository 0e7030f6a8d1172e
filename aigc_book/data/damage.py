"""Sentences of known quality: a real sentence, copies that still say the same, and copies damaged in a known way.

A metric is judged by what it makes of them. Every function takes a sentence and returns the copy, or None where it does
not apply (a sentence without a number has no wrong number). The rules are written for plain English documentation; they
are no parser, and what they make of other texts has to be read before it is believed.
"""

import random
import re
from collections.abc import Sequence

# Words that can stand for each other in a technical text. Terms (object, method, sequence …) stay as they are.
SYNONYMS = {
    "additional": "further",
    "allow": "permit",
    "allowed": "permitted",
    "allows": "permits",
    "also": "likewise",
    "always": "at all times",
    "at least": "no fewer than",
    "because": "since",
    "but": "yet",
    "can be": "may be",
    "contain": "hold",
    "containing": "holding",
    "contains": "holds",
    "created": "made",
    "creates": "makes",
    "creating": "making",
    "current": "present",
    "described": "explained",
    "determined": "found out",
    "each": "every",
    "elements": "items",
    "entire": "whole",
    "evaluated": "computed",
    "evaluates": "computes",
    "executed": "run",
    "executes": "runs",
    "explicitly": "expressly",
    "for example": "for instance",
    "found": "located",
    "however": "nevertheless",
    "if": "in case",
    "immediately": "at once",
    "implemented": "realised",
    "in order to": "so as to",
    "instead of": "in place of",
    "is called": "gets invoked",
    "are called": "get invoked",
    "is raised": "gets thrown",
    "are raised": "get thrown",
    "is returned": "is given back",
    "are returned": "are given back",
    "item": "element",
    "items": "elements",
    "may be": "can be",
    "multiple": "several",
    "must": "shall",
    "normally": "ordinarily",
    "note that": "keep in mind that",
    "occur": "happen",
    "occurs": "happens",
    "only": "solely",
    "otherwise,": "if not,",
    "possible": "feasible",
    "provide": "offer",
    "provides": "offers",
    "raises": "throws",
    "rather than": "instead of",
    "require": "need",
    "requires": "needs",
    "result": "outcome",
    "retrieved": "fetched",
    "returns": "gives back",
    "several": "multiple",
    "simple": "plain",
    "specified": "stated",
    "stored": "kept",
    "stores": "keeps",
    "such as": "like",
    "the following": "these",
    "the given": "the supplied",
    "therefore": "hence",
    "thus": "hence",
    "typically": "as a rule",
    "used": "employed",
    "using": "employing",
    "usually": "as a rule",
    "when": "whenever",
    "within": "inside",
}
OPPOSITES = {
    "after": "before",
    "always": "never",
    "bottom": "top",
    "disabled": "enabled",
    "explicit": "implicit",
    "explicitly": "implicitly",
    "false": "true",
    "first": "last",
    "global": "local",
    "immutable": "mutable",
    "inside": "outside",
    "invalid": "valid",
    "largest": "smallest",
    "longer": "shorter",
    "lower": "upper",
    "maximum": "minimum",
    "negative": "positive",
    "next": "previous",
    "optional": "required",
    "read-only": "writable",
    "with": "without",
}
OPPOSITES |= {other: word for word, other in OPPOSITES.items()}
REWRITTEN = {  # sentences of the Python language reference, and the same said again by the authors of this book
    "A class has a namespace implemented by a dictionary object.": "The names in a class live in a dict.",
    "Annotations are never evaluated and stored in function scopes.": (
        "Inside a function, Python neither computes nor keeps what an annotation says."
    ),
    "As in Standard C, up to three octal digits are accepted.": (
        "One to three digits in base eight are allowed, like in the C standard."
    ),
    "At most one star subpattern may be in a sequence pattern.": (
        "A sequence pattern takes no more than a single starred part."
    ),
    'Exceptions in the "else" clause are not handled by the preceding "except" clauses.': (
        'An error that happens under "else" goes past every "except" above it.'
    ),
    "Function and class definitions are also syntactically compound statements.": (
        "By its syntax, defining a function or a class counts as a compound statement too."
    ),
    "If a local variable is defined in a block, its scope includes that block.": (
        "A block can see every local variable that it defines."
    ),
    "If an exception occurs in any of the clauses and is not handled, the exception is temporarily saved.": (
        "An error that none of them deals with is kept for the moment."
    ),
    'If the name is unbound, a "NameError" exception will be raised.': (
        'You get a "NameError" for a name that nothing is bound to.'
    ),
    'It terminates the nearest enclosing loop, skipping the optional "else" clause if the loop has one.': (
        'The innermost loop around it ends at once, and its "else" branch, where there is one, does not run.'
    ),
    "Mutable sequences can be changed after they are created.": (
        "Once built, a sequence that is mutable still lets you modify it."
    ),
    "Name resolution of free variables occurs at runtime, not at compile time.": (
        "What a free name refers to is looked up while the program runs rather than when it is compiled."
    ),
    "Note that the integer and exponent parts are always interpreted using radix 10.": (
        "Both the whole part and the exponent count as decimal numbers in every case."
    ),
    "Numeric objects are immutable; once created their value never changes.": (
        "No number can be altered: it keeps for ever what it was made with."
    ),
    "Programs are strongly recommended to explicitly close such objects.": (
        "We urge you to call close yourself on everything of this kind."
    ),
    'Raising "0.0" to a negative power results in a "ZeroDivisionError".': (
        'Zero with an exponent below zero gives a "ZeroDivisionError".'
    ),
    'The exception information is not available to the program during execution of the "finally" clause.': (
        'While "finally" runs, code has no access to what is known about the error.'
    ),
    "The same keyword should not be repeated in class patterns.": (
        "Use each keyword at most once when you write a class pattern."
    ),
    "The value for the built-in variable is determined when the interpreter starts.": (
        "What this built-in holds gets fixed at start-up."
    ),
    "They shift the first argument to the left or right by the number of bits given by the second argument.": (
        "How many bits one operand moves, in either direction, is what the other one says."
    ),
    "This object is returned by functions that don’t explicitly return a value.": (
        'It is what you get from calling code without a "return" of its own.'
    ),
    "When a name is used in a code block, it is resolved using the nearest enclosing scope.": (
        "To find what an identifier stands for, Python looks in the closest scope around it."
    ),
}
_AUXILIARIES = "is|are|was|were|can|could|will|would|should|must|may"


def sentences(text: str, *, min_words: int = 8, max_words: int = 30) -> list[str]:
    """The complete prose sentences of a documentation text, in order, without repetitions.

    Indented blocks (code, grammars, tables) are passed over, and so are sentences with marks of code in them.

    Args:
        text: paragraphs separated by empty lines.
        min_words: words separated by white space that a sentence has at least.
        max_words: and at most.

    Raises:
        ValueError: bounds that leave nothing.
    """
    if not 1 <= min_words <= max_words:
        raise ValueError(f"min_words must be from 1 to max_words; got min_words={min_words}, max_words={max_words}")
    found = {}
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if any(line.startswith("   ") for line in lines):
            continue
        for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(line.strip() for line in lines)):
            plain = re.fullmatch(r"[A-Z][A-Za-z0-9 ,.;:'’`\"()\-]+\.", sentence)
            if plain and min_words <= len(sentence.split()) <= max_words:
                found[sentence] = None
    return list(found)


def reworded(sentence: str, *, share: float = 0.15, least: int = 2) -> str | None:
    """The sentence with every word of :data:`SYNONYMS` replaced: other words, the same meaning.

    Args:
        sentence: the original.
        share: how many of its words must have been touched, from 0 to 1.
        least: and how many at least, whatever the share.

    Returns:
        The copy, or None where fewer words could be replaced.
    """
    touched = 0

    def replace(match: re.Match) -> str:
        nonlocal touched
        article, words = match["article"], match["words"]
        new = SYNONYMS[words.lower()]
        touched += len(words.split())
        if article:  # "an additional" but "a further"
            return _fit_article(article, new) + new
        return new[0].upper() + new[1:] if words[0].isupper() else new

    copy = _SYNONYM.sub(replace, sentence)
    return copy if touched >= max(least, share * len(sentence.split())) else None


_SYNONYM = re.compile(
    # not inside quotation marks, where a word is a piece of code, and not where it belongs to a phrase ("as if")
    r"""(?<!["'`\w-])(?<!as )(?<!only )(?<!even )(?P<article>[Aa]n? )?(?P<words>"""
    + "|".join(sorted(SYNONYMS, key=len, reverse=True))
    + r""")(?!["'’`\w(-])(?! and only| not| any| appropriate| necessary| needed| present| possible)""",
    re.IGNORECASE,
)


def clauses_swapped(sentence: str) -> str | None:
    """“If A, B.” as “B if A.”: other order, the same meaning."""
    match = re.fullmatch(r"(If|When) ([^,;:()]+), (?!then|it|its|this|they|and|or)([^,;:()]+)\.", sentence)
    if match is None:
        return None
    word, condition, rest = match.groups()
    return f"{rest[0].upper()}{rest[1:]} {word.lower()} {condition}."


def negated(sentence: str) -> str | None:
    """The sentence with its first “is”, “can”, “must” … negated, or with the negation taken away."""
    match = re.search(rf"\b({_AUXILIARIES})(not| not)\b(?! only)", sentence)
    if match:
        return sentence[: match.start()] + match[1] + sentence[match.end() :]
    match = re.search(rf"(?<![\"'`])\b({_AUXILIARIES})\b(?!['`\"]| no\b| never| only| also)", sentence)
    return match and f"{sentence[: match.end()]} not{sentence[match.end() :]}"


def number_changed(sentence: str) -> str | None:
    """The sentence with the last digit of its first number changed by five (255 → 250, 3.10 → 3.15, 0 → 5)."""
    match = re.search(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)", sentence)
    if match is None:
        return None
    last = match.end() - 1
    return f"{sentence[:last]}{(int(sentence[last]) + 5) % 10}{sentence[match.end() :]}"


def opposite(sentence: str) -> str | None:
    """The sentence with its first word of :data:`OPPOSITES` turned into the opposite (before ↔ after)."""
    for match in re.finditer(r"(?<![\"'`\w-])([Aa]n? )?([A-Za-z-]+)(?![,\"'`\w-]| no\b)", sentence):
        article, word = match.groups(default="")
        if new := OPPOSITES.get(word.lower()):
            new = new[0].upper() + new[1:] if word[0].isupper() else new
            return sentence[: match.start()] + _fit_article(article, new) + new + sentence[match.end() :]
    return None


def _fit_article(article: str, word: str) -> str:
    """ "a " or "an " as the word wants it; an empty article stays empty."""
    return article and article[0] + ("n " if word[0] in "aeiou" else " ")


def shuffled(sentence: str, seed: int = 0) -> str:
    """The words in random order, in the sentence's capital and full stop."""
    words = sentence.removesuffix(".").split()
    words[0] = words[0][0].lower() + words[0][1:]
    random.Random(f"{seed}{sentence}").shuffle(words)
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]]) + "."


def cut_in_half(sentence: str) -> str:
    """The first half of the words, with a full stop."""
    words = sentence.split()
    return " ".join(words[: len(words) // 2]).rstrip(".,;:") + "."


def copies(originals: Sequence[str], seed: int = 0) -> dict[str, list[tuple[str, str]]]:
    """Every kind of copy of every sentence that it applies to.

    Args:
        originals: at least two sentences.
        seed: for the shuffled words, and for which sentence is taken for another.

    Returns:
        kind → list of (original, copy), first the kinds that keep the meaning: ``rewritten by hand`` (all of
        :data:`REWRITTEN`, whatever the originals), ``reworded``, ``clauses swapped``; then ``negated``,
        ``wrong number``, ``opposite word``, ``words shuffled``, ``cut in half``, ``padded`` (another sentence
        follows) and ``another sentence``.

    Raises:
        ValueError: fewer than two sentences.
    """
    if len(originals) < 2:
        raise ValueError(f"originals must be at least two sentences; got {len(originals)}")
    shift = random.Random(seed).randrange(1, len(originals))
    other = {text: originals[(i + shift) % len(originals)] for i, text in enumerate(originals)}
    kinds = {
        "reworded": reworded,
        "clauses swapped": clauses_swapped,
        "negated": negated,
        "wrong number": number_changed,
        "opposite word": opposite,
        "words shuffled": lambda text: shuffled(text, seed),
        "cut in half": cut_in_half,
        "padded": lambda text: f"{text} {other[text]}",
        "another sentence": other.__getitem__,
    }
    return {"rewritten by hand": list(REWRITTEN.items())} | {
        kind: [(text, copy) for text in originals if (copy := make(text)) is not None and copy != text]
        for kind, make in kinds.items()
    }
