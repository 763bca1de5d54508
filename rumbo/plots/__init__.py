"""Figures and the report. The only part that draws: numbers come in finished."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.plots.confusion import confusion_matrix
    from rumbo.plots.curves import training_curves
    from rumbo.plots.examples import contact_sheet
    from rumbo.plots.gaps import error_bars
    from rumbo.plots.regression import predicted_against_true
    from rumbo.plots.report import ReportData, report_json, write_report
    from rumbo.plots.shares import class_shares
    from rumbo.plots.style import to_png, to_svg

_LAZY = {
    "ReportData": "report",
    "class_shares": "shares",
    "confusion_matrix": "confusion",
    "contact_sheet": "examples",
    "error_bars": "gaps",
    "predicted_against_true": "regression",
    "report_json": "report",
    "to_png": "style",
    "to_svg": "style",
    "training_curves": "curves",
    "write_report": "report",
}

__all__ = [
    "ReportData",
    "class_shares",
    "confusion_matrix",
    "contact_sheet",
    "error_bars",
    "predicted_against_true",
    "report_json",
    "to_png",
    "to_svg",
    "training_curves",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"rumbo.plots.{_LAZY[name]}"), name)
    raise AttributeError(name)
