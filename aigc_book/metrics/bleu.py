"""BLEU: how many of a translation's n-grams are in a reference, with a penalty for being short.

    BLEU = 100 · BP · exp( Σ_{n=1}^{N} (1/N) · ln p_n )          BP = 1 if c ≥ r else e^{1 - r/c}

p_n: clipped n-gram matches / n-grams of the hypotheses (``counts / totals``); N: ``max_order``; c:
``hypothesis_length``; r: ``reference_length``, for each segment that of the reference closest in length to the
hypothesis (the shorter of two that are equally close).

Source: Papineni, Roukos, Ward, Zhu 2002, *BLEU: a Method for Automatic Evaluation of Machine Translation*, section 2.3;
tokenization, signature and the scale of 0 to 100 after Post 2018; smoothing after Chen and Cherry 2014. The scores are
sacrebleu's, to rounding. (NLTK's ``corpus_bleu`` with the same tokens and no smoothing agrees, but for hypotheses of
fewer than N tokens: it adds 1 to the n-grams of an order that such a hypothesis has none of.)
"""

import math
from dataclasses import dataclass

import numpy as np

from aigc_book import __version__
from aigc_book.metrics.counting import TokenIds, clipped_matches, ngram_totals
from aigc_book.metrics.pairs import (
    References,
    Texts,
    count_references,
    read_pairs,
    require_list,
    require_string,
)
from aigc_book.metrics.protocol import add, add_to_zero, check_flags, check_settings, is_real, is_whole
from aigc_book.metrics.tokenize import Tokenizer, check_tokenizer, tokenizer_name

SMOOTHING_VALUES = {"none": None, "floor": 0.1, "add-k": 1.0, "exp": None}  # name → value unless one is given


@dataclass(frozen=True)
class BleuSettings:
    """How BLEU is computed.

    Attributes:
        tokenize: ``"13a"`` (Western languages; Chinese clauses, which have no spaces, would be one token each, and
            everything but an exact copy would score 0), ``"zh"`` (Chinese), ``"char"``, ``"none"``, ``"rouge"`` or a
            function ``text -> list of tokens``.
        lowercase: compare in lower case.
        smoothing: what to do with an order that has no match: ``"none"`` (the score is 0), ``"floor"`` (count
            ``smoothing_value``, 0.1, in its place), ``"add-k"`` (add ``smoothing_value``, 1, to counts and totals of
            n ≥ 2) or ``"exp"`` (1/2, 1/4, … for the first, second, … such order; mteval's way, sacrebleu's default).
        smoothing_value: for ``floor`` and ``add-k``.
        max_order: N, the longest n-gram.
        effective_order: leave out orders for which the hypotheses are too short; meant for single sentences.

    Raises:
        ValueError: an unknown tokenizer or smoothing, a value that makes no sense.
    """

    tokenize: Tokenizer = "13a"
    lowercase: bool = False
    smoothing: str = "exp"
    smoothing_value: float | None = None
    max_order: int = 4
    effective_order: bool = False

    def __post_init__(self):
        check_tokenizer(self.tokenize)
        if self.smoothing not in SMOOTHING_VALUES:
            raise ValueError(f"smoothing must be one of {', '.join(SMOOTHING_VALUES)}; got {self.smoothing!r}")
        if self.smoothing_value is not None and not (
            is_real(self.smoothing_value) and 0 < self.smoothing_value < math.inf
        ):
            raise ValueError(f"smoothing_value must be above 0 and finite; got {self.smoothing_value!r}")
        if self.smoothing_value is not None and SMOOTHING_VALUES[self.smoothing] is None:
            raise ValueError(f"smoothing {self.smoothing!r} takes no smoothing_value; got {self.smoothing_value!r}")
        check_flags(self, "lowercase", "effective_order")
        if not is_whole(self.max_order, 1):
            raise ValueError(f"max_order must be at least 1; got {self.max_order!r}")


