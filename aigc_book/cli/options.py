"""Options from the package's own signatures: a name, a type, a default and a sentence of its docstring are an option.

Nothing is said twice. ``Sampling`` gets a field, and ``aigc-book generate --help`` shows it; what a value may be is
checked by ``Sampling`` itself. Parameters that can't be written in a shell (functions, models) are left out.
"""

import functools
import inspect
import os
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

NONE = "none"  # how a None is written
DTYPES = ("float32", "bfloat16", "float16")
_HEADINGS = ("Args:", "Attributes:")
_ROLE = re.compile(r":[a-z:]+:`~?\.?(?:[\w.]*\.)?(\w+)`")


class Command(click.Command):
    """A command whose options stand under headings, and whose function gets what was chosen, as one dict.

    Args:
        name: in the shell.
        run: ``run(chosen)``; what does not stand on the command line is not there, so that defaults stay where they
            are.
        help: the page that ``--help`` shows, beginning with the command in a line.
        arguments: what comes without a name.
        groups: heading → options.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[dict[str, Any]], None],
        *,
        help: str,
        arguments: Iterable[click.Argument] = (),
        groups: dict[str, list[click.Option]],
    ):
        options = [option for group in groups.values() for option in group]
        super().__init__(name, params=[*arguments, *options], help=help)
        self.run, self.groups = run, groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group."""
        groups = {**self.groups, "Other": [self.get_help_option(ctx)]}
        for heading, options in groups.items():
            with formatter.section(heading):
                formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])

    def invoke(self, ctx: click.Context) -> None:
        """Run the command with what stands on the command line, or in a variable of the environment."""
        sources = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        self.run({n: value for n, value in ctx.params.items() if ctx.get_parameter_source(n) in sources})


class Kind(click.ParamType):
    """A value of one type, or the word none where None is allowed."""

    def __init__(self, kind: type, optional: bool, choices: tuple[str, ...] = ()):
        self.kind, self.optional, self.choices = kind, optional, choices
        self.name = "|".join(choices) if choices else {int: "integer", float: "number", str: "text"}[kind]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return self.name.upper() if not self.choices else f"[{self.name}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value is None or (self.optional and isinstance(value, str) and value.lower() == NONE):
            return None
        try:
            made = self.kind(value)
        except ValueError:
            made = None
        if made is None or (self.choices and made not in self.choices):
            kinds = {int: "a whole number", float: "a number", str: "a text"}
            expected = f"one of {', '.join(self.choices)}" if self.choices else kinds[self.kind]
            self.fail(f"expected {expected}{f', or {NONE}' if self.optional else ''}; got {value!r}", param, ctx)
        return made


def options_of(
    source: Callable,
    *,
    skip: Iterable[str] = (),
    defaults: dict[str, Any] | None = None,
    notes: dict[str, str] | None = None,
) -> list[click.Option]:
    """The options of a dataclass or a function: one for each parameter that can be written in a shell.

    Args:
        source: what has the parameters, and a docstring that explains them under Args or Attributes.
        skip: parameters that the command sets itself.
        defaults: those that the command has in place of the source's own.
        notes: a sentence more, where the command finds out what is not given.
    """
    texts, defaults, notes = explained(source), defaults or {}, notes or {}
    made = []
    for name, (kind, is_flag, is_many, default) in _parameters(source).items():
        if name not in skip:
            made.append(
                option(
                    name,
                    " ".join(filter(None, [texts.get(name), notes.get(name)])),
                    kind=kind,
                    default=None if name in notes else defaults.get(name, default),
                    is_flag=is_flag,
                    is_many=is_many,
                )
            )
    return made


def option(
    name: str,
    text: str,
    *,
    kind: click.ParamType | type = str,
    default: Any = None,
    is_flag: bool = False,
    is_many: bool = False,
    envvar: str | None = None,
) -> click.Option:
    """One option, ``--a-name`` for ``a_name``; a flag is ``--a-name/--no-a-name``."""
    dashed = name.replace("_", "-")
    if is_flag:
        names = [f"--{dashed}/--no-{dashed}", name]
        return click.Option(names, default=default, show_default=default is not None, help=text)
    return click.Option(
        [f"--{dashed}", name],
        type=kind,
        multiple=is_many,
        default=None if is_many else default,
        show_default=default is not None and not is_many,
        help=text + " May be given several times." * is_many,
        envvar=envvar,
        show_envvar=envvar is not None,
    )


