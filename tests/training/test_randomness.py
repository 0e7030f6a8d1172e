"""The random numbers that one of several processes draws for itself."""

import random

import numpy as np
import torch

from aigc_book.training.randomness import own_numbers, random_state, same_state, seed_all


def drawn_by(rank):
    seed_all(4)
    with own_numbers(rank):
        found = (random.random(), float(np.random.rand()), float(torch.rand(())))
    return found, random_state()


def test_processes_draw_different_numbers_and_go_on_together():
    (one, after_one), (other, after_other) = drawn_by(0), drawn_by(1)
    assert all(a != b for a, b in zip(one, other, strict=True))
    assert same_state(after_one, after_other)
    assert drawn_by(1)[0] == other


def test_each_time_they_are_others():
    seed_all(4)
    with own_numbers(0):
        first = float(torch.rand(()))
    with own_numbers(0):
        assert float(torch.rand(())) != first
