"""Which run is better, and which differences are noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.strategy.intervals import (
    Interval,
    bootstrap_means,
    is_share,
    mean_draws,
    percentile_interval,
    share_interval,
)

NUM_DRAWS = 2000
MIN_ITEMS = 10  # fewer examples agree by chance too easily


@dataclass(frozen=True, eq=False, kw_only=True)
class RunScores:
    """One run's score on each example of a split.

    Attributes:
        name: of the run.
        ids: id of each example, unique, n.
        scores: what the goal averages, such as 1 for right and 0 for wrong, n.
        weights: weight of each example, n; None = 1 each.
    """

    name: str
    ids: Sequence[str]
    scores: np.ndarray
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.scores) > 0:
            raise UsageError(
                t(
                    "run '{name}' has {ids} ids and {scores} scores: one each is needed.",
                    name=self.name,
                    ids=len(self.ids),
                    scores=len(self.scores),
                )
            )
        if not np.isfinite(self.scores).all():
            raise UsageError(t("run '{name}' has a score that is not a finite number.", name=self.name))
        if self.weights is not None and len(self.weights) != len(self.ids):
            raise UsageError(
                t(
                    "{weights} weights for {items} examples: one each is needed.",
                    weights=len(self.weights),
                    items=len(self.ids),
                )
            )
        if len(set(self.ids)) != len(self.ids):
            raise UsageError(t("run '{name}' has the same id twice.", name=self.name))


@dataclass(frozen=True)
class Ranked:
    """One run's place."""

    name: str
    score: float
    interval: Interval
    num_items: int


@dataclass(frozen=True)
class Difference:
    """How far a run is behind the best one: `value` >= 0 in the goal's unit, with its interval.

    `is_paired` says that both were scored on the same examples; `is_noise` that the interval holds 0, or that there are
    fewer than 10 examples.
    """

    best: str
    other: str
    value: float
    interval: Interval
    is_paired: bool
    is_noise: bool


@dataclass(frozen=True)
class Comparison:
    """Runs from best to worst, and each one's distance from the best."""

    ranking: tuple[Ranked, ...]
    differences: tuple[Difference, ...]

    @property
    def tied(self) -> tuple[str, ...]:
        """Runs that cannot be told from the best one."""
        return tuple(difference.other for difference in self.differences if difference.is_noise)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "ranking": [
                {"run": run.name, "score": run.score, "interval": list(run.interval), "items": run.num_items}
                for run in self.ranking
            ],
            "differences": [
                {
                    "best": difference.best,
                    "other": difference.other,
                    "value": difference.value,
                    "interval": list(difference.interval),
                    "paired": difference.is_paired,
                    "noise": difference.is_noise,
                }
                for difference in self.differences
            ],
        }


def compare_runs(runs: Sequence[RunScores], *, higher_is_better: bool = True, seed: int = 0) -> Comparison:
    """Rank runs by their mean score, with 95 % intervals: Wilson's for shares, else by resampling.

    Runs scored on the same ids are compared example by example, which takes the examples' difficulty out of the
    difference; others as independent samples.

    Args:
        runs: at least one; names are unique.
        higher_is_better: direction of the goal.
        seed: of the resampling.

    Raises:
        UsageError: no run, or a name twice.

    >>> ids = [str(i) for i in range(100)]
    >>> good = RunScores(name="good", ids=ids, scores=np.arange(100) < 95)
    >>> poor = RunScores(name="poor", ids=ids, scores=np.arange(100) < 60)
    >>> result = compare_runs([poor, good])
    >>> [run.name for run in result.ranking], result.tied
    (['good', 'poor'], ())
    """
    names = [run.name for run in runs]
    if not names or len(set(names)) != len(names):
        raise UsageError(t("give at least one run, and each one once; met: {names}.", names=", ".join(names) or "-"))
    tables = [_sorted_by_id(run) for run in runs]
    sign = 1.0 if higher_is_better else -1.0
    tables.sort(key=lambda table: (-sign * table.mean, table.name))
    best = tables[0]
    return Comparison(
        ranking=tuple(_rank(table, seed) for table in tables),
        differences=tuple(_difference(best, other, sign, seed) for other in tables[1:]),
    )


@dataclass(frozen=True, eq=False)
class _Table:
    name: str
    ids: np.ndarray
    scores: np.ndarray
    weights: np.ndarray

    @property
    def mean(self) -> float:
        return float(np.average(self.scores, weights=self.weights))

    def draws(self, seed: int) -> np.ndarray:
        return mean_draws(self.scores, self.weights, NUM_DRAWS, seeds.rng(seed, f"compare/{self.name}"))

    def interval(self, seed: int) -> Interval:
        is_rate = is_share(self.scores)
        return share_interval(self.scores, self.weights) if is_rate else percentile_interval(self.draws(seed))


def _sorted_by_id(run: RunScores) -> _Table:
    ids = np.asarray(run.ids, dtype=object)
    order = np.argsort(ids)
    weights = np.ones(len(ids)) if run.weights is None else np.asarray(run.weights, dtype=np.float64)
    return _Table(run.name, ids[order], np.asarray(run.scores, dtype=np.float64)[order], weights[order])


def _rank(table: _Table, seed: int) -> Ranked:
    return Ranked(table.name, table.mean, table.interval(seed), len(table.ids))


def _difference(best: _Table, other: _Table, sign: float, seed: int) -> Difference:
    is_paired = np.array_equal(best.ids, other.ids) and np.array_equal(best.weights, other.weights)
    if is_paired:
        generator = seeds.rng(seed, f"compare/{best.name}/{other.name}")
        draws = bootstrap_means(sign * (best.scores - other.scores), best.weights, NUM_DRAWS, generator)
    else:
        draws = sign * (best.draws(seed) - other.draws(seed))
    low, high = percentile_interval(draws)
    value = sign * (best.mean - other.mean)
    is_noise = low <= 0 or min(len(best.ids), len(other.ids)) < MIN_ITEMS
    return Difference(best.name, other.name, value, (low, high), is_paired, is_noise)
