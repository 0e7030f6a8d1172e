"""Going through batches again and again, and finding the place again in a resumed run.

Batches with ``state_dict`` and ``load_state_dict`` know their place. All others are gone through from the beginning of
the epoch: the random generators are put back to where they were then, so that a shuffling ``DataLoader`` draws the same
order, and the batches that were used are passed over and compared with what was seen. (What a data set draws itself
inside of a ``DataLoader``'s persistent workers can't be put back; then a resumed run that is no longer in the first
epoch says that the batches are others. Without ``persistent_workers`` the workers are seeded anew for each epoch.)
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from aigc_book.training.batch import digest, shapes
from aigc_book.training.randomness import random_state, same_state, set_random_state


class Epochs:
    """Batches, gone through as often as one likes: ``fit(model, Epochs(batches), …)``.

    An epoch is one pass. Before each, ``set_epoch(number)`` of the batches, of their sampler or of their data set is
    called, where there is one.

    Args:
        batches: what can be iterated; for more than one epoch, again and again (not a generator, say).
        n: how many epochs; None: without end.

    Raises:
        ValueError: ``n`` is below 1, or more than one epoch of an iterator.
    """

    def __init__(self, batches: Iterable[Any], n: int | None = None):
        if n is not None and (type(n) is not int or n < 1):
            raise ValueError(f"n must be a whole number of at least 1, or None for no end; got n={n!r}")
        if n != 1 and isinstance(batches, Iterator):
            raise ValueError(
                f"several epochs need batches that can be gone through again, such as a list or a DataLoader; "
                f"got the iterator {type(batches).__name__}"
            )
        self.batches, self.n = batches, n
        self._epoch, self._drawn = 0, 0  # epochs behind us; batches drawn in this one
        self._current: Iterator[Any] | None = None
        self._start: dict[str, Any] | None = None  # the generators at the start of the epoch
        self._last: Any = None  # the batch drawn last

    def __len__(self) -> int:
        """How many batches there are in all.

        Raises:
            TypeError: there is no end, or the batches have no length.
        """
        if self.n is None:
            raise TypeError("batches without end have no length")
        return self.n * len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while True:
            if self._current is None:
                if self.n is not None and self._epoch == self.n:
                    raise StopIteration
                self._begin()
            try:
                self._last = next(self._current)
            except StopIteration:
                was_empty, self._current = self._drawn == 0, None
                self._epoch, self._drawn = self._epoch + 1, 0
                if was_empty and self.n is None:
                    raise
                continue
            self._drawn += 1
            return self._last

    def state_dict(self) -> dict[str, Any]:
        """The place: what :meth:`load_state_dict` needs to go on with the very next batch."""
        state: dict[str, Any] = {"epoch": self._epoch, "drawn": self._drawn, "length": self._length()}
        if self._drawn:
            state |= {"start": self._start, "digest": digest(self._last), "shapes": shapes(self._last)}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`; the global random generators are as before afterwards.

        Raises:
            ValueError: the batches can't be gone through from their beginning, or they are others than then.
        """
        if state["drawn"] and isinstance(self.batches, Iterator) and not _is_fresh(self.batches):
            raise ValueError(
                f"a resumed run passes over the batches that were used, and nobody knows where the "
                f"{type(self.batches).__name__} stands; give it a new generator, something that can be iterated again "
                "(a list, a DataLoader), or batches with state_dict and load_state_dict"
            )
        if state["length"] != self._length():
            raise ValueError(
                f"the batches are others than those of the run that goes on: an epoch had {state['length']}, and now "
                f"{self._length()}"
            )
        self._epoch, self._drawn, self._current, self._last = state["epoch"], state["drawn"], None, None
        if not self._drawn:
            return
        own = random_state()
        try:
            if self._epoch > 0 and getattr(self.batches, "persistent_workers", False):
                iter(self.batches)  # the first time it starts its workers, and draws a seed that later epochs don't
            self._restore(state["start"])
            self._begin()
            self._pass_over(state)
        finally:
            set_random_state(own)
        self._drawn = state["drawn"]

    def _length(self) -> int | None:
        """Batches in an epoch, where that means something: a single pass may go on with more of them."""
        return None if self.n == 1 else length(self.batches)

    def _pass_over(self, state: dict[str, Any]) -> None:
        n, after_first = state["drawn"], None
        for number in range(n):
            self._last = next(self._current, None)
            if self._last is None:
                raise ValueError(f"{n} batches of this epoch were used; there are only {number} now")
            after_first = random_state() if number == 0 else after_first
        # Batches that draw from the global generators drew something else while the model drew there too (dropout).
        # Their order is the same, though: it was drawn when the epoch began.
        comparable = n == 1 or same_state(after_first, random_state())
        if shapes(self._last) != state["shapes"] or (comparable and digest(self._last) != state["digest"]):
            now = "has other values" if shapes(self._last) == state["shapes"] else f"is {shapes(self._last)}"
            raise ValueError(
                f"the batches are others than those of the run that goes on: batch {n} of epoch {state['epoch'] + 1} "
                f"was {state['shapes']}, and now {now}"
            )

    def _begin(self) -> None:
        """Start an epoch."""
        for owner in _owners(self.batches):
            if callable(getattr(owner, "set_epoch", None)):
                owner.set_epoch(self._epoch)
        self._start = {"global": random_state(), "own": [g.get_state() for g in _generators(self.batches)]}
        self._current, self._drawn = iter(self.batches), 0

    def _restore(self, start: dict[str, Any]) -> None:
        generators = _generators(self.batches)
        if len(generators) != len(start["own"]):
            raise ValueError(
                f"the batches had {len(start['own'])} random generators of their own in the run that goes on, and have "
                f"{len(generators)} now"
            )
        set_random_state(start["global"])
        for generator, saved in zip(generators, start["own"], strict=True):
            generator.set_state(saved)


def with_state(batches: Iterable[Any]) -> Iterable[Any]:
    """The batches themselves, if they know their place; otherwise in :class:`Epochs`: one, or of a DataLoader many."""
    if hasattr(batches, "state_dict") and hasattr(batches, "load_state_dict"):
        return batches
    return Epochs(batches, None if isinstance(batches, DataLoader) else 1)


def length(batches: Iterable[Any]) -> int | None:
    """How many batches there are, or None where nobody knows."""
    try:
        return len(batches)
    except (TypeError, NotImplementedError):  # a DataLoader over an iterable data set has __len__, and it fails
        return None


def _is_fresh(iterator: Iterator[Any]) -> bool:
    return inspect.isgenerator(iterator) and inspect.getgeneratorstate(iterator) == inspect.GEN_CREATED


def _owners(batches: Any) -> list[Any]:
    """The batches and what they draw from: samplers, batch samplers, a data set."""
    found, todo = [], [batches]
    while todo:
        each = todo.pop(0)
        if each is None or any(each is other for other in found):
            continue
        found.append(each)
        if isinstance(each, DataLoader | torch.utils.data.Sampler):
            todo += [getattr(each, name, None) for name in ("sampler", "batch_sampler", "dataset")]
    return found


def _generators(batches: Any) -> list[torch.Generator]:
    """The random generators that belong to the batches themselves."""
    found: list[torch.Generator] = []
    for owner in _owners(batches):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator) and not any(generator is other for other in found):
            found.append(generator)
    return found
