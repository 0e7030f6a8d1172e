"""Perplexity and bits per token, character and byte, from log-likelihoods that a model has already given.

    perplexity = exp( NLL / T )        bits per token = NLL / (T · ln 2)        bits per byte = NLL / (B · ln 2)

NLL: the summed negative log-likelihood of the text in nats, -Σ_t ln p(x_t | x_<t) (``nll_nats``); T: predicted tokens
(``n_tokens``); B: UTF-8 bytes of the text (``n_bytes``). Perplexity is per token, so two models can be compared by it
only if they cut the text into the same tokens. Bits per character and per byte count what is in the text itself and
can be compared across tokenizers.

Source: Jelinek, Mercer, Bahl, Baker 1977, *Perplexity: a measure of the difficulty of speech recognition tasks*;
bits per byte as in Gao et al. 2020, *The Pile*, section 3.1.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from aigc_book import __version__
from aigc_book.metrics.pairs import Texts, read_list
from aigc_book.metrics.protocol import add, add_to_zero, is_real


@dataclass(frozen=True)
class PerplexityStats:
    """Sums that add up over texts; a count of characters or bytes is ``None`` where it is not known."""

    nll_nats: float
    n_tokens: int
    n_characters: int | None = None
    n_bytes: int | None = None

    __add__, __radd__ = add, add_to_zero

    def score(self) -> "PerplexityScore":
        """The score of these statistics."""
        nll_per_token = self.nll_nats / self.n_tokens
        bits = self.nll_nats / math.log(2)
        try:
            value = math.exp(nll_per_token)
        except OverflowError:
            value = math.inf
        return PerplexityScore(
            perplexity=value,
            bits_per_token=bits / self.n_tokens,
            bits_per_character=None if self.n_characters is None else bits / self.n_characters,
            bits_per_byte=None if self.n_bytes is None else bits / self.n_bytes,
            nll_nats=self.nll_nats,
            n_tokens=self.n_tokens,
            stats=self,
        )


@dataclass(frozen=True)
class PerplexityScore:
    """How well a model predicted a text; lower is better.

    Attributes:
        perplexity: exp of the mean negative log-likelihood a token: the model was as unsure as between that many
            equally likely tokens. Infinite if a token had probability 0 (or beyond the range of a float).
        bits_per_token: its logarithm to base 2.
        bits_per_character: ``None`` unless ``n_characters`` or ``texts`` were given.
        bits_per_byte: ``None`` unless ``n_bytes`` or ``texts`` were given.
        nll_nats: the summed negative log-likelihood in nats.
        n_tokens: predicted tokens.
        stats: the statistics, to be added to those of another part of the corpus.
    """

    perplexity: float
    bits_per_token: float
    bits_per_character: float | None
    bits_per_byte: float | None
    nll_nats: float
    n_tokens: int
    stats: PerplexityStats

    @property
    def score(self) -> float:
        """The perplexity, under the name that every metric's result has."""
        return self.perplexity

    @property
    def signature(self) -> str:
        """What was counted."""
        known = (("char", self.stats.n_characters), ("byte", self.stats.n_bytes))
        units = "+".join(["token"] + [name for name, count in known if count is not None])
        return f"nll:nats|per:{units}|version:aigc_book-{__version__}"

    def report(self) -> dict[str, object]:
        """The perplexity, the bits of each unit that is known, and the signature."""
        units = ("token", "character", "byte")
        bits = {f"bits_per_{unit}": getattr(self, f"bits_per_{unit}") for unit in units}
        known = {name: value for name, value in bits.items() if value is not None}
        return {"perplexity": self.perplexity} | known | {"signature": self.signature}

    def __str__(self) -> str:
        text = f"perplexity = {self.perplexity:.4g} ({self.bits_per_token:.3f} bits/token"
        if self.bits_per_character is not None:
            text += f" {self.bits_per_character:.3f} bits/character"
        if self.bits_per_byte is not None:
            text += f" {self.bits_per_byte:.3f} bits/byte"
        return f"{text} tokens = {self.n_tokens})"


