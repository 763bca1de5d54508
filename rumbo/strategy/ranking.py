"""Runs ranked by a goal: those that meet all requirements first, and within each part by the optimizing metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rumbo.strategy.compare import Comparison, compare_runs
from rumbo.strategy.goal import Goal
from rumbo.strategy.judging import Check, RunTable, judge, scores_of


@dataclass(frozen=True)
class GoalRanking:
    """Runs from best to worst by a goal.

    Attributes:
        goal: what they were ranked by.
        comparison: places, and which differences from the best are noise.
        checks: the requirements of each run, by its name.
    """

    goal: Goal
    comparison: Comparison
    checks: Mapping[str, tuple[Check, ...]]

    @property
    def any_meets(self) -> bool:
        """Whether some run meets all requirements."""
        return any(run.meets for run in self.comparison.ranking)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        found = self.comparison.to_dict()
        for run in found["ranking"]:
            run["requirements"] = [check.to_dict() for check in self.checks[run["run"]]]
        return {**self.goal.to_dict(), "any_meets": self.any_meets, **found}


def rank(goal: Goal, runs: Sequence[RunTable], *, seed: int = 0) -> GoalRanking:
    """Rank runs: the best by the metric among those that meet every requirement comes first.

    Where no run meets them all, the ranking is by the metric alone, and `any_meets` says so.

    Args:
        goal: what is asked.
        runs: at least one; names are unique.
        seed: of the resampling.

    Raises:
        UsageError: no run, or a name twice.
    """
    checks = {run.name: judge(goal, run, seed=seed).checks for run in runs}
    comparison = compare_runs(
        [scores_of(goal.measure, run) for run in runs],
        higher_is_better=goal.measure.higher_is_better,
        meeting=[name for name, found in checks.items() if all(check.is_met for check in found)],
        seed=seed,
    )
    return GoalRanking(goal, comparison, checks)
