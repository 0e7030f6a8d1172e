"""The reader's function, as a check sees it: called on copies, its answer taken in whatever type it comes.

Numbers may be Python's, NumPy's or tensors of one element; tensors may be lists, tuples, arrays or tensors of any
precision. What is none of these, an exception, ``None`` and ``...`` become a sentence, :class:`Wrong`.
"""

import copy
import linecache
import math
import numbers
import types
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

MOST = 1_000_000  # items that are taken from an answer without a length


class Wrong(Exception):
    """A wrong answer; its text is the sentence for the reader."""


class Stopped(BaseException):
    """The time of a check is over. Raised in its thread from outside."""


class Unanswered(Wrong):
    """The stub still returns ``None`` or ``...``; ``name`` is the reader's function."""

    def __init__(self, name: str):
        super().__init__(f"Not answered yet: {name} returns nothing. Write your answer and run the cell again.")


class Raised(Wrong):
    """The reader's function ended in ``error``."""

    def __init__(self, called: str, error: BaseException, line: str = ""):
        self.error = error
        name = type(error).__name__
        if isinstance(error, RecursionError):
            said = f"{called} raised {name}: the function calls itself again and again."
        elif isinstance(error, SystemExit):
            said = f"{called} raised {name}: return the answer, and don't leave Python."
        else:
            said = f"{called} raised {name}: {str(error).strip().rstrip('.') or 'without a message'}."
        super().__init__(f"{said} It happened in the line: {line}" if line else said)


