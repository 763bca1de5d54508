"""The spread of any function of weighted examples: what a mean's formulas do not cover."""

from collections.abc import Callable

import numpy as np

from rumbo.strategy.intervals import Interval, percentile_interval

Statistic = Callable[[np.ndarray], float]
"""The weights of n examples -> a figure; NaN where it is not defined."""

NUM_DRAWS = 300
LARGEST_DRAW = 20_000
"""Sets above this size are resampled at this size, and the spread is scaled: it falls with the root of the size."""


def statistic_draws(statistic: Statistic, weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Plausible values of a figure: of as many examples drawn with replacement, which is a change of their weights.

    Args:
        statistic: the figure; for a difference of two runs, their difference on the same weights.
        weights: >= 0, n.
        generator: source of randomness.

    Returns:
        `NUM_DRAWS` values; NaN for a draw on which the figure is not defined.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".

    >>> rows = np.arange(100.0)
    >>> draws = statistic_draws(lambda w: float(np.average(rows, weights=w)), np.ones(100), np.random.default_rng(0))
    >>> bool(2 < draws.std() < 4)  # 28.9 / 10
    True
    """
    size = len(weights)
    drawn = min(size, LARGEST_DRAW)
    draws = np.empty(NUM_DRAWS)
    for number in range(NUM_DRAWS):
        drawn_weights = weights * np.bincount(generator.integers(0, size, drawn), minlength=size)
        draws[number] = statistic(drawn_weights) if drawn_weights.any() else np.nan
    if drawn == size:
        return draws
    value = statistic(weights)
    return value + (draws - value) * np.sqrt(drawn / size)


def interval_of(draws: np.ndarray, around: float | None = None) -> Interval | None:
    """The 95 % interval of plausible values; None where fewer than half of them are defined.

    Args:
        draws: as `statistic_draws` gives them.
        around: the figure, where it is the worst of several. That is worse than the truth on average, and its draws are
            worse once more; the interval then also holds what the draws say when they are taken the other way around,
            as the spread of the figure about the truth. With four slices each of the two alone held the truth in as few
            as 53 and 68 % of simulated sets, both together in 95 % and more.

    Source: Davison & Hinkley 1997, "Bootstrap methods and their application", sec. 5.2: percentile and basic limits.
    """
    finite = draws[np.isfinite(draws)]
    if not 2 * len(finite) >= len(draws) > 0:
        return None
    low, high = percentile_interval(finite)
    return (low, high) if around is None else (min(low, 2 * around - high), max(high, 2 * around - low))
