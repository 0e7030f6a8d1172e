"""METEOR: words aligned exactly, then by stem, then by synonym; recall weighs most; scattered matches cost.

    P = m / t      R = m / r      F_mean = P·R / (α·P + (1 - α)·R)
    penalty = γ · (chunks / m)^β      score = F_mean · (1 - penalty)

m: aligned words (``matches``); t: words of the hypothesis (``hypothesis_length``); r: words of the reference
(``reference_length``); chunks: the fewest runs of aligned words that are adjacent and in the same order in both texts;
α, β, γ: ``alpha``, ``beta``, ``gamma``, here 0.9, 3 and 0.5, so that F_mean = 10·P·R / (R + 9·P).

The alignment is made in three stages, each on the words that the ones before left over: equal words, then equal stems
(Porter), then, if ``synonyms`` are given, words of which one is a synonym of the other.

Source: Banerjee and Lavie 2005, *METEOR: An Automatic Metric for MT Evaluation with Improved Correlation with Human
Judgments*, section 2.2; α, β, γ as parameters after Lavie and Agarwal 2007. The scores are NLTK's ``meteor_score``,
from 0 to 1. NLTK, and so this module, differs from the papers in these ways:

- a stage walks through the hypothesis from its end and takes for each word the *last* free match in the reference. The
  papers choose, among the alignments with most matches, the one with the fewest crossings, which may give fewer chunks;
- a hypothesis equal to its reference has one chunk and still pays γ/m^β, so that it scores less than 1 (0.5 for one
  word). METEOR's own program drops the penalty there;
- the parameters are those of 2005, not the ones tuned on human judgments in 2007 (for English 0.81, 0.83, 0.28).

A score of several pairs is the mean of the pairs' scores (what ``evaluate`` reports). METEOR's own program sums the
counts first; that is ``aggregate``. Of several references the one with the best score counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aigc_book import __version__
from aigc_book.metrics.pairs import References, count_references, merge_counts, read_pairs, require_list
from aigc_book.metrics.porter import stem as porter_stem
from aigc_book.metrics.tokenize import Memo, TokenIds, Tokenizer, check_tokenizer, tokenizer_name


class Synonyms(Protocol):
    """What ``synonyms`` has to offer; NLTK's WordNet reader (``nltk.corpus.wordnet``) does."""

    def synsets(self, word: str) -> Sequence:
        """Sets of synonyms that hold the word; each has ``lemmas()``, each of which has ``name()``."""
        ...


@dataclass(frozen=True)
class MeteorSettings:
    """How METEOR is computed; the arguments of :func:`meteor`."""

    tokenize: Tokenizer = "13a"
    alpha: float = 0.9
    beta: float = 3.0
    gamma: float = 0.5
    stem: bool = True
    synonyms: Synonyms | None = None

    def __post_init__(self):
        check_tokenizer(self.tokenize)
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be from 0 to 1; got {self.alpha}")
        if not self.beta >= 0:
            raise ValueError(f"beta must be 0 or more; got {self.beta}")
        if not 0 <= self.gamma <= 1:
            raise ValueError(f"gamma must be from 0 to 1; got {self.gamma}")
        if self.synonyms is not None and not callable(getattr(self.synonyms, "synsets", None)):
            raise ValueError(f"synonyms must have a method synsets(word); got {type(self.synonyms).__name__}")


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

    def __add__(self, other: "MeteorStats") -> "MeteorStats":
        if not isinstance(other, MeteorStats):
            return NotImplemented
        if self.settings != other.settings:
            raise ValueError(f"statistics of different settings don't add up: {self.settings} and {other.settings}")
        return MeteorStats(
            n_pairs=self.n_pairs + other.n_pairs,
            score_sum=self.score_sum + other.score_sum,
            matches=self.matches + other.matches,
            chunks=self.chunks + other.chunks,
            hypothesis_length=self.hypothesis_length + other.hypothesis_length,
            reference_length=self.reference_length + other.reference_length,
            settings=self.settings,
            n_references=merge_counts(self.n_references, other.n_references),
        )

    def __radd__(self, other):
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() starts at 0

    def score(self) -> "MeteorScore":
        """The mean over the pairs, and the parts."""
        precision, recall, f_mean, penalty = _parts(
            self.matches, self.chunks, self.hypothesis_length, self.reference_length, self.settings
        )
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
        stages = ["exact"] + ["stem"] * s.stem + ["synonym"] * (s.synonyms is not None)
        return (
            f"nrefs:{self.stats.n_references}|case:lc|tok:{tokenizer_name(s.tokenize)}|match:{'+'.join(stages)}|"
            f"alpha:{s.alpha:g}|beta:{s.beta:g}|gamma:{s.gamma:g}|agg:mean|version:aigc_book-{__version__}"
        )

    def __str__(self) -> str:
        return (
            f"METEOR = {self.score:.4f} (precision = {self.precision:.4f} recall = {self.recall:.4f} "
            f"penalty = {self.penalty:.4f} matches = {self.matches} chunks = {self.chunks} "
            f"hyp_len = {self.hypothesis_length} ref_len = {self.reference_length} pairs = {self.n_pairs})"
        )


