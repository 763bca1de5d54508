"""Runs ranked by a goal, on the same examples where they share them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.goals import class_names, goal_of, measured_for, needs_data, table_of, values_of_columns
from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_run_data, require_same_data, used_by
from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.data.manifest import SPLITS, Dataset
from rumbo.data.splits.split import Split
from rumbo.metrics.index import OF_COSTS
from rumbo.runs import read_predictions
from rumbo.strategy.compare import Comparison, Difference, Ranked
from rumbo.strategy.goal import Goal
from rumbo.strategy.judging import Check, Measured, RunTable
from rumbo.strategy.ranking import GoalRanking, rank


@dataclass(frozen=True)
class RunComparison:
    """A ranking, and what it was ranked by.

    Attributes:
        split: what was compared on.
        found: places, differences and requirements.
        measured: run -> how what was measured on its model was measured.
    """

    split: str
    found: GoalRanking
    measured: Mapping[str, Mapping[str, Measured]]

    @property
    def goal(self) -> str:
        """The optimizing metric."""
        return self.found.goal.measure.text

    @property
    def comparison(self) -> Comparison:
        """Places and differences."""
        return self.found.comparison

    @property
    def ranking(self) -> tuple[Ranked, ...]:
        """Runs from best to worst; those that meet all requirements first."""
        return self.comparison.ranking

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Each run's distance from the best."""
        return self.comparison.differences

    @property
    def checks(self) -> Mapping[str, tuple[Check, ...]]:
        """The requirements of each run, by its name."""
        return self.found.checks

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        facts = {
            run: {name: each.facts for name, each in found.items() if each.facts}
            for run, found in self.measured.items()
        }
        return {"split": self.split, **self.found.to_dict(), "measured": plain(facts)}


def compare(
    runs: Sequence[Run | str | Path],
    *,
    split: str = "dev",
    goal: str | None = None,
    require: Sequence[str] = (),
) -> RunComparison:
    """Rank runs of one task by a goal: those that meet all requirements first, then by the metric.

    Args:
        runs: two or more runs or their folders.
        split: dev, or test when all is decided.
        goal: the optimizing metric; None takes that of the runs where they agree, else the task's default.
        require: such as "latency_ms<=100"; none takes those of the runs where they agree. What is to be measured is
            measured now, one run after the other.

    Raises:
        UsageError: fewer than two runs, runs of different tasks, no such split, or a goal that is none.
        DataError: a run without predictions for the split, or whose data have changed where they are needed.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    opened = [as_run(run) for run in runs]
    if len(opened) < 2:
        raise UsageError(t("compare needs two runs or more; {count} was given.", count=len(opened)))
    tasks = {run.model.task.name for run in opened}
    if len(tasks) > 1:
        raise UsageError(t("runs of different tasks cannot be ranked: {tasks}.", tasks=", ".join(sorted(tasks))))
    metric = goal or _common([run.config.goal for run in opened])
    requirements = tuple(require) or _common([run.config.require for run in opened]) or ()
    is_about_costs = any(OF_COSTS.keys() & set(re.findall(r"\w+", text)) for text in (metric or "", *requirements))
    costs = _common_costs(opened) if is_about_costs else None
    found = [_looked_at(run, split, metric, requirements, costs) for run in opened]
    aim = found[0][0]
    measured = measured_for(
        aim, [(run.folder.model, dataset) for run, (_, _, dataset) in zip(opened, found, strict=True)]
    )
    tables = [replace(table, measured=each) for (_, table, _), each in zip(found, measured, strict=True)]
    return RunComparison(split, rank(aim, tables), {table.name: table.measured for table in tables})


def _common(values: Sequence[Any]) -> Any:
    """What all say; None where they differ."""
    return values[0] if all(value == values[0] for value in values) else None


def _common_costs(runs: Sequence[Run]) -> np.ndarray | None:
    """The costs of mistakes of those runs that have some: one matrix judges all."""
    priced = [run.model.task for run in runs if getattr(run.model.task, "costs", None) is not None]
    if not priced:
        return None
    matrices: list[np.ndarray] = [getattr(task, "costs") for task in priced]  # noqa: B009
    same_classes = all(class_names(run.model.task) == class_names(priced[0]) for run in runs)
    if not same_classes or any(not np.array_equal(matrix, matrices[0]) for matrix in matrices):
        raise UsageError(t("the runs have different costs or classes: what mistakes cost cannot be compared."))
    return matrices[0]


def _looked_at(
    run: Run, split: str, metric: str | None, requirements: Sequence[str], costs: np.ndarray | None
) -> tuple[Goal, RunTable, Dataset | None]:
    """The goal as a run understands it, the run's answers, and its data where they are needed."""
    task = run.model.task
    predictions = task.from_table(read_predictions(run.folder.predictions, split))
    goal = goal_of(task, metric, requirements, has_costs=costs is not None)
    dataset: Dataset | None = None
    columns: Mapping[str, Mapping[str, str | None]] = {}
    if needs_data(goal):
        dataset = _data_of(run, split)
        goal = goal_of(task, metric, requirements, dataset, has_costs=costs is not None)
        columns = values_of_columns(goal, dataset)
    return goal, table_of(str(run.path), task, predictions, columns=columns, costs=costs), dataset


def _data_of(run: Run, split: str) -> Dataset:
    categories = run.model.preprocess.category_names
    saved = Split.load(run.folder.split)
    dataset = used_by(open_run_data(run.config, base=run.path, categories=categories), saved)
    require_same_data(dataset, run.folder, run.config.path)
    return dataset.take(saved.rows(dataset, split))