def perplexity(
    nll_nats: float | Iterable[float],
    n_tokens: int | Iterable[int],
    *,
    n_characters: int | Iterable[int] | None = None,
    n_bytes: int | Iterable[int] | None = None,
    texts: str | Texts | None = None,
) -> PerplexityScore:
    """Perplexity and bits per unit of one text or of many.

    Args:
        nll_nats: the negative log-likelihood in nats, summed over the tokens of a text: one number, or one a text;
            Python's numbers, NumPy's, or a tensor, as a loss gives it. (From a mean cross-entropy: multiply by the
            number of tokens. From one in bits: multiply by ln 2.)
        n_tokens: how many tokens were predicted: one number, or one a text. The first token of a window counts only
            if the model predicted it.
        n_characters: the characters that those tokens stand for.
        n_bytes: the UTF-8 bytes that they stand for.
        texts: instead of the two counts, the text or texts that were predicted, to be counted here.

    Returns:
        The score with its parts; ``.stats`` add up over parts of a corpus.

    Raises:
        ValueError: no texts, unequal lengths, something else than numbers, a negative or undefined NLL, zero tokens,
            characters or bytes in all, a count that is negative or not whole, an NLL of a text without tokens, or both
            ``texts`` and a count.

    >>> print(perplexity(8 * math.log(4), 8, texts="四选一"))
    perplexity = 4 (2.000 bits/token 5.333 bits/character 1.778 bits/byte tokens = 8)
    """
    if texts is not None:
        if n_characters is not None or n_bytes is not None:
            raise ValueError("give texts, or n_characters and n_bytes, not both")
        texts = [texts] if isinstance(texts, str) else read_list(texts, "texts")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"texts must be a text or a list of texts; got {type(text).__name__}")
        n_characters = [len(text) for text in texts]
        n_bytes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
    nlls, of_tokens = read_nlls(nll_nats), read_counts(n_tokens, "n_tokens")
    total = _total(of_tokens, len(nlls), "n_tokens")
    for i, (nll, count) in enumerate(zip(nlls, of_tokens, strict=True)):
        if nll > 0 and not count:
            raise ValueError(
                f"a text without predicted tokens has an NLL of 0; got nll_nats[{i}]={nll}, n_tokens[{i}]=0"
            )
    return PerplexityStats(
        nll_nats=math.fsum(nlls),
        n_tokens=total,
        n_characters=None if n_characters is None else _total(n_characters, len(nlls), "n_characters"),
        n_bytes=None if n_bytes is None else _total(n_bytes, len(nlls), "n_bytes"),
    ).score()


def read_nlls(value: float | Iterable[float]) -> list[float]:
    """Negative log-likelihoods as a list; ``ValueError`` if there is none, or one that can't be."""
    nlls = list(map(float, _numbers(value, "nll_nats")))
    if not nlls:
        raise ValueError("nll_nats must hold at least one number; got an empty list")
    for nll in nlls:
        if not nll >= 0:
            raise ValueError(f"nll_nats must be 0 or more (the negative of a summed log-likelihood); got {nll}")
    return nlls


def read_counts(value: int | Iterable[int], name: str) -> list[int]:
    """Counts as a list of whole numbers; ``ValueError`` if one is negative or not whole."""
    counts = _numbers(value, name)
    for count in counts:
        if not (count >= 0 and float(count).is_integer()):
            raise ValueError(f"{name} must be whole numbers of 0 or more; got {count:g}")
    return list(map(int, counts))


def _numbers(value, name: str) -> list[int | float]:
    """One number or many; Python's, or NumPy's and tensors', which ``item`` turns into Python's."""
    try:
        items = [value] if is_real(value) or getattr(value, "ndim", 1) == 0 else read_list(value, name, "numbers")
        items = [item.item() if hasattr(item, "item") else item for item in items]
        if not all(map(is_real, items)):
            raise TypeError
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be a number or a list of numbers; got {value!r}") from None
    return items


def _total(value: int | Iterable[int], length: int, name: str) -> int:
    counts = read_counts(value, name)
    if len(counts) != length:
        raise ValueError(f"{name} must have one count for each of the {length} in nll_nats; got {len(counts)}")
    if not sum(counts):
        raise ValueError(f"{name} must be above 0 in all; got 0")
    return sum(counts)
