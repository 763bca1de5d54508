"""Goals of runs: read against what a run knows, and held against its predictions."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rumbo.api.config import RunConfig
from rumbo.api.measuring import measure_in_turns
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset
from rumbo.strategy.goal import Goal, Known, Measure, parse_goal
from rumbo.strategy.judging import MOST_SLICES, Measured, RunTable, value_of
from rumbo.tasks.task import DatasetTask, Predictions

NO_SLICES = ("id", "content", "weight", "split")


def slice_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns of a data set that can cut slices: those with one plain value for each example."""
    return tuple(name for name, kind in dataset.table.schema.items() if name not in NO_SLICES and not kind.is_nested())


def training_goal(config: RunConfig, task: str, dataset: Dataset) -> Goal:
    """The goal of a training that is about to begin; its metric chooses the best epoch.

    Raises:
        UnknownName: a metric, class or column that is not there.
        UsageError: the metric can only be measured on the finished model, or a requirement is none.
    """
    if config.costs is not None and task != "classify":
        raise UsageError(t("costs of mistakes are for tasks of one class each; this one is {task}.", task=task))
    classes = () if dataset.target is None else dataset.target.classes
    columns = slice_columns(dataset)
    known = Known(task=task, classes=classes, columns=columns, has_costs=config.costs is not None)
    goal = parse_goal(config.goal, config.require, known)
    if goal.measure.is_measured:
        raise UsageError(
            t(
                "{metric} cannot choose the best epoch: it is the same in all of them. Make it a requirement, as in "
                "--require '{metric}<=100', and rank runs by it with rumbo compare.",
                metric=goal.measure.text,
            )
        )
    values_of_columns(goal, dataset)
    return goal


def goal_of(
    task: DatasetTask,
    metric: str | None,
    requirements: Sequence[str],
    dataset: Dataset | None = None,
    *,
    has_costs: bool = False,
) -> Goal:
    """A goal for a finished model; raises likewise.

    Args:
        task: of the model.
        metric: as text; None takes the task's default.
        requirements: as text.
        dataset: whose columns can cut slices; None where it is not at hand.
        has_costs: whether there are costs of mistakes that the model knows nothing of.
    """
    columns = None if dataset is None else slice_columns(dataset)
    has_costs = has_costs or getattr(task, "costs", None) is not None
    known = Known(task=task.name, classes=class_names(task), columns=columns, has_costs=has_costs)
    return parse_goal(metric, requirements, known)


def class_names(task: DatasetTask) -> tuple[str, ...]:
    """The classes or labels of a task; none for numbers."""
    return getattr(task, "classes", getattr(task, "labels", ()))


def needs_data(goal: Goal) -> bool:
    """Whether predictions alone are not enough: slices need columns, and what is measured needs examples."""
    return bool(goal.columns or "latency_ms" in goal.measured)


def values_of_columns(goal: Goal, dataset: Dataset) -> dict[str, dict[str, str | None]]:
    """Column -> id -> value, for the columns that a goal cuts slices by; None where the data lack the column.

    Raises:
        UsageError: a column has too many different values.
    """
    found: dict[str, dict[str, str | None]] = {}
    for name in goal.columns:
        if name not in dataset.table.columns:
            found[name] = dict.fromkeys(dataset.ids)
            continue
        column = dataset.table[name]
        if (count := column.drop_nulls().n_unique()) > MOST_SLICES:
            raise UsageError(
                t(
                    "column '{column}' has {count} different values: slices are cut by columns with at most {most}.",
                    column=name,
                    count=count,
                    most=MOST_SLICES,
                )
            )
        values = [None if value is None else _text(value) for value in column.to_list()]
        found[name] = dict(zip(dataset.ids, values, strict=True))
    return found


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def table_of(
    name: str,
    task: DatasetTask,
    predictions: Predictions,
    *,
    columns: Mapping[str, Mapping[str, str | None]] | None = None,
    measured: Mapping[str, Measured] | None = None,
    costs: np.ndarray | None = None,
) -> RunTable:
    """A run as a goal looks at it.

    Args:
        name: of the run.
        task: what its predictions mean.
        predictions: on one split, with the truth.
        columns: as `values_of_columns` gives them.
        measured: what was measured on its model.
        costs: those of another run, where this one has none.
    """
    assert predictions.truth is not None
    of_id = columns or {}
    return RunTable(
        name=name,
        ids=predictions.ids,
        truth=predictions.truth,
        outputs=predictions.outputs,
        weights=np.asarray(predictions.weights, np.float64),
        classes=class_names(task),
        columns={column: [values.get(each) for each in predictions.ids] for column, values in of_id.items()},
        costs=getattr(task, "costs", None) if costs is None else costs,
        measured=measured or {},
    )


def measured_for(goal: Goal, models: Sequence[tuple[Path, Dataset | None]]) -> list[dict[str, Measured]]:
    """What a goal needs to have measured on finished models; as `measure_in_turns`."""
    return measure_in_turns(goal.measured, models)


def add_to(task: DatasetTask, goal: Goal, dataset: Dataset) -> None:
    """Have a task score the goal's metric beside its usual ones, so that it can choose the best epoch."""
    if goal.measure.text not in task.metric_names():
        columns = values_of_columns(Goal(measure=goal.measure), dataset)
        task.further[goal.measure.text] = partial(_score, goal.measure, task, columns)


def _score(
    measure: Measure, task: DatasetTask, columns: Mapping[str, Mapping[str, str | None]], predictions: Predictions
) -> float:
    return value_of(measure, table_of("", task, predictions, columns=columns))
