"""METEOR: words aligned exactly, then by stem, then by synonym; recall weighs most; scattered matches cost.

    P = m / t      R = m / r      F_mean = P·R / (α·P + (1 - α)·R)
    penalty = γ · (chunks / m)^β      score = F_mean · (1 - penalty)

m: aligned words (``matches``); t: words of the hypothesis (``hypothesis_length``); r: words of the reference
(``reference_length``); chunks: the fewest runs of aligned words that are adjacent and in the same order in both texts;
α, β, γ: ``alpha``, ``beta``, ``gamma``, here 0.9, 3 and 0.5, so that F_mean = 10·P·R / (R + 9·P).

How the words are aligned is in :mod:`aigc_book.metrics.word_matching`.

Source: Banerjee and Lavie 2005, *METEOR: An Automatic Metric for MT Evaluation with Improved Correlation with Human
Judgments*, section 2.2; α, β, γ as parameters after Lavie and Agarwal 2007. The scores are NLTK's ``meteor_score``,
from 0 to 1. NLTK, and so this module, differs from the papers in the alignment (see there) and in these ways:

- a hypothesis equal to its reference has one chunk and still pays γ/m^β, so that it scores less than 1 (0.5 for one
  word). METEOR's own program drops the penalty there;
- the parameters are those of 2005, not the ones tuned on human judgments in 2007 (for English 0.81, 0.83, 0.28).

A score of several pairs is the mean of the pairs' scores (what ``evaluate`` reports). METEOR's own program sums the
counts first; that is ``aggregate``. Of several references the one with the best score counts.
"""

from dataclasses import dataclass

import numpy as np

from aigc_book import __version__
from aigc_book.metrics.counting import Rows, TokenIds, blocks, chunk_starts
from aigc_book.metrics.pairs import (
    References,
    Texts,
    best_references,
    count_references,
    read_pairs,
    require_list,
    require_string,
)
from aigc_book.metrics.protocol import add, add_to_zero, check_flags, check_settings, is_real
from aigc_book.metrics.tokenize import Tokenizer, check_tokenizer, tokenizer_name
from aigc_book.metrics.word_matching import StemIds, Synonyms, align_rows, check_synonyms

BLOCK_IDS = 2**14  # what is aligned in one go


@dataclass(frozen=True)
class MeteorSettings:
    """How METEOR is computed.

    Attributes:
        tokenize: ``"13a"`` (Western languages), ``"zh"`` (Chinese, by character), ``"char"``, ``"none"``, ``"rouge"``
            or a function ``text -> list of tokens``. Words are compared in lower case.
        alpha: weight of recall in F_mean, 0 to 1.
        beta: how fast the penalty grows with the number of chunks.
        gamma: the largest penalty, 0 to 1.
        stem: align words with equal stems (Porter's, for English; it leaves Chinese as it is).
        synonyms: align synonyms, as this object knows them: ``nltk.corpus.wordnet`` if its data is installed, or
            anything with ``synsets(word)``. ``None``: no synonyms.

    Raises:
        ValueError: an unknown tokenizer, a parameter out of range, or synonyms without ``synsets``.
    """

    tokenize: Tokenizer = "13a"
    alpha: float = 0.9
    beta: float = 3.0
    gamma: float = 0.5
    stem: bool = True
    synonyms: Synonyms | None = None

    def __post_init__(self):
        check_tokenizer(self.tokenize)
        if not (is_real(self.alpha) and 0 <= self.alpha <= 1):
            raise ValueError(f"alpha must be from 0 to 1; got {self.alpha!r}")
        if not (is_real(self.beta) and 0 <= self.beta < np.inf):
            raise ValueError(f"beta must be 0 or more, and finite; got {self.beta!r}")
        if not (is_real(self.gamma) and 0 <= self.gamma <= 1):
            raise ValueError(f"gamma must be from 0 to 1; got {self.gamma!r}")
        check_flags(self, "stem")
        check_synonyms(self.synonyms)


