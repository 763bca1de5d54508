"""Runs ranked by their goal, on the same examples where they share them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rumbo.api.run import Run, as_run
from rumbo.core.errors import UsageError, unknown_name
from rumbo.core.messages import t
from rumbo.data.manifest import SPLITS
from rumbo.runs import read_predictions
from rumbo.strategy.compare import Comparison, Difference, Ranked, RunScores, compare_runs


@dataclass(frozen=True)
class RunComparison:
    """A ranking, and what it was ranked by."""

    goal: str
    comparison: Comparison

    @property
    def ranking(self) -> tuple[Ranked, ...]:
        """Runs from best to worst."""
        return self.comparison.ranking

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Each run's distance from the best."""
        return self.comparison.differences

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {"goal": self.goal, **self.comparison.to_dict()}


def compare(runs: Sequence[Run | str | Path], *, split: str = "dev") -> RunComparison:
    """Rank runs of one task by what each example contributes: right answers, or root mean squared error.

    Args:
        runs: two or more runs or their folders.
        split: dev, or test when all is decided.

    Raises:
        UsageError: fewer than two runs, runs of different tasks, or no such split.
        DataError: a run without predictions for the split.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    opened = [as_run(run) for run in runs]
    if len(opened) < 2:
        raise UsageError(t("compare needs two runs or more; {count} was given.", count=len(opened)))
    tasks = {run.model.task.name for run in opened}
    if len(tasks) > 1:
        raise UsageError(t("runs of different tasks cannot be ranked: {tasks}.", tasks=", ".join(sorted(tasks))))
    is_regression = tasks == {"regress"}
    scores = [_scores(run, split, is_regression) for run in opened]
    goal = "mse" if is_regression else "accuracy"
    return RunComparison(goal, compare_runs(scores, higher_is_better=not is_regression))


def _scores(run: Run, split: str, is_regression: bool) -> RunScores:
    task = run.model.task
    predictions = task.from_table(read_predictions(run.folder.predictions, split))
    assert predictions.truth is not None
    squared = (predictions.outputs - predictions.truth) ** 2 if is_regression else None
    values = 1.0 - task.item_errors(predictions) if squared is None else squared
    return RunScores(name=str(run.path), ids=predictions.ids, scores=np.asarray(values))
