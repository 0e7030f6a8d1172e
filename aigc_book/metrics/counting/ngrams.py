"""Counting n-grams that a hypothesis shares with its references: the work inside BLEU, chrF and ROUGE-N.

For every segment s and n-gram g, with h(s, g) its count in the hypothesis and r_k(s, g) its count in reference k, the
*clipped matches* of a segment are

    Σ_g  min( h(s, g),  max_k r_k(s, g) )

(Papineni et al. 2002, section 2.1.1). A loop over dictionaries does it, and the book's chapter shows that one. Here an
n-gram becomes one machine integer, its tokens' ids side by side in the bits. Equal n-grams are then found by sorting an
array, which is what makes the difference in speed.
"""

import numpy as np

from aigc_book.metrics.counting.rows import Rows, bits, blocks, count_up, running_total

BLOCK_IDS = 2**14  # what is counted in one go: few enough ids that the arrays stay in the processor's cache
KEY_BITS = 63


def clipped_matches(hypotheses: Rows, references: Rows, max_order: int, per_segment: np.ndarray | None = None):
    """The clipped matches of every segment and order.

    Args:
        hypotheses: one row a segment.
        references: the rows of the first segment's references, then those of the second's, and so on.
        max_order: the longest n-gram.
        per_segment: how many references each segment has ``(segments,)``; one each if left out.

    Returns:
        ``(segments, max_order)`` int64; column n - 1 is for n-grams.
    """
    n_segments = len(hypotheses.lengths)
    if per_segment is None:
        per_segment = np.ones(n_segments, np.int64)
    matches = np.zeros((n_segments, max_order), np.int64)
    reference_row = running_total(per_segment)
    reference_ids = np.diff(references.starts[reference_row])  # of all references of a segment
    for start, stop in blocks(hypotheses.lengths + reference_ids, BLOCK_IDS):
        matches[start:stop] = _count_block(
            hypotheses[start:stop],
            references[reference_row[start] : reference_row[stop]],
            max_order,
            per_segment[start:stop],
        )
    return matches


def ngram_totals(lengths: np.ndarray, max_order: int) -> np.ndarray:
    """How many n-grams texts of these lengths have: ``(texts, max_order)``, ``max(length - n + 1, 0)`` each."""
    return np.maximum(lengths[:, None] - np.arange(max_order), 0)


def _count_block(hypotheses: Rows, references: Rows, max_order: int, per_segment: np.ndarray) -> np.ndarray:
    n_segments = len(per_segment)
    matches = np.zeros((n_segments, max_order), np.int64)
    ids = np.concatenate([hypotheses.ids, references.ids])
    lengths = np.concatenate([hypotheses.lengths, references.lengths])
    segments = np.arange(n_segments)
    segment = np.repeat(np.concatenate([segments, np.repeat(segments, per_segment)]), lengths)
    # Which text of the segment an id is in: 0 is the hypothesis, 1, 2, … are the references.
    text = np.repeat(np.concatenate([np.zeros(n_segments, np.int64), 1 + count_up(per_segment)]), lengths)
    tokens_left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(ids))  # in the text, from here on
    if bits(ids) > KEY_BITS // 2:
        ids, _ = _number(ids)
    id_bits, text_bits, segment_bits = bits(ids), bits(text), bits(segment)
    tag, tag_bits = (segment << text_bits) | text, segment_bits + text_bits
    grams, gram_bits = ids, id_bits
    for n in range(1, max_order + 1):
        if n > 1:
            if gram_bits + id_bits + tag_bits > KEY_BITS:  # no room for one more: number them afresh
                grams, gram_bits = _number(grams)
            grams = (grams[:-1] << id_bits) | ids[n - 1 :]
            gram_bits += id_bits
        if gram_bits + tag_bits > KEY_BITS:  # very many texts, or very large ids
            grams, gram_bits = _number(grams)
        assert gram_bits + tag_bits <= KEY_BITS, "no memory holds so many ids"
        inside = tokens_left[: len(grams)] >= n  # those that do not run into the next text
        keys = ((grams << tag_bits) | tag[: len(grams)])[inside]
        matches[:, n - 1] = _clip(keys, text_bits, segment_bits, n_segments)
    return matches


def _number(grams: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers from 0 in their place, equal for equal ones, and how many bits these take: no more than a place does."""
    numbers = np.unique(grams, return_inverse=True)[1]
    return numbers, bits(numbers)


def _clip(keys: np.ndarray, text_bits: int, segment_bits: int, n_segments: int) -> np.ndarray:
    """Σ_g min(h, max_k r_k) of each segment, from keys that hold (n-gram, segment, text) in this order."""
    if not len(keys):
        return np.zeros(n_segments, np.int64)
    keys.sort()
    run = np.flatnonzero(_changes(keys))  # where each distinct key starts
    count = np.diff(run, append=len(keys))
    gram, text = keys[run] >> text_bits, keys[run] & ((1 << text_bits) - 1)
    first = np.flatnonzero(_changes(gram))  # where each distinct n-gram of a segment starts
    in_hypothesis = np.where(text[first] == 0, count[first], 0)
    in_references = np.maximum.reduceat(np.where(text > 0, count, 0), first)
    clipped = np.minimum(in_hypothesis, in_references)
    segment = gram[first] & ((1 << segment_bits) - 1)
    return np.bincount(segment, weights=clipped, minlength=n_segments).astype(np.int64)


def _changes(values: np.ndarray) -> np.ndarray:
    """True where a value differs from the one before, and at the start."""
    changes = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes
