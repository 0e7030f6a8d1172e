"""ROUGE-N, ROUGE-L and ROUGE-Lsum: how much of a reference summary is in a summary, and the other way round.

    precision P = hits / tokens of the hypothesis      recall R = hits / tokens of the reference      F = 2PR / (P + R)

ROUGE-N: ``hits`` are clipped n-gram matches, and n-grams take the place of tokens. ROUGE-L: the length of the longest
common subsequence of the two token sequences. ROUGE-Lsum: texts are cut into sentences at line breaks; for each
sentence of the reference, the union of its longest common subsequences with every sentence of the hypothesis; a token
is hit at most as often as it occurs in either text.

A score of several pairs is the mean of the pairs' scores, and of several references the one with the best F counts, for
each kind by itself.

**Chinese**: ROUGE's own tokenization keeps the letters a to z and digits only, so that any Chinese text has no tokens
and scores 0. Use ``tokenize="zh"``, which scores by character.

Source: Lin 2004, *ROUGE: A Package for Automatic Evaluation of Summaries*, sections 2, 3.1 and 3.2. Scores are those of
the rouge-score package, from 0 to 1. It differs from the paper where it differs: F has β = 1 (the paper leaves β open),
several references are not jackknifed, and Lsum's hits are limited as just said (as in Lin's own program).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aigc_book import __version__
from aigc_book.metrics.counting import TokenIds, clipped_matches, lcs_lengths, lcs_rows, ngram_totals
from aigc_book.metrics.pairs import (
    References,
    Texts,
    best_references,
    count_references,
    read_list,
    read_pairs,
    require_list,
)
from aigc_book.metrics.porter import stem as porter_stem
from aigc_book.metrics.protocol import add, add_to_zero, check_flags, check_settings
from aigc_book.metrics.tokenize import Tokenizer, check_tokenizer, tokenizer_name

KINDS = ("rouge1", "rouge2", "rougeL")
ALL_KINDS = (*(f"rouge{n}" for n in range(1, 10)), "rougeL", "rougeLsum")


@dataclass(frozen=True)
class RougeSettings:
    """How ROUGE is computed.

    Attributes:
        kind: ``"rouge1"`` … ``"rouge9"``, ``"rougeL"`` or ``"rougeLsum"``.
        tokenize: ``"rouge"`` (English), ``"zh"`` (Chinese, by character), ``"13a"``, ``"char"``, ``"none"``, or a
            function ``text -> list of tokens``. The text is in lower case by then.
        stem: bring tokens of more than three characters to their stem (Porter), as rouge-score's ``use_stemmer``.

    Raises:
        ValueError: an unknown kind or tokenizer.
    """

    kind: str = "rouge1"
    tokenize: Tokenizer = "rouge"
    stem: bool = False

    def __post_init__(self):
        if self.kind not in ALL_KINDS:
            raise ValueError(f"kind must be rouge1 to rouge9, rougeL or rougeLsum; got {self.kind!r}")
        check_tokenizer(self.tokenize)
        check_flags(self, "stem")


@dataclass(frozen=True)
class RougeStats:
    """Sums over pairs, which add up. (The sums of scores are floats: equal to rounding, whatever the order.)"""

    n_pairs: int
    precision_sum: float
    recall_sum: float
    fmeasure_sum: float
    hits: int
    hypothesis_total: int
    reference_total: int
    settings: RougeSettings = RougeSettings()
    n_references: str = "1"

    __add__, __radd__ = add, add_to_zero

    def score(self) -> "RougeScore":
        """The mean over the pairs."""
        return RougeScore(
            precision=self.precision_sum / self.n_pairs,
            recall=self.recall_sum / self.n_pairs,
            fmeasure=self.fmeasure_sum / self.n_pairs,
            hits=self.hits,
            hypothesis_total=self.hypothesis_total,
            reference_total=self.reference_total,
            n_pairs=self.n_pairs,
            stats=self,
        )


@dataclass(frozen=True)
class RougeScore:
    """A ROUGE score and the parts that it is made of.

    Attributes:
        precision: 0 to 1, the mean over the pairs.
        recall: the same.
        fmeasure: the same; the mean of the pairs' F, not F of the means.
        hits: matched n-grams or tokens, summed over the pairs.
        hypothesis_total: n-grams or tokens of the hypotheses, summed.
        reference_total: n-grams or tokens of the (best) references, summed.
        n_pairs: how many pairs.
        stats: the statistics, to be added to those of another part of the corpus.
    """

    precision: float
    recall: float
    fmeasure: float
    hits: int
    hypothesis_total: int
    reference_total: int
    n_pairs: int
    stats: RougeStats

    @property
    def score(self) -> float:
        """F, under the name that every metric's result has."""
        return self.fmeasure

    @property
    def signature(self) -> str:
        """The settings in a line."""
        s = self.stats.settings
        return (
            f"nrefs:{self.stats.n_references}|case:lc|tok:{tokenizer_name(s.tokenize)}|"
            f"stem:{'porter' if s.stem else 'no'}|agg:mean|version:aigc_book-{__version__}"
        )

    def report(self) -> dict[str, object]:
        """F under the name of the kind, and the signature."""
        return {self.stats.settings.kind: self.fmeasure, "signature": self.signature}

    def __str__(self) -> str:
        return (
            f"{self.stats.settings.kind} = {self.fmeasure:.4f} (precision = {self.precision:.4f} "
            f"recall = {self.recall:.4f} hits = {self.hits} hyp_total = {self.hypothesis_total} "
            f"ref_total = {self.reference_total} pairs = {self.n_pairs})"
        )


