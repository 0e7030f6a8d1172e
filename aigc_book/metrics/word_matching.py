"""Which word of a hypothesis goes with which word of a reference: the alignment that METEOR counts.

It is made in stages, each on the words that the ones before left over: equal words, then equal stems (Porter), then, if
synonyms are given, words of which the one on the right is a synonym of the one on the left. A word is aligned with one
word at most.

Source: Banerjee and Lavie 2005, section 2.2. The alignment is that of NLTK's ``meteor_score``, which differs:

- a stage walks through the hypothesis from its end and takes for each word the *last* free match in the reference. The
  paper takes, of all the alignments with most matches, one with the fewest crossings, which may have fewer chunks;
- the third stage looks up the *stems* of the words left over, not the words; a word that stemming changes finds no
  synonyms then (*happi* is in no dictionary). Without stemming it looks up the words.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from aigc_book.metrics.counting import Memo, Rows, match_equal
from aigc_book.metrics.porter import stem as porter_stem


class Synonyms(Protocol):
    """What ``synonyms`` has to offer; NLTK's WordNet reader (``nltk.corpus.wordnet``) does."""

    def synsets(self, word: str) -> Sequence:
        """Sets of synonyms that hold the word; each has ``lemmas()``, each of which has ``name()``."""
        ...


def check_synonyms(synonyms: Synonyms | None) -> None:
    """Raise ``ValueError`` unless these are synonyms, or ``None``."""
    if synonyms is not None and not callable(getattr(synonyms, "synsets", None)):
        raise ValueError(f"synonyms must have a method synsets(word); got {type(synonyms).__name__}")


def align_rows(
    left: Rows, right: Rows, stems: "StemIds", stem: bool, synonyms: Synonyms | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Align every row on the left with the same row on the right.

    Args:
        left, right: hypotheses and references as ids.
        stems: the stems of the words behind the ids.
        stem, synonyms: which stages to have besides the first.

    Returns:
        For each stage the places on the left that it aligns and the places on the right that they go with. A place
        counts through all the ids of all rows.
    """
    left_row, right_row = left.row_of, right.row_of
    stages = {"exact": match_equal(left.ids, left_row, right.ids, right_row)}
    if not stem and synonyms is None:
        return stages
    i_open = np.delete(np.arange(len(left.ids)), stages["exact"][0])
    j_open = np.delete(np.arange(len(right.ids)), stages["exact"][1])
    left_stem, right_stem = stems.of(left.ids[i_open]), stems.of(right.ids[j_open])
    if stem:
        i, j = match_equal(left_stem, left_row[i_open], right_stem, right_row[j_open])
        stages["stem"] = i_open[i], j_open[j]
        i_open, left_stem = np.delete(i_open, i), np.delete(left_stem, i)
        j_open, right_stem = np.delete(j_open, j), np.delete(right_stem, j)
    if synonyms is not None:
        i, j = _match_synonyms(
            list(zip(left_row[i_open].tolist(), stems.names(left_stem), strict=True)),
            list(zip(right_row[j_open].tolist(), stems.names(right_stem), strict=True)),
            synonyms,
        )
        stages["synonym"] = i_open[i], j_open[j]
    return stages


class StemIds:
    """The stems of words, as ids of their own. Most words are matched as they are and never get here.

    Args:
        words: the word behind each id.
        stem: stem them; otherwise a word is its own stem.
    """

    def __init__(self, words: Sequence[str], stem: bool):
        numbers = self._numbers = Memo(lambda stem: len(numbers))
        self._stem_of = Memo(lambda word: numbers[porter_stem(words[word]) if stem else words[word]])

    def of(self, words: np.ndarray) -> np.ndarray:
        """Ids of words → ids of their stems."""
        return np.fromiter(map(self._stem_of.__getitem__, words.tolist()), np.int64, count=len(words))

    def names(self, stems: np.ndarray) -> list[str]:
        """Ids of stems → the stems."""
        names = list(self._numbers)
        return [names[stem] for stem in stems.tolist()]


def _match_synonyms(
    left: list[tuple[int, str]], right: list[tuple[int, str]], source: Synonyms
) -> tuple[np.ndarray, np.ndarray]:
    """Match each (row, stem) on the left, from the end, with the last free one on the right that is a synonym of it."""
    synonyms = Memo(lambda stem: _synonyms(stem, source))
    free = defaultdict(list)
    for j, row_and_stem in enumerate(right):
        free[row_and_stem].append(j)
    matches = []
    for i, (row, stem) in reversed(list(enumerate(left))):
        candidates = [(row, synonym) for synonym in synonyms[stem] if free.get((row, synonym))]
        if candidates:
            matches.append((i, free[max(candidates, key=lambda candidate: free[candidate][-1])].pop()))
    i, j = np.array(matches, np.int64).reshape(-1, 2).T
    return i, j


def _synonyms(word: str, source: Synonyms) -> frozenset[str]:
    """The word and the other words (not phrases) in its sets of synonyms."""
    names = (lemma.name() for synset in source.synsets(word) for lemma in synset.lemmas())
    return frozenset([word, *(name for name in names if "_" not in name)])
