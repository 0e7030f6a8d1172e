"""How varied many texts are: distinct-n and self-BLEU. They need no references.

    distinct-n = different n-grams / all n-grams          self-BLEU = mean over i of BLEU(text i; all other texts)

Both look at texts as a set. A text says something new or doesn't only in view of the others, so their statistics don't
add up as the other metrics' do (:mod:`aigc_book.metrics.protocol`), and there is no ``segment_stats``: for an interval
generate several sets. Both hang on how many texts there are and on how long they are; compare sets of one size only.

Source: Li et al. 2016, *A Diversity-Promoting Objective Function for Neural Conversation Models*, section 5.1; Zhu et
al. 2018, *Texygen: A Benchmarking Platform for Text Generation Models*, section 2.3.
"""

from dataclasses import dataclass

from aigc_book import __version__
from aigc_book.metrics import bleu
from aigc_book.metrics.bleu import SENTENCE, BleuSettings
from aigc_book.metrics.pairs import Texts, read_list
from aigc_book.metrics.protocol import check_settings, is_whole
from aigc_book.metrics.tokenize import Tokenizer, check_tokenizer, tokenize, tokenizer_name


@dataclass(frozen=True)
class DistinctSettings:
    """What distinct-n counts.

    Attributes:
        order: n.
        tokenize: as for BLEU: ``"13a"``, ``"zh"``, ``"char"``, ``"none"``, ``"rouge"`` or a function.
        lowercase: compare in lower case.

    Raises:
        ValueError: an order below 1, an unknown tokenizer.
    """

    order: int = 2
    tokenize: Tokenizer = "13a"
    lowercase: bool = False

    def __post_init__(self):
        check_tokenizer(self.tokenize)
        if not is_whole(self.order, 1):
            raise ValueError(f"order must be at least 1; got {self.order!r}")


@dataclass(frozen=True)
class DistinctScore:
    """Distinct-n of some texts.

    Attributes:
        score: the share, 0 to 1; 0 if no text is long enough for an n-gram.
        n_distinct: different n-grams.
        n_total: all n-grams.
        n_texts: how many texts they were counted in.
        settings: what was counted.
    """

    score: float
    n_distinct: int
    n_total: int
    n_texts: int
    settings: DistinctSettings

    @property
    def signature(self) -> str:
        """What the score depends on, in a line."""
        s = self.settings
        return (
            f"n:{s.order}|texts:{self.n_texts}|case:{'lc' if s.lowercase else 'mixed'}|"
            f"tok:{tokenizer_name(s.tokenize)}|version:aigc_book-{__version__}"
        )

    def report(self) -> dict[str, object]:
        """The score, what it was counted from, and the signature."""
        name = f"distinct_{self.settings.order}"
        return {name: self.score, "n_distinct": self.n_distinct, "n_total": self.n_total, "signature": self.signature}


def distinct(texts: Texts, settings: DistinctSettings = DistinctSettings()) -> DistinctScore:
    """Distinct-n: the share of different n-grams among all n-grams of some texts. 1: none comes twice.

    Args:
        texts: at least one.
        settings: n and the tokenizer.

    Raises:
        ValueError: no texts, or something else than texts.

    >>> distinct(["so it goes", "so it went"]).score
    0.75
    """
    check_settings(settings, DistinctSettings)
    n, grams = settings.order, []
    texts = _read_texts(texts, 1)
    for text in texts:
        tokens = tokenize(text.lower() if settings.lowercase else text, settings.tokenize)
        grams += zip(*(tokens[i:] for i in range(n)), strict=False)
    kinds = len(set(grams))
    return DistinctScore(kinds / len(grams) if grams else 0.0, kinds, len(grams), len(texts), settings)


@dataclass(frozen=True)
class SelfBleuScore:
    """Self-BLEU of some texts.

    Attributes:
        score: the mean over the texts, 0 to 100; 100 if all are the same.
        of_texts: of each text against all others.
        settings: BLEU's.
    """

    score: float
    of_texts: tuple[float, ...]
    settings: BleuSettings

    @property
    def signature(self) -> str:
        """BLEU's, where each text has the others for references."""
        stats = bleu.segment_stats([""], [[""]], self.settings)[0]
        return stats.score().signature.replace("nrefs:1|", f"nrefs:{len(self.of_texts) - 1}|", 1)

    def report(self) -> dict[str, object]:
        """The score and the signature."""
        return {"self_bleu": self.score, "signature": self.signature}


def self_bleu(texts: Texts, settings: BleuSettings = SENTENCE) -> SelfBleuScore:
    """Self-BLEU: how much of each text stands in the others. High is monotonous.

    Args:
        texts: at least two.
        settings: BLEU's; the default leaves out orders that a text is too short for, as ``sentence_bleu`` does.

    Raises:
        ValueError: fewer than two texts, or something else than texts.

    >>> self_bleu(["so it goes again"] * 3).score
    100.0
    """
    check_settings(settings, BleuSettings)
    texts = _read_texts(texts, 2)
    others = [texts[:i] + texts[i + 1 :] for i in range(len(texts))]
    of_texts = tuple(stats.score().score for stats in bleu.segment_stats(texts, others, settings))
    return SelfBleuScore(sum(of_texts) / len(texts), of_texts, settings)


def _read_texts(texts: Texts, least: int) -> list[str]:
    texts = read_list(texts, "texts")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts[{i}] must be a text; got {type(text).__name__}")
    if len(texts) < least:
        raise ValueError(f"texts must hold at least {least}; got {len(texts)}")
    return texts
