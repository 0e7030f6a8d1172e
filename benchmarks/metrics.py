"""How fast the metrics are beside the programs whose scores they give: ``python benchmarks/metrics.py``.

Every round makes a new corpus, so that nothing can be remembered from the round before, and runs each program on it,
one after the other. Equal are the texts, the rules by which they are cut into tokens (inside the measured time) and the
scores, which are compared. A ratio is the peer's median time over ours. sacrebleu and rouge-score cut the texts
themselves; NLTK takes tokens, and gets them from this package's ``tokenize``.

The texts are prose from Python's own documentation; a hypothesis is its reference with three words in ten replaced.
"""

import argparse
import gc
import os
import platform
import random
import re
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import nltk.translate.bleu_score
import nltk.translate.meteor_score
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from aigc_book.metrics.bleu import corpus_bleu
from aigc_book.metrics.chrf import ChrfSettings, chrf
from aigc_book.metrics.meteor import meteor
from aigc_book.metrics.rouge import rouge
from aigc_book.metrics.tokenize import tokenize

KINDS = ["rouge1", "rouge2", "rougeL"]


class NoSynonyms:
    """In place of WordNet for NLTK's METEOR, which then aligns equal words and equal stems only."""

    def synsets(self, word: str) -> list:
        return []


def read_prose() -> list[str]:
    """The words of Python's documentation that are words, with the marks that stand at their ends."""
    from pydoc_data.topics import topics

    return re.findall(r"(?<!\S)[A-Za-z][A-Za-z'-]*[.,;:]?(?!\S)", " ".join(topics.values()))


def make_pairs(prose: list[str], n_pairs: int, n_words: int, seed: int) -> tuple[list[str], list[str]]:
    """Hypotheses and references of ``n_words`` words each."""
    rng = random.Random(seed)
    hypotheses, references = [], []
    for _ in range(n_pairs):
        start, other = rng.randrange(len(prose) - n_words), rng.randrange(len(prose) - n_words)
        reference = prose[start : start + n_words]
        noise = prose[other : other + n_words]
        references.append(" ".join(reference))
        hypotheses.append(" ".join(b if rng.random() < 0.3 else a for a, b in zip(reference, noise, strict=True)))
    return hypotheses, references


def sacrebleu_bleu(hypotheses, references):
    return sacrebleu.corpus_bleu(hypotheses, [references], force=True).score


def nltk_bleu(hypotheses, references):
    tokens = [[tokenize(text)] for text in references], [tokenize(text) for text in hypotheses]
    return 100 * nltk.translate.bleu_score.corpus_bleu(*tokens)


def sacrebleu_chrf(hypotheses, references):
    return sacrebleu.corpus_chrf(hypotheses, [references], word_order=2).score


def rouge_score_rouge(hypotheses, references):
    scorer = RougeScorer(KINDS)
    pairs = [scorer.score(reference, text) for text, reference in zip(hypotheses, references, strict=True)]
    return sum(pair[kind].fmeasure for pair in pairs for kind in KINDS) / len(pairs)


def nltk_meteor(hypotheses, references):
    wordnet = NoSynonyms()
    scores = [
        nltk.translate.meteor_score.meteor_score([tokenize(reference)], tokenize(text), wordnet=wordnet)
        for text, reference in zip(hypotheses, references, strict=True)
    ]
    return sum(scores) / len(scores)


def our_rouge(hypotheses, references):
    return sum(result.fmeasure for result in rouge(hypotheses, references, KINDS).values())


# work, pairs, words, ours, {peer: program}, at least, goal (None: nobody set one)
TASKS = {
    "bleu": (
        "corpus BLEU, 2,000 pairs of 25 words",
        (2000, 25),
        lambda hypotheses, references: corpus_bleu(hypotheses, references).score,
        {"sacrebleu": sacrebleu_bleu, "nltk": nltk_bleu},
        ("3×", "8×"),
    ),
    "rouge": (
        "ROUGE-1+2+L, 200 pairs of 300 words",
        (200, 300),
        our_rouge,
        {"rouge-score": rouge_score_rouge},
        ("30×", "150×"),
    ),
    "meteor": (
        "METEOR (exact + stem), 2,000 pairs of 25 words",
        (2000, 25),
        lambda hypotheses, references: meteor(hypotheses, references).score,
        {"nltk": nltk_meteor},
        ("2×", "10×"),
    ),
    "chrf": (
        "chrF++, 2,000 pairs of 25 words",
        (2000, 25),
        lambda hypotheses, references: chrf(hypotheses, references, ChrfSettings(word_order=2)).score,
        {"sacrebleu": sacrebleu_chrf},
        ("–", "–"),
    ),
}


def measure(program: Callable, hypotheses: list[str], references: list[str]) -> tuple[float, float]:
    """Seconds, and the score."""
    gc.collect()
    start = time.perf_counter()
    score = program(hypotheses, references)
    return time.perf_counter() - start, score


def run(task: str, prose: list[str], rounds: int) -> list[str]:
    """Table rows of one task."""
    work, size, ours, peers, (least, goal) = TASKS[task]
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
    for seed in range(rounds):
        hypotheses, references = make_pairs(prose, *size, seed)
        scores = {}
        for name, program in {"ours": ours, **peers}.items():
            spent, scores[name] = measure(program, hypotheses, references)
            seconds[name].append(spent)
        for name in peers:
            if abs(scores[name] - scores["ours"]) > 1e-9 * max(1, abs(scores[name])):
                raise RuntimeError(f"{work}: {name} gives {scores[name]!r}, this package {scores['ours']!r}")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return [
        f"| {work} ({1000 * medians['ours']:.0f} ms) | {name} {version(name)} ({1000 * medians[name]:.0f} ms) "
        f"| {medians[name] / medians['ours']:.1f}× | {least} | {goal} |"
        for name in peers
    ]


def describe_machine() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    model = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy {version('numpy')}; "
        "one thread each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=list(TASKS), help=f"of {', '.join(TASKS)}; all of them if left out")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if unknown := set(arguments.tasks) - set(TASKS):
        parser.error(f"unknown tasks: {', '.join(sorted(unknown))}")
    prose = read_prose()
    print("| work | peer | ratio (median) | at least | goal |\n|---|---|---|---|---|")
    for task in arguments.tasks:
        print("\n".join(run(task, prose, arguments.rounds)), flush=True)
    print(f"\nMachine: {describe_machine()}. Medians of {arguments.rounds} rounds, each with new texts.")


if __name__ == "__main__":
    main()
