"""What is counted, as one would write it down: the definition that the fast way is tested against."""

from collections import Counter
from collections.abc import Sequence


def clipped_matches(hypothesis: Sequence[int], references: Sequence[Sequence[int]], max_order: int) -> list[int]:
    """Σ_g min(h(g), max_k r_k(g)) for n-grams g of n = 1 … ``max_order`` (Papineni et al. 2002, section 2.1.1)."""
    matches = []
    for n in range(1, max_order + 1):
        hypothesis_grams, *grams = (
            Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)) for ids in (hypothesis, *references)
        )
        most = Counter()
        for reference_grams in grams:
            most |= reference_grams  # the larger count of each
        matches.append((hypothesis_grams & most).total())  # the smaller count of each
    return matches


def lcs_table(left: Sequence[int], right: Sequence[int]) -> list[list[int]]:
    """L[i][j], the length of the longest common subsequence of the first i and the first j (Lin 2004, section 3.1)."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left, start=1):
        for j, b in enumerate(right, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
    return table


def match_equal(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int]]:
    """From the end of the left: each takes the last free equal on the right. (NLTK's METEOR, stage one.)"""
    free, matches = list(enumerate(right)), []
    for i, word in reversed(list(enumerate(left))):
        for place in reversed(free):
            if place[1] == word:
                free.remove(place)
                matches.append((i, place[0]))
                break
    return matches[::-1]
