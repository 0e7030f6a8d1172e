"""The checks of the chapter on text metrics. Each takes the reader's function and names the mistake it knows."""

import math
from collections import Counter
from collections.abc import Callable

from aigc_book.chapters.verdict import Verdict, unanswered

# Chosen so that every known mistake gives a number of its own.
HYPOTHESIS = ["the", "the", "the", "the", "cat", "sat", "on", "a", "red", "mat"]
REFERENCES = [["the", "cat", "sat", "on", "the", "mat"], ["a", "cat", "is", "on", "the", "red", "mat"]]


def check_clipped_matches(function: Callable[[list[str], list[list[str]], int], int]) -> Verdict:
    """``clipped_matches(hypothesis, references, n)``: clipped n-gram matches with several references."""
    name = "clipped_matches"
    words_right = 0
    for n in (1, 2):
        ours = _ngrams(HYPOTHESIS, n)
        theirs = [_ngrams(reference, n) for reference in REFERENCES]
        everywhere = set().union(*theirs)
        right = sum(min(count, max(other[gram] for other in theirs)) for gram, count in ours.items())
        mistakes = {
            sum(count for gram, count in ours.items() if gram in everywhere): (
                "every copy of an n-gram counts, so repeating one pays. Clip: an n-gram counts at most as often as a "
                "reference has it"
            ),
            sum(min(count, sum(other[gram] for other in theirs)) for gram, count in ours.items()): (
                "you clip at the sum over the references. An n-gram that stands once in each of two references may be "
                "used once, not twice: take the largest count of any one reference"
            ),
            sum(gram in everywhere for gram in ours): (
                "each distinct n-gram counts once. One that stands twice in the hypothesis and twice in a reference is "
                "two matches"
            ),
            max(sum((ours & other).values()) for other in theirs): (
                "you match against one reference at a time and keep the best. In BLEU every n-gram may find its match "
                "in another reference: take the largest count for each n-gram, then sum"
            ),
        }
        if n > 1:
            mistakes[words_right] = (
                "that is the answer for single words: the n-grams of the hypothesis must have n words"
            )
        answer, verdict = _call(function, name, list(HYPOTHESIS), [list(r) for r in REFERENCES], n)
        if verdict is not None:
            return verdict
        where = f"For {' '.join(HYPOTHESIS)!r}, the two references and n={n}"
        if answer != right:
            return _wrong(where, answer, right, mistakes)
        words_right = right
    answer, verdict = _call(function, name, ["cat"], [["cat", "sat"]], 2)
    if verdict is not None:
        return verdict
    if answer != 0:
        return _wrong("A hypothesis of one word has no bigram", answer, 0, {})
    return Verdict(True, "Right: clipped by the best reference of each n-gram.")


def check_brevity_penalty(function: Callable[[list[int], list[int]], float]) -> Verdict:
    """``brevity_penalty(hypothesis_lengths, reference_lengths)``: of a corpus, from the lengths of its sentences."""
    name = "brevity_penalty"
    lengths, wanted = [6, 20, 4], [9, 18, 13]
    c, r = sum(lengths), sum(wanted)
    each = [min(1.0, math.exp(1 - b / a)) for a, b in zip(lengths, wanted, strict=True)]
    mistakes = {
        sum(each) / len(each): (
            "that is the mean of the sentences' penalties. BLEU sums the lengths of the whole corpus first, so that a "
            "short sentence may be made up for by a long one"
        ),
        math.prod(each): "you multiplied the sentences' penalties. BLEU sums the lengths first and has one penalty",
        c / r: "that is the ratio of the lengths. The penalty falls faster: exp(1 - r/c)",
        math.exp(1 - c / r): "the ratio is upside down: it is r/c, reference over hypothesis. A short text must lose",
        min(1.0, math.exp(1 - c / r)): (
            "a text that is too short has no penalty. Is the ratio upside down? It is r/c, reference over hypothesis"
        ),
        min(1.0, math.exp(c / r - 1)): "close: it is exp(1 - r/c), not exp(c/r - 1)",
    }
    answer, verdict = _call(function, name, list(lengths), list(wanted))
    if verdict is not None:
        return verdict
    right = math.exp(1 - r / c)
    if not _close(answer, right):
        return _wrong(f"For hypotheses of {lengths} words and references of {wanted}", answer, right, mistakes)
    answer, verdict = _call(function, name, [9, 8], [5, 7])
    if verdict is not None:
        return verdict
    if not _close(answer, 1):
        above = {math.exp(1 - 12 / 17): "the penalty must never be above 1: precision has punished long texts already"}
        return _wrong("For hypotheses of [9, 8] words and references of [5, 7]", answer, 1, above)
    answer, verdict = _call(function, name, [0], [5])
    if verdict is not None:
        return Verdict(False, f"{verdict.message} An empty hypothesis should give 0.")
    if not _close(answer, 0):
        return _wrong("For an empty hypothesis", answer, 0, {})
    return Verdict(True, "Right: one penalty for the corpus, 1 for long texts, towards 0 for short ones.")


