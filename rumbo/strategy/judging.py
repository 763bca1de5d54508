"""A run's figures and requirements: what a goal says of one run's answers, and of what was measured on its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rumbo import metrics
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.metrics.costs import item_costs
from rumbo.metrics.one_class import score_of_class, true_and_told
from rumbo.strategy.any_metric import Statistic
from rumbo.strategy.compare import RunScores, RunValue, value_and_interval
from rumbo.strategy.goal import Goal, Measure, Requirement
from rumbo.strategy.intervals import Interval

MOST_SLICES = 50
"""Different values of a column that slices are cut by."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """A figure that was measured on a finished model.

    Attributes:
        value: the figure; of several rounds their median.
        rounds: what was measured in each of several rounds; None for a figure that is exact.
        facts: how it was measured, as JSON types.
    """

    value: float
    rounds: np.ndarray | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunTable:
    """What a goal looks at of one run.

    Attributes:
        name: of the run.
        ids: of the examples, unique, n.
        truth: codes of classes n; or numbers n; or labels 0, 1 or NaN, n x k.
        outputs: probabilities n x k; or numbers n.
        weights: of the examples, n.
        classes: names of classes or labels, in the order of the outputs.
        columns: column -> its value for each example, None where it is not known; those that the goal names.
        costs: of the mistakes, k x k, where there are some.
        measured: what was measured on the model.
    """

    name: str
    ids: Sequence[str]
    truth: np.ndarray
    outputs: np.ndarray
    weights: np.ndarray
    classes: Sequence[str] = ()
    columns: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    costs: np.ndarray | None = None
    measured: Mapping[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One requirement held against a run.

    Attributes:
        requirement: what was asked.
        value: what the run has; NaN where it is not defined.
        interval: where the value may lie, 95 %; None where it is exact or cannot be told.
    """

    requirement: Requirement
    value: float
    interval: Interval | None

    @property
    def is_met(self) -> bool:
        """Whether the value is good enough."""
        return self.requirement.is_met(self.value)

    @property
    def is_certain(self) -> bool:
        """Whether all of the interval is on the side of the value."""
        ends = self.interval or ()
        return all(self.requirement.is_met(end) == self.is_met for end in ends)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types; None for what is not defined."""
        requirement = self.requirement
        return plain(
            {
                "requirement": requirement.text,
                "measure": requirement.measure.text,
                "operator": requirement.operator,
                "bound": requirement.bound,
                "value": self.value,
                "interval": self.interval,
                "met": self.is_met,
                "missed_by": requirement.missed_by(self.value),
                "certain": self.is_certain,
            }
        )


@dataclass(frozen=True)
class Judgement:
    """A goal held against a run: the optimizing metric, and each requirement."""

    value: float
    interval: Interval | None
    checks: tuple[Check, ...]

    @property
    def meets(self) -> bool:
        """Whether every requirement is met."""
        return all(check.is_met for check in self.checks)


def judge(goal: Goal, run: RunTable, *, seed: int = 0) -> Judgement:
    """Compute the optimizing metric and every requirement of a run, with 95 % intervals.

    Args:
        goal: what is asked.
        run: its `measured` and `columns` hold what the goal names.
        seed: of the resampling.
    """
    value, interval = value_and_interval(scores_of(goal.measure, run), seed)
    checks = [
        Check(requirement, *value_and_interval(scores_of(requirement.measure, run), seed))
        for requirement in goal.requirements
    ]
    return Judgement(value, interval, tuple(checks))


def value_of(measure: Measure, run: RunTable) -> float:
    """The figure alone; NaN where it is not defined on these examples."""
    if measure.is_measured:
        return run.measured[measure.name].value
    return statistic_of(measure, run)(run.weights) if run.weights.any() else np.nan


def scores_of(measure: Measure, run: RunTable) -> RunScores | RunValue:
    """A figure in the form in which runs are compared: a mean over examples where it is one."""
    if measure.is_measured:
        return _of_rounds(run.name, run.measured[measure.name])
    if measure.over is None:
        rows, items = _items(measure, run)
        if items is not None and run.weights[rows].any():
            ids = [name for name, chosen in zip(run.ids, rows.tolist(), strict=True) if chosen]
            return RunScores(name=run.name, ids=ids, scores=items[rows], weights=run.weights[rows])
    return RunValue(
        name=run.name,
        ids=run.ids,
        statistic=statistic_of(measure, run),
        weights=run.weights,
        share=_share(measure, run),
        worst_within=None if measure.over != "worst" else (0.0, 1.0) if measure.is_share else (-np.inf, np.inf),
    )


def statistic_of(measure: Measure, run: RunTable) -> Statistic:
    """A figure as a function of the examples' weights, which must not all be 0."""
    whole = _whole(measure, run)
    if measure.over is None:
        return whole
    masks = _slices(run.columns[measure.column or ""])
    worst = min if measure.higher_is_better else max

    def over_slices(weights: np.ndarray) -> float:
        inside = [weights * mask for mask in masks]
        values = [value for each in inside if each.any() and np.isfinite(value := whole(each))]
        if not values:
            return np.nan
        return float(np.mean(values)) if measure.over == "mean" else float(worst(values))

    return over_slices


