"""How fast word vectors are trained beside gensim: ``python benchmarks/embeddings.py --gensim PATH/TO/python``.

gensim is no dependency of this package. Install it anywhere, and name the Python that has it:

    python -m venv /tmp/gensim && /tmp/gensim/bin/pip install gensim
    python benchmarks/embeddings.py --gensim /tmp/gensim/bin/python

Each program trains in a process of its own, in turns, on the same sentences: Python's documentation with the
docstrings of its library, cut into words. Equal are the width (100), the window (5), the noise words (5), the least
count (5), the thinning (1e-3), the passes (5), and the threads. A time is that of the whole training, counting the
words included, imports and reading the text left out; words/s are words of the text times passes, divided by it.
GloVe has no peer here (its own program is another compiled one): it stands beside gensim's skip-gram on the same text,
with the window of 10 and the 15 passes over its table that it is usually given.

Speed is worth nothing if the vectors are bad, so each program's vectors answer the same questions: singular is to
plural as another singular is to what?
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

EPOCHS, GLOVE_EPOCHS = 5, 15

GENSIM = """
import json, sys, time
from gensim import __version__
from gensim.models import Word2Vec
sentences = json.load(open(sys.argv[1], encoding="utf-8"))
start = time.perf_counter()
model = Word2Vec(sentences, sg=1, vector_size=100, window=5, negative=5, min_count=5, sample=1e-3,
                 epochs=int(sys.argv[3]), workers=int(sys.argv[4]), seed=int(sys.argv[5]))
seconds = time.perf_counter() - start
model.wv.save_word2vec_format(sys.argv[2])
print(json.dumps([seconds, __version__]))
"""


def read_sentences() -> list[list[str]]:
    """Python's documentation as lists of words in lower case."""
    from aigc_book.data.corpora import python_docs

    text = python_docs(docstrings=True).lower()
    found = (re.findall(r"[a-z]+(?:'[a-z]+)?", part) for part in re.split(r"(?<=[.!?:;])\s+|\n\s*\n", text))
    return [words for words in found if len(words) > 1]


def train_ours(program: str, sentences: Path, vectors: Path, threads: int, seed: int) -> None:
    """Train, save the vectors, and print the seconds: what a process of its own does."""
    import torch

    from aigc_book.text.vectors.glove import GloVe
    from aigc_book.text.vectors.skip_gram import SkipGram

    torch.set_num_threads(threads)
    text = json.loads(sentences.read_text(encoding="utf-8"))
    start = time.perf_counter()
    if program == "skip-gram":
        trained = SkipGram.train(text, epochs=EPOCHS, seed=seed)
    else:
        trained = GloVe.train(text, epochs=GLOVE_EPOCHS, x_max=10, seed=seed)
    seconds = time.perf_counter() - start
    trained.embeddings.save(vectors)
    print(json.dumps([seconds, version("torch")]))


def plural_accuracy(vectors: Path) -> float:
    """The share of plurals found by analogy: all words w and w + "s" of the 400 most frequent ones ask one another."""
    from aigc_book.text.vectors.analogies import pairs_to_questions, score_analogies
    from aigc_book.text.vectors.embeddings import Embeddings

    embeddings = Embeddings.load(vectors)
    pairs = [(w, f"{w}s") for w in embeddings.words[:400] if len(w) > 2 and f"{w}s" in embeddings]
    return score_analogies(embeddings, pairs_to_questions(pairs)).accuracy


def run(command: list) -> tuple[float, str]:
    """What a process prints: seconds, and its library's version."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    seconds, its_version = json.loads(done.stdout.splitlines()[-1])
    return seconds, its_version


def describe_machine() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gensim", help="a Python that has gensim; without it only this package is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)  # program, sentences, vectors, seed
    arguments = parser.parse_args()
    if arguments.worker:
        program, text, out, seed = arguments.worker
        train_ours(program, Path(text), Path(out), arguments.threads, int(seed))
        return

    sentences = read_sentences()
    n_words = sum(map(len, sentences))
    passes = {"skip-gram": EPOCHS, "GloVe": GLOVE_EPOCHS, "gensim": EPOCHS}
    programs = ["skip-gram", "GloVe", *(["gensim"] if arguments.gensim else [])]
    speeds: dict[str, list[float]] = {name: [] for name in programs}
    accuracies: dict[str, list[float]] = {name: [] for name in programs}
    versions = {}
    with tempfile.TemporaryDirectory() as folder:
        text, vectors = Path(folder, "sentences.json"), Path(folder, "vectors.txt")
        text.write_text(json.dumps(sentences), encoding="utf-8")
        for seed in range(arguments.rounds):
            for name in programs:
                if name == "gensim":
                    command = [arguments.gensim, "-c", GENSIM, text, vectors, EPOCHS, arguments.threads, seed + 1]
                else:
                    command = [sys.executable, __file__, "--threads", arguments.threads]
                    command += ["--worker", name, text, vectors, seed]
                seconds, versions[name] = run(command)
                speeds[name].append(n_words * passes[name] / seconds)
                accuracies[name].append(plural_accuracy(vectors))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print("| training | words/s | beside gensim | plurals right |\n|---|--:|--:|--:|")
    for name in programs:
        ratio = f"{medians[name] / medians['gensim']:.2f}" if "gensim" in medians else "–"
        print(
            f"| {name} ({versions[name]}) | {medians[name]:,.0f} | {ratio} | {statistics.mean(accuracies[name]):.1%} |"
        )
    how = f"{arguments.threads} thread(s); medians of {arguments.rounds} rounds"
    print(f"\n{n_words:,} words; {how}. {describe_machine()}.")


if __name__ == "__main__":
    main()