@dataclass(frozen=True)
class MeteorStats:
    """Sums over pairs, which add up. (The sum of scores is a float: equal to rounding, whatever the order.)"""

    n_pairs: int
    score_sum: float
    matches: int
    chunks: int
    hypothesis_length: int
    reference_length: int
    settings: MeteorSettings = MeteorSettings()
    n_references: str = "1"

    __add__, __radd__ = add, add_to_zero

    def score(self) -> "MeteorScore":
        """The mean over the pairs, and the parts."""
        parts = _parts(self.matches, self.chunks, self.hypothesis_length, self.reference_length, self.settings)
        precision, recall, f_mean, penalty = map(float, parts)
        return MeteorScore(
            score=self.score_sum / self.n_pairs,
            aggregate=f_mean * (1 - penalty),
            precision=precision,
            recall=recall,
            f_mean=f_mean,
            penalty=penalty,
            matches=self.matches,
            chunks=self.chunks,
            hypothesis_length=self.hypothesis_length,
            reference_length=self.reference_length,
            n_pairs=self.n_pairs,
            stats=self,
        )


@dataclass(frozen=True)
class MeteorScore:
    """A METEOR score and the parts that it is made of.

    Attributes:
        score: 0 to 1, the mean of the pairs' scores.
        aggregate: 0 to 1, from the sums below; for one pair the same as ``score``.
        precision, recall, f_mean, penalty: from the sums below.
        matches, chunks, hypothesis_length, reference_length: summed over the pairs.
        n_pairs: how many pairs.
        stats: the statistics, to be added to those of another part of the corpus.
    """

    score: float
    aggregate: float
    precision: float
    recall: float
    f_mean: float
    penalty: float
    matches: int
    chunks: int
    hypothesis_length: int
    reference_length: int
    n_pairs: int
    stats: MeteorStats

    @property
    def signature(self) -> str:
        """The settings in a line."""
        s = self.stats.settings
        match = "exact" + "+stem" * s.stem + "+synonym" * (s.synonyms is not None)
        return (
            f"nrefs:{self.stats.n_references}|case:lc|tok:{tokenizer_name(s.tokenize)}|match:{match}|"
            f"alpha:{s.alpha:g}|beta:{s.beta:g}|gamma:{s.gamma:g}|agg:mean|version:aigc_book-{__version__}"
        )

    def report(self) -> dict[str, object]:
        """The score and the signature."""
        return {"meteor": self.score, "signature": self.signature}

    def __str__(self) -> str:
        return (
            f"METEOR = {self.score:.4f} (precision = {self.precision:.4f} recall = {self.recall:.4f} "
            f"penalty = {self.penalty:.4f} matches = {self.matches} chunks = {self.chunks} "
            f"hyp_len = {self.hypothesis_length} ref_len = {self.reference_length} pairs = {self.n_pairs})"
        )


def meteor(
    hypotheses: str | Texts, references: str | References, settings: MeteorSettings = MeteorSettings()
) -> MeteorScore:
    """METEOR of one text or of a corpus.

    Args:
        hypotheses: one text, or a list of texts. An empty text scores 0.
        references: for one text its reference or a list of them; for a list ``references[i]`` belongs to
            ``hypotheses[i]`` and is a text or a list of texts, the same for all.
        settings: tokenizer, stages of the alignment, α, β and γ.

    Returns:
        The score with its parts; ``.signature`` tells the settings, ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no hypotheses, unequal lengths, something else than texts where texts belong, a hypothesis without
            references.

    Source: Banerjee and Lavie 2005, section 2.2; the same scores as NLTK's ``meteor_score``.
    """
    check_settings(settings, MeteorSettings)
    hypotheses, sets = read_pairs(hypotheses, references)
    rows = _count(hypotheses, sets, settings)
    return _sum_pairs(rows, settings, count_references(sets)).score()


