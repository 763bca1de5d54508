"""What holds a model back, which run is better, what to try. Reads tables of predictions, never a trainer."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.strategy.clusters import Cluster, cluster_errors
    from rumbo.strategy.compare import Comparison, RunScores, RunValue, compare_runs
    from rumbo.strategy.confused import ConfusedPair, confused_pairs
    from rumbo.strategy.error_table import ErrorTable, Tag, TagRow
    from rumbo.strategy.gaps import Diagnosis, Gap, GapName, SplitError, diagnose
    from rumbo.strategy.goal import Goal, Known, Requirement, parse_goal
    from rumbo.strategy.intervals import wilson
    from rumbo.strategy.judging import Measured, RunTable, judge
    from rumbo.strategy.ranking import GoalRanking, rank
    from rumbo.strategy.slices import Slice, Slices, find_slices
    from rumbo.strategy.steps import next_steps

_LAZY = {
    "Cluster": "clusters",
    "Comparison": "compare",
    "ConfusedPair": "confused",
    "Diagnosis": "gaps",
    "ErrorTable": "error_table",
    "Gap": "gaps",
    "GapName": "gaps",
    "Goal": "goal",
    "GoalRanking": "ranking",
    "Known": "goal",
    "Measured": "judging",
    "Requirement": "goal",
    "RunScores": "compare",
    "RunTable": "judging",
    "RunValue": "compare",
    "Slice": "slices",
    "Slices": "slices",
    "SplitError": "gaps",
    "Tag": "error_table",
    "TagRow": "error_table",
    "cluster_errors": "clusters",
    "compare_runs": "compare",
    "confused_pairs": "confused",
    "diagnose": "gaps",
    "find_slices": "slices",
    "judge": "judging",
    "next_steps": "steps",
    "parse_goal": "goal",
    "rank": "ranking",
    "wilson": "intervals",
}
__all__ = [
    "Cluster",
    "Comparison",
    "ConfusedPair",
    "Diagnosis",
    "ErrorTable",
    "Gap",
    "GapName",
    "Goal",
    "GoalRanking",
    "Known",
    "Measured",
    "Requirement",
    "RunScores",
    "RunTable",
    "RunValue",
    "Slice",
    "Slices",
    "SplitError",
    "Tag",
    "TagRow",
    "cluster_errors",
    "compare_runs",
    "confused_pairs",
    "diagnose",
    "find_slices",
    "judge",
    "next_steps",
    "parse_goal",
    "rank",
    "wilson",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(name)
