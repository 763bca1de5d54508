"""Which run is better, and which differences are noise."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rumbo.core import seeds
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.strategy.any_metric import Statistic, interval_of, statistic_draws
from rumbo.strategy.intervals import Interval, bootstrap_means, is_share, mean_draws, share_interval

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
        _check_ids(self.name, self.ids, self.weights)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunValue:
    """One run's figure that is no mean over examples, such as a macro F1; or that needs no examples, such as a size.

    Attributes:
        name: of the run.
        ids: id of each example, unique, n; None for a figure that is exact.
        statistic: the examples' weights, n, not all 0 -> the figure, NaN where it is not defined.
        weights: weight of each example, n; a single 1 where there are no examples.
        share: the values, 0 or 1, that the figure is a mean of, and their weights; None where it is none.
        worst_within: the range that the figure can lie in, where it is the worst of several; None where it is not.
    """

    name: str
    ids: Sequence[str] | None
    statistic: Statistic
    weights: np.ndarray
    share: tuple[np.ndarray, np.ndarray] | None = None
    worst_within: Interval | None = None

    def __post_init__(self) -> None:
        if self.ids is not None:
            _check_ids(self.name, self.ids, self.weights)


@dataclass(frozen=True)
class Ranked:
    """One run's place.

    Attributes:
        name: of the run.
        score: the figure; NaN where it is not defined.
        interval: 95 %; None where it cannot be told.
        num_items: the examples behind it; None for a figure that needs none.
        meets: whether the run meets all requirements.
    """

    name: str
    score: float
    interval: Interval | None
    num_items: int | None
    meets: bool = True


@dataclass(frozen=True)
class Difference:
    """How far a run is behind the best one: `value` in the goal's unit, with its interval.

    `value` is below 0 only for a run that is ahead by the figure and misses a requirement. `is_paired` says that both
    were scored on the same examples; `is_noise` that the interval holds 0 or is not known, or that there are fewer than
    10 examples.
    """

    best: str
    other: str
    value: float
    interval: Interval | None
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
        return plain(
            {
                "ranking": [
                    {
                        "run": run.name,
                        "score": run.score,
                        "interval": run.interval,
                        "items": run.num_items,
                        "meets": run.meets,
                    }
                    for run in self.ranking
                ],
                "differences": [
                    {
                        "best": difference.best,
                        "other": difference.other,
                        "value": difference.value,
                        "interval": difference.interval,
                        "paired": difference.is_paired,
                        "noise": difference.is_noise,
                    }
                    for difference in self.differences
                ],
            }
        )


def compare_runs(
    runs: Sequence[RunScores | RunValue],
    *,
    higher_is_better: bool = True,
    meeting: Collection[str] | None = None,
    seed: int = 0,
) -> Comparison:
    """Rank runs by a figure, with 95 % intervals: Wilson's for shares, else by resampling.

    Runs scored on the same ids are compared example by example, which takes the examples' difficulty out of the
    difference; others as independent samples.

    Args:
        runs: at least one; names are unique.
        higher_is_better: direction of the goal.
        meeting: names of the runs that meet all requirements, which come first; None: all do.
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
    first = set(names if meeting is None else meeting)
    sign = 1.0 if higher_is_better else -1.0
    tables.sort(key=lambda table: (table.name not in first, *_place(sign * table.value), table.name))
    best = tables[0]
    return Comparison(
        ranking=tuple(
            Ranked(table.name, table.value, table.interval(seed), table.num_items, table.name in first)
            for table in tables
        ),
        differences=tuple(_difference(best, other, sign, seed) for other in tables[1:]),
    )


def value_and_interval(run: RunScores | RunValue, seed: int = 0) -> tuple[float, Interval | None]:
    """A run's figure, NaN where it is not defined, and its 95 % interval, None where it is exact or cannot be told."""
    table = _sorted_by_id(run)
    return table.value, None if table.ids is None else table.interval(seed)


