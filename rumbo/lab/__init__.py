"""The course's experiments: each asks one question, and answers with a picture and a table in seconds."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.lab.experiment import Experiment, Result, experiments

__all__ = ["Experiment", "Result", "experiments"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("rumbo.lab.experiment"), name)
    raise AttributeError(f"module 'rumbo.lab' has no attribute {name!r}")