@dataclass(frozen=True)
class BleuStats:
    """All that BLEU needs to know of a corpus: whole numbers that add up.

    ``stats_of_one_half + stats_of_the_other`` (or ``sum(list_of_stats)``) are the statistics of the whole, and
    ``.score()`` of the sum is the score of the whole. Scores themselves can't be averaged this way.
    """

    counts: tuple[int, ...]
    totals: tuple[int, ...]
    hypothesis_length: int
    reference_length: int
    settings: BleuSettings = BleuSettings()
    n_references: str = "1"

    __add__, __radd__ = add, add_to_zero

    def score(self) -> "BleuScore":
        """The score of these statistics."""
        c, r = self.hypothesis_length, self.reference_length
        brevity_penalty = 1.0 if c >= r else math.exp(1 - r / c) if c > 0 else 0.0
        precisions = _precisions(self)
        used = precisions
        if self.settings.effective_order:  # leave out the orders that the hypothesis is too short for
            used = precisions[: sum(total > 0 for total in _smoothed_totals(self))]
        if not any(self.counts) or min(used) <= 0:
            score = 0.0
        else:
            score = 100 * brevity_penalty * math.exp(sum(math.log(p) for p in used) / len(used))
        return BleuScore(
            score=score,
            precisions=tuple(100 * p for p in precisions),
            counts=self.counts,
            totals=self.totals,
            brevity_penalty=brevity_penalty,
            hypothesis_length=c,
            reference_length=r,
            stats=self,
        )


def _smoothed_totals(stats: BleuStats) -> list[float]:
    k = (stats.settings.smoothing_value or 1.0) if stats.settings.smoothing == "add-k" else 0
    return [total + k * (n > 1) for n, total in enumerate(stats.totals, start=1)]


def _precisions(stats: BleuStats) -> list[float]:
    """p_1 … p_N from 0 to 1, smoothed as the settings say (Chen and Cherry 2014, methods 1 to 3)."""
    smoothing = stats.settings.smoothing
    value = stats.settings.smoothing_value or SMOOTHING_VALUES[smoothing]
    precisions = [0.0] * len(stats.counts)
    if not any(stats.counts):
        return precisions
    halving = 1.0
    for i, (count, total) in enumerate(zip(stats.counts, _smoothed_totals(stats), strict=True)):
        if total == 0:
            break
        if smoothing == "add-k" and i > 0:
            count = count + value
        if count > 0:
            precisions[i] = count / total
        elif smoothing == "exp":
            halving /= 2
            precisions[i] = halving / total
        elif smoothing == "floor":
            precisions[i] = value / total
    return precisions


@dataclass(frozen=True)
class BleuScore:
    """A BLEU score and the parts that it is made of.

    Attributes:
        score: 0 to 100.
        precisions: smoothed p_1 … p_N, 0 to 100.
        counts: clipped matches for n = 1 … N, not smoothed.
        totals: n-grams of the hypotheses for n = 1 … N.
        brevity_penalty: BP, 0 to 1.
        hypothesis_length: c, in tokens.
        reference_length: r, in tokens.
        stats: the statistics, to be added to those of another part of the corpus.
    """

    score: float
    precisions: tuple[float, ...]
    counts: tuple[int, ...]
    totals: tuple[int, ...]
    brevity_penalty: float
    hypothesis_length: int
    reference_length: int
    stats: BleuStats

    @property
    def signature(self) -> str:
        """The settings in a line, in the form that Post 2018 asks to be published with every score."""
        s = self.stats.settings
        value = s.smoothing_value or SMOOTHING_VALUES[s.smoothing]
        smoothing = s.smoothing if value is None else f"{s.smoothing}[{value:.2f}]"
        order = "" if s.max_order == 4 else f"|order:{s.max_order}"
        return (
            f"nrefs:{self.stats.n_references}|case:{'lc' if s.lowercase else 'mixed'}|"
            f"eff:{'yes' if s.effective_order else 'no'}|tok:{tokenizer_name(s.tokenize)}|smooth:{smoothing}{order}|"
            f"version:aigc_book-{__version__}"
        )

    def report(self) -> dict[str, object]:
        """The score, the parts that the hub's ``bleu`` reports, and the signature."""
        return {
            "bleu": self.score,
            "precisions": list(self.precisions),
            "brevity_penalty": self.brevity_penalty,
            "translation_length": self.hypothesis_length,
            "reference_length": self.reference_length,
            "signature": self.signature,
        }

    def __str__(self) -> str:
        precisions = "/".join(f"{p:.1f}" for p in self.precisions)
        ratio = self.hypothesis_length / self.reference_length if self.reference_length else 0.0
        return (
            f"BLEU = {self.score:.2f} {precisions} (BP = {self.brevity_penalty:.3f} ratio = {ratio:.3f} "
            f"hyp_len = {self.hypothesis_length} ref_len = {self.reference_length})"
        )


