"""Losses: one number per item; averaging is the task's. Importing this costs nothing."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.losses.classification import (
        binary_cross_entropy,
        cost_sensitive_cross_entropy,
        cross_entropy,
        savings,
    )
    from rumbo.losses.regression import absolute_error, huber, squared_error

_PARTS = {
    "binary_cross_entropy": "rumbo.losses.classification",
    "cost_sensitive_cross_entropy": "rumbo.losses.classification",
    "cross_entropy": "rumbo.losses.classification",
    "savings": "rumbo.losses.classification",
    "absolute_error": "rumbo.losses.regression",
    "huber": "rumbo.losses.regression",
    "squared_error": "rumbo.losses.regression",
}


def __getattr__(name: str) -> Any:
    if name not in _PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PARTS[name]), name)


__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "cost_sensitive_cross_entropy",
    "cross_entropy",
    "huber",
    "savings",
    "squared_error",
]
