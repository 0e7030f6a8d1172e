"""chrF and chrF++: an F-score over character n-grams (and, for chrF++, word n-grams too).

    chrF_β = 100 · (1 + β²) · P · R / (β² · P + R)

P and R: the mean over the orders n of matches / n-grams of the hypothesis and of matches / n-grams of the reference
(``counts``, ``hypothesis_totals``, ``reference_totals``); β: ``beta``, 2 means that recall counts four times as much.
The orders are character n-grams for n = 1 … ``char_order`` (6), white space left out, then word n-grams for
n = 1 … ``word_order`` (0 for chrF, 2 for chrF++). There is no tokenizer to choose, so Chinese needs no setting; leave
``word_order`` at 0 there, since Chinese text has no spaces between words.

Source: Popović 2015, *chrF: character n-gram F-score for automatic MT evaluation*, equation 1; Popović 2017, *chrF++:
words helping character n-grams*. The scores are sacrebleu's, to rounding, on its scale of 0 to 100: n-gram counts are
summed over the corpus, and of several references the one with the best score of its own counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aigc_book import __version__
from aigc_book.metrics.ngrams import clipped_matches, ngram_totals
from aigc_book.metrics.pairs import (
    References,
    best_references,
    count_references,
    merge_counts,
    read_pairs,
    require_list,
)
from aigc_book.metrics.rows import Rows
from aigc_book.metrics.tokenize import TokenIds

PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@dataclass(frozen=True)
class ChrfSettings:
    """How chrF is computed; the arguments of :func:`chrf`."""

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False

    def __post_init__(self):
        if self.char_order < 1:
            raise ValueError(f"char_order must be at least 1; got {self.char_order}")
        if self.word_order < 0:
            raise ValueError(f"word_order must be at least 0; got {self.word_order}")
        if not self.beta > 0:
            raise ValueError(f"beta must be above 0; got {self.beta}")


@dataclass(frozen=True)
class ChrfStats:
    """All that chrF needs to know of a corpus: three whole numbers an order, character orders first. They add up."""

    counts: tuple[int, ...]
    hypothesis_totals: tuple[int, ...]
    reference_totals: tuple[int, ...]
    settings: ChrfSettings = ChrfSettings()
    n_references: str = "1"

    def __add__(self, other: "ChrfStats") -> "ChrfStats":
        if not isinstance(other, ChrfStats):
            return NotImplemented
        if self.settings != other.settings:
            raise ValueError(f"statistics of different settings don't add up: {self.settings} and {other.settings}")
        return ChrfStats(
            counts=tuple(map(int.__add__, self.counts, other.counts)),
            hypothesis_totals=tuple(map(int.__add__, self.hypothesis_totals, other.hypothesis_totals)),
            reference_totals=tuple(map(int.__add__, self.reference_totals, other.reference_totals)),
            settings=self.settings,
            n_references=merge_counts(self.n_references, other.n_references),
        )

    def __radd__(self, other):
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() starts at 0

    def score(self) -> "ChrfScore":
        """The score of these statistics."""
        orders = list(zip(self.counts, self.hypothesis_totals, self.reference_totals, strict=True))
        seen = [(count / h, count / r) for count, h, r in orders if h > 0 and r > 0]  # orders that both texts reach
        precision = sum(p for p, _ in seen) / len(seen) if seen else 0.0
        recall = sum(r for _, r in seen) / len(seen) if seen else 0.0
        if self.settings.eps_smoothing:
            score = sum(self._f_score(p, r) for p, r in seen) / len(orders)
        else:
            score = self._f_score(precision, recall)
        return ChrfScore(
            score=100 * score,
            precision=100 * precision,
            recall=100 * recall,
            counts=self.counts,
            hypothesis_totals=self.hypothesis_totals,
            reference_totals=self.reference_totals,
            stats=self,
        )

    def _f_score(self, precision: float, recall: float) -> float:
        weight = self.settings.beta**2
        denominator = weight * precision + recall
        return (1 + weight) * precision * recall / denominator if denominator > 0 else 0.0


@dataclass(frozen=True)
class ChrfScore:
    """A chrF score and the parts that it is made of.

    Attributes:
        score: 0 to 100.
        precision: mean over the orders that both texts reach, 0 to 100.
        recall: the same.
        counts: matches of every order, character orders first.
        hypothesis_totals: n-grams of the hypotheses, of every order.
        reference_totals: n-grams of the references, of every order.
        stats: the statistics, to be added to those of another part of the corpus.
    """

    score: float
    precision: float
    recall: float
    counts: tuple[int, ...]
    hypothesis_totals: tuple[int, ...]
    reference_totals: tuple[int, ...]
    stats: ChrfStats

    @property
    def name(self) -> str:
        """``chrF2`` for β = 2, with one ``+`` for each word order: ``chrF2++``."""
        return f"chrF{self.stats.settings.beta:g}" + "+" * self.stats.settings.word_order

    @property
    def signature(self) -> str:
        """The settings in a line, in sacrebleu's form."""
        s = self.stats.settings
        return (
            f"nrefs:{self.stats.n_references}|case:{'lc' if s.lowercase else 'mixed'}|"
            f"eff:{'no' if s.eps_smoothing else 'yes'}|nc:{s.char_order}|nw:{s.word_order}|"
            f"space:{'yes' if s.whitespace else 'no'}|beta:{s.beta:g}|version:aigc_book-{__version__}"
        )

    def __str__(self) -> str:
        return f"{self.name} = {self.score:.2f} (precision = {self.precision:.1f} recall = {self.recall:.1f})"


