"""The error over the number of training examples, and what it would be with more of them.

A falling power law with a floor is fitted to errors measured at several sizes:

    error(n) = floor + drop · (n / n_max)^-exponent,  floor >= 0, drop >= 0

Three numbers from a handful of noisy points leave many laws possible. All of them are kept, each with its weight: the
posterior on a grid of floors and exponents, with the drop and the size of the noise integrated out. Laws without a
floor and laws that hardly fall are among them, so the interval tells of the choice of the law, too.

Sources: Hestness et al. 2017, "Deep learning scaling is predictable, empirically", arXiv:1712.00409 (power law with a
floor); Viering, Loog 2021, "The shape of learning curves: a review", arXiv:2103.10948 (no single law is best, and few
points do not tell them apart). Priors and the growth of the interval are ours; docs/diagnose.md has the back-test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.intervals import Interval, percentile_interval

NUM_DRAWS = 4000
FLOORS = 40
"""Values of the floor that are tried, evenly from 0 to above the largest error."""
EXPONENTS = np.linspace(0.05, 1.5, 30)
"""Hestness et al. found 0.07 to 0.35 on large sets; 1 and more is seen where a network of the right form learns."""
WOBBLE = 0.03
"""Deviation of the error from training to training, as a part of it, beside what the number of examples explains."""
NOISES = np.geomspace(0.1, 30, 16)
NOISE_MIDDLE, NOISE_FACTOR = 0.5, 2.5
"""Both together are a guess: the variance of a point is some multiple of theirs, most probably a half, since dev is the
same for all points; one deviation of its logarithm is the factor, since trainings can be unsteady."""
MISFIT = 0.01
"""No law is exact: a relative deviation for each doubling beyond the sizes that were measured."""


@dataclass(frozen=True)
class CurvePoint:
    """One measured error.

    Attributes:
        size: training examples, >= 1.
        error: on dev (or train), >= 0.
        variance: of that error as far as the number of dev examples tells, > 0.
    """

    size: int
    error: float
    variance: float

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.error < np.inf or not 0 < self.variance < np.inf:
            raise UsageError(
                t(
                    "a point of a learning curve needs a size of at least 1, an error of at least 0 and a variance "
                    "above 0; met: {size}, {error}, {variance}.",
                    size=self.size,
                    error=self.error,
                    variance=self.variance,
                )
            )


@dataclass(frozen=True)
class Forecast:
    """What would be measured with another number of training examples.

    Attributes:
        size: training examples.
        error: the middle of what is plausible.
        interval: 95 %, with the noise of one training.
    """

    size: int
    error: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class Curve:
    """A fitted learning curve: plausible laws, one per draw.

    Attributes:
        points: what was measured.
        floors: the error with endless data, m draws.
        drops: what more data could take away at the largest size, m; below 0 where the error rises.
        exponents: how fast it goes, m.
        noises: deviation of one training from the law at the largest size, m.
        seed: of the draws.
    """

    points: tuple[CurvePoint, ...]
    floors: np.ndarray
    drops: np.ndarray
    exponents: np.ndarray
    noises: np.ndarray
    seed: int

    @cached_property
    def largest(self) -> int:
        """The largest size that was measured."""
        return max(point.size for point in self.points)

    def draws(self, size: float) -> np.ndarray:
        """Plausible errors of the law at a size, m."""
        law = self.floors + self.drops * (size / self.largest) ** -self.exponents
        doublings = max(0.0, float(np.log2(size / self.largest)))
        wobble = seeds.rng(self.seed, "curve/misfit").standard_normal(len(law))  # the same at each size: one law each
        return np.maximum(law * (1 + MISFIT * doublings * wobble), 0)

    def predict(self, size: int) -> Forecast:
        """The error that one training on so many examples would be measured at.

        Raises:
            UsageError: a size below 1.
        """
        if size < 1:
            above_0 = t("above 0")
            raise UsageError(t("{path}={value} must be {bound}.", path="size", value=size, bound=above_0))
        law = self.draws(size)
        now = np.maximum(self.draws(self.largest), 1e-12)
        noise = seeds.rng(self.seed, f"curve/{size}").standard_normal(len(law))
        measured = law + self.noises * np.sqrt(np.minimum(law / now, 4)) * noise  # of shares, variance goes with size
        low, high = percentile_interval(np.maximum(measured, 0))
        return Forecast(size, float(np.median(law)), (low, high))

    def band(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The middle of the laws, and the ends of their 95 % range, at some sizes."""
        laws = np.stack([self.draws(float(size)) for size in sizes])
        low, middle, high = np.quantile(laws, [0.025, 0.5, 0.975], axis=1)
        return middle, low, high

    def gain(self, start: int, size: int) -> tuple[float, Interval]:
        """How much lower the law lies at `size` than at `start`: the middle, and the 95 % interval."""
        lower = self.draws(start) - self.draws(size)
        return float(np.median(lower)), percentile_interval(lower)


