"""The error of one split on the common scale: its value, its interval, and plausible values for differences."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.intervals import (
    Interval,
    bootstrap_means,
    effective_size,
    is_share,
    percentile_interval,
    proportion_draws,
    wilson,
)

MIN_ITEMS = 20
"""Fewer examples decide nothing: with one wrong of ten every usual interval leaves out 1 %, and yet a model that errs
in 1 % comes to that in one set of ten."""
NUM_DRAWS = 2000

Kind = Literal["mean", "root_mean_square"]


@dataclass(frozen=True, eq=False)
class SplitError:
    """The error on one split: measured per example, or a bare number.

    Attributes:
        error: one error per example (0 or 1 for right and wrong, any cost, or a signed residual for
            `root_mean_square`), or the split's error as one number.
        weights: weight of each example, >= 0; only with errors per example.
        size: examples behind a bare error rate; without it the number is taken as exact.
    """

    error: np.ndarray | float
    weights: np.ndarray | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        error = np.asarray(self.error, dtype=np.float64)
        if error.ndim > 1 or error.size == 0:
            raise UsageError(t("errors of shape {shape}: one number per example is needed.", shape=str(error.shape)))
        if not np.isfinite(error).all():
            raise UsageError(t("an error that is not a finite number: leave such examples out, or predict them again."))
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
            if weights.shape != error.shape or error.ndim == 0:
                raise UsageError(
                    t(
                        "{weights} weights for {items} examples: one each is needed.",
                        weights=weights.size,
                        items=error.size,
                    )
                )
            if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
                raise UsageError(t("weights must be finite, not negative, and not all 0."))
        if self.size is not None and not (error.ndim == 0 and 0 <= error <= 1 and self.size > 0):
            raise UsageError(t("a size belongs to a bare error rate between 0 and 1, and must be at least 1."))


@dataclass(frozen=True, eq=False)
class Level:
    """An error with what its uncertainty needs.

    Attributes:
        value: the error.
        interval: 95 %; None for a number that is taken as exact, and where there are too few examples.
        draws: plausible values of the error; None likewise.
        spread: standard deviation of one example's error; None where it is not known.
        num_items: examples behind it; None for a number that is taken as exact.
    """

    value: float
    interval: Interval | None = None
    draws: np.ndarray | None = None
    spread: float | None = None
    num_items: int | None = None

    @property
    def too_few(self) -> bool:
        """Whether there are too few examples for a verdict."""
        return self.num_items is not None and self.num_items < MIN_ITEMS

    @property
    def variance(self) -> float:
        """Of the error, as an estimate of what would be measured on all such examples."""
        return 0.0 if self.draws is None else float(self.draws.var())


def measure(name: str, given: SplitError | float, kind: Kind = "mean", scale: float = 1.0, seed: int = 0) -> Level:
    """The error of one split, divided by `scale`.

    Args:
        name: of the split: each has random numbers of its own.
        given: errors per example, or a number.
        kind: how errors of examples are joined.
        scale: what errors are divided by.
        seed: of the resampling.
    """
    split = given if isinstance(given, SplitError) else SplitError(given)
    generator = seeds.rng(seed, f"bootstrap/{name}")
    items = np.asarray(split.error, dtype=np.float64)
    if items.ndim == 0:
        if split.size is None or kind != "mean":
            return Level(value=float(items) / scale, num_items=split.size)
        return _rate(float(items), split.size, split.size, scale, generator)
    weights = np.ones(len(items)) if split.weights is None else np.asarray(split.weights, dtype=np.float64)
    if kind == "mean" and is_share(items):
        return _rate(float(np.average(items, weights=weights)), effective_size(weights), len(items), scale, generator)
    return _cost(items, weights, kind, scale, generator)


def _rate(share: float, size: float, num_items: int, scale: float, generator: np.random.Generator) -> Level:
    low, high = wilson(share * size, size)
    shrunk = (share * size + 2) / (size + 4)  # Agresti, Coull 1998: a set without errors has a spread, too
    return Level(
        value=share / scale,
        interval=(low / scale, high / scale),
        draws=proportion_draws(share, size, NUM_DRAWS, generator) / scale,
        spread=float(np.sqrt(shrunk * (1 - shrunk))) / scale,
        num_items=num_items,
    )


def _cost(items: np.ndarray, weights: np.ndarray, kind: Kind, scale: float, generator: np.random.Generator) -> Level:
    costs = items**2 if kind == "root_mean_square" else items
    value = float(np.average(costs, weights=weights))
    if len(items) < MIN_ITEMS:  # resampling knows only the values it has seen
        root = np.sqrt(value) if kind == "root_mean_square" else value
        return Level(value=float(root) / scale, num_items=len(items))
    draws = bootstrap_means(costs, weights, NUM_DRAWS, generator)
    if kind == "root_mean_square":
        value, draws = float(np.sqrt(value)), np.sqrt(draws)
    draws = draws / scale
    spread = float(draws.std()) * np.sqrt(effective_size(weights))
    return Level(value / scale, percentile_interval(draws), draws, float(spread), len(items))
