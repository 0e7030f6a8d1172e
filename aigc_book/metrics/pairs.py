"""What every metric is given: hypotheses, and for each of them one reference or several. Checked here, once.

The layout is the same everywhere: ``references[i]`` belongs to ``hypotheses[i]`` and is a text or a list of texts.
(sacrebleu turns it the other way round: one list for all first references, one for all second ones, and so on.)
"""

from collections.abc import Callable, Sequence

import numpy as np

References = Sequence[str] | Sequence[Sequence[str]]


def read_pairs(hypotheses: str | Sequence[str], references: str | References) -> tuple[list[str], list[list[str]]]:
    """Check the input of a metric and bring it into one form; nothing that was passed is changed.

    Args:
        hypotheses: one text, or a list of texts.
        references: for one text its reference, or a list of its references; for a list of texts a list of the same
            length whose items are texts or lists of texts.

    Returns:
        The hypotheses, and the references of each.

    Raises:
        ValueError: no hypotheses, unequal lengths, a string where a list belongs, a hypothesis without references,
            or something that is not a text.
    """
    if isinstance(hypotheses, str):
        hypotheses, references = [hypotheses], [references]
    hypotheses = _as_list(hypotheses, "hypotheses")
    references = _as_list(references, "references")
    if not hypotheses:
        raise ValueError("hypotheses must hold at least one text; got an empty list")
    if len(hypotheses) != len(references):
        raise ValueError(
            f"hypotheses and references must have the same length; got {len(hypotheses)} and {len(references)} "
            f"(references[i] belongs to hypotheses[i]; sacrebleu's layout is turned by list(zip(*references)))"
        )
    sets = [
        [item] if isinstance(item, str) else _as_list(item, f"references[{i}]") for i, item in enumerate(references)
    ]
    for i, (hypothesis, texts) in enumerate(zip(hypotheses, sets, strict=True)):
        if not isinstance(hypothesis, str):
            raise ValueError(f"hypotheses[{i}] must be a text; got {type(hypothesis).__name__}")
        if not texts:
            raise ValueError(f"references[{i}] must hold at least one text; got none")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"references[{i}] must hold texts; got {type(text).__name__}")
    return hypotheses, sets


def require_list(hypotheses: Sequence[str], references: References, instead: str) -> None:
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


def _as_list(value: Sequence, name: str) -> list:
    if isinstance(value, (str, bytes)):
        raise ValueError(f"{name} must be a list of texts; got the string {value[:40]!r}")
    try:
        return list(value)
    except TypeError:
        raise ValueError(f"{name} must be a list of texts; got {type(value).__name__}") from None


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
