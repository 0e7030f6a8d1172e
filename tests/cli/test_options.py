"""Options from signatures: names, types, defaults, texts; and that the package's classes are the only lists."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import click
import pytest
import torch
from click.testing import CliRunner

from aigc_book.cli import estimate, generate, score, train
from aigc_book.cli.options import Command, arguments, call, explained, options_of
from aigc_book.decoding import Sampling
from aigc_book.metrics.table import METRICS
from aigc_book.models.gpt import GPTConfig
from aigc_book.training.loop import TrainConfig


@dataclass(frozen=True)
class Settings:
    """Settings of nothing.

    Args:
        n_parts: how many parts, as in :func:`aigc_book.layers.norms.norm`; None
            for all.
        rate: ``rate`` of *change*.
        kind: one of two.
        words: to stop at.
        is_fast: whether.
        dtype: of numbers.
        score: a function.

    Raises:
        ValueError: n_parts is 13.
    """

    n_parts: int | None = None
    rate: float | None = 0.5
    kind: Literal["a", "b"] = "a"
    words: tuple[str, ...] = ()
    is_fast: bool = True
    dtype: torch.dtype = torch.float32
    score: Callable | None = None

    def __post_init__(self):
        if self.n_parts == 13:
            raise ValueError("n_parts must not be 13")


def run(*words):
    """What a command of these settings gets, and click's result."""
    got = []
    command = Command("c", got.append, help="Help.", groups={"Settings": options_of(Settings)})
    result = CliRunner().invoke(command, list(words))
    return (got[0] if got else None), result


def test_texts_are_those_of_the_docstring():
    texts = explained(Settings)
    assert texts["n_parts"] == "How many parts, as in norm; none for all."
    assert texts["rate"] == "Rate of change." and "ValueError" not in texts


def test_only_what_is_given_reaches_the_source():
    assert run()[0] == {}
    given, _ = run("--n-parts", "3", "--rate", "none", "--no-is-fast", "--words", "x", "--words", "y", "--kind", "b")
    assert given == {"n_parts": 3, "rate": None, "is_fast": False, "words": ("x", "y"), "kind": "b"}
    assert call(Settings, given, {}) == Settings(3, None, "b", ("x", "y"), False)
    assert call(Settings, {**given, "other": 1}, {"rate": 2.0}).rate == 2.0
    assert arguments(Settings, {"dtype": "bfloat16"}) == {"dtype": torch.bfloat16}


def test_the_page_shows_defaults_and_leaves_out_what_a_shell_cannot_say():
    page = run("--help")[1].output
    assert "Settings:" in page and "[default: 0.5]" in page and "[default: float32]" in page and "--score" not in page


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--n-parts", "2.5"], "expected a whole number, or none; got '2.5'"),
        (["--rate", "much"], "expected a number, or none; got 'much'"),
        (["--kind", "c"], "expected one of a, b; got 'c'"),
        (["--dtype", "int8"], "expected one of float32, bfloat16, float16; got 'int8'"),
    ],
)
def test_a_value_of_another_type(words, match):
    _, result = run(*words)
    assert result.exit_code == 2 and match in " ".join(result.output.split())


def test_a_value_that_the_source_refuses_is_a_mistake_of_the_command_line():
    with pytest.raises(click.UsageError, match="n_parts must not be 13"):
        call(Settings, {"n_parts": 13}, {})


@pytest.mark.parametrize(
    ("command", "source", "skipped"),
    [
        (generate.command, Sampling, set()),
        (train.command, TrainConfig, set()),
        (train.command, GPTConfig, set()),
        (estimate.command, GPTConfig, set()),
        *((score.command.commands[name], METRICS[name].settings, {"synonyms"}) for name in METRICS),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_is_an_option(command, source, skipped):
    names = {parameter.name for parameter in command.params}
    assert {field.name for field in dataclasses.fields(source)} - skipped <= names
