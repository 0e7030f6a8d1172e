"""A law that is known comes back, and its intervals hold what they promise."""

import numpy as np
import pytest
from scipy import optimize

from aigc_book.scaling import fit_power_law

X = np.array([7.0, 13, 29, 53, 101, 211])


@pytest.mark.parametrize(("a", "b", "c"), [(1.5, 3.0, 0.5), (0.2, 40.0, 1.3), (2.0, 1.0, 0.1), (1.0, -2.0, 0.7)])
def test_an_exact_law_comes_back(a, b, c):
    law = fit_power_law(X, a + b * X**-c)
    assert (law.a, law.b, law.c) == pytest.approx((a, b, c), rel=1e-3)
    assert law.residual_std < 1e-5
    assert law(1000.0) == pytest.approx(a + b * 1000**-c, rel=1e-4)
    assert law.degrees_of_freedom == 3


def test_without_a_floor():
    law = fit_power_law(X, 3 * X**-0.5, floor=False)
    assert (law.a, law.b, law.c) == pytest.approx((0, 3, 0.5), rel=1e-4)
    assert law.degrees_of_freedom == 4 and law.covariance.shape == (2, 2)


@pytest.mark.parametrize("floor", [True, False])
def test_equals_scipys_curve_fit(floor):
    y = 1.2 * floor + 5 * X**-0.6 + np.random.default_rng(0).normal(0, 0.01, X.size)
    law = fit_power_law(X, y, floor=floor)

    def curve(x, *p):
        return (p[0] if floor else 0) + p[-2] * x ** -p[-1]

    start = [1.0, 4.0, 0.5] if floor else [4.0, 0.5]
    expected, covariance = optimize.curve_fit(curve, X, y, p0=start)
    found = (law.a, law.b, law.c) if floor else (law.b, law.c)
    assert found == pytest.approx(expected, rel=1e-3)
    assert law.covariance == pytest.approx(covariance, rel=0.01)


@pytest.mark.parametrize("floor", [True, False])
def test_nineteen_of_twenty_intervals_hold_the_next_measurement(floor):
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        truth = lambda x: 2.0 * floor + 9 * x**-0.5  # noqa: E731
        law = fit_power_law(X, truth(X) + rng.normal(0, 0.05, X.size), floor=floor)
        prediction = law.predict(400.0)
        inside += prediction.low <= truth(400.0) + rng.normal(0, 0.05) <= prediction.high
    assert 0.9 < inside / 300 < 0.99


def test_intervals_widen_with_the_distance_and_with_the_level():
    law = fit_power_law(X, 2 + 9 * X**-0.5 + np.array([1, -1, 1, -1, 1, -1]) * 0.02)
    near, far = law.predict(30.0), law.predict(10_000.0)
    assert far.high - far.low > near.high - near.low
    sure = law.predict(30.0, level=0.99)
    assert sure.low < near.low < near.value == sure.value < near.high < sure.high


def test_units_of_x_make_no_difference():
    y = 2 + 9 * X**-0.5 + np.array([1, -1, 1, -1, 1, -1]) * 0.02
    small, large = fit_power_law(X, y), fit_power_law(X * 1e9, y)
    assert small.c == pytest.approx(large.c, rel=1e-4)
    assert small.predict(500.0) == pytest.approx(large.predict(500e9), rel=1e-4)


def test_inputs_are_left_alone():
    x, y = X.copy(), 3 * X**-0.5
    before = y.copy()
    fit_power_law(x, y)
    assert (x == X).all() and (y == before).all()


@pytest.mark.parametrize(
    ("x", "y", "floor", "says"),
    [
        ([1, 2, 3], [3, 2, 1.5], True, "a fit of 3 numbers needs at least 4 points at different x.*got 3"),
        ([1, 2], [3, 2], False, "a fit of 2 numbers needs at least 3 points at different x.*got 2"),
        ([1, 1, 2, 2, 3], [3, 3, 2, 2, 1.5], True, "needs at least 4 points at different x.*got 3"),
        ([1, 2, 3, 4], [3, 2, 1], True, r"equally long sequences; got shapes \(4,\) and \(3,\)"),
        ([[1, 2]], [[3, 2]], True, r"equally long sequences; got shapes \(1, 2\)"),
        ([0, 1, 2, 3], [4, 3, 2, 1], True, r"x must be positive and y finite; got x=\[0.0"),
        ([-1, 1, 2, 3], [4, 3, 2, 1], True, r"x must be positive and y finite; got x=\[-1.0"),
        ([1, 2, 3, 4], [4, 3, 2, float("nan")], True, "x must be positive and y finite.*nan"),
        ([1, 10, 100, 1000], [4, 3, 1, -3], True, "no power law with an exponent between 0.001 and 5 fits best"),
        ([1, 10, 100, 1000], [4.0, 4.0, 4.0, 4.0], False, "no power law with an exponent"),
    ],
)
def test_errors(x, y, floor, says):
    with pytest.raises(ValueError, match=says):
        fit_power_law(x, y, floor=floor)


def test_prediction_errors():
    law = fit_power_law(X, 3 * X**-0.5)
    with pytest.raises(ValueError, match="x must be a positive number; got -1"):
        law.predict(-1)
    with pytest.raises(ValueError, match="level must be between 0 and 1; got 95"):
        law.predict(10.0, level=95)