def requirement_sentence(check: Mapping[str, Any]) -> str:
    """A requirement and what became of it, for people.

    Args:
        check: as `Check.to_dict` makes it.
    """
    values = {"requirement": str(check["requirement"]), "value": check["value"]}
    if check["value"] is None:
        return t("{requirement} is not met: it is not defined on these examples.", requirement=values["requirement"])
    if not check["met"]:
        return t("{requirement} is missed by {amount:.4g}: it is {value:.4g}.", amount=check["missed_by"], **values)
    if check["certain"]:
        return t("{requirement} is met: {value:.4g}.", **values)
    low, high = check["interval"]
    return t(
        "{requirement} is met: {value:.4g}, but that may be chance (95 % interval {low:.4g} to {high:.4g}).",
        low=low,
        high=high,
        **values,
    )


def _whole(measure: Measure, run: RunTable) -> Statistic:
    """A figure of all examples that have weight."""
    rows, items = _items(measure, run)
    if items is not None:

        def mean(weights: np.ndarray) -> float:
            counted = weights * rows
            return float(counted @ items / counted.sum()) if counted.any() else np.nan

        return mean
    if measure.class_name is not None:
        code = list(run.classes).index(measure.class_name)
        return lambda weights: score_of_class(measure.name, run.truth, run.outputs, code, weights)
    return lambda weights: metrics.score(measure.name, run.truth, run.outputs, weights)


def _items(measure: Measure, run: RunTable) -> tuple[np.ndarray, np.ndarray | None]:
    """Which examples a figure is the mean of, and the value of each; None where it is no mean over examples.

    Precision is none: the examples that it is a mean of are not those of another run.
    """
    truth, outputs = run.truth, run.outputs
    everything = np.ones(len(run.ids), dtype=bool)
    if measure.name == "recall" and measure.class_name is not None:
        is_true, is_told = true_and_told(truth, outputs, list(run.classes).index(measure.class_name))
        return is_true == 1, is_told
    if measure.class_name is not None or truth.ndim == 2:
        return everything, None
    match measure.name:
        case "accuracy":
            return everything, (outputs.argmax(axis=1) == truth).astype(np.float64)
        case "error":
            return everything, (outputs.argmax(axis=1) != truth).astype(np.float64)
        case "mean_cost":
            assert run.costs is not None
            return everything, item_costs(truth, outputs, run.costs)
        case "mae":
            return everything, np.abs(truth - outputs)
        case _:
            return everything, None


def _share(measure: Measure, run: RunTable) -> tuple[np.ndarray, np.ndarray] | None:
    """What the precision of a class is the share of, for an interval that few examples do not fool."""
    if measure.name != "precision" or measure.class_name is None or measure.over is not None:
        return None
    is_true, is_told = true_and_told(run.truth, run.outputs, list(run.classes).index(measure.class_name))
    rows = (is_told == 1) & ~np.isnan(is_true) & (run.weights > 0)
    return (is_true[rows], run.weights[rows]) if rows.any() else None


def _slices(values: Sequence[str | None]) -> list[np.ndarray]:
    """For each value of a column, which examples have it; those without a value are in none."""
    column = np.array([None if value is None else str(value) for value in values], dtype=object)
    return [column == level for level in sorted({str(value) for value in values if value is not None})]


def _of_rounds(name: str, measured: Measured) -> RunValue:
    """What was measured, as the median of rounds, which are the examples of such a figure."""
    rounds = measured.rounds
    if rounds is None:
        return RunValue(name=name, ids=None, statistic=lambda _: measured.value, weights=np.ones(1))
    return RunValue(
        name=name,
        ids=[f"{name}/{number}" for number in range(len(rounds))],
        statistic=lambda weights: float(np.median(np.repeat(rounds, weights.astype(np.int64)))),
        weights=np.ones(len(rounds)),
    )