class Attempt:
    """The reader's function and its name. Each way of calling it says what the answer must be.

    Every call hands over copies of the arguments; if the function changes them, :meth:`remark` says so.
    """

    def __init__(self, name: str, function: Callable):
        self.name, self.function = name, function
        self.called = name  # how it was called last, for a sentence
        self.changed = ""
        self.in_half = ""  # an answer's half precision, which may be why it is wrong
        self.if_endless = "Does every loop in it come to its end?"

    def __call__(self, *arguments, **named) -> object:
        """The answer as it is."""
        handed, handed_named = copy.deepcopy((arguments, named))
        said = [*map(in_short, arguments), *(f"{name}={in_short(value)}" for name, value in named.items())]
        call = f"{self.name}({', '.join(said)})"
        self.called = call if len(call) <= 90 else f"{self.name}(…)"
        answer = self.safely(lambda: self.function(*handed, **handed_named))
        if answer is None or answer is ...:
            raise Unanswered(self.name)
        if not self.changed and not _same((arguments, list(named.values())), (handed, list(handed_named.values()))):
            self.changed = self.called
        return answer

    def number(self, *arguments, **named) -> float:
        """The answer as a number, which may be NaN or infinite."""
        return self.as_number(self(*arguments, **named))

    def whole(self, *arguments, **named) -> int:
        """The answer as a whole number; 3.0 is one."""
        answer = self.number(*arguments, **named)
        if not math.isfinite(answer) or answer != round(answer):
            raise Wrong(f"{self.called} must be a whole number; got {answer:.6g}.")
        return round(answer)

    def tensor(self, *arguments, shape: Sequence[int]) -> Tensor:
        """The answer as a tensor of this shape, in float64."""
        return self.as_tensor(self(*arguments), shape)

    def mask(self, *arguments, shape: Sequence[int]) -> Tensor:
        """The answer as a boolean tensor of this shape."""
        answer = self._tensor(self(*arguments))
        if tuple(answer.shape) != tuple(shape):
            raise Wrong(f"{self.called}: the mask must have the shape {tuple(shape)}; got {tuple(answer.shape)}.")
        if answer.dtype != torch.bool:
            raise Wrong(
                f"The mask must be boolean (True = may attend); got {answer.dtype}. Numbers would be added to scores."
            )
        return answer

    def text(self, *arguments, **named) -> str:
        """The answer as a string."""
        answer = self(*arguments, **named)
        if not isinstance(answer, str):
            raise Wrong(f"{self.called} must return a string; it returned {in_short(answer)}.")
        return answer

    def texts(self, *arguments, **named) -> list[str]:
        """The answer as a list of strings."""
        answer = self(*arguments, **named)
        items = [] if isinstance(answer, str) else self._items(answer)
        if isinstance(answer, str) or items is None or not all(isinstance(item, str) for item in items):
            raise Wrong(f"{self.called} must return a list of strings; it returned {in_short(answer)}.")
        return [str(item) for item in items]

    def parts(self, *arguments, names: Sequence[str]) -> list:
        """The answer as a list with one item for each name."""
        answer = self(*arguments)
        items = None if isinstance(answer, str | dict) else self._items(answer)
        if items is None or len(items) != len(names):
            wanted = f"{', '.join(names[:-1])} and {names[-1]}"
            raise Wrong(f"{self.called} must return {len(names)} things, {wanted}; it returned {in_short(answer)}.")
        return items

    def as_number(self, answer: object, what: str = "") -> float:
        """``answer`` as a number; ``what`` names it where it is one of several."""
        value = answer
        self._note_half(value)
        if isinstance(value, Tensor) and value.numel() == 1 and not value.is_meta:
            value = value.detach().cpu().reshape(()).item()
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(()).item()
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | Decimal):
            subject = what or self.name
            verb = "be" if what else "return"
            said = "it is" if what else "it returned"
            raise Wrong(f"{subject} must {verb} a number; {said} {in_short(answer)}.")
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def as_tensor(self, answer: object, shape: Sequence[int] | None, what: str = "the result") -> Tensor:
        """``answer`` as a tensor of this shape (None: of any), in float64; ``what`` names one of several."""
        got = self._tensor(answer)
        if got.dtype == torch.bool or got.is_complex():
            raise Wrong(f"{self.called}: {what} must hold real numbers; got {got.dtype}.")
        if shape is not None and tuple(got.shape) != tuple(shape):
            raise Wrong(f"{self.called}: {what} must have the shape {tuple(shape)}; got {tuple(got.shape)}.")
        return got.double()

    def remark(self) -> str:
        """What else is to be said of an answer that is right."""
        if not self.changed:
            return ""
        return f" (But {self.name} changes what it is handed, and the caller may still need it: work on a copy.)"

    def why_wrong(self) -> str:
        """What else is to be said of an answer that is wrong."""
        if not self.in_half:
            return ""
        return f" (It came in {self.in_half}, which keeps three digits at most: answer in float32 or float64.)"

    def _note_half(self, answer: object) -> None:
        dtype = getattr(answer, "dtype", None)
        if dtype in (torch.float16, torch.bfloat16) or (isinstance(dtype, np.dtype) and dtype == np.float16):
            self.in_half = str(dtype).removeprefix("torch.")

    def _tensor(self, answer: object) -> Tensor:
        self._note_half(answer)
        if isinstance(answer, Tensor):
            if answer.is_meta:
                raise Wrong(f"{self.called} returned a tensor on the meta device, which has a shape and no numbers.")
            return (answer if answer.layout == torch.strided else answer.to_dense()).detach().cpu().clone()
        if isinstance(answer, np.ma.MaskedArray) and np.ma.is_masked(answer):
            raise Wrong(f"{self.called} returned an array in which numbers are masked out: fill them in.")
        if isinstance(answer, np.ndarray | np.generic) and answer.dtype.kind in "biufc":
            plain = np.array(answer)
            if plain.dtype.kind == "f" and plain.dtype.itemsize > 8:  # more precise than any tensor
                plain = plain.astype(np.float64)
            return torch.as_tensor(plain.astype(plain.dtype.newbyteorder("=")))
        if isinstance(answer, numbers.Number):
            return torch.as_tensor(math.inf if isinstance(answer, int) and abs(answer) >= 2**63 else answer)
        items = None if isinstance(answer, str | bytes | dict | set) else self._items(answer)
        if items is None:
            raise Wrong(f"{self.name} must return a tensor; it returned {in_short(answer)}.")
        rows = [self._tensor(item) for item in items]
        if len({tuple(row.shape) for row in rows}) > 1:
            raise Wrong(f"{self.called} returned rows of different lengths.")
        if rows and all(row.dtype == torch.bool for row in rows):
            return torch.stack(rows)
        if any(row.dtype == torch.bool for row in rows):
            raise Wrong(f"{self.called} returned truth values and numbers together.")
        if not rows:
            return torch.empty(0, dtype=torch.float64)
        floats = any(row.is_floating_point() for row in rows)
        return torch.stack([row.double() if floats else row for row in rows])

    def _items(self, answer: object) -> list | None:
        """What an iterable answer holds; a generator runs here, so it is as safe as the call itself."""
        if isinstance(answer, np.ndarray | Tensor) and not answer.ndim:
            return None
        return self.safely(lambda: list(islice(answer, MOST))) if isinstance(answer, Iterable) else None

    def safely(self, run: Callable[[], object]) -> object:
        """What ``run`` gives; what it raises becomes :class:`Raised`, but for a stub's ``NotImplementedError``."""
        try:
            return run()
        except NotImplementedError as error:
            line = self._line(error)
            if line and not line.startswith("raise"):  # torch's own, of an operation that a type of tensor lacks
                raise Raised(self.called, error, line) from None
            raise Unanswered(self.name) from None
        except Stopped:
            raise
        except BaseException as error:
            raise Raised(self.called, error, self._line(error)) from None

    def _line(self, error: BaseException) -> str:
        """The line of the reader's code in which the error happened, if it can be found."""
        code = getattr(self.function, "__code__", None)
        found, trace = "", error.__traceback__
        while code is not None and trace is not None:
            if trace.tb_frame.f_code.co_filename == code.co_filename:
                found = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            trace = trace.tb_next
        return found


def in_short(thing: object) -> str:
    """A short description for a sentence: the value where it is short, its kind and size where it isn't."""
    if isinstance(thing, Tensor):
        return f"tensor({thing.item()})" if thing.numel() == 1 and not thing.is_meta else f"tensor {tuple(thing.shape)}"
    if isinstance(thing, np.ndarray):
        return f"array {thing.shape}"
    if isinstance(thing, nn.Module):
        return "model"
    if isinstance(thing, set | frozenset):  # whose order isn't the same in every run
        return f"a {type(thing).__name__} of {len(thing)}"
    if isinstance(thing, types.FunctionType | types.BuiltinFunctionType | type):
        return f"the function {getattr(thing, '__name__', '')}"
    try:
        said = repr(thing)
    except Exception:  # a reader's class may do anything
        said = ""
    if said and len(said) <= 60 and not said.startswith("<"):
        return said if isinstance(thing, int | float | list | tuple) else _with_kind(thing, said)
    size = f" of length {len(thing)}" if hasattr(thing, "__len__") else ""
    return f"a {type(thing).__name__}{size}"


def _with_kind(thing: object, said: str) -> str:
    return f"str {said}" if isinstance(thing, str) else said


def _same(one: object, other: object) -> bool:
    """Whether what was handed over is as it was: nested lists and dicts of tensors and plain values."""
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.shape == other.shape and bool(((one == other) | (one != one)).all())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str | int | float | set | dict):
        return one == other
    return True
