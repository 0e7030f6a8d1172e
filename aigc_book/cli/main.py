"""The door of the command line: which command is meant, and what becomes of an error.

Only the command that is asked for is imported, so that ``aigc-book --help`` answers at once and without torch. The exit
status is 0 for success, 1 for an error (a sentence on stderr), 2 for a command line that makes no sense, and 130 after
Ctrl-C.
"""

import importlib
import sys
from collections.abc import Sequence

import click

from aigc_book import __version__

COMMANDS = {
    "train": "Train a model on a text of yours, from scratch.",
    "generate": "Let a trained model write.",
    "score": "Score texts: BLEU, ROUGE, METEOR, chrF, perplexity, with intervals, as JSON.",
    "estimate": "Calculate what a model takes: parameters, memory, days, energy, money.",
    "doctor": "Show what is installed here and what runs.",
}
HELP = """Train, sample and score language models from a shell, as the chapters of The AIGC Book do from Python.

A first session:

\b
    aigc-book train novel.txt --out my_model
    aigc-book generate my_model "It was" --temperature 0.8
    aigc-book score perplexity my_model another_novel.txt

Every command explains its options: aigc-book train --help. They are the settings of the package's own classes, with the
same names, defaults and checks. Exit status: 0 success, 1 an error, 2 a wrong command line, 130 after Ctrl-C.
"""
OUR_ERRORS = (ValueError, OSError, FloatingPointError, MemoryError)


def group(asked: str | None) -> click.Group:
    """All commands, of which only the one that is asked for is more than a name and a line."""
    commands = [click.Command(name, short_help=line) for name, line in COMMANDS.items() if name != asked]
    if asked in COMMANDS:
        commands.append(importlib.import_module(f"aigc_book.cli.{asked}").command)
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    made = click.Group("aigc-book", help=HELP, commands=commands, context_settings=settings)
    return click.version_option(__version__, "-V", "--version", message="aigc-book %(version)s")(made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process if None.

    Returns:
        the exit status.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a character is no reason to stop
    asked = next((word for word in arguments if not word.startswith("-")), None)
    try:
        return group(asked).main(arguments, prog_name="aigc-book", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except OUR_ERRORS as error:
        click.echo(f"aigc-book: error: {_sentence(error)}", err=True)
        return 1
    except RuntimeError as error:
        if "out of memory" not in str(error):
            raise  # a mistake of ours, to be reported with its traceback
        click.echo(f"aigc-book: error: {_sentence(error)}; try smaller sizes", err=True)
        return 1


def _sentence(error: Exception) -> str:
    """What an error says, in a line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__
