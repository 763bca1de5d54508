"""What is wrong with the data, said before step 1. `check_data` runs every check that the kind of data has.

A check is a function from `Facts` to findings, in the tuple of its file; `codes` says what each code means.
"""

import importlib
from typing import TYPE_CHECKING, Any

from rumbo.data.checks.codes import CODES
from rumbo.data.checks.findings import CheckReport, Code, Finding

if TYPE_CHECKING:
    from rumbo.data.checks.run import check_data, refuse_too_many_bad

__all__ = ["CODES", "CheckReport", "Code", "Finding", "check_data", "refuse_too_many_bad"]


def __getattr__(name: str) -> Any:
    if name not in ("check_data", "refuse_too_many_bad"):
        raise AttributeError(f"module 'rumbo.data.checks' has no attribute '{name}'")
    return getattr(importlib.import_module("rumbo.data.checks.run"), name)
