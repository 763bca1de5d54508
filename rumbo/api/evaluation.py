"""Metrics on labelled data: new data, or a split of the run's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rumbo.api.goals import goal_of, measured_for, table_of, values_of_columns
from rumbo.api.run import Run, as_run
from rumbo.api.sources import open_run_data, open_source, require_same_data, used_by
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.core.plain import plain
from rumbo.data.splits.split import Split
from rumbo.strategy.intervals import Interval
from rumbo.strategy.judging import Check, Judgement, Measured, judge


@dataclass(frozen=True)
class Evaluation:
    """Metrics with the interval of the goal, and the requirements.

    Attributes:
        split: the split's name, or the path of the data.
        num_items: examples measured on.
        metrics: all of the task, and the goal.
        goal: the optimizing metric.
        interval: of the goal, 95 %; None where it cannot be told.
        higher_is_better: which way the goal is up.
        checks: the run's requirements and those that were asked for, held against it.
        gates: those of the requirements that were asked for, not the run's own.
        measured: how what was measured on the model was measured.
    """

    split: str
    num_items: int
    metrics: dict[str, float]
    goal: str
    interval: Interval | None
    higher_is_better: bool = True
    checks: tuple[Check, ...] = ()
    gates: tuple[str, ...] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[Check, ...]:
        """What was asked for and is not met."""
        return tuple(check for check in self.checks if check.requirement.text in self.gates and not check.is_met)

    def goal_dict(self) -> dict[str, Any]:
        """The goal as plain JSON types."""
        judged = Judgement(self.metrics[self.goal], self.interval, self.checks)
        return goal_as_json(self.goal, judged, self.measured)


def evaluate(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    split: str = "test",
    require: Sequence[str] = (),
) -> Evaluation:
    """Measure a finished run.

    Args:
        run: a run or its folder.
        data: labelled data of the same kind; none takes the run's own.
        split: train, dev or test of the run's own data.
        require: requirements beside those of the run, such as "recall[cat]>=0.9".

    Raises:
        UsageError: no such split, or a requirement that is none.
        DataError: the data lack what the model needs, or the run's own have changed.
    """
    opened = as_run(run)
    model, config = opened.model, opened.config
    categories = model.preprocess.category_names
    name = str(data)
    if data is not None:
        dataset = open_source(
            name,
            base=Path(),
            target=config.target,
            task=config.task,
            categories=categories,
            weights=config.data.weights,
        )
    else:
        dataset = open_run_data(config, base=opened.path, categories=categories)
        saved = Split.load(opened.folder.split)
        dataset = used_by(dataset, saved)
        require_same_data(dataset, opened.folder, config.path)
        rows = saved.rows(dataset, split)
        if len(rows) == 0:
            present = sorted(set(saved.table["split"].to_list()))
            raise UsageError(
                t("the run has no split '{split}'; it has: {present}.", split=split, present=", ".join(present))
            )
        dataset, name = dataset.take(rows), split
    asked = goal_of(model.task, config.goal if data is None else None, require, dataset).requirements
    goal = goal_of(model.task, config.goal, (*config.require, *require))  # whose own columns other data may lack
    columns = values_of_columns(goal, dataset)
    predictions = model.predict(dataset)
    (measured,) = measured_for(goal, [(opened.folder.model, dataset)])
    table = table_of(opened.name, model.task, predictions, columns=columns, measured=measured)
    judged = judge(goal, table, seed=config.seed)
    added = {} if goal.measure.text in model.task.metric_names() else {goal.measure.text: judged.value}
    return Evaluation(
        split=name,
        num_items=len(dataset),
        metrics={**model.task.score(predictions), **added},
        goal=goal.measure.text,
        interval=judged.interval,
        higher_is_better=goal.measure.higher_is_better,
        checks=judged.checks,
        gates=tuple(requirement.text for requirement in asked),
        measured=measured,
    )


def goal_as_json(metric: str, judged: Judgement, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """A goal held against a run, as plain JSON types: `metric`, `value`, `interval`; with requirements also those."""
    found = {"metric": metric, "value": judged.value, "interval": judged.interval}
    if judged.checks:
        found["met"] = judged.meets
        found["requirements"] = [check.to_dict() for check in judged.checks]
        found["measured"] = {name: dict(each.facts) for name, each in measured.items() if each.facts}
    return plain(found)
