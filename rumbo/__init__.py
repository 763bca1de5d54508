"""Rumbo: train on your own data, find out what holds the model back, try the step that pays most, ship.

Importing this costs nothing: names load what they need when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.api import (
        Classifier,
        Regressor,
        Run,
        check,
        check_labels,
        compare,
        convert,
        diagnose,
        evaluate,
        experiment,
        find_errors,
        find_learning_rate,
        fit,
        gradcheck,
        improve,
        load,
        next_steps,
        open_data,
        predict,
        report,
        summary,
        train,
    )

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "Regressor",
    "Run",
    "check",
    "check_labels",
    "compare",
    "convert",
    "diagnose",
    "evaluate",
    "experiment",
    "find_errors",
    "find_learning_rate",
    "fit",
    "gradcheck",
    "improve",
    "load",
    "next_steps",
    "open_data",
    "predict",
    "report",
    "summary",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("rumbo.api"), name)
    raise AttributeError(f"module 'rumbo' has no attribute {name!r}")
