"""The metrics of texts by name: the hub wraps them, the command line offers them, one test runs over all."""

from dataclasses import dataclass

from aigc_book.metrics import bleu, chrf, meteor, rouge
from aigc_book.metrics.protocol import CorpusScore, SegmentStats, Settings


@dataclass(frozen=True)
class TextMetric:
    """A metric of texts in the words of :mod:`aigc_book.metrics.protocol`, and a line about it."""

    settings: type[Settings]
    score: CorpusScore
    segment_stats: SegmentStats
    description: str
    citation: str


METRICS = {
    "bleu": TextMetric(
        bleu.BleuSettings,
        bleu.corpus_bleu,
        bleu.segment_stats,
        "BLEU, 0 to 100, as sacrebleu computes it.",
        "Papineni et al. 2002; Post 2018",
    ),
    "rouge": TextMetric(
        rouge.RougeSettings,
        rouge.corpus_rouge,
        rouge.segment_stats,
        "ROUGE, 0 to 1, as rouge-score computes it: F of ROUGE-1, -2, -L and -Lsum, or of those in ``kinds``.",
        "Lin 2004",
    ),
    "meteor": TextMetric(
        meteor.MeteorSettings,
        meteor.meteor,
        meteor.segment_stats,
        "METEOR, 0 to 1, as NLTK computes it.",
        "Banerjee and Lavie 2005",
    ),
    "chrf": TextMetric(
        chrf.ChrfSettings,
        chrf.chrf,
        chrf.segment_stats,
        "chrF, 0 to 100, as sacrebleu computes it; word_order=2 gives chrF++.",
        "Popović 2015, 2017",
    ),
}
