"""Ctrl-C that waits for the end of a step: a model is never left between two of them."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from torch import distributed


class Interruption:
    """Whether somebody pressed Ctrl-C (a notebook's stop button is the same) since it was made.

    Attributes:
        came: True from then on.
    """

    def __init__(self):
        self.came = False


@contextmanager
def held_back() -> Iterator[Interruption]:
    """Within, the first Ctrl-C is only noted; at the end it becomes the ``KeyboardInterrupt`` that it would have been.

    A second one doesn't wait. Nothing is held back where Python doesn't let it be (outside of the main thread), where
    Ctrl-C was not Python's own before, and in a process of several that train together: its launcher ends them all. ::

        with held_back() as interruption:
            step()
            if interruption.came:
                save()
    """
    interruption = Interruption()
    is_main = threading.current_thread() is threading.main_thread()
    is_alone = not (distributed.is_available() and distributed.is_initialized())
    before = signal.getsignal(signal.SIGINT) if is_main and is_alone else None
    if before is not signal.default_int_handler:
        yield interruption
        return

    def note(number: int, frame: FrameType | None) -> None:
        interruption.came = True
        signal.signal(signal.SIGINT, before)  # the second one doesn't wait

    signal.signal(signal.SIGINT, note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
    if interruption.came:
        raise KeyboardInterrupt
