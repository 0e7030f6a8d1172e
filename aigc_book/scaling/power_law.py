"""A power law fitted to a few measurements, and how far its predictions can be trusted."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

STEEPEST = 5.0  # the largest exponent looked for
FLATTEST = 1e-3


class Prediction(NamedTuple):
    """A value, and the interval that a new measurement falls in with the probability asked for."""

    value: float
    low: float
    high: float


class PowerLaw(NamedTuple):
    """y = a + b x^-c, as :func:`fit_power_law` found it."""

    a: float  #: the floor that y comes down to; 0 where it was not fitted
    b: float
    c: float
    covariance: np.ndarray  #: of the fitted numbers, which are (a, b, c), or (b, c) without a floor
    residual_std: float  #: how far measurements scatter about the law
    degrees_of_freedom: int  #: points less fitted numbers

    def __call__(self, x: float) -> float:
        """The law's value at x."""
        return self.a + self.b * x**-self.c

    def predict(self, x: float, level: float = 0.95) -> Prediction:
        """The law's value at x, with the interval for one new measurement.

        value ± t √(s² + gᵀ Σ g): s² is the scatter of measurements, Σ the covariance of the fitted numbers, g the
        derivatives of the law with respect to them, and t Student's quantile. The interval takes for granted that the
        law is true at x; it says nothing about an x at which another law holds.

        Args:
            x: positive.
            level: probability of the interval.

        Raises:
            ValueError: an x that is not positive, or a level outside (0, 1).

        Source: Bates and Watts, *Nonlinear Regression Analysis and Its Applications* (1988), section 2.3.
        """
        if not 0 < x < math.inf:
            raise ValueError(f"x must be a positive number; got {x!r}")
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1; got {level!r}")
        gradient = _jacobian(np.array([float(x)]), self.b, self.c, floor=len(self.covariance) == 3)[0]
        variance = self.residual_std**2 + gradient @ self.covariance @ gradient
        value = self(x)
        margin = stats.t.ppf(0.5 + level / 2, self.degrees_of_freedom) * math.sqrt(variance)
        return Prediction(value, value - margin, value + margin)


def fit_power_law(x: Sequence[float], y: Sequence[float], *, floor: bool = True) -> PowerLaw:
    """Fit y = a + b x^-c by least squares.

    For a given c the best a and b are a linear regression, so that only c has to be searched for.

    Args:
        x: positive, such as numbers of parameters.
        y: what was measured, such as losses.
        floor: whether to fit a; False: a = 0.

    Raises:
        ValueError: x and y of different length, a number that is not finite, an x that is not positive, fewer points
            (at different x) than fitted numbers and one, or points that no such law with c between 0.001 and 5 fits
            best: these bend the other way, or not at all.

    Source: the form is equation 1.1 of Kaplan et al. (2020), with a constant such as that of Hoffmann et al. (2022),
    equation 2.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be equally long sequences; got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all()):
        raise ValueError(f"x must be positive and y finite; got x={x.tolist()}, y={y.tolist()}")
    n_fitted = 3 if floor else 2
    n_points = len(np.unique(x))
    if n_points <= n_fitted:
        raise ValueError(
            f"a fit of {n_fitted} numbers needs at least {n_fitted + 1} points at different x, so that something is"
            f" left to tell how well it fits; got {n_points}"
        )
    middle = math.exp(np.log(x).mean())  # keeps x^-c near 1, so that no digits are lost

    def linear(c: float) -> tuple[np.ndarray, float]:
        powers = (x / middle) ** -c
        columns = np.stack([np.ones_like(x), powers], axis=1) if floor else powers[:, None]
        solution = np.linalg.lstsq(columns, y, rcond=None)[0]
        return solution, float(((columns @ solution - y) ** 2).sum())

    grid = np.geomspace(FLATTEST, STEEPEST, 200)
    best = int(np.argmin([linear(c)[1] for c in grid]))
    if best in (0, len(grid) - 1):
        raise ValueError(
            f"no power law with an exponent between {FLATTEST:g} and {STEEPEST:g} fits best; got y={y.tolist()}"
        )
    c = optimize.minimize_scalar(
        lambda log_c: linear(math.exp(log_c))[1], bounds=np.log([grid[best - 1], grid[best + 1]]), method="bounded"
    )
    c = math.exp(c.x)
    solution, squares = linear(c)
    a, b = (float(solution[0]) if floor else 0.0), float(solution[-1] * middle**c)
    jacobian = _jacobian(x, b, c, floor=floor)
    variance = squares / (len(x) - n_fitted)
    # Columns of one size, for a matrix that can be inverted: b is large, and its derivative small.
    scale = np.linalg.norm(jacobian, axis=0)
    covariance = variance * np.linalg.pinv((jacobian / scale).T @ (jacobian / scale)) / np.outer(scale, scale)
    return PowerLaw(a, b, c, covariance, math.sqrt(variance), len(x) - n_fitted)


def _jacobian(x: np.ndarray, b: float, c: float, *, floor: bool) -> np.ndarray:
    """(n, 3): the derivatives of a + b x^-c with respect to a, b and c; without the first column if a isn't fitted."""
    powers = x**-c
    columns = np.stack([np.ones_like(x), powers, -b * powers * np.log(x)], axis=1)
    return columns if floor else columns[:, 1:]
