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
- the third stage looks up the *stems* of the words left over, not the words, so that few synonyms are found among
  words that stemming changes (*happi* is in no dictionary); with ``stem=False`` it looks up the words;
- a hypothesis equal to its reference has one chunk and still pays γ/m^β, so that it scores less than 1 (0.5 for one
  word). METEOR's own program drops the penalty there;
- the parameters are those of 2005, not the ones tuned on human judgments in 2007 (for English 0.81, 0.83, 0.28).

A score of several pairs is the mean of the pairs' scores (what ``evaluate`` reports). METEOR's own program sums the
counts first; that is ``aggregate``. Of several references the one with the best score counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aigc_book import __version__
from aigc_book.metrics.pairs import References, count_references, merge_counts, read_pairs, require_list, require_string
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

    @property
    def stages(self) -> list[str]:
        """The names of the stages of the alignment."""
        return ["exact"] + ["stem"] * self.stem + ["synonym"] * (self.synonyms is not None)


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
        return (
            f"nrefs:{self.stats.n_references}|case:lc|tok:{tokenizer_name(s.tokenize)}|match:{'+'.join(s.stages)}|"
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


def align(
    hypothesis: str,
    reference: str,
    *,
    tokenize: Tokenizer = "13a",
    stem: bool = True,
    synonyms: Synonyms | None = None,
) -> list[tuple[int, int, str]]:
    """The alignment behind METEOR, to look at: which word goes with which, and why.

    Args:
        hypothesis: one text.
        reference: one text.
        tokenize, stem, synonyms: as for :func:`meteor`; positions are those of ``tokenize(text, tokenizer)``.

    Returns:
        (position in the hypothesis, position in the reference, ``"exact"``, ``"stem"`` or ``"synonym"``), in the
        order of the hypothesis.

    Raises:
        ValueError: something other than two texts, an unknown tokenizer, or synonyms without ``synsets``.

    >>> align("he walks home", "home he walked")
    [(0, 1, 'exact'), (1, 2, 'stem'), (2, 0, 'exact')]
    """
    require_string(hypothesis, "meteor")
    (hypothesis,), ((reference,),) = read_pairs(hypothesis, reference)
    settings = MeteorSettings(tokenize=tokenize, stem=stem, synonyms=synonyms)
    ids = TokenIds(tokenize, str.lower)
    left, right = ids.encode(hypothesis), ids.encode(reference)
    stages = _Aligner(ids.tokens(), settings).stages(left, right)
    return sorted((i, j, name) for name, stage in zip(settings.stages, stages, strict=True) for i, j in stage.items())


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


class _Aligner:
    """Aligns texts that are lists of ids; knows the words behind the ids, and looks each one up only once."""

    def __init__(self, words: list[str], settings: MeteorSettings):
        stem = porter_stem if settings.stem else str
        self._settings = settings
        self._stems = Memo(lambda i: stem(words[i]))
        self._synonyms = Memo(lambda word: _synonyms(word, settings.synonyms))

    def stages(self, left: list[int], right: list[int]) -> list[dict[int, int]]:
        """What each stage aligns: position in the hypothesis → position in the reference."""
        stages = [_match_equal(range(len(left)), left, range(len(right)), right)]
        if not self._settings.stem and self._settings.synonyms is None:
            return stages
        taken = set(stages[0].values())
        i_open = [i for i in range(len(left)) if i not in stages[0]]
        j_open = [j for j in range(len(right)) if j not in taken]
        left_stems = [self._stems[left[i]] for i in i_open]
        right_stems = [self._stems[right[j]] for j in j_open]
        if self._settings.stem:
            stages.append(_match_equal(i_open, left_stems, j_open, right_stems))
        if self._settings.synonyms is not None:
            stems_taken = set(stages[-1].values())
            stages.append(
                self._match_synonyms(
                    {i: stem for i, stem in zip(i_open, left_stems, strict=True) if i not in stages[-1]},
                    {j: stem for j, stem in zip(j_open, right_stems, strict=True) if j not in stems_taken},
                )
            )
        return stages

    def _match_synonyms(self, left: dict[int, str], right: dict[int, str]) -> dict[int, int]:
        """Match each stem on the left, from the end, with the last free one on the right that is a synonym of it."""
        free = _positions(right.keys(), right.values())
        matches = {}
        for i, stem in reversed(left.items()):
            candidates = [synonym for synonym in self._synonyms[stem] if free.get(synonym)]
            if candidates:
                matches[i] = free[max(candidates, key=lambda synonym: free[synonym][-1])].pop()
        return matches


def _match_equal(i_open: Sequence[int], left: Sequence, j_open: Sequence[int], right: Sequence) -> dict[int, int]:
    """Match equal keys, from the end: the last one on the left with the last free one on the right.

    ``left[n]`` is the key of the word at position ``i_open[n]``, ``right[n]`` of the one at ``j_open[n]``.
    """
    free = _positions(j_open, right)
    matches = {}
    for i, key in zip(reversed(i_open), reversed(left), strict=True):
        if positions := free.get(key):
            matches[i] = positions.pop()
    return matches


def _positions(positions: Iterable[int], keys: Iterable) -> dict:
    """Key → where it stands, in ascending order."""
    where = defaultdict(list)
    for position, key in zip(positions, keys, strict=True):
        where[key].append(position)
    return where


def _synonyms(word: str, source: Synonyms) -> frozenset[str]:
    """The word and the other words (not phrases) in its sets of synonyms."""
    names = (lemma.name() for synset in source.synsets(word) for lemma in synset.lemmas())
    return frozenset([word, *(name for name in names if "_" not in name)])


def count_chunks(alignment: dict[int, int]) -> int:
    """How many runs of aligned words are adjacent and in the same order in both texts.

    Args:
        alignment: position in the hypothesis → position in the reference.
    """
    return sum(alignment.get(i - 1) != j - 1 for i, j in alignment.items())


def _count(hypotheses: list[str], sets: list[list[str]], settings: MeteorSettings) -> list[tuple]:
    """For each pair: score, matches, chunks, length of the hypothesis, length of its best reference."""
    ids = TokenIds(settings.tokenize, str.lower)
    lefts = [ids.encode(text) for text in hypotheses]
    rights = [[ids.encode(text) for text in texts] for texts in sets]
    aligner = _Aligner(ids.tokens(), settings)
    rows = []
    for left, options in zip(lefts, rights, strict=True):
        best = (-1.0,)
        for right in options:
            alignment = {i: j for stage in aligner.stages(left, right) for i, j in stage.items()}
            chunks = count_chunks(alignment)
            _, _, f_mean, penalty = _parts(len(alignment), chunks, len(left), len(right), settings)
            score = f_mean * (1 - penalty)
            if score > best[0]:
                best = (score, len(alignment), chunks, len(left), len(right))
        rows.append(best)
    return rows


def _sum_pairs(rows: list[tuple], settings: MeteorSettings, n_references: str) -> MeteorStats:
    return MeteorStats(len(rows), *(sum(column) for column in zip(*rows, strict=True)), settings, n_references)
