"""Confidence intervals of error rates and means, and the number of examples that a decision needs."""

import math
from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]

MAX_GROUPS = 10_000  # more examples than this are resampled in random groups: same spread, bounded time
CHUNK = 200_000  # numbers drawn at once: fits the processor's cache


def wilson(num_errors: float, num_items: float, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion: honest for few examples and for proportions of 0 and 1.

    Args:
        num_errors: how often it happened; may be fractional for weighted examples.
        num_items: out of how many, > 0.
        confidence: in (0, 1).

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> low, high = wilson(0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    z = normal_quantile(confidence)
    share = num_errors / num_items
    center = (share + z**2 / (2 * num_items)) / (1 + z**2 / num_items)
    half = z / (1 + z**2 / num_items) * math.sqrt(share * (1 - share) / num_items + z**2 / (4 * num_items**2))
    low = 0.0 if num_errors == 0 else max(0.0, center - half)
    high = 1.0 if num_errors == num_items else min(1.0, center + half)
    return low, high


def normal_quantile(confidence: float) -> float:
    """How many standard deviations each way hold this share of a normal distribution: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def proportion_draws(share: float, num_items: float, num_draws: int, generator: np.random.Generator) -> np.ndarray:
    """Plausible values of a proportion: draws from Beta(k + 1/2, n - k + 1/2), k = share * n.

    Resampling a set without errors only ever gives sets without errors, so it would be sure of zero after two examples;
    these draws are not.

    Source: Brown, Cai, DasGupta 2001, "Interval estimation for a binomial proportion", sec. 4 (Jeffreys).
    """
    num_errors = share * num_items
    return generator.beta(num_errors + 0.5, num_items - num_errors + 0.5, size=num_draws)


def bootstrap_means(
    items: np.ndarray, weights: np.ndarray, num_draws: int, generator: np.random.Generator
) -> np.ndarray:
    """Weighted means of resampled examples, one per draw.

    Above `MAX_GROUPS` examples random groups of them are resampled, which keeps the spread and bounds the time.

    Args:
        items: one value per example, n.
        weights: >= 0, not all 0, n.
        num_draws: resamples.
        generator: source of randomness.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    totals, masses = items * weights, weights
    if len(items) > MAX_GROUPS:
        order = generator.permutation(len(items))
        starts = np.linspace(0, len(items), MAX_GROUPS, endpoint=False).astype(np.int64)
        totals, masses = np.add.reduceat(totals[order], starts), np.add.reduceat(masses[order], starts)
    means = np.empty(num_draws)
    rows = max(1, CHUNK // len(totals))
    for start in range(0, num_draws, rows):
        part = means[start : start + rows]
        chosen = generator.integers(0, len(totals), (len(part), len(totals)), dtype=np.uint32)
        mass = masses[chosen].sum(axis=1)
        mean = np.full(len(part), totals.sum() / masses.sum())  # where only examples of weight 0 were drawn
        part[:] = np.divide(totals[chosen].sum(axis=1), mass, out=mean, where=mass > 0)
    return means


def mean_draws(items: np.ndarray, weights: np.ndarray, num_draws: int, generator: np.random.Generator) -> np.ndarray:
    """Plausible values of a weighted mean: of a proportion where all items are 0 or 1, else by resampling."""
    if is_share(items):
        return proportion_draws(_average(items, weights), effective_size(weights), num_draws, generator)
    return bootstrap_means(items, weights, num_draws, generator)


def share_interval(items: np.ndarray, weights: np.ndarray) -> Interval:
    """`wilson` of items that are all 0 or 1, n, with weights, n.

    >>> low, high = share_interval(np.ones(16), np.ones(16))
    >>> round(low, 3), high
    (0.806, 1.0)
    """
    size = effective_size(weights)
    return wilson(_average(items, weights) * size, size)


def is_share(items: np.ndarray) -> bool:
    """Whether the mean is a proportion: each item is 0 or 1."""
    return bool(((items == 0) | (items == 1)).all())


def _average(items: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(items, weights=weights))


def percentile_interval(draws: np.ndarray, confidence: float = 0.95) -> Interval:
    """The range that holds this share of the draws, with equal tails."""
    low, high = np.quantile(draws, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def smallest_size(spread: float, threshold: float, known_variance: float = 0.0, confidence: float = 0.95) -> int | None:
    """How many examples tell a difference of `threshold` from none.

    The half width z * sqrt(spread^2 / n + known_variance) must not exceed the threshold; None where no size is enough.

    Args:
        spread: standard deviation of one example's error.
        threshold: the difference that matters, > 0.
        known_variance: variance of the value it is compared with, which more examples here do not lower.
        confidence: in (0, 1).

    >>> smallest_size(0.3, 0.01)  # an error rate of 10 %
    3458
    """
    room = (threshold / normal_quantile(confidence)) ** 2 - known_variance
    return max(1, math.ceil(spread**2 / room)) if room > 0 else None


def effective_size(weights: np.ndarray) -> float:
    """The number of equally weighted examples that tell as much: (sum w)^2 / sum w^2 (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
