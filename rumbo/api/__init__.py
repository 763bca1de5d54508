"""One function a verb. Names load what they need when they are first used.

Files are named by nouns: a file `train.py` would hide the function `train`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.api.advising import next_steps
    from rumbo.api.benchmark import bench
    from rumbo.api.checking import check
    from rumbo.api.comparison import compare
    from rumbo.api.conversion import convert
    from rumbo.api.demonstration import demo
    from rumbo.api.diagnosing import diagnose
    from rumbo.api.error_analysis import error_table_of, find_errors
    from rumbo.api.estimators import Classifier, Regressor
    from rumbo.api.evaluation import evaluate
    from rumbo.api.fitting import fit
    from rumbo.api.gradient_checking import gradcheck
    from rumbo.api.improving import improve
    from rumbo.api.label_check import check_labels, dev_label_noise, label_noise_of
    from rumbo.api.laboratory import experiment
    from rumbo.api.machine import doctor
    from rumbo.api.model_list import model_list
    from rumbo.api.network_summary import summary
    from rumbo.api.prediction import predict
    from rumbo.api.rate_finding import find_learning_rate
    from rumbo.api.reporting import report
    from rumbo.api.run import Run, load
    from rumbo.api.splitting import split
    from rumbo.api.training import train
    from rumbo.data import open_data

_HOME = {
    "Classifier": "rumbo.api.estimators",
    "Regressor": "rumbo.api.estimators",
    "Run": "rumbo.api.run",
    "bench": "rumbo.api.benchmark",
    "check": "rumbo.api.checking",
    "check_labels": "rumbo.api.label_check",
    "compare": "rumbo.api.comparison",
    "convert": "rumbo.api.conversion",
    "demo": "rumbo.api.demonstration",
    "dev_label_noise": "rumbo.api.label_check",
    "diagnose": "rumbo.api.diagnosing",
    "doctor": "rumbo.api.machine",
    "error_table_of": "rumbo.api.error_analysis",
    "evaluate": "rumbo.api.evaluation",
    "experiment": "rumbo.api.laboratory",
    "find_errors": "rumbo.api.error_analysis",
    "find_learning_rate": "rumbo.api.rate_finding",
    "fit": "rumbo.api.fitting",
    "gradcheck": "rumbo.api.gradient_checking",
    "improve": "rumbo.api.improving",
    "label_noise_of": "rumbo.api.label_check",
    "load": "rumbo.api.run",
    "model_list": "rumbo.api.model_list",
    "next_steps": "rumbo.api.advising",
    "open_data": "rumbo.data",
    "predict": "rumbo.api.prediction",
    "report": "rumbo.api.reporting",
    "split": "rumbo.api.splitting",
    "summary": "rumbo.api.network_summary",
    "train": "rumbo.api.training",
}

__all__ = [
    "Classifier",
    "Regressor",
    "Run",
    "bench",
    "check",
    "check_labels",
    "compare",
    "convert",
    "demo",
    "dev_label_noise",
    "diagnose",
    "doctor",
    "error_table_of",
    "evaluate",
    "experiment",
    "find_errors",
    "find_learning_rate",
    "fit",
    "gradcheck",
    "improve",
    "label_noise_of",
    "load",
    "model_list",
    "next_steps",
    "open_data",
    "predict",
    "report",
    "split",
    "summary",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rumbo.api' has no attribute {name!r}")
