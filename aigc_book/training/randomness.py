"""The random generators of a process: their state, to go on from later."""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """The state of every global generator: Python's, NumPy's, torch's on the CPU and on each GPU; plain values."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), position, has_gauss, gauss),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put every global generator back to where :func:`random_state` found it.

    A state of a machine with another number of GPUs sets those generators that both have, and warns that what is drawn
    from now on is something else.
    """
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    there, here = len(state["cuda"]), torch.cuda.device_count() if torch.cuda.is_initialized() else 0
    if there != here:
        warnings.warn(
            f"these random states are of a machine that used {there} GPUs; this one uses {here}: "
            "what is drawn on a GPU (dropout, say) is not what it would have been there",
            stacklevel=2,
        )
    for index in range(min(there, here)):
        torch.cuda.set_rng_state(state["cuda"][index], index)


def seed_all(seed: int) -> None:
    """Seed every global generator."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def own_numbers(rank: int) -> Iterator[None]:
    """Within, a process draws numbers that no other draws; afterwards all go on together.

    What they have in common moves on by one number. Outside, processes that began alike stay alike.
    """
    seed = int(torch.randint(2**31, ()))
    state = random_state()
    seed_all(seed + rank)
    try:
        yield
    finally:
        set_random_state(state)


def same_state(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether nothing was drawn between two :func:`random_state`."""
    plain = all(one[name] == other[name] for name in ("python", "numpy"))
    return plain and torch.equal(one["torch"], other["torch"])
