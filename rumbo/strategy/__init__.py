"""What holds a model back, which run is better, what to try. Reads tables of predictions, never a trainer."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.strategy.compare import Comparison, RunScores, compare_runs
    from rumbo.strategy.gaps import Diagnosis, Gap, GapName, SplitError, diagnose
    from rumbo.strategy.intervals import wilson
    from rumbo.strategy.steps import next_steps

_LAZY = {
    "Comparison": "compare",
    "Diagnosis": "gaps",
    "Gap": "gaps",
    "GapName": "gaps",
    "RunScores": "compare",
    "SplitError": "gaps",
    "compare_runs": "compare",
    "diagnose": "gaps",
    "next_steps": "steps",
    "wilson": "intervals",
}
__all__ = [
    "Comparison",
    "Diagnosis",
    "Gap",
    "GapName",
    "RunScores",
    "SplitError",
    "compare_runs",
    "diagnose",
    "next_steps",
    "wilson",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(name)
