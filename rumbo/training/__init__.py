"""The loop, its step and its state. `fit` is an iterator of events: what watches iterates."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.training.events import Evaluated, Event, Finished, Stepped
    from rumbo.training.loop import FitData, fit
    from rumbo.training.options import FitOptions, OptimizerOptions, ScheduleOptions
    from rumbo.training.state import TrainState

_LAZY = {
    "Evaluated": "events",
    "Event": "events",
    "Finished": "events",
    "FitData": "loop",
    "FitOptions": "options",
    "OptimizerOptions": "options",
    "ScheduleOptions": "options",
    "Stepped": "events",
    "TrainState": "state",
    "fit": "loop",
}

__all__ = [
    "Evaluated",
    "Event",
    "Finished",
    "FitData",
    "FitOptions",
    "OptimizerOptions",
    "ScheduleOptions",
    "Stepped",
    "TrainState",
    "fit",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"rumbo.training.{_LAZY[name]}"), name)
    raise AttributeError(name)
