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

from dataclasses import dataclass

import numpy as np

from aigc_book import __version__
from aigc_book.metrics.counting import CharacterIds, TokenIds, clipped_matches, ngram_totals
from aigc_book.metrics.pairs import (
    References,
    Texts,
    best_references,
    count_references,
    read_pairs,
    require_list,
)
from aigc_book.metrics.protocol import add, add_to_zero, check_flags, check_settings, is_real, is_whole

EPSILON = 1e-16
LARGEST_BETA = 1e100  # its square is a number, too
PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@dataclass(frozen=True)
class ChrfSettings:
    """How chrF is computed; ``word_order=2`` gives chrF++.

    Attributes:
        char_order: the longest character n-gram.
        word_order: the longest word n-gram. Words are cut at white space, a mark at their end or start set apart.
        beta: weight of recall; 2 in chrF2, the usual one.
        lowercase: compare in lower case.
        whitespace: count white space as characters.
        eps_smoothing: average one F-score an order, with ε = 1e-16 for the precision or recall of an order that a
            text is too short for (Popović's own program, Moses and NLTK), instead of leaving such orders out
            (sacrebleu's default).

    Raises:
        ValueError: an order or a β that makes no sense.
    """

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False

    def __post_init__(self):
        if not is_whole(self.char_order, 1):
            raise ValueError(f"char_order must be at least 1; got {self.char_order!r}")
        if not is_whole(self.word_order, 0):
            raise ValueError(f"word_order must be at least 0; got {self.word_order!r}")
        if not (is_real(self.beta) and 0 < self.beta <= LARGEST_BETA):
            raise ValueError(f"beta must be above 0 and at most {LARGEST_BETA:g}; got {self.beta!r}")
        check_flags(self, "lowercase", "whitespace", "eps_smoothing")


@dataclass(frozen=True)
class ChrfStats:
    """All that chrF needs to know of a corpus: three whole numbers an order, character orders first. They add up."""

    counts: tuple[int, ...]
    hypothesis_totals: tuple[int, ...]
    reference_totals: tuple[int, ...]
    settings: ChrfSettings = ChrfSettings()
    n_references: str = "1"

    __add__, __radd__ = add, add_to_zero

    def score(self) -> "ChrfScore":
        """The score of these statistics."""
        orders = list(zip(self.counts, self.hypothesis_totals, self.reference_totals, strict=True))
        seen = [(count / h, count / r) for count, h, r in orders if h > 0 and r > 0]  # orders that both texts reach
        precision = sum(p for p, _ in seen) / len(seen) if seen else 0.0
        recall = sum(r for _, r in seen) / len(seen) if seen else 0.0
        if self.settings.eps_smoothing:  # 1e-16 decides between references that all score nearly 0
            ratios = ((count / h if h > 0 else EPSILON, count / r if r > 0 else EPSILON) for count, h, r in orders)
            score = 100 * sum(self._f_score(p, r, empty=EPSILON) for p, r in ratios) / len(orders)
        else:
            score = 100 * self._f_score(precision, recall)
        return ChrfScore(
            score=score,
            precision=100 * precision,
            recall=100 * recall,
            counts=self.counts,
            hypothesis_totals=self.hypothesis_totals,
            reference_totals=self.reference_totals,
            stats=self,
        )

    def _f_score(self, precision: float, recall: float, empty: float = 0.0) -> float:
        weight = self.settings.beta**2
        denominator = weight * precision + recall
        return (1 + weight) * precision * recall / denominator if denominator > 0 else empty


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

    def report(self) -> dict[str, object]:
        """The score and the signature."""
        return {"chrf": self.score, "signature": self.signature}

    def __str__(self) -> str:
        return f"{self.name} = {self.score:.2f} (precision = {self.precision:.1f} recall = {self.recall:.1f})"


def chrf(hypotheses: str | Texts, references: str | References, settings: ChrfSettings = ChrfSettings()) -> ChrfScore:
    """chrF of one text or of a corpus.

    Args:
        hypotheses: one text, or a list of texts. An empty text scores 0.
        references: for one text its reference or a list of them; for a list ``references[i]`` belongs to
            ``hypotheses[i]`` and is a text or a list of texts, the same for all.
        settings: orders and β; ``ChrfSettings(word_order=2)`` gives chrF++.

    Returns:
        The score with its parts; ``.signature`` tells the settings, ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no hypotheses, unequal lengths, something else than texts where texts belong, a hypothesis without
            references.

    Source: Popović 2015, equation 1; Popović 2017; the same scores as sacrebleu's ``CHRF``.
    """
    check_settings(settings, ChrfSettings)
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
    hypotheses: Texts, references: References, settings: ChrfSettings = ChrfSettings()
) -> list[ChrfStats]:
    """The statistics of every segment: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`chrf`.
    """
    require_list(hypotheses, references, "chrf")
    check_settings(settings, ChrfSettings)
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
    encoders = [(settings.char_order, CharacterIds(settings.whitespace))]
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
