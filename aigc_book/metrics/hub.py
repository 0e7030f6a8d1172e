"""The metrics as modules of Hugging Face's ``evaluate``, which load with no network and write no cache.

``evaluate.load("bleu")`` fetches a program from the hub and runs it. ``hub.load("bleu")`` is the same kind of object,
an ``evaluate.Metric`` with ``compute``, ``add`` and ``add_batch``, around this package's function; it works in
``evaluate.combine`` and wherever else a metric is expected. Scores are on the scale of the package's functions:
BLEU and chrF 0 to 100 (the hub's ``bleu`` has 0 to 1), ROUGE and METEOR 0 to 1.

>>> from aigc_book.metrics import hub
>>> hub.load("bleu").compute(predictions=["so it goes, he said"], references=["so it goes, he said"])["bleu"]
100.0
"""

import tempfile
from collections.abc import Sequence

import datasets
import evaluate

from aigc_book.metrics.bleu import corpus_bleu
from aigc_book.metrics.chrf import chrf
from aigc_book.metrics.meteor import Synonyms, meteor
from aigc_book.metrics.pairs import References, read_pairs
from aigc_book.metrics.perplexity import perplexity
from aigc_book.metrics.rouge import rouge
from aigc_book.metrics.tokenize import Tokenizer

LANGUAGES = ("en", "zh")


class _Module(evaluate.Metric):
    """A metric that keeps what is added in memory and writes nothing. ``config_name`` is the language."""

    def __init__(self, language: str = "en"):
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
        super().__init__(config_name=language, keep_in_memory=True)

    def _build_data_dir(self) -> str:
        return tempfile.gettempdir()  # evaluate would make a folder in the user's home, which may be read-only

    def _finalize(self):
        if self.writer is None:
            raise ValueError(f"{self.name} has nothing to score: pass the inputs to compute, or add some before")
        super()._finalize()

    def _pick(self, tokenize: Tokenizer | None, default: str) -> Tokenizer:
        return tokenize or ("zh" if self.config_name == "zh" else default)


class _TextModule(_Module):
    """A metric of texts. Every example is kept with a list of references, even where it came with one text."""

    citation_key = description_line = ""

    def _info(self):
        return evaluate.MetricInfo(
            description=self.description_line,
            citation=self.citation_key,
            inputs_description="\npredictions: texts. references: references[i], a text or a list of texts, belongs to "
            "predictions[i]. Further arguments are those of the function in aigc_book.metrics.\n",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
            ),
        )

    def add_batch(self, *, predictions: Sequence[str], references: References):
        """Add texts and their references; ``ValueError`` for anything that the metrics refuse."""
        if isinstance(predictions, str):
            raise ValueError(f"predictions must be a list of texts; got the string {predictions[:40]!r}")
        predictions, references = read_pairs(predictions, references)
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction=None, reference=None, predictions=None, references=None):
        """Add one text and its reference or references. (``evaluate.combine`` names them in the plural.)"""
        text, texts = (
            prediction if predictions is None else predictions,
            reference if references is None else references,
        )
        self.add_batch(predictions=[text], references=[texts])


class Bleu(_TextModule):
    """:func:`aigc_book.metrics.bleu.corpus_bleu`."""

    description_line = "BLEU, 0 to 100, as sacrebleu computes it."
    citation_key = "Papineni et al. 2002; Post 2018"

    def _compute(
        self,
        *,
        predictions: list[str],
        references: list[list[str]],
        tokenize: Tokenizer | None = None,
        lowercase: bool = False,
        smoothing: str = "exp",
        smoothing_value: float | None = None,
        max_order: int = 4,
        effective_order: bool = False,
    ) -> dict:
        result = corpus_bleu(
            predictions,
            references,
            tokenize=self._pick(tokenize, "13a"),
            lowercase=lowercase,
            smoothing=smoothing,
            smoothing_value=smoothing_value,
            max_order=max_order,
            effective_order=effective_order,
        )
        return {
            "bleu": result.score,
            "precisions": list(result.precisions),
            "brevity_penalty": result.brevity_penalty,
            "translation_length": result.hypothesis_length,
            "reference_length": result.reference_length,
            "signature": result.signature,
        }


