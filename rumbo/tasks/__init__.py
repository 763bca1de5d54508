"""What a batch means: targets, cost, and outputs in the user's units. One file a task."""

import importlib
from typing import TYPE_CHECKING, Any

from rumbo.tasks.registry import TASKS

if TYPE_CHECKING:
    from rumbo.tasks.inference import infer
    from rumbo.tasks.task import Cost, DatasetTask, Predictions, Task, Term
    from rumbo.tasks.trained import TrainedModel

register = TASKS.register
names = TASKS.names
get = TASKS.get

_LAZY = {
    "Cost": "task",
    "DatasetTask": "task",
    "Predictions": "task",
    "Task": "task",
    "Term": "task",
    "TrainedModel": "trained",
    "infer": "inference",
}

__all__ = [
    "TASKS",
    "Cost",
    "DatasetTask",
    "Predictions",
    "Task",
    "Term",
    "TrainedModel",
    "get",
    "infer",
    "names",
    "register",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"rumbo.tasks.{_LAZY[name]}"), name)
    raise AttributeError(name)