def device_option() -> click.Option:
    """Where a model runs."""
    return option("device", "Such as cpu, cuda:1 or mps; a GPU if there is one.", envvar="AIGC_BOOK_DEVICE")


def set_device(chosen: dict[str, Any]) -> None:
    """Let :mod:`aigc_book.runtime` find the device that was chosen."""
    if chosen.get("device"):
        os.environ["AIGC_BOOK_DEVICE"] = chosen["device"]


def arguments(source: Callable, chosen: dict[str, Any]) -> dict[str, Any]:
    """Those of the source's parameters that were chosen."""
    parameters = _parameters(source)
    found = {name: value for name, value in chosen.items() if name in parameters}
    dtypes = [name for name in found if getattr(parameters[name][0], "choices", None) == DTYPES]
    return found | {name: dtype_of(found[name]) for name in dtypes}


def call(source: Callable, chosen: dict[str, Any], fixed: dict[str, Any]) -> Any:
    """What the source makes of those of its parameters that were chosen; those in ``fixed`` are the command's.

    Raises:
        click.UsageError: the source refuses a value.
    """
    with usage():
        return source(**(arguments(source, chosen) | fixed))


@contextmanager
def usage() -> Iterator[None]:
    """Within, a ``ValueError`` is a mistake of the command line."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def dtype_of(name: str | None) -> Any:
    """torch's dtype of a name."""
    if name is None:
        return None
    import torch

    return getattr(torch, name)


def explained(source: Callable) -> dict[str, str]:
    """Parameter → what the docstring says of it under Args or Attributes, as a plain paragraph."""
    found: dict[str, list[str]] = {}
    name, is_inside = "", False
    for line in inspect.cleandoc(source.__doc__ or "").splitlines():
        if line and not line.startswith(" "):
            is_inside = line in _HEADINGS
        elif is_inside and (start := re.match(r" {4}(\w+): (.*)", line)):
            name = start[1]
            found[name] = [start[2]]
        elif is_inside and name and line.startswith("     "):
            found[name].append(line.strip())
    return {name: _plain(" ".join(lines)) for name, lines in found.items()}


def _plain(text: str) -> str:
    text = re.sub(r"\bNone\b", NONE, _ROLE.sub(r"\1", text).replace("``", "").replace("*", ""))
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


@functools.cache
def _parameters(source: Callable) -> dict[str, tuple[click.ParamType | type, bool, bool, Any]]:
    """Name → type, whether it is a flag, whether it may come several times, and the default."""
    hints = typing.get_type_hints(source.__init__ if inspect.isclass(source) else source)
    found = {}
    for name, parameter in inspect.signature(source).parameters.items():
        default = None if parameter.default is inspect.Parameter.empty else parameter.default
        if (kind := _kind(hints.get(name))) is not None:
            kind, is_many = kind
            if getattr(kind, "choices", None) == DTYPES and default is not None:
                default = str(default).removeprefix("torch.")
            found[name] = (kind, kind is bool, is_many, default)
    return found


def _kind(hint: Any) -> tuple[click.ParamType | type, bool] | None:
    """What a type is in a shell, and whether it may come several times; None if it can't be written there."""
    is_union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    options = list(typing.get_args(hint)) if is_union else [hint]
    optional = type(None) in options
    for one in options:
        if one is bool:
            return bool, False
        if one in (int, float, str):
            return Kind(one, optional), False
        if getattr(one, "__module__", "") == "torch" and one.__name__ == "dtype":
            return Kind(str, optional, DTYPES), False
        if typing.get_origin(one) is typing.Literal:
            return Kind(str, optional, typing.get_args(one)), False
        if typing.get_origin(one) is tuple and typing.get_args(one)[0] in (int, float, str):
            return Kind(typing.get_args(one)[0], optional), True
    return None
