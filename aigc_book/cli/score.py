"""``aigc-book score``: files of texts in, a score with its interval out, as JSON."""

import inspect
import json
import math
from pathlib import Path
from typing import Any

import click

from aigc_book.cli.options import Command, call, device_option, option, options_of, set_device, usage
from aigc_book.data.corpora import read_text
from aigc_book.metrics.bootstrap import interval
from aigc_book.metrics.perplexity import PerplexityStats
from aigc_book.metrics.protocol import Stats
from aigc_book.metrics.table import METRICS

HELP = """Score texts, with an interval, as JSON.

\b
    aigc-book score bleu hypotheses.txt references.txt
    aigc-book score bleu hypotheses.txt first_references.txt second_references.txt --tokenize zh
    aigc-book score rouge summaries.txt references.txt --kind rougeL
    aigc-book score perplexity my_model novel.txt

A metric of texts reads files of one text a line: line i of the hypotheses belongs to line i of each file of references.
The interval comes from drawing the lines anew, many times (the bootstrap).
"""
METRIC_HELP = """{description}

HYPOTHESES and REFERENCES are files with one text a line; several files of references are several references for each
line. Source: {citation}.
"""
PERPLEXITY_HELP = """Perplexity of a model on a text, and bits per token and byte.

FOLDER is a model as for `aigc-book generate`, TEXT a file or a folder of text files. Windows of the text follow one
another; every token but the first of the text is predicted once, but for a rest that fills no window. The interval
draws groups of --batch-size windows.
"""
WINDOWS = 8  # in a group


def run_metric(name: str, given: dict[str, Any]) -> None:
    """Score files of texts, line by line."""
    metric = METRICS[name]
    settings = call(metric.settings, given, {})
    call(interval, given, {"stats": [PerplexityStats(1.0, 1)] * 2})  # its numbers are checked before any work
    hypotheses = lines(given["hypotheses"])
    columns = [lines(file) for file in given["references"]]
    for file, column in zip(given["references"], columns, strict=True):
        if len(column) != len(hypotheses):
            raise ValueError(
                f"line i of each file belongs together; {given['hypotheses']} has {len(hypotheses):,} lines, "
                f"{file} has {len(column):,}"
            )
    stats = metric.segment_stats(hypotheses, [list(texts) for texts in zip(*columns, strict=True)], settings)
    report(name, stats, given, {"lines": len(hypotheses)})


def lines(file: str) -> list[str]:
    """The lines of a file, empty ones too.

    Raises:
        ValueError: it is empty, or not UTF-8.
    """
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if not text:
        raise ValueError(f"{file} is empty")
    return text.removesuffix("\n").split("\n")


def report(name: str, stats: list[Stats], given: dict[str, Any], more: dict[str, Any]) -> None:
    """Write the score of all statistics together, and its interval, as JSON; null for one segment, or if infinite."""
    score = sum(stats).score()
    found = call(interval, given, {"stats": stats}) if len(stats) > 1 else None
    level = given.get("level", inspect.signature(interval).parameters["level"].default)
    between = {"level": level, "low": found.low, "high": found.high} if found else None
    made = {"metric": name, "score": score.score, "interval": between, **more, **score.report()}
    click.echo(json.dumps(plain(made), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """What JSON can say: an infinite number, which it can't, is null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_perplexity(given: dict[str, Any]) -> None:
    """Read a text with a model."""
    from aigc_book import runtime
    from aigc_book.cli.folders import open_model, open_tokenizer
    from aigc_book.cli.texts import bytes_of_ids, chunks, read_settings
    from aigc_book.data.batches import SequentialWindows
    from aigc_book.training.evaluate import evaluate

    call(interval, given, {"stats": [PerplexityStats(1.0, 1)] * 2})
    read = read_settings(given)
    set_device(given)
    with usage():
        device = runtime.setup().device
    kind, folder = open_model(given["folder"])
    model = kind.from_pretrained(folder).to(device)
    tokenizer = open_tokenizer(folder, model, given.get("tokenizer"))
    ids = tokenizer.encode("".join(chunks(given["text"], read)))
    longest = min(model.config.max_seq_len, len(ids) - 1)
    size = {"batch_size": given.get("batch_size", WINDOWS), "block_size": given.get("block_size", longest)}
    n_bytes = bytes_of_ids(tokenizer) if hasattr(tokenizer, "decode_bytes") else None
    stats = []
    for batch in SequentialWindows(ids, **size):
        found = evaluate(model, [batch])
        read_bytes = None if n_bytes is None else int(n_bytes[batch.targets.numpy()].sum())
        stats.append(PerplexityStats(found.sum, int(found.count), n_bytes=read_bytes))
    report("perplexity", stats, given, {"groups_of_windows": len(stats), "tokens": sum(stats).n_tokens})


def _metric_command(name: str) -> Command:
    metric = METRICS[name]
    files = click.Path(exists=True, dir_okay=False)
    return Command(
        name,
        lambda given: run_metric(name, given),
        help=METRIC_HELP.format(description=metric.description.replace("``", ""), citation=metric.citation),
        arguments=[
            click.Argument(["hypotheses"], type=files),
            click.Argument(["references"], type=files, nargs=-1, required=True),
        ],
        groups={"Metric": options_of(metric.settings), "Interval": options_of(interval, skip=["stats"])},
    )


PERPLEXITY = Command(
    "perplexity",
    run_perplexity,
    help=PERPLEXITY_HELP,
    arguments=[click.Argument(["folder"]), click.Argument(["text"])],
    groups={
        "Text": options_of(read_text, skip=["path", "chunk_bytes"]),
        "Windows": [
            option("batch_size", "Windows that are read at once.", kind=click.IntRange(1), default=WINDOWS),
            option("block_size", "Tokens in a window; as many as the model can if not given.", kind=click.IntRange(1)),
        ],
        "Model": [
            option("tokenizer", "A folder or file of a tokenizer, where the model's folder has none."),
            device_option(),
        ],
        "Interval": options_of(interval, skip=["stats"]),
    },
)
command = click.Group("score", help=HELP, commands=[*map(_metric_command, METRICS), PERPLEXITY])