def meteor(
    hypotheses: str | Sequence[str],
    references: str | References,
    *,
    tokenize: Tokenizer = "13a",
    alpha: float = 0.9,
    beta: float = 3.0,
    gamma: float = 0.5,
    stem: bool = True,
    synonyms: Synonyms | None = None,
) -> MeteorScore:
    """METEOR of one text or of a corpus.

    Args:
        hypotheses: one text, or a list of texts. An empty text scores 0.
        references: for one text its reference or a list of them; for a list ``references[i]`` belongs to
            ``hypotheses[i]`` and is a text or a list of texts.
        tokenize: ``"13a"`` (Western languages), ``"zh"`` (Chinese, by character), ``"char"``, ``"none"``, ``"rouge"``
            or a function ``text -> list of tokens``. Words are compared in lower case.
        alpha: weight of recall in F_mean, 0 to 1.
        beta: how fast the penalty grows with the number of chunks.
        gamma: the largest penalty, 0 to 1.
        stem: align words with equal stems (Porter's, for English; it leaves Chinese as it is).
        synonyms: align synonyms, as this object knows them: ``nltk.corpus.wordnet`` if its data is installed, or
            anything with ``synsets(word)``. ``None``: no synonyms.

    Returns:
        The score with its parts; ``.signature`` tells the settings, ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no hypotheses, unequal lengths, a string where a list belongs, a hypothesis without references, an
            unknown tokenizer, a parameter out of range, or synonyms without ``synsets``.

    Source: Banerjee and Lavie 2005, section 2.2; the same scores as NLTK's ``meteor_score``.
    """
    settings = MeteorSettings(tokenize, alpha, beta, gamma, stem, synonyms)
    hypotheses, sets = read_pairs(hypotheses, references)
    rows = _count(hypotheses, sets, settings)
    return _sum_pairs(rows, settings, count_references(sets)).score()


def segment_stats(
    hypotheses: Sequence[str], references: References, settings: MeteorSettings = MeteorSettings()
) -> list[MeteorStats]:
    """The statistics of every pair: resample and add them up for a confidence interval, or score each by itself.

    Raises:
        ValueError: as for :func:`meteor`.
    """
    require_list(hypotheses, references, "meteor")
    hypotheses, sets = read_pairs(hypotheses, references)
    rows = _count(hypotheses, sets, settings)
    return [_sum_pairs([row], settings, str(len(texts))) for row, texts in zip(rows, sets, strict=True)]


def _parts(
    matches: int, chunks: int, hypothesis_length: int, reference_length: int, settings: MeteorSettings
) -> tuple[float, float, float, float]:
    """Precision, recall, F_mean and penalty; all 0 if nothing is aligned."""
    if not matches:
        return 0.0, 0.0, 0.0, 0.0
    precision, recall = matches / hypothesis_length, matches / reference_length
    f_mean = precision * recall / (settings.alpha * precision + (1 - settings.alpha) * recall)
    return precision, recall, f_mean, settings.gamma * (chunks / matches) ** settings.beta


