"""What every metric is given: hypotheses, and for each of them one reference or several. Checked here, once.

The layout is the same everywhere: ``references[i]`` belongs to ``hypotheses[i]``, and either all of them are texts or
all are lists of texts, so that one sees which of the two is meant. (sacrebleu turns
it the other way round: one list for all first references, one for all second ones, and so on.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

# Lists, tuples, one-dimensional arrays, columns of a table, iterators: whatever gives texts in an order that means
# something.
Texts = Iterable[str]
References = Iterable[str | Texts]


def read_pairs(hypotheses: str | Texts, references: str | References) -> tuple[list[str], list[list[str]]]:
    """Check the input of a metric and bring it into one form; nothing that was passed is changed.

    Args:
        hypotheses: one text, or a list of texts.
        references: for one text its reference, or a list of its references; for a list of texts a list of the same
            length whose items are all texts or all lists of texts.

    Returns:
        The hypotheses, and the references of each.

    Raises:
        ValueError: no hypotheses, unequal lengths, a string where a list belongs, texts beside lists among the
            references, a hypothesis without references, something that is not a text, or a container that iterates over
            something else than its texts or in an arbitrary order (a table, a dictionary, a set).
    """
    if isinstance(hypotheses, str):
        hypotheses, references = [hypotheses], [references]
    hypotheses = read_list(hypotheses, "hypotheses")
    references = read_list(references, "references")
    if not hypotheses:
        raise ValueError("hypotheses must hold at least one text; got an empty list")
    if len(hypotheses) != len(references):
        raise ValueError(
            f"hypotheses and references must have the same length; got {len(hypotheses)} and {len(references)} "
            f"(references[i] belongs to hypotheses[i]; sacrebleu's layout is turned by list(zip(*references)))"
        )
    sets = [
        [item] if isinstance(item, str) else read_list(item, f"references[{i}]") for i, item in enumerate(references)
    ]
    one, several = ([i for i, item in enumerate(references) if isinstance(item, str) is kind] for kind in (True, False))
    if one and several:
        raise ValueError(
            f"references must be all texts or all lists of texts; got a text in references[{one[0]}] and a list in"
            f" references[{several[0]}] (a single reference among lists is a list of one)"
        )
    for i, (hypothesis, texts) in enumerate(zip(hypotheses, sets, strict=True)):
        if not isinstance(hypothesis, str):
            raise ValueError(f"hypotheses[{i}] must be a text; got {type(hypothesis).__name__}")
        if not texts:
            raise ValueError(f"references[{i}] must hold at least one text; got none")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"references[{i}] must hold texts; got {type(text).__name__}")
    return hypotheses, sets


def require_list(hypotheses: Texts, references: References, instead: str) -> None:
    """Raise ``ValueError`` if a corpus function got a single string; ``instead`` names the function for one pair."""
    for name, value in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(value, str):
            raise ValueError(
                f"{name} must be a list of texts; got the string {value[:40]!r} ({instead} takes one pair)"
            )


def require_string(value: str, name: str, instead: str) -> None:
    """Raise ``ValueError`` if a sentence function got no string; ``instead`` names the function for a corpus."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be one text; got {type(value).__name__} ({instead} takes a list)")


def read_list(value: Iterable, name: str, what: str = "texts") -> list:
    """What a container holds, as a list; what it holds is for the caller to check.

    Raises:
        ValueError: a string, or something that iterates over something else than what it holds (a table over the names
            of its columns, a dictionary over its keys) or in an arbitrary order (a set).
    """
    if isinstance(value, str | bytes | bytearray):
        raise ValueError(f"{name} must be a list of {what}; got the string {value[:40]!r}")
    hint = ""
    if hasattr(value, "columns") or hasattr(value, "column_names"):
        hint = " (pass one of its columns)"
    elif isinstance(value, Mapping):
        hint = " (pass list(its.values()))"
    elif isinstance(value, Set):
        hint = " (which has no order)"
    if hint or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise ValueError(f"{name} must be a list of {what}; got {type(value).__name__}{hint}")
    items = list(value)
    if not items and isinstance(value, Iterator):
        raise ValueError(f"{name} must hold at least one item; got an iterator that has nothing left")
    return items


def count_references(sets: Sequence[Sequence[str]]) -> str:
    """How many references a hypothesis has, for a signature: ``"1"``, or ``"var"`` where that varies."""
    counts = {len(texts) for texts in sets}
    return str(counts.pop()) if len(counts) == 1 else "var"


def merge_counts(left: str, right: str) -> str:
    """The same for two corpora put together."""
    return left if left == right else "var"


def best_references(score: Callable[[int], float], per_segment: np.ndarray) -> np.ndarray:
    """Of each segment's references the one that scores best, the first of equals.

    Args:
        score: number of a reference, all segments' references counted through → its score.
        per_segment: how many references each segment has ``(segments,)``.

    Returns:
        The number of the best reference of each segment ``(segments,)``.
    """
    best = np.cumsum(per_segment) - per_segment
    for segment in np.flatnonzero(per_segment > 1):
        best[segment] = max(range(best[segment], best[segment] + per_segment[segment]), key=score)
    return best
