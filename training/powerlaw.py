"""Learning curves fitted to scores: how a score grows with the number of sentences, and what more would bring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POWER_LAW, LOG_LINEAR, NONE = "power law", "linear in log", "none"
_EXPONENTS = np.geomspace(0.05, 2.0, 60)
_DRAWS = 1000
_FEWEST_SIZES = 4  # a power law has three parameters: three sizes fit any


@dataclass(frozen=True)
class CurveFit:
    """A curve through scores at several sizes, and what it says of another size.

    Attributes:
        form: ``power law`` for ``a - b * n ** -c``, ``linear in log`` for ``a + b * log(n)``, or ``none`` where two
            sizes are lacking.
        a: highest score that the power law comes to, or the intercept.
        b: how much of it is still to come, or the slope.
        c: how fast it comes; NaN for the other form.
        deviation: standard deviation of the scores around the curve; NaN where no score is left over to tell.
        now: what the curve gives at the largest size.
        gain: what it gains from there to the other size.
        low: of the 95 % interval of the gain.
        high: likewise.
        slope_low: of the 95 % interval of the gain of a doubling, as a mean over all sizes (the slope in log): above 0
            the score grows, below 0 the spread hides whether it does.
    """

    form: str
    a: float
    b: float
    c: float
    deviation: float
    now: float
    gain: float
    low: float
    high: float
    slope_low: float


def fit_curve(sizes: Sequence[float], scores: Sequence[float], *, at: float, seed: int) -> CurveFit:
    """Fit an inverse power law to scores, and say what the score would be at another size.

    Figueroa, Zeng-Treitler, Kandula and Ngo (2012), Predicting sample size required for classification performance:
    least squares with more weight on larger sizes; ``0 <= a <= 1``, ``b >= 0``, ``0.05 <= c <= 2``. Where a line in
    log fits no worse within these bounds, or there are fewer than four sizes, it takes the law's place. Intervals come
    from fits to scores drawn around the curve (a parametric bootstrap), whose spread is itself uncertain where there
    are few; they know nothing of the curve being of another form.

    Args:
        sizes: of each training; equal ones for several seeds.
        scores: of each training, 0 to 1; those that are NaN are left out.
        at: the size to look at.
        seed: of the draws.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    if len(np.unique(x)) < 2:
        nan = math.nan
        return CurveFit(NONE, nan, nan, nan, nan, float(y.mean()) if len(y) else nan, nan, nan, nan, nan)
    largest = float(x.max())
    ranks = np.unique(x, return_inverse=True)[1] + 1
    weights = ranks / ranks.max()
    law, line = _Law(x, weights), _Line(x, weights)
    form = POWER_LAW if len(np.unique(x)) >= _FEWEST_SIZES and _error(law, x, y) < _error(line, x, y) else LOG_LINEAR
    curve: _Law | _Line = law if form == POWER_LAW else line
    parameters = curve.fit(y[None, :])
    fitted = curve.values(parameters, x)[0]
    spare = len(y) - curve.parameters
    deviation = float(np.sqrt(((y - fitted) ** 2).sum() / spare)) if spare > 0 else math.nan
    now, then = (float(np.clip(curve.values(parameters, np.array([size]))[0, 0], 0, 1)) for size in (largest, at))
    low = high = slope_low = math.nan
    if spare > 0:
        random = np.random.default_rng(seed)
        # The deviation is an estimate too: drawn from its own distribution, as in a t interval.
        deviations = deviation * np.sqrt(spare / random.chisquare(spare, size=(_DRAWS, 1)))
        drawn = fitted + deviations * random.standard_normal((_DRAWS, len(y)))
        ends = np.clip(curve.values(curve.fit(drawn), np.array([largest, at])), 0, 1)
        low, high = (float(value) for value in np.percentile(ends[:, 1] - ends[:, 0], [2.5, 97.5]))
        slopes = _Line(x, np.ones(len(x))).fit(drawn)[:, 1]
        slope_low = float(np.percentile(slopes * math.log(2), 2.5))
    a, b, c = (float(value) for value in parameters[0])
    return CurveFit(form, a, b, c, deviation, now, then - now, low, high, slope_low)


class _Law:
    """``a - b * n ** -c`` through points: for each exponent of a grid a line, and the best of them."""

    parameters = 3

    def __init__(self, sizes: Floats, weights: Floats) -> None:
        self._sizes = sizes
        self.weights = weights

    def fit(self, scores: Floats) -> Floats:
        """Return ``[n_draws, 3]`` parameters a, b and c for scores ``[n_draws, n_points]``."""
        best = np.full(len(scores), np.inf)
        found = np.zeros((len(scores), 3))
        for exponent in _EXPONENTS:
            falls = self._sizes**-exponent
            a, b = _bounded_lines(falls, scores, self.weights)
            errors = ((scores - a[:, None] + b[:, None] * falls) ** 2 * self.weights).sum(axis=1)
            better = errors < best - 1e-15
            best[better] = errors[better]
            found[better] = np.stack([a, b, np.full(len(a), exponent)], axis=1)[better]
        return found

    def values(self, parameters: Floats, sizes: Floats) -> Floats:
        """Return ``[n_draws, n_sizes]``."""
        a, b, c = (parameters[:, [k]] for k in range(3))
        return np.asarray(a - b * sizes[None, :] ** -c)


class _Line:
    """``a + b * log(n)`` through points, by weighted least squares."""

    parameters = 2

    def __init__(self, sizes: Floats, weights: Floats) -> None:
        self._logs = np.log(sizes)
        self.weights = weights

    def fit(self, scores: Floats) -> Floats:
        """Return ``[n_draws, 3]`` parameters a, b and NaN for scores ``[n_draws, n_points]``."""
        slopes = _slopes(self._logs, scores, self.weights)
        means = np.average(scores, axis=1, weights=self.weights)
        starts = means - slopes * np.average(self._logs, weights=self.weights)
        return np.stack([starts, slopes, np.full(len(slopes), np.nan)], axis=1)

    def values(self, parameters: Floats, sizes: Floats) -> Floats:
        """Return ``[n_draws, n_sizes]``."""
        return np.asarray(parameters[:, [0]] + parameters[:, [1]] * np.log(sizes)[None, :])


def _error(curve: _Law | _Line, sizes: Floats, scores: Floats) -> float:
    """Return the weighted sum of squares that the best curve leaves."""
    fitted = curve.values(curve.fit(scores[None, :]), sizes)[0]
    return float(((scores - fitted) ** 2 * curve.weights).sum())


def _slopes(x: Floats, y: Floats, weights: Floats) -> Floats:
    centred = x - np.average(x, weights=weights)
    return np.asarray((y * weights * centred).sum(axis=1) / (weights * centred**2).sum())


def _bounded_lines(falls: Floats, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return a and b, each ``[n_draws]``, of the best ``a - b * falls`` with ``0 <= a <= 1`` and ``b >= 0``."""
    b = np.maximum(-_slopes(falls, scores, weights), 0.0)
    a = np.average(scores, axis=1, weights=weights) + b * np.average(falls, weights=weights)
    # With a at its bound, b is what fits best through that point.
    b_at_bound = np.maximum(((1.0 - scores) * weights * falls).sum(axis=1) / (weights * falls**2).sum(), 0.0)
    return np.clip(a, 0.0, 1.0), np.where(a > 1.0, b_at_bound, b)
