"""The checks of the chapter on text metrics. Each takes the reader's function and names the mistake it knows."""

import math
import random
from collections import Counter

from aigc_book.chapters.attempt import Attempt, Raised, Wrong
from aigc_book.chapters.comparing import expect
from aigc_book.chapters.verdict import check

# Chosen so that every known mistake gives a number of its own.
HYPOTHESIS = ["the", "the", "the", "the", "cat", "sat", "on", "a", "red", "mat"]
REFERENCES = [["the", "cat", "sat", "on", "the", "mat"], ["a", "cat", "is", "on", "the", "red", "mat"]]


@check
def check_clipped_matches(clipped_matches: Attempt) -> str:
    """``clipped_matches(hypothesis, references, n)``: clipped n-gram matches with several references."""
    cases = [(HYPOTHESIS, REFERENCES, 1), (HYPOTHESIS, REFERENCES, 2)]
    rng = random.Random(0)
    for n, length, n_references in ((1, 8, 3), (2, 12, 2), (3, 16, 2), (4, 20, 1), (1, 6, 1)):
        made = [rng.choices("abc", k=rng.randint(length - 2, length)) for _ in range(n_references + 1)]
        cases.append((made[0], made[1:], n))
    for hypothesis, references, n in cases:
        answer = clipped_matches.number(hypothesis, references, n)
        right, mistakes = _clipped(hypothesis, references, n)
        shown = " ".join(hypothesis)
        against = "the two references" if references is REFERENCES else " / ".join(map(" ".join, references))
        where = f"For {shown!r}, {against} and n={n}"
        expect(answer, right, mistakes, f"{where} you get {answer:.4g}; it should be {right}.", rtol=1e-9)
    for hypothesis, why in ((["cat"], "A hypothesis of one word has no bigram"), ([], "An empty hypothesis has none")):
        answer = clipped_matches.number(hypothesis, [["cat", "sat"]], 2)
        expect(answer, 0, [], f"{why}: you get {answer:.4g}; it should be 0.")
    return "Right: clipped by the best reference of each n-gram."