@dataclass(frozen=True, eq=False)
class _Table:
    """A run's examples in the order of their ids. `scores` are None for a figure that is no mean over them."""

    name: str
    ids: np.ndarray | None
    weights: np.ndarray
    statistic: Statistic
    scores: np.ndarray | None = None
    share: tuple[np.ndarray, np.ndarray] | None = None
    worst_within: Interval | None = None

    @property
    def value(self) -> float:
        return self.statistic(self.weights) if self.weights.any() else np.nan

    @property
    def num_items(self) -> int | None:
        return None if self.ids is None else len(self.ids)

    def draws(self, seed: int) -> np.ndarray:
        generator = seeds.rng(seed, f"compare/{self.name}")
        if self.scores is not None:
            return mean_draws(self.scores, self.weights, NUM_DRAWS, generator)
        return np.array([self.value]) if self.ids is None else statistic_draws(self.statistic, self.weights, generator)

    def interval(self, seed: int) -> Interval | None:
        if not self.weights.any():
            return None
        share = (self.scores, self.weights) if self.scores is not None and is_share(self.scores) else self.share
        if share is not None:
            return share_interval(*share)
        if self.worst_within is None:
            return interval_of(self.draws(seed))
        found = interval_of(self.draws(seed), self.value)
        return None if found is None else (max(found[0], self.worst_within[0]), min(found[1], self.worst_within[1]))


def _sorted_by_id(run: RunScores | RunValue) -> _Table:
    if run.ids is None:
        return _Table(run.name, None, np.ones(1), run.statistic)
    ids = np.asarray(run.ids, dtype=object)
    order = np.argsort(ids)
    weights = np.ones(len(ids)) if run.weights is None else np.asarray(run.weights, dtype=np.float64)
    if isinstance(run, RunScores):
        scores = np.asarray(run.scores, dtype=np.float64)[order]
        return _Table(
            run.name, ids[order], weights[order], lambda given: float(np.average(scores, weights=given)), scores
        )
    places, statistic = np.argsort(order), run.statistic
    table = _Table(run.name, ids[order], weights[order], lambda given: statistic(given[places]))
    return replace(table, share=run.share, worst_within=run.worst_within)


def _place(value: float) -> tuple[bool, float]:
    """Large values first; what is not defined comes last."""
    return (True, 0.0) if np.isnan(value) else (False, -value)


def _difference(best: _Table, other: _Table, sign: float, seed: int) -> Difference:
    is_paired = np.array_equal(best.weights, other.weights) and (
        best.ids is not None and other.ids is not None and np.array_equal(best.ids, other.ids)
    )
    value = sign * (best.value - other.value)
    interval: Interval | None = None
    if np.isfinite(value):
        draws = _draws_of_difference(best, other, sign, is_paired, seed)
        interval = interval_of(draws, None if best.worst_within is None else value)
    few = min(table.num_items or MIN_ITEMS for table in (best, other)) < MIN_ITEMS
    is_noise = few or interval is None or interval[0] <= 0 <= interval[1]
    return Difference(best.name, other.name, value, interval, is_paired, is_noise)


def _draws_of_difference(best: _Table, other: _Table, sign: float, is_paired: bool, seed: int) -> np.ndarray:
    generator = seeds.rng(seed, f"compare/{best.name}/{other.name}")
    if is_paired and best.scores is not None and other.scores is not None:
        return bootstrap_means(sign * (best.scores - other.scores), best.weights, NUM_DRAWS, generator)
    if is_paired:
        return statistic_draws(
            lambda given: sign * (best.statistic(given) - other.statistic(given)), best.weights, generator
        )
    ours, theirs = best.draws(seed), other.draws(seed)
    num_draws = max(len(ours), len(theirs))
    return sign * (np.resize(ours, num_draws) - np.resize(theirs, num_draws))


def _check_ids(name: str, ids: Sequence[str], weights: np.ndarray | None) -> None:
    if weights is not None and len(weights) != len(ids):
        raise UsageError(
            t("{weights} weights for {items} examples: one each is needed.", weights=len(weights), items=len(ids))
        )
    if len(set(ids)) != len(ids):
        raise UsageError(t("run '{name}' has the same id twice.", name=name))
