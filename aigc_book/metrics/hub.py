"""The metrics as modules of Hugging Face's ``evaluate``, which load with no network and write no cache.

``evaluate.load("bleu")`` fetches a program from the hub and runs it. ``hub.load("bleu")`` is the same kind of object,
an ``evaluate.Metric`` with ``compute``, ``add`` and ``add_batch``, around this package's function; it works in
``evaluate.combine`` and wherever else a metric is expected. Scores are on the scale of the package's functions:
BLEU and chrF 0 to 100 (the hub's ``bleu`` has 0 to 1), ROUGE and METEOR 0 to 1.

What is added stays until it has been scored: an error, a mistyped setting for example, throws nothing away.
(``evaluate.combine`` asks its modules one after the other; those that have answered before the error are empty.)

>>> from aigc_book.metrics import hub
>>> hub.load("bleu").compute(predictions=["so it goes, he said"], references=["so it goes, he said"])["bleu"]
100.0
"""

import tempfile
from collections.abc import Iterable
from dataclasses import fields

import datasets
import evaluate

from aigc_book.metrics.pairs import References, Texts, read_list, read_pairs
from aigc_book.metrics.perplexity import perplexity, read_counts, read_nlls
from aigc_book.metrics.protocol import Settings
from aigc_book.metrics.table import METRICS

LANGUAGES = ("en", "zh")
ROUGE_KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")  # what evaluate's own reports


NAMES = (*METRICS, "perplexity")


class _Module(evaluate.Metric):
    """A metric that keeps what is added in lists and writes nothing. ``config_name`` is the language.

    What a subclass has: ``_read``, which checks one input of each kind, and ``_score``.
    """

    def __init__(self, name: str, language: str):
        super().__init__(config_name=language, keep_in_memory=True)
        self.info.module_name = name
        self._examples: dict[str, list] = {feature: [] for feature in self._feature_names()}

    def __len__(self):
        return len(next(iter(self._examples.values())))

    def _build_data_dir(self) -> str:
        return tempfile.gettempdir()  # evaluate would make a folder in the user's home, which may be read-only

    def add_batch(self, **inputs):
        """Add many examples; ``ValueError`` for anything that the metric refuses."""
        self._examples = self._with(inputs)

    def add(self, *, prediction=None, reference=None, **inputs):
        """Add one example. (``evaluate.combine`` names what it adds in the plural.)"""
        inputs = {"predictions": prediction, "references": reference} | inputs
        self.add_batch(**{name: [value] for name, value in inputs.items() if value is not None})

    def compute(self, **inputs_and_settings):
        """Score what was added, and what is given here; then forget both. After an error nothing is forgotten."""
        inputs = {name: value for name, value in inputs_and_settings.items() if name in INPUTS and value is not None}
        settings = {name: value for name, value in inputs_and_settings.items() if name not in INPUTS}
        examples = self._with(inputs) if inputs else self._examples
        if not len(self) and not inputs:
            raise ValueError(f"{self.name} has nothing to score: pass the inputs to compute, or add some before")
        report = self._score(examples, settings)
        self._examples = {name: [] for name in examples}
        return report

    def _with(self, inputs: dict) -> dict[str, list]:
        if set(inputs) != set(self._examples):
            raise ValueError(f"{self.name} takes {' and '.join(self._examples)}; got {', '.join(inputs) or 'none'}")
        new = self._read(**inputs)
        return {name: kept + new[name] for name, kept in self._examples.items()}


class _TextModule(_Module):
    """A metric of texts. Every example is kept with a list of references, even where it came with one text."""

    def __init__(self, name: str, language: str):
        self._metric = METRICS[name]
        super().__init__(name, language)

    def _info(self):
        return evaluate.MetricInfo(
            description=self._metric.description,
            citation=self._metric.citation,
            inputs_description="\npredictions: texts. references: references[i] belongs to predictions[i]; all are "
            f"texts, or all are lists of texts. Further arguments are those of {self._metric.settings.__name__}.\n",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
            ),
        )

    def _read(self, predictions: Texts, references: References) -> dict[str, list]:
        if isinstance(predictions, str):
            raise ValueError(f"predictions must be a list of texts; got the string {predictions[:40]!r}")
        predictions, references = read_pairs(predictions, references)
        return {"predictions": predictions, "references": references}

    def _score(self, examples: dict[str, list], settings: dict) -> dict[str, object]:
        report = {}
        for each in self._settings(settings):
            report |= self._metric.score(examples["predictions"], examples["references"], each).report()
        return report

    def _settings(self, given: dict) -> list[Settings]:
        """The settings of every score that is asked for: one, but for ROUGE, which has one for each of ``kinds``."""
        names = {field.name for field in fields(self._metric.settings)}
        known = (names - {"kind"}) | {"kinds"} if "kind" in names else names
        if unknown := set(given) - known:
            raise ValueError(f"{self.name} has the settings {', '.join(sorted(known))}; got {', '.join(unknown)}")
        given = {name: value for name, value in given.items() if name != "tokenize" or value is not None}
        if self.config_name == "zh" and "tokenize" in names:
            given = {"tokenize": "zh"} | given
        if "kind" not in names:
            return [self._metric.settings(**given)]
        kinds = read_list(given.pop("kinds", ROUGE_KINDS), "kinds", "names")
        if not kinds:
            raise ValueError("kinds must name at least one kind of ROUGE; got none")
        return [self._metric.settings(kind=kind, **given) for kind in kinds]


class _PerplexityModule(_Module):
    """It takes numbers in place of texts. In ``evaluate.combine`` with metrics of texts, pass all inputs to
    ``add_batch`` and then call ``compute()``; every module picks its own.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description="Perplexity and bits per token, from summed negative log-likelihoods.",
            citation="Jelinek et al. 1977",
            inputs_description="\nnll_nats: the summed negative log-likelihood of each text in nats. n_tokens: "
            "how many tokens were predicted in each. Further argument: texts, for bits per character and byte.\n",
            features=datasets.Features({"nll_nats": datasets.Value("float64"), "n_tokens": datasets.Value("int64")}),
        )

    def _read(self, nll_nats: Iterable[float], n_tokens: Iterable[int]) -> dict[str, list]:
        nll_nats, n_tokens = read_nlls(nll_nats), read_counts(n_tokens, "n_tokens")
        if len(nll_nats) != len(n_tokens):
            raise ValueError(f"Mismatch in the number of nll_nats ({len(nll_nats)}) and n_tokens ({len(n_tokens)})")
        return {"nll_nats": nll_nats, "n_tokens": n_tokens}

    def _score(self, examples: dict[str, list], settings: dict) -> dict[str, object]:
        if unknown := set(settings) - {"texts"}:
            raise ValueError(f"perplexity has the setting texts; got {', '.join(unknown)}")
        return perplexity(**examples, texts=settings.get("texts")).report()


INPUTS = ("predictions", "references", "nll_nats", "n_tokens")


def load(name: str, language: str = "en") -> evaluate.Metric:
    """An ``evaluate`` module by name.

    Args:
        name: ``"bleu"``, ``"rouge"``, ``"meteor"``, ``"chrf"`` or ``"perplexity"``.
        language: ``"en"``, or ``"zh"`` to tokenize by Chinese character where a metric tokenizes. (It becomes the
            module's ``config_name``; ``compute(..., tokenize=...)`` has the last word.)

    Raises:
        ValueError: an unknown name or language.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}; got {name!r}")
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    return _TextModule(name, language) if name in METRICS else _PerplexityModule(name, language)