def _count(hypotheses: list[str], sets: list[list[str]], settings: MeteorSettings) -> list[tuple]:
    """For each pair: score, matches, chunks, length of the hypothesis, length of its best reference."""
    ids = TokenIds(settings.tokenize, str.lower)
    lefts = [ids.encode(text) for text in hypotheses]
    rights = [[ids.encode(text) for text in texts] for texts in sets]
    words = ids.tokens()
    stages: list[Callable] = []
    if settings.stem:
        stems = Memo(lambda i: porter_stem(words[i]))
        stages.append(lambda left, right: _match_keys(left, right, stems.__getitem__))
    if settings.synonyms is not None:
        groups = Memo(lambda i: _synonyms(words[i], settings.synonyms))
        stages.append(lambda left, right: _match_synonyms(left, right, words, groups))
    return [
        max((_score_pair(left, right, stages, settings) for right in options), key=lambda row: row[0])
        for left, options in zip(lefts, rights, strict=True)
    ]


def _score_pair(left: list[int], right: list[int], stages: list[Callable], settings: MeteorSettings) -> tuple:
    alignment = align(left, right, stages)
    chunks = count_chunks(alignment)
    _, _, f_mean, penalty = _parts(len(alignment), chunks, len(left), len(right), settings)
    return f_mean * (1 - penalty), len(alignment), chunks, len(left), len(right)


def align(left: Sequence[int], right: Sequence[int], stages: Sequence[Callable] = ()) -> dict[int, int]:
    """Align two texts word by word: equal ids first, then what each stage finds among the words left over.

    Args:
        left: ids of the hypothesis.
        right: ids of the reference.
        stages: functions ``(left_over_left, left_over_right) -> {position: position}``; what is left over is a list of
            ``(position, id)``, in order.

    Returns:
        Position in the hypothesis → position in the reference.
    """
    open_left, open_right = list(enumerate(left)), list(enumerate(right))
    alignment = _match_keys(open_left, open_right, int)
    for stage in stages:
        taken = set(alignment.values())
        open_left = [(i, token) for i, token in open_left if i not in alignment]
        open_right = [(j, token) for j, token in open_right if j not in taken]
        if not open_left or not open_right:
            break
        alignment |= stage(open_left, open_right)
    return alignment


def count_chunks(alignment: dict[int, int]) -> int:
    """How many runs of aligned words are adjacent and in the same order in both texts."""
    return sum(alignment.get(i - 1) != j - 1 for i, j in alignment.items())


def _match_keys(left: list[tuple[int, int]], right: list[tuple[int, int]], key: Callable) -> dict[int, int]:
    """Match words with equal keys, from the end: the last one on the left with the last free one on the right."""
    free: dict = {}
    for j, token in right:
        free.setdefault(key(token), []).append(j)
    matches = {}
    for i, token in reversed(left):
        if positions := free.get(key(token)):
            matches[i] = positions.pop()
    return matches


def _match_synonyms(
    left: list[tuple[int, int]], right: list[tuple[int, int]], words: list[str], synonyms: Memo
) -> dict[int, int]:
    """Match each word on the left, from the end, with the last free word on the right that is among its synonyms."""
    free = list(right)
    matches = {}
    for i, token in reversed(left):
        for place in reversed(range(len(free))):
            j, other = free[place]
            if words[other] in synonyms[token]:
                matches[i] = j
                del free[place]
                break
    return matches


def _synonyms(word: str, source: Synonyms) -> frozenset[str]:
    """The word and the other words (not phrases) in its sets of synonyms."""
    names = (lemma.name() for synset in source.synsets(word) for lemma in synset.lemmas())
    return frozenset([word, *(name for name in names if "_" not in name)])


def _sum_pairs(rows: list[tuple], settings: MeteorSettings, n_references: str) -> MeteorStats:
    return MeteorStats(len(rows), *(sum(column) for column in zip(*rows, strict=True)), settings, n_references)