class Rouge(_TextModule):
    """:func:`aigc_book.metrics.rouge.rouge`; the F of each kind."""

    description_line = "ROUGE-1, -2, -L and -Lsum, 0 to 1, as rouge-score computes them."
    citation_key = "Lin 2004"

    def _compute(
        self,
        *,
        predictions: list[str],
        references: list[list[str]],
        kinds: Sequence[str] = ("rouge1", "rouge2", "rougeL", "rougeLsum"),
        tokenize: Tokenizer | None = None,
        stem: bool = False,
    ) -> dict:
        results = rouge(predictions, references, kinds, tokenize=self._pick(tokenize, "rouge"), stem=stem)
        signature = next(iter(results.values())).signature
        return {kind: result.fmeasure for kind, result in results.items()} | {"signature": signature}


class Meteor(_TextModule):
    """:func:`aigc_book.metrics.meteor.meteor`."""

    description_line = "METEOR, 0 to 1, as NLTK computes it."
    citation_key = "Banerjee and Lavie 2005"

    def _compute(
        self,
        *,
        predictions: list[str],
        references: list[list[str]],
        tokenize: Tokenizer | None = None,
        alpha: float = 0.9,
        beta: float = 3.0,
        gamma: float = 0.5,
        stem: bool = True,
        synonyms: Synonyms | None = None,
    ) -> dict:
        result = meteor(
            predictions,
            references,
            tokenize=self._pick(tokenize, "13a"),
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            stem=stem,
            synonyms=synonyms,
        )
        return {"meteor": result.score, "signature": result.signature}


class Chrf(_TextModule):
    """:func:`aigc_book.metrics.chrf.chrf`."""

    description_line = "chrF, 0 to 100, as sacrebleu computes it; word_order=2 gives chrF++."
    citation_key = "Popović 2015, 2017"

    def _compute(
        self,
        *,
        predictions: list[str],
        references: list[list[str]],
        char_order: int = 6,
        word_order: int = 0,
        beta: float = 2,
        lowercase: bool = False,
        whitespace: bool = False,
        eps_smoothing: bool = False,
    ) -> dict:
        result = chrf(
            predictions,
            references,
            char_order=char_order,
            word_order=word_order,
            beta=beta,
            lowercase=lowercase,
            whitespace=whitespace,
            eps_smoothing=eps_smoothing,
        )
        return {"chrf": result.score, "signature": result.signature}


class Perplexity(_Module):
    """:func:`aigc_book.metrics.perplexity.perplexity`.

    It takes numbers in place of texts. In ``evaluate.combine`` with metrics of texts, pass all inputs to ``add_batch``
    and then call ``compute()``; every module picks its own.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description="Perplexity and bits per token, from summed negative log-likelihoods.",
            citation="Jelinek et al. 1977",
            inputs_description="\nnll_nats: the summed negative log-likelihood of each text in nats. n_tokens: "
            "how many tokens were predicted in each.\n",
            features=datasets.Features({"nll_nats": datasets.Value("float64"), "n_tokens": datasets.Value("int64")}),
        )

    def _compute(self, *, nll_nats: list[float], n_tokens: list[int], texts: list[str] | None = None) -> dict:
        result = perplexity(nll_nats, n_tokens, texts=texts)
        scores = {"perplexity": result.perplexity, "bits_per_token": result.bits_per_token}
        if texts is not None:
            scores |= {"bits_per_character": result.bits_per_character, "bits_per_byte": result.bits_per_byte}
        return scores | {"signature": result.signature}


MODULES = {"bleu": Bleu, "rouge": Rouge, "meteor": Meteor, "chrf": Chrf, "perplexity": Perplexity}


def load(name: str, language: str = "en") -> evaluate.Metric:
    """An ``evaluate`` module by name.

    Args:
        name: ``"bleu"``, ``"rouge"``, ``"meteor"``, ``"chrf"`` or ``"perplexity"``.
        language: ``"en"``, or ``"zh"`` to tokenize by Chinese character where a metric tokenizes. (It becomes the
            module's ``config_name``; ``compute(..., tokenize=...)`` has the last word.)

    Raises:
        ValueError: an unknown name or language.
    """
    if name not in MODULES:
        raise ValueError(f"name must be one of {', '.join(MODULES)}; got {name!r}")
    return MODULES[name](language)
