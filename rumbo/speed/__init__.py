"""How fast the loop is here: the rows of the documentation's table of speed, beside loops written by hand."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.speed.race import Race, Result, races

__all__ = ["Race", "Result", "races"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("rumbo.speed.race"), name)
    raise AttributeError(f"module 'rumbo.speed' has no attribute {name!r}")
