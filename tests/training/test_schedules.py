"""Schedules: by hand, laws, errors."""

import math

import pytest
import torch

from aigc_book.training.schedules import (
    constant,
    inverse_square_root,
    warmup_cosine,
    warmup_linear,
    warmup_stable_decay,
)


def values(schedule, n):
    return [schedule(step) for step in range(n)]


def test_constant():
    assert values(constant(), 3) == [1.0, 1.0, 1.0]
    assert constant(0.3)(10**9) == 0.3


def test_warmup_cosine_by_hand():
    """2 of 6 steps rise; then p = 0, 1/4, 1/2, 3/4 of the fall to 0.2: 0.2 + 0.8 · (1 + cos πp)/2."""
    expected = [0.5, 1.0, 1.0, 0.2 + 0.4 * (1 + math.sqrt(0.5)), 0.6, 0.2 + 0.4 * (1 - math.sqrt(0.5)), 0.2, 0.2]
    assert values(warmup_cosine(6, warmup=2, floor=0.2), 8) == pytest.approx(expected)


def test_warmup_linear_by_hand():
    assert values(warmup_linear(7, warmup=2), 9) == pytest.approx([0.5, 1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0])
    assert values(warmup_linear(2, floor=0.5), 4) == pytest.approx([1, 0.75, 0.5, 0.5])


def test_warmup_stable_decay_by_hand():
    expected = [1 / 3, 2 / 3, 1, 1, 1, 1, 0.5, 0, 0]
    assert values(warmup_stable_decay(7, warmup=3, decay=2), 9) == pytest.approx(expected)
    assert values(warmup_stable_decay(3), 4) == [1, 1, 1, 0]


def test_inverse_square_root_by_hand():
    assert values(inverse_square_root(4), 5) == pytest.approx([0.25, 0.5, 0.75, 1, 2 / math.sqrt(5)])


def test_inverse_square_root_is_equation_3_of_the_paper():
    d_model, warmup = 512, 4000
    ours = inverse_square_root(warmup)
    for n in (1, 17, 3999, 4000, 4001, 100_000):
        paper = d_model**-0.5 * min(n**-0.5, n * warmup**-1.5)
        assert ours(n - 1) * (d_model * warmup) ** -0.5 == pytest.approx(paper)


@pytest.mark.parametrize("make", [warmup_cosine, warmup_linear, warmup_stable_decay])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (5, 5), (100, 10)])
def test_factors_are_in_range_and_peak_at_one(make, steps, warmup):
    factors = values(make(steps, warmup=warmup), steps + 3)
    assert all(0 <= f <= 1 for f in factors) and max(factors) == 1
    assert factors[0] > 0


def test_in_torch_scheduler():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_linear(4))
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.3, 0.225, 0.15, 0.075])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: constant(-1), "factor must not be negative; got factor=-1"),
        (lambda: warmup_cosine(0), "got warmup=0, steps=0"),
        (lambda: warmup_cosine(5, warmup=6), "warmup must be from 0 to steps.*got warmup=6, steps=5"),
        (lambda: warmup_linear(5, warmup=-1), "got warmup=-1"),
        (lambda: warmup_linear(5, floor=1.5), "floor must be a share of the peak.*got floor=1.5"),
        (lambda: warmup_stable_decay(5, warmup=3, decay=3), "must not exceed steps=5; got warmup=3, decay=3"),
        (lambda: inverse_square_root(0), "warmup must be at least 1; got warmup=0"),
    ],
)
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make()
