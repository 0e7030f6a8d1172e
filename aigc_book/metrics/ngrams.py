"""Counting n-grams that a hypothesis shares with its references: the work inside BLEU, chrF and ROUGE-N.

For every segment s and n-gram g, with h(s, g) its count in the hypothesis and r_k(s, g) its count in reference k, the
*clipped matches* of a segment are

    Σ_g  min( h(s, g),  max_k r_k(s, g) )

(Papineni et al. 2002, section 2.1.1). A loop over dictionaries does it, and the book's chapter shows that one. Here an
n-gram becomes one machine integer, its tokens' ids side by side in the bits. Equal n-grams are then found by sorting an
array, which is what makes the difference in speed.
"""

import numpy as np

# Segments that are counted in one go: few enough that the arrays stay in the processor's cache.
BLOCK = 256
KEY_BITS = 63


def clipped_matches(
    hypotheses: tuple[np.ndarray, np.ndarray],
    references: tuple[np.ndarray, np.ndarray],
    references_per_segment: np.ndarray,
    max_order: int,
) -> np.ndarray:
    """The clipped matches of every segment and order.

    Args:
        hypotheses: ids of all hypotheses one after the other ``(total,)`` and their lengths ``(segments,)``.
        references: the same for all references, those of the first segment first.
        references_per_segment: how many references each segment has ``(segments,)``.
        max_order: the longest n-gram.

    Returns:
        ``(segments, max_order)`` int64; column n - 1 is for n-grams.
    """
    (hypothesis_ids, hypothesis_lengths), (reference_ids, reference_lengths) = hypotheses, references
    n_segments = len(hypothesis_lengths)
    matches = np.zeros((n_segments, max_order), np.int64)
    reference_rows = _starts(references_per_segment)  # where a segment's references start among the rows …
    hypothesis_at, reference_at = _starts(hypothesis_lengths), _starts(reference_lengths)  # … and a row among the ids
    for start in range(0, n_segments, BLOCK):
        stop = min(start + BLOCK, n_segments)
        first_row, last_row = reference_rows[start], reference_rows[stop]
        per_segment = references_per_segment[start:stop]
        ids = np.concatenate(
            [
                hypothesis_ids[hypothesis_at[start] : hypothesis_at[stop]],
                reference_ids[reference_at[first_row] : reference_at[last_row]],
            ]
        )
        lengths = np.concatenate([hypothesis_lengths[start:stop], reference_lengths[first_row:last_row]])
        segments = np.arange(stop - start)
        row_segment = np.concatenate([segments, np.repeat(segments, per_segment)])
        # 0 is the hypothesis, 1, 2, … are the segment's references.
        row_text = np.concatenate([np.zeros(stop - start, np.int64), 1 + _count_up(per_segment)])
        matches[start:stop] = _count_block(ids, lengths, row_segment, row_text, stop - start, max_order)
    return matches


def ngram_totals(lengths: np.ndarray, max_order: int) -> np.ndarray:
    """How many n-grams texts of these lengths have: ``(texts, max_order)``, ``max(length - n + 1, 0)`` each."""
    return np.maximum(lengths[:, None] - np.arange(max_order), 0)


def _count_block(
    ids: np.ndarray, lengths: np.ndarray, row_segment: np.ndarray, row_text: np.ndarray, n_segments: int, max_order: int
) -> np.ndarray:
    matches = np.zeros((n_segments, max_order), np.int64)
    if not len(ids):
        return matches
    id_bits, text_bits, segment_bits = _bits(ids), _bits(row_text), n_segments.bit_length()
    segment, text = np.repeat(row_segment, lengths), np.repeat(row_text, lengths)
    tokens_left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(ids))  # in the row, from here on
    grams, gram_bits = ids, id_bits
    for n in range(1, max_order + 1):
        if n > 1:
            if segment_bits + gram_bits + id_bits + text_bits > KEY_BITS:  # no room for one more: number them afresh
                grams = np.unique(grams, return_inverse=True)[1]
                gram_bits = _bits(grams)
            grams = (grams[:-1] << id_bits) | ids[n - 1 :]
            gram_bits += id_bits
        inside = np.flatnonzero(tokens_left[: len(grams)] >= n)  # those that do not run into the next row
        if not len(inside):
            break
        keys = (((segment[inside] << gram_bits) | grams[inside]) << text_bits) | text[inside]
        matches[:, n - 1] = _clip(keys, gram_bits, text_bits, n_segments)
    return matches


def _clip(keys: np.ndarray, gram_bits: int, text_bits: int, n_segments: int) -> np.ndarray:
    """Σ_g min(h, max_k r_k) of each segment, from keys that hold (segment, n-gram, text) in this order."""
    keys.sort()
    run = np.flatnonzero(_changes(keys))  # where each distinct key starts
    count = np.diff(run, append=len(keys))
    gram, text = keys[run] >> text_bits, keys[run] & (2**text_bits - 1)
    first = np.flatnonzero(_changes(gram))  # where each distinct n-gram of a segment starts
    in_hypothesis = np.where(text[first] == 0, count[first], 0)
    in_references = np.maximum.reduceat(np.where(text > 0, count, 0), first)
    clipped = np.minimum(in_hypothesis, in_references)
    return np.bincount(gram[first] >> gram_bits, weights=clipped, minlength=n_segments).astype(np.int64)


def _changes(values: np.ndarray) -> np.ndarray:
    """True where a value differs from the one before, and at the start."""
    changes = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _bits(values: np.ndarray) -> int:
    return int(values.max()).bit_length()


def _starts(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


def _count_up(sizes: np.ndarray) -> np.ndarray:
    """0, 1, …, size - 1 for each size, one after the other."""
    return np.arange(int(sizes.sum())) - np.repeat(_starts(sizes)[:-1], sizes)
