"""What a check answers: right, wrong (and why), or not answered yet; and what keeps every check on its feet.

A check is a function over the reader's function::

    @check
    def check_divisor(divisor):
        answer = divisor.number(64)  # called safely: see aigc_book.chapters.attempt
        if answer < 0:
            raise Wrong("A divisor of scores is a positive number.")
        return "Right: divide by √d_k / 3."

It raises :class:`Wrong` with a sentence for the reader or returns its praise, and praises only what it has tried.
:func:`check` makes a :class:`Verdict` of either, and of whatever else the reader's function does: an exception, an
endless loop, an answer of another kind. Nothing ends in a traceback.
"""

import contextlib
import contextvars
import ctypes
import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch

from aigc_book.chapters.attempt import Attempt, Stopped, Unanswered, Wrong, in_short

SECONDS = 10.0  # for a whole check; solutions take milliseconds, or a second or two when torch imports its compiler


@dataclass(frozen=True)
class Verdict:
    """The answer of an exercise's check. It is true in an ``assert`` when the exercise is solved.

    A cell that ends in a check shows the message; an unsolved exercise is no error, so that a chapter runs to its end
    before its reader has solved anything.
    """

    right: bool
    message: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.message}"


def check(judge: Callable[[Attempt], str]) -> Callable[[Callable], Verdict]:
    """Make a check of ``judge``, whose one parameter has the name of the reader's function.

    The check runs in a thread of its own, which is the one way of stopping a loop that works in a notebook's kernel on
    Linux, macOS and Windows alike: after ``SECONDS`` an exception is raised in that thread. What can't be stopped is a
    single call into C that never comes back, such as ``sum(itertools.count())``.
    """
    (name,) = inspect.signature(judge).parameters

    @functools.wraps(judge)
    def checked(function: Callable) -> Verdict:
        if function is None or function is ...:
            return Verdict(False, str(Unanswered(name)))
        if not callable(function):
            call = f"{judge.__name__}({name})"
            return Verdict(False, f"A check takes the function itself, as in {call}; got {in_short(function)}.")
        return _in_time(judge, Attempt(name, function))

    return checked


def _in_time(judge: Callable[[Attempt], str], attempt: Attempt) -> Verdict:
    verdicts: list[Verdict] = []

    def work() -> None:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # the reader's seeds stay in here
            warnings.simplefilter("ignore")
            try:
                praise = judge(attempt)
                verdict = Verdict(True, praise + attempt.remark())
            except Wrong as wrong:
                verdict = Verdict(False, str(wrong) + attempt.why_wrong())
            except Exception as error:  # an answer that nobody thought of
                verdict = Verdict(False, f"{attempt.called} can't be judged: {type(error).__name__}: {error}.")
        verdicts.append(verdict)

    def end_quietly() -> None:
        with contextlib.suppress(Stopped):
            work()

    worker = threading.Thread(target=contextvars.copy_context().run, args=(end_quietly,), daemon=True)
    worker.start()
    try:
        worker.join(SECONDS)
    finally:  # also when the reader interrupts the kernel
        stopped = _stop(worker)
    if verdicts:
        return verdicts[0]
    message = f"{attempt.called} does not end; it was stopped after {SECONDS:g} seconds. {attempt.if_endless}"
    return Verdict(False, message if stopped else f"{message} It can't be stopped either: restart the kernel.")


def _stop(worker: threading.Thread) -> bool:
    """End a thread, also one that catches everything; whether it has ended."""
    for _ in range(40):
        if not worker.is_alive():
            return True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(Stopped))
        worker.join(0.05)
    return not worker.is_alive()