def fit_curve(points: Sequence[CurvePoint], *, rises: bool = False, seed: int = 0) -> Curve:
    """Fit laws to measured errors. Deterministic: the same points and seed give the same curve.

    Args:
        points: at two sizes or more; several of one size (seeds) tell how much trainings differ.
        rises: the error grows with the examples towards its limit, as that on train does.
        seed: of the draws.

    Raises:
        UsageError: fewer than two sizes.

    >>> points = [CurvePoint(n, 0.05 + n**-0.5, 1e-6) for n in (100, 200, 400, 800)]
    >>> low, high = fit_curve(points).predict(1600).interval
    >>> low < 0.075 < high
    True
    """
    num_sizes = len({point.size for point in points})
    if num_sizes < 2:
        raise UsageError(t("a learning curve needs errors at two sizes or more; {count} given.", count=num_sizes))
    measured = _Measured.of(points, rises=rises)
    high = max(float(measured.errors.max()), float(np.sqrt(measured.variances.max())))
    floors = np.linspace(0, (3.0 if rises else 1.1) * high, FLOORS)
    grid = [each.ravel() for each in np.meshgrid(floors, EXPONENTS, NOISES, indexing="ij")]
    evidence = measured.evidence(*grid) - 0.5 * (np.log(grid[2] / NOISE_MIDDLE) / np.log(NOISE_FACTOR)) ** 2
    chance = np.exp(evidence - evidence.max())
    generator = seeds.rng(seed, "curve")
    chosen = generator.choice(len(chance), NUM_DRAWS, p=chance / chance.sum())
    floor, exponent, noise = (each[chosen] for each in grid)
    floor = np.abs(floor + generator.uniform(-0.5, 0.5, NUM_DRAWS) * (floors[1] - floors[0]))
    exponent = exponent + generator.uniform(-0.5, 0.5, NUM_DRAWS) * (EXPONENTS[1] - EXPONENTS[0])
    mean, deviation = measured.drop(floor, exponent, noise)
    # The normal number is above 0: its lower part is cut off, exactly even where hardly anything is left.
    share = np.log1p(-generator.random(NUM_DRAWS)) + log_ndtr(mean / deviation)
    drop = np.maximum(mean - deviation * ndtri_exp(share), 0)
    return Curve(
        points=tuple(points),
        floors=floor,
        drops=-drop if rises else drop,
        exponents=exponent,
        noises=np.sqrt(noise * measured.variances[measured.ratios == 1].mean()),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """Points as arrays, p of each: sizes as ratios to the largest, errors, variances; and -1 where the error rises."""

    ratios: np.ndarray
    errors: np.ndarray
    variances: np.ndarray
    sign: float

    @classmethod
    def of(cls, points: Sequence[CurvePoint], *, rises: bool) -> Self:
        sizes, errors, variances = np.array([(p.size, p.error, p.variance) for p in points], dtype=np.float64).T
        return cls(sizes / sizes.max(), errors, variances + (WOBBLE * errors) ** 2, -1.0 if rises else 1.0)

    def drop(self, floor: np.ndarray, exponent: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least squares for the drop where all else is given, m each: the middle of its normal law, and deviation."""
        shape, rest, weights = self._parts(floor, exponent, noise)
        strength = (weights * shape**2).sum(axis=1)
        return (weights * shape * rest).sum(axis=1) / strength, strength**-0.5

    def evidence(self, floor: np.ndarray, exponent: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Log probability of the errors, all drops above 0 being alike before, m."""
        _, rest, weights = self._parts(floor, exponent, noise)
        mean, deviation = self.drop(floor, exponent, noise)
        misfit = (weights * rest**2).sum(axis=1) - (mean / deviation) ** 2
        return 0.5 * (np.log(weights).sum(axis=1) - misfit) + np.log(deviation) + log_ndtr(mean / deviation)

    def _parts(
        self, floor: np.ndarray, exponent: np.ndarray, noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the drop is multiplied by, what it has to explain, and the weights of the points; m x p each."""
        shape = self.ratios ** -exponent[:, None]
        rest = self.sign * (self.errors - floor[:, None])
        return shape, rest, 1 / (noise[:, None] * self.variances)