def check_bits_per_byte(function: Callable[[float, int, str], float]) -> Verdict:
    """``bits_per_byte(perplexity, n_tokens, text)``: from a perplexity per token."""
    name = "bits_per_byte"
    text, perplexity, n_tokens = "一本会运行的书 (a book that runs)", 40.0, 13
    n_bytes = len(text.encode())
    right = n_tokens * math.log2(perplexity) / n_bytes
    mistakes = {
        n_tokens * math.log(perplexity) / n_bytes: "those are nats: bits want the logarithm to base 2",
        n_tokens * math.log2(perplexity) / len(text): (
            "those are bits per character. The text has Chinese characters, of three bytes each: len(text.encode())"
        ),
        n_tokens * math.log(perplexity) / len(text): (
            "those are nats per character: base 2 for bits, len(text.encode()) for bytes"
        ),
        math.log2(perplexity): "those are bits per token. Multiply by the tokens, divide by the bytes",
        math.log2(perplexity) / n_bytes: (
            "you divided the bits of one token by the bytes of the whole text: multiply by the number of tokens"
        ),
        n_bytes
        * math.log2(perplexity)
        / n_tokens: "tokens and bytes are upside down: fewer tokens must give fewer bits",
        perplexity * n_tokens / n_bytes: (
            "perplexities don't add up; their logarithms do. Take log2 of the perplexity first"
        ),
    }
    answer, verdict = _call(function, name, perplexity, n_tokens, text)
    if verdict is not None:
        return verdict
    if not _close(answer, right):
        return _wrong(f"For perplexity 40 over 13 tokens of {text!r}", answer, right, mistakes)
    return Verdict(True, "Right: the bits of all tokens, shared out over the bytes of the text.")


def _ngrams(tokens: list[str], n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _call(function: Callable, name: str, *arguments) -> tuple[float, Verdict | None]:
    """The reader's answer, or a verdict if there is none."""
    try:
        answer = function(*arguments)
    except Exception as error:  # whatever the reader's function does, the check answers
        return math.nan, Verdict(False, f"{name} raised {type(error).__name__}: {error}.")
    if answer is None:
        return math.nan, unanswered(name)
    try:
        return float(answer), None
    except (TypeError, ValueError):
        return math.nan, Verdict(False, f"{name} must return a number; it returned {type(answer).__name__}.")


def _close(answer: float, right: float) -> bool:
    return math.isclose(answer, right, rel_tol=1e-6, abs_tol=1e-9)


def _wrong(where: str, answer: float, right: float, mistakes: dict[float, str]) -> Verdict:
    """Name the mistake that leads to just this answer, if it is a known one."""
    why = next((text for value, text in mistakes.items() if _close(answer, value) and not _close(value, right)), None)
    message = f"{where} you get {answer:.4g}; it should be {right:.4g}."
    return Verdict(False, f"{message} {why[0].upper()}{why[1:]}." if why else message)