def rouge(
    hypotheses: str | Texts,
    references: str | References,
    kinds: Sequence[str] = KINDS,
    settings: RougeSettings = RougeSettings(),
) -> dict[str, RougeScore]:
    """Several kinds of ROUGE at once; the texts are tokenized once for all of them.

    Args:
        hypotheses: one text, or a list of texts. An empty text scores 0.
        references: for one text its reference or a list of them; for a list ``references[i]`` belongs to
            ``hypotheses[i]`` and is a text or a list of texts, the same for all.
        kinds: of ``"rouge1"`` … ``"rouge9"``, ``"rougeL"``, ``"rougeLsum"``.
        settings: tokenizer and stemming; in the place of its kind stands each of ``kinds``.

    Returns:
        kind → its score.

    Raises:
        ValueError: no hypotheses, unequal lengths, something else than texts where texts belong, a hypothesis without
            references, an unknown kind.

    Source: Lin 2004; the same scores as rouge-score's ``RougeScorer``.
    """
    check_settings(settings, RougeSettings)
    settings_of = {kind: replace(settings, kind=kind) for kind in read_list(kinds, "kinds", "names")}
    hypotheses, sets = read_pairs(hypotheses, references)
    counts = _count(hypotheses, sets, list(settings_of.values()))
    n_references = count_references(sets)
    return {kind: _sum_pairs(counts[kind], s, n_references).score() for kind, s in settings_of.items()}


def corpus_rouge(
    hypotheses: str | Texts, references: str | References, settings: RougeSettings = RougeSettings()
) -> RougeScore:
    """The one kind of ROUGE that the settings name. The other arguments, and the errors, are those of :func:`rouge`.

    ROUGE-N counts shared n-grams (Lin 2004, section 2, equation 1), ROUGE-L the longest common subsequence of whole
    texts (section 3.1, equations 2 to 4), ROUGE-Lsum those of sentences (section 3.2, equations 5 to 7), each of which
    stands on a line of its own. Precision and F as in rouge-score; β = 1.

    >>> print(corpus_rouge("the cat sat", "the cat sat on the mat", RougeSettings("rouge1")))
    rouge1 = 0.6667 (precision = 1.0000 recall = 0.5000 hits = 3 hyp_total = 3 ref_total = 6 pairs = 1)
    """
    check_settings(settings, RougeSettings)
    return rouge(hypotheses, references, [settings.kind], settings)[settings.kind]


def segment_stats(
    hypotheses: Texts, references: References, settings: RougeSettings = RougeSettings()
) -> list[RougeStats]:
    """The statistics of every pair: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`rouge`.
    """
    check_settings(settings, RougeSettings)
    require_list(hypotheses, references, "rouge")
    hypotheses, sets = read_pairs(hypotheses, references)
    rows = _count(hypotheses, sets, [settings])[settings.kind]
    return [_sum_pairs(row[None], settings, str(len(texts))) for row, texts in zip(rows, sets, strict=True)]


