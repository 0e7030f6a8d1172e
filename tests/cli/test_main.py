"""The door: help at once, one command imported, exit statuses."""

import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from aigc_book import __version__
from aigc_book.cli import main as door

ROOT = Path(__file__).resolve().parents[2]


def test_help_needs_neither_torch_nor_numpy():
    code = "import sys; from aigc_book.cli.main import main; assert main(['--help']) == 0; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "train" in done.stdout and not {"'torch'", "'numpy'"} & set(done.stdout.strip("[]\n").split(", "))


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "aigc_book", "--version"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == f"aigc-book {__version__}\n"


def test_the_script_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"aigc-book": "aigc_book.cli.main:main"}


@pytest.mark.parametrize("name", door.COMMANDS)
def test_every_command_explains_itself(aigc, name):
    """Its page begins with the line that the list of commands has (of the score without its names)."""
    done = aigc(name, "--help")
    assert done.status == 0 and done.err == ""
    assert door.COMMANDS[name].split(",")[0].split(":")[0].rstrip(".") in done.out
    assert "-h, --help" in done.out


def test_every_command_is_listed(aigc):
    done = aigc("--help")
    assert all(f"  {name} " in done.out for name in door.COMMANDS)


@pytest.mark.parametrize("words", [["trian"], ["--wrong"], ["train", "--wrong"], ["score", "blue"], []])
def test_a_command_line_that_makes_no_sense_is_2(aigc, words):
    done = aigc(*words)
    assert done.status == 2 and done.out == "" and "Usage: aigc-book" in done.err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("what was expected\n  and what came"), 1, "aigc-book: error: what was expected and what came\n"),
        (FileNotFoundError("there is no file"), 1, "error: there is no file\n"),
        (PermissionError(13, "Permission denied", "a/file"), 1, "error: Permission denied: a/file\n"),
        (RuntimeError("CUDA out of memory"), 1, "error: CUDA out of memory; try smaller sizes\n"),
        (click.UsageError("top_p must be in (0, 1]"), 2, "Error: top_p must be in (0, 1]\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_a_sentence_and_a_status(aigc, monkeypatch, error, status, words):
    def fail():
        raise error

    monkeypatch.setattr(door, "group", lambda asked: click.Command("aigc-book", callback=fail))
    done = aigc()
    assert done.status == status and done.err.endswith(words) and "Traceback" not in done.err


def test_a_mistake_of_ours_keeps_its_traceback(aigc, monkeypatch):
    def fail():
        raise RuntimeError("shapes don't fit")

    monkeypatch.setattr(door, "group", lambda asked: click.Command("aigc-book", callback=fail))
    with pytest.raises(RuntimeError, match="shapes don't fit"):
        aigc()