SENTENCE = BleuSettings(effective_order=True)  # as sacrebleu's sentence_bleu


def corpus_bleu(hypotheses: Texts, references: References, settings: BleuSettings = BleuSettings()) -> BleuScore:
    """BLEU of a corpus: matches and lengths are summed over all segments before anything is divided.

    Args:
        hypotheses: the texts to be scored. An empty text is a translation with no words: it matches nothing.
        references: ``references[i]`` is the reference of ``hypotheses[i]``; or all of them are lists of several.
        settings: tokenizer, smoothing and orders.

    Returns:
        The score with its parts; ``.signature`` tells the settings, ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no hypotheses, unequal lengths, something else than texts where texts belong, a hypothesis without
            references.

    Source: Papineni et al. 2002, section 2.3; the same scores as sacrebleu's ``corpus_bleu``.
    """
    require_list(hypotheses, references, "sentence_bleu")
    rows, sets = _count(hypotheses, references, settings)
    return _stats_from_row(rows.sum(axis=0), settings, count_references(sets)).score()


def sentence_bleu(hypothesis: str, references: str | Texts, settings: BleuSettings = SENTENCE) -> BleuScore:
    """BLEU of one sentence with its reference or references. It was made for corpora: smoothing decides much here.

    The default leaves out orders that the sentence is too short for; settings of one's own say so themselves.

    Raises:
        ValueError: as for :func:`corpus_bleu`, or a list where one text belongs.
    """
    require_string(hypothesis, "hypothesis", "corpus_bleu")
    rows, sets = _count(hypothesis, references, settings)
    return _stats_from_row(rows[0], settings, count_references(sets)).score()


def segment_stats(
    hypotheses: Texts, references: References, settings: BleuSettings = BleuSettings()
) -> list[BleuStats]:
    """The statistics of every segment: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`corpus_bleu`.
    """
    require_list(hypotheses, references, "sentence_bleu")
    rows, sets = _count(hypotheses, references, settings)
    return [_stats_from_row(row, settings, str(len(texts))) for row, texts in zip(rows, sets, strict=True)]


def _count(
    hypotheses: str | Texts, references: str | References, settings: BleuSettings
) -> tuple[np.ndarray, list[list[str]]]:
    """(segments, 2 + 2N) int64: c, r, N counts, N totals; and the references as lists."""
    check_settings(settings, BleuSettings)
    hypotheses, sets = read_pairs(hypotheses, references)
    tokens = TokenIds(settings.tokenize)
    clean = (lambda text: text.lower().rstrip()) if settings.lowercase else str.rstrip
    hypothesis_rows = tokens.encode([clean(text) for text in hypotheses])
    reference_rows = tokens.encode([clean(text) for texts in sets for text in texts])
    per_segment = np.array([len(texts) for texts in sets])
    columns = [
        hypothesis_rows.lengths,
        _closest_lengths(hypothesis_rows.lengths, reference_rows.lengths, per_segment),
        clipped_matches(hypothesis_rows, reference_rows, settings.max_order, per_segment),
        ngram_totals(hypothesis_rows.lengths, settings.max_order),
    ]
    return np.column_stack(columns), sets


def _closest_lengths(lengths: np.ndarray, reference_lengths: np.ndarray, per_segment: np.ndarray) -> np.ndarray:
    """For each hypothesis the length of the reference that is closest in length, the shorter one at a tie."""
    distance = np.abs(reference_lengths - np.repeat(lengths, per_segment))
    rank = distance * (reference_lengths.max() + 1) + reference_lengths
    starts = np.cumsum(per_segment) - per_segment
    return np.minimum.reduceat(rank, starts) % (reference_lengths.max() + 1)


def _stats_from_row(row: np.ndarray, settings: BleuSettings, n_references: str) -> BleuStats:
    c, r, *numbers = row.tolist()
    n = settings.max_order
    return BleuStats(tuple(numbers[:n]), tuple(numbers[n:]), c, r, settings, n_references)