def _count(hypotheses: list[str], sets: list[list[str]], settings: list[RougeSettings]) -> dict[str, np.ndarray]:
    """kind → (pairs, 3) int64: hits, total of the hypothesis, total of its best reference."""
    if not settings:
        raise ValueError("kinds must name at least one kind of ROUGE; got none")
    kinds = [s.kind for s in settings]
    tokens = TokenIds(settings[0].tokenize, _stem_long if settings[0].stem else None)
    references = [text for texts in sets for text in texts]
    per_segment = np.array([len(texts) for texts in sets])
    owner = np.repeat(np.arange(len(sets)), per_segment)  # the hypothesis that a reference belongs to
    counts = {}
    if "rougeLsum" in kinds:
        left, right = _sentences(hypotheses, tokens), _sentences(references, tokens)
        counts["rougeLsum"] = np.array([_lsum(left[i], reference) for i, reference in zip(owner, right, strict=True)])
    if set(kinds) != {"rougeLsum"}:
        left = tokens.encode([text.lower() for text in hypotheses]).take(owner)
        right = tokens.encode([text.lower() for text in references])
    if "rougeL" in kinds:
        counts["rougeL"] = np.column_stack([lcs_lengths(left, right), left.lengths, right.lengths])
    orders = [int(kind[-1]) for kind in kinds if kind not in ("rougeL", "rougeLsum")]
    if orders:
        hits = clipped_matches(left, right, max(orders))
        totals = ngram_totals(left.lengths, max(orders)), ngram_totals(right.lengths, max(orders))
        for n in orders:
            counts[f"rouge{n}"] = np.column_stack([array[:, n - 1] for array in (hits, *totals)])
    for kind in kinds:
        fmeasure = _ratios(counts[kind])[2]
        counts[kind] = counts[kind][best_references(fmeasure.__getitem__, per_segment)]
    return counts


def _stem_long(token: str) -> str:
    return porter_stem(token) if len(token) > 3 else token


def _ratios(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F of each row; 0 where there is nothing to divide by."""
    hits, hypothesis_total, reference_total = counts.T
    precision = hits / np.maximum(hypothesis_total, 1)
    recall = hits / np.maximum(reference_total, 1)
    both = precision + recall
    return precision, recall, 2 * precision * recall / np.where(both > 0, both, 1)


def _sum_pairs(counts: np.ndarray, settings: RougeSettings, n_references: str) -> RougeStats:
    return RougeStats(
        len(counts),
        *(float(ratio.sum()) for ratio in _ratios(counts)),
        *counts.sum(axis=0).tolist(),
        settings,
        n_references,
    )


def _sentences(texts: list[str], tokens: TokenIds) -> list[list[list[int]]]:
    """Each text's lines, as ids."""
    lines = [text.lower().split("\n") for text in texts]
    rows = iter(tokens.encode([line for text in lines for line in text]).to_lists())
    return [[next(rows) for _ in text] for text in lines]


def _lsum(hypothesis: list[list[int]], reference: list[list[int]]) -> tuple[int, int, int]:
    """Hits, tokens of the hypothesis, tokens of the reference."""
    left_in_hypothesis = Counter(token for sentence in hypothesis for token in sentence)
    left_in_reference = Counter(token for sentence in reference for token in sentence)
    totals = left_in_hypothesis.total(), left_in_reference.total()
    hits = 0
    for sentence in reference:
        union = set().union(*(_lcs_positions(sentence, other) for other in hypothesis))
        for position in union:
            token = sentence[position]
            if left_in_hypothesis[token] > 0 and left_in_reference[token] > 0:
                hits += 1
                left_in_hypothesis[token] -= 1
                left_in_reference[token] -= 1
    return hits, *totals


def _lcs_positions(sentence: list[int], other: list[int]) -> list[int]:
    """The positions in ``sentence`` of one LCS with ``other``. There may be many; the walk back through the table,
    from its end and upwards at a tie, finds the one that rouge-score takes."""
    rows = lcs_rows(sentence, other)
    i, j = len(sentence), len(other)
    length = j - rows[i].bit_count()  # L[i, j]: the zeros among the first j bits
    positions = []
    while length:
        above = j - (rows[i - 1] & ((1 << j) - 1)).bit_count()  # L[i-1, j]
        if sentence[i - 1] == other[j - 1]:
            positions.append(i - 1)
            i, j, length = i - 1, j - 1, length - 1
        elif above == length:
            i -= 1
        else:
            j -= 1
    return positions