def align(hypothesis: str, reference: str, settings: MeteorSettings = MeteorSettings()) -> list[tuple[int, int, str]]:
    """The alignment of two texts, to look at: which word goes with which, and why.

    Args:
        hypothesis: one text.
        reference: one text.
        settings: how the texts are cut (positions are those of the tokens), and the stages.

    Returns:
        (position in the hypothesis, position in the reference, ``"exact"``, ``"stem"`` or ``"synonym"``), in the
        order of the hypothesis.

    Raises:
        ValueError: something other than two texts.

    >>> align("he walks home", "home he walked")
    [(0, 1, 'exact'), (1, 2, 'stem'), (2, 0, 'exact')]
    """
    require_string(hypothesis, "hypothesis", "meteor")
    require_string(reference, "reference", "meteor")
    check_settings(settings, MeteorSettings)
    tokens = TokenIds(settings.tokenize, str.lower)
    left, right = tokens.encode([hypothesis]), tokens.encode([reference])
    stages = align_rows(left, right, StemIds(tokens.tokens(), settings.stem), settings.stem, settings.synonyms)
    return sorted((int(i), int(j), name) for name, places in stages.items() for i, j in zip(*places, strict=True))


def segment_stats(
    hypotheses: Texts, references: References, settings: MeteorSettings = MeteorSettings()
) -> list[MeteorStats]:
    """The statistics of every pair: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`meteor`.
    """
    require_list(hypotheses, references, "meteor")
    check_settings(settings, MeteorSettings)
    hypotheses, sets = read_pairs(hypotheses, references)
    rows = _count(hypotheses, sets, settings)
    return [_sum_pairs(row[None], settings, str(len(texts))) for row, texts in zip(rows, sets, strict=True)]


def _parts(matches, chunks, hypothesis_length, reference_length, settings: MeteorSettings) -> tuple:
    """Precision, recall, F_mean and penalty, of numbers or of arrays; all 0 where nothing is aligned."""
    precision = matches / np.maximum(hypothesis_length, 1)
    recall = matches / np.maximum(reference_length, 1)
    weighted = settings.alpha * precision + (1 - settings.alpha) * recall
    f_mean = precision * recall / np.where(weighted > 0, weighted, 1)
    penalty = np.where(matches > 0, settings.gamma * (chunks / np.maximum(matches, 1)) ** settings.beta, 0)
    return precision, recall, f_mean, penalty


def _count(hypotheses: list[str], sets: list[list[str]], settings: MeteorSettings) -> np.ndarray:
    """(pairs, 5): score, matches, chunks, length of the hypothesis, length of its best reference."""
    tokens = TokenIds(settings.tokenize, str.lower)
    per_segment = np.array([len(texts) for texts in sets])
    left = tokens.encode(hypotheses).take(np.repeat(np.arange(len(sets)), per_segment))
    right = tokens.encode([text for texts in sets for text in texts])
    stems = StemIds(tokens.tokens(), settings.stem)
    matches, chunks = np.zeros((2, len(left.lengths)), np.int64)
    for start, stop in blocks(left.lengths + right.lengths, BLOCK_IDS):
        block = slice(start, stop)
        matches[block], chunks[block] = _count_block(left[block], right[block], stems, settings)
    _, _, f_mean, penalty = _parts(matches, chunks, left.lengths, right.lengths, settings)
    score = f_mean * (1 - penalty)
    best = best_references(score.__getitem__, per_segment)
    return np.column_stack([score, matches, chunks, left.lengths, right.lengths])[best]


def _count_block(left: Rows, right: Rows, stems: StemIds, settings: MeteorSettings) -> tuple[np.ndarray, np.ndarray]:
    """Aligned words and chunks of each pair."""
    stages = align_rows(left, right, stems, settings.stem, settings.synonyms)
    i, j = (np.concatenate(places) for places in zip(*stages.values(), strict=True))
    row_of, n_rows = left.row_of, len(left.lengths)
    matches = np.bincount(row_of[i], minlength=n_rows)
    return matches, np.bincount(row_of[chunk_starts(i, j, row_of)], minlength=n_rows)


def _sum_pairs(rows: np.ndarray, settings: MeteorSettings, n_references: str) -> MeteorStats:
    score_sum, *counts = rows.sum(axis=0).tolist()
    return MeteorStats(len(rows), score_sum, *map(int, counts), settings, n_references)