def chrf(
    hypotheses: str | Sequence[str],
    references: str | References,
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> ChrfScore:
    """chrF of one text or of a corpus; ``word_order=2`` gives chrF++.

    Args:
        hypotheses: one text, or a list of texts. An empty text scores 0.
        references: for one text its reference or a list of them; for a list ``references[i]`` belongs to
            ``hypotheses[i]`` and is a text or a list of texts.
        char_order: the longest character n-gram.
        word_order: the longest word n-gram. Words are cut at white space, a mark at their end or start set apart.
        beta: weight of recall; 2 in chrF2, the usual one.
        lowercase: compare in lower case.
        whitespace: count white space as characters.
        eps_smoothing: average one F-score an order, 0 for an order that a text is too short for (Popović's own
            program, Moses and NLTK, which have 1e-16 in place of that 0), instead of leaving such orders out
            (sacrebleu's default).

    Returns:
        The score with its parts; ``.signature`` tells the settings, ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no hypotheses, unequal lengths, a string where a list belongs, a hypothesis without references,
            an order or a β that makes no sense.

    Source: Popović 2015, equation 1; Popović 2017; the same scores as sacrebleu's ``CHRF``.
    """
    settings = ChrfSettings(char_order, word_order, beta, lowercase, whitespace, eps_smoothing)
    hypotheses, sets = read_pairs(hypotheses, references)
    counts, hypothesis_totals, reference_totals = (array.sum(axis=0) for array in _count(hypotheses, sets, settings))
    return ChrfStats(
        tuple(counts.tolist()),
        tuple(hypothesis_totals.tolist()),
        tuple(reference_totals.tolist()),
        settings,
        count_references(sets),
    ).score()


def segment_stats(
    hypotheses: Sequence[str], references: References, settings: ChrfSettings = ChrfSettings()
) -> list[ChrfStats]:
    """The statistics of every segment: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`chrf`.
    """
    require_list(hypotheses, references, "chrf")
    hypotheses, sets = read_pairs(hypotheses, references)
    arrays = _count(hypotheses, sets, settings)
    return [
        ChrfStats(*(tuple(array[i].tolist()) for array in arrays), settings, str(len(texts)))
        for i, texts in enumerate(sets)
    ]


def _count(hypotheses: list[str], sets: list[list[str]], settings: ChrfSettings) -> list[np.ndarray]:
    """Matches, n-grams of the hypothesis, n-grams of its best reference: each ``(segments, orders)`` int64."""
    per_segment = np.array([len(texts) for texts in sets])
    references = [text for texts in sets for text in texts]
    if settings.lowercase:
        hypotheses, references = [text.lower() for text in hypotheses], [text.lower() for text in references]
    encoders = [(settings.char_order, _CharacterIds(settings.whitespace))]
    if settings.word_order:
        encoders.append((settings.word_order, TokenIds(split_words)))
    parts = []
    for order, encoder in encoders:
        left = encoder.encode(hypotheses).take(np.repeat(np.arange(len(hypotheses)), per_segment))
        right = encoder.encode(references)
        totals = ngram_totals(left.lengths, order), ngram_totals(right.lengths, order)
        parts.append((clipped_matches(left, right, order), *totals))
    matches, left_totals, right_totals = (np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))
    left_totals = np.where(right_totals > 0, left_totals, 0)  # an order that the reference lacks counts on neither side
    arrays = matches, left_totals, right_totals

    def score(row: int) -> float:
        return ChrfStats(*(tuple(array[row].tolist()) for array in arrays), settings).score().score

    best = best_references(score, per_segment)
    return [array[best] for array in arrays]


class _CharacterIds:
    """A text's code points are its characters' ids."""

    def __init__(self, whitespace: bool):
        self._whitespace = whitespace

    def encode(self, texts: list[str]) -> Rows:
        if not self._whitespace:
            texts = ["".join(text.split()) for text in texts]
        lengths = np.fromiter(map(len, texts), np.int64, count=len(texts))
        code_points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
        return Rows(code_points.astype(np.int64), lengths)


def split_words(text: str) -> list[str]:
    """chrF++'s words: cut at white space, then one mark set apart at the end of a word, or else at its start.

    >>> split_words("(so it goes), he said.")
    ['(', 'so', 'it', 'goes)', ',', 'he', 'said', '.']
    """
    words = []
    for word in text.split():
        if len(word) == 1:
            words.append(word)
        elif word[-1] in PUNCTUATION:
            words += [word[:-1], word[-1]]
        elif word[0] in PUNCTUATION:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    return words
