"""The counting inside the metrics, fast: for many texts at once, as arrays of ids.

This is the one door. What comes out of it is what :mod:`aigc_book.metrics.counting.plain` says in a few lines; the
files behind it say how to get there a hundred times sooner. The metrics can be read without them.
"""

from aigc_book.metrics.counting.ids import CharacterIds, Memo, TokenIds
from aigc_book.metrics.counting.lcs import lcs_lengths, lcs_rows
from aigc_book.metrics.counting.matching import chunk_starts, match_equal
from aigc_book.metrics.counting.ngrams import clipped_matches, ngram_totals
from aigc_book.metrics.counting.rows import Rows, blocks

__all__ = [
    "CharacterIds",
    "Memo",
    "Rows",
    "TokenIds",
    "blocks",
    "chunk_starts",
    "clipped_matches",
    "lcs_lengths",
    "lcs_rows",
    "match_equal",
    "ngram_totals",
]