def _ngrams(tokens: list[str], n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _matches(hypothesis: list[str], references: list[list[str]], n: int) -> int:
    theirs = [_ngrams(reference, n) for reference in references]
    return sum(min(count, max(other[gram] for other in theirs)) for gram, count in _ngrams(hypothesis, n).items())


def _clipped(hypothesis: list[str], references: list[list[str]], n: int) -> tuple[int, list[tuple[float, str]]]:
    """The right number, and what mistakes give."""
    ours, theirs = _ngrams(hypothesis, n), [_ngrams(reference, n) for reference in references]
    everywhere = set().union(*theirs)
    matches = [_matches(hypothesis, references, k) for k in range(1, n + 1)]
    right = matches[-1]
    mistakes = [
        (
            sum(count for gram, count in ours.items() if gram in everywhere),
            "Every copy of an n-gram counts, so repeating one pays. Clip: an n-gram counts at most as often as a "
            "reference has it.",
        ),
        (
            sum(min(count, sum(other[gram] for other in theirs)) for gram, count in ours.items()),
            "You clip at the sum over the references. An n-gram that stands once in each of two references may be "
            "used once, not twice: take the largest count of any one reference.",
        ),
        (
            sum(gram in everywhere for gram in ours),
            "Each distinct n-gram counts once. One that stands twice in the hypothesis and twice in a reference is "
            "two matches.",
        ),
        (
            max(sum((ours & other).values()) for other in theirs),
            "You match against one reference at a time and keep the best. In BLEU every n-gram may find its match "
            "in another reference: take the largest count for each n-gram, then sum.",
        ),
        (sum((ours & theirs[0]).values()), "You looked at the first reference only."),
        (sum((ours & theirs[-1]).values()), "You looked at the last reference only."),
        (sum(sum((ours & other).values()) for other in theirs), "You added up the matches with each reference."),
        (
            sum(min(count, min(other[gram] for other in theirs)) for gram, count in ours.items()),
            "You clip at the smallest count of the references; take the largest.",
        ),
        (right / max(1, sum(ours.values())), "That is the precision; the number of matches was asked for."),
        (sum(ours.values()), "Those are all n-grams of the hypothesis, matched or not."),
    ]
    if n > 1:
        why = "That is the answer for single words: the n-grams of the hypothesis must have n words."
        mistakes.append((matches[0], why))
        mistakes.append((sum(matches), "Those are the matches of 1 to n words together; asked are those of n."))
    return right, mistakes


@check
def check_brevity_penalty(brevity_penalty: Attempt) -> str:
    """``brevity_penalty(hypothesis_lengths, reference_lengths)``: of a corpus, from the lengths of its sentences."""
    cases = [([6, 20, 4], [9, 18, 13]), ([9, 8], [5, 7]), ([7, 3], [4, 6]), ([5], [6]), ([30, 0, 8], [29, 4, 30])]
    for lengths, wanted in cases:
        answer = brevity_penalty.number(lengths, wanted)
        right = min(1.0, math.exp(1 - sum(wanted) / sum(lengths)))
        where = f"For hypotheses of {lengths} words and references of {wanted}"
        said = f"{where} you get {answer:.4g}; it should be {right:.4g}."
        expect(answer, right, _mistaken_penalties(lengths, wanted), said, rtol=1e-6)
    for lengths, wanted in (([0], [5]), ([0, 0], [3, 4])):
        try:
            answer = brevity_penalty.number(lengths, wanted)
        except Raised as raised:
            raise Wrong(f"{raised} An empty hypothesis should give 0.") from None
        expect(answer, 0, [], f"You get {answer:.4g} for no words at all. An empty hypothesis should give 0.")
    return "Right: one penalty for the corpus, 1 for long texts, towards 0 for short ones."


def _mistaken_penalties(lengths: list[int], wanted: list[int]) -> list[tuple[float, str]]:
    c, r = sum(lengths), sum(wanted)
    each = [min(1.0, math.exp(1 - b / a)) if a else 0.0 for a, b in zip(lengths, wanted, strict=True)]
    return [
        (
            sum(each) / len(each),
            "That is the mean of the sentences' penalties. BLEU sums the lengths of the whole corpus first, so that a "
            "short sentence may be made up for by a long one.",
        ),
        (math.prod(each), "You multiplied the sentences' penalties. BLEU sums the lengths first and has one penalty."),
        (each[0], "That is the penalty of the first sentence. BLEU sums the lengths first and has one penalty."),
        (c / r, "That is the ratio of the lengths. The penalty falls faster: exp(1 - r/c)."),
        (min(1.0, c / r), "That is the ratio of the lengths. The penalty falls faster: exp(1 - r/c)."),
        (math.exp(1 - c / r), "The ratio is upside down: it is r/c, reference over hypothesis."),
        (
            min(1.0, math.exp(1 - c / r)),
            "A text that is too short has no penalty. Is the ratio upside down? It is r/c, reference over hypothesis.",
        ),
        (min(1.0, math.exp(c / r - 1)), "Close: it is exp(1 - r/c), not exp(c/r - 1)."),
        (min(1.0, math.exp(-r / c)), "The 1 in exp(1 - r/c) is missing: at equal lengths there is no penalty."),
        (min(1.0, math.exp(c - r)), "That is exp of the difference of the lengths; it is their ratio, exp(1 - r/c)."),
        (math.exp(1 - r / c), "The penalty must never be above 1: precision has punished long texts already."),
        (min(1.0, 1 - r / c), "That is the exponent; take exp of it."),
        (min(1.0, 2 ** (1 - r / c)), "The base is e, not 2."),
    ]  # fmt: skip


@check
def check_bits_per_byte(bits_per_byte: Attempt) -> str:
    """``bits_per_byte(perplexity, n_tokens, text)``: from a perplexity per token."""
    cases = [
        ("一本会运行的书 (a book that runs)", 40.0, 13),
        ("plain ASCII", 2.0, 3),
        ("naïve 🙂", 700.0, 9),
        ("词元", 1.0, 2),
    ]
    for text, perplexity, n_tokens in cases:
        answer = bits_per_byte.number(perplexity, n_tokens, text)
        n_bytes, bits = len(text.encode()), math.log2(perplexity)
        right = n_tokens * bits / n_bytes
        mistakes = [
            (n_tokens * math.log(perplexity) / n_bytes, "Those are nats: bits want the logarithm to base 2."),
            (
                n_tokens * bits / len(text),
                "Those are bits per character. The text has characters of several bytes: len(text.encode()).",
            ),
            (
                n_tokens * math.log(perplexity) / len(text),
                "Those are nats per character: base 2 for bits, len(text.encode()) for bytes.",
            ),
            (bits, "Those are bits per token. Multiply by the tokens, divide by the bytes."),
            (n_tokens * bits, "Those are the bits of the whole text. Divide by its bytes."),
            (
                bits / n_bytes,
                "You divided the bits of one token by the bytes of the whole text: multiply by the number of tokens.",
            ),
            (bits / n_tokens, "You divided by the tokens; multiply by them, and divide by the bytes."),
            (
                n_bytes * bits / n_tokens,
                "Tokens and bytes are upside down: fewer tokens must give fewer bits.",
            ),
            (
                perplexity * n_tokens / n_bytes,
                "Perplexities don't add up; their logarithms do. Take log2 of the perplexity first.",
            ),
            (n_tokens * math.log10(perplexity) / n_bytes, "That is the logarithm to base 10; bits want base 2."),
            (
                math.log2(max(1e-9, perplexity * n_tokens / n_bytes)),
                "The number of tokens multiplies the logarithm, not the perplexity.",
            ),
            (right / 8, "You divided by the bits of the text, eight for each byte; asked are bits per byte."),
        ]
        said = f"For perplexity {perplexity:g} over {n_tokens} tokens of {text!r} you get {answer:.4g};"
        expect(answer, right, mistakes, f"{said} it should be {right:.4g}.")
    return "Right: the bits of all tokens, shared out over the bytes of the text."
