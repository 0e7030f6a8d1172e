"""Scores from files equal the functions', with their intervals."""

import json

import pytest

from aigc_book.data.batches import SequentialWindows
from aigc_book.metrics.bootstrap import interval
from aigc_book.metrics.perplexity import perplexity
from aigc_book.metrics.table import METRICS
from aigc_book.models.gpt import GPT
from aigc_book.text.bpe import BPETokenizer
from aigc_book.training.evaluate import evaluate

HYPOTHESES = ["the cat sat on the mat", "", "今天 下雨", "a long day’s end"]
FIRST = ["the cat is on the mat", "a dog", "今天 又 下雨", "the end of a long day"]
SECOND = ["a cat sat on a mat", "dogs", "今天 下雨", "a long day’s end"]


@pytest.fixture
def files(tmp_path):
    """Files of hypotheses and of two references, the last without a line's end at its end."""
    for name, lines in {"h": HYPOTHESES, "a": FIRST, "b": SECOND}.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n" * (name != "b"), encoding="utf-8")
    return [tmp_path / name for name in "hab"]


@pytest.mark.parametrize("name", METRICS)
def test_as_the_function(aigc, files, name):
    references = [list(pair) for pair in zip(FIRST, SECOND, strict=True)]
    metric, settings = METRICS[name], METRICS[name].settings()
    done = aigc("score", name, *files, "--n-resamples", 50, "--seed", 3, "--level", 0.9)
    found = json.loads(done.out)
    assert done.status == 0 and found["metric"] == name and found["lines"] == 4
    score = metric.score(HYPOTHESES, references, settings)
    assert found["score"] == score.score and found["signature"] == score.signature
    low, high = interval(metric.segment_stats(HYPOTHESES, references, settings), n_resamples=50, seed=3, level=0.9)
    assert found["interval"] == {"level": 0.9, "low": low, "high": high}


def test_settings_are_the_metrics_own(aigc, files):
    found = json.loads(aigc("score", "bleu", *files[:2], "--tokenize", "zh", "--smoothing", "floor").out)
    settings = METRICS["bleu"].settings(tokenize="zh", smoothing="floor")
    assert found["score"] == METRICS["bleu"].score(HYPOTHESES, FIRST, settings).score
    found = json.loads(aigc("score", "rouge", *files[:2], "--kind", "rougeL").out)
    assert found["rougeL"] == METRICS["rouge"].score(HYPOTHESES, FIRST, METRICS["rouge"].settings(kind="rougeL")).score


def test_one_line_has_no_interval(aigc, tmp_path):
    (tmp_path / "one").write_text("a text", encoding="utf-8")
    found = json.loads(aigc("score", "chrf", tmp_path / "one", tmp_path / "one").out)
    assert found["score"] == 100 and found["interval"] is None


def test_perplexity_as_evaluate(aigc, text, trained):
    done = aigc("score", "perplexity", trained, text, "--n-resamples", 20)
    found = json.loads(done.out)
    tokenizer = BPETokenizer.load(trained)
    ids = tokenizer.encode(text.read_text(encoding="utf-8"))
    whole = evaluate(GPT.from_pretrained(trained), SequentialWindows(ids, batch_size=8, block_size=16))
    n_bytes = len(tokenizer.decode_bytes(ids[1 : 1 + whole.count]))
    expected = perplexity(whole.sum, whole.count, n_bytes=n_bytes)
    assert found["perplexity"] == pytest.approx(expected.perplexity, rel=1e-5)
    assert found["bits_per_byte"] == pytest.approx(expected.bits_per_byte, rel=1e-5)
    assert found["tokens"] == whole.count and found["interval"]["low"] < found["score"] < found["interval"]["high"]


@pytest.mark.parametrize(
    ("content", "words", "status"),
    [
        ("a\nb\n", "has 4 lines, {file} has 2", 1),
        ("", "{file} is empty", 1),
        (b"\xff\xfe\n", "{file} is not UTF-8 text: invalid start byte at byte 0", 1),
        (None, "does not exist", 2),
    ],
)
def test_files_that_do_not_fit(aigc, files, tmp_path, content, words, status):
    other = tmp_path / "other"
    if content is not None:
        other.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = aigc("score", "bleu", files[0], files[1], other)
    assert done.status == status and done.out == "" and words.format(file=other) in done.err


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["bleu", "--max-order", "0"], "max_order must be at least 1; got 0"),
        (["rouge", "--kind", "rouge0"], "kind must be rouge1 to rouge9"),
        (["chrf", "--level", "95"], "level must be between 0 and 1; got 95"),
        (["bleu"], "Missing argument"),
    ],
)
def test_settings_that_make_no_sense(aigc, files, words, match):
    name, *options = words
    done = aigc("score", name, *(files[:2] if options else []), *options)
    assert done.status == 2 and match in done.err
