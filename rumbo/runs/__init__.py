"""Run folders and what they hold: configuration, logs, checkpoints, models, predictions."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.runs.append import AppendFile
    from rumbo.runs.config_file import read_yaml, write_yaml
    from rumbo.runs.events import EventLog, read_events
    from rumbo.runs.files import read_json, require_space, sha256_of, write_file, write_json
    from rumbo.runs.folder import RunFolder
    from rumbo.runs.model_files import ModelFiles, read_model, read_tensors, write_model
    from rumbo.runs.predictions import read_predictions, write_predictions
    from rumbo.runs.publisher import Checkpoint, clean, latest, publish
    from rumbo.runs.results import ResultsFile, read_results

_HOME = {
    "AppendFile": "append",
    "Checkpoint": "publisher",
    "EventLog": "events",
    "ModelFiles": "model_files",
    "ResultsFile": "results",
    "RunFolder": "folder",
    "clean": "publisher",
    "latest": "publisher",
    "publish": "publisher",
    "read_events": "events",
    "read_json": "files",
    "read_model": "model_files",
    "read_predictions": "predictions",
    "read_results": "results",
    "read_tensors": "model_files",
    "read_yaml": "config_file",
    "require_space": "files",
    "sha256_of": "files",
    "write_file": "files",
    "write_json": "files",
    "write_model": "model_files",
    "write_predictions": "predictions",
    "write_yaml": "config_file",
}

__all__ = [
    "AppendFile",
    "Checkpoint",
    "EventLog",
    "ModelFiles",
    "ResultsFile",
    "RunFolder",
    "clean",
    "latest",
    "publish",
    "read_events",
    "read_json",
    "read_model",
    "read_predictions",
    "read_results",
    "read_tensors",
    "read_yaml",
    "require_space",
    "sha256_of",
    "write_file",
    "write_json",
    "write_model",
    "write_predictions",
    "write_yaml",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rumbo.runs' has no attribute '{name}'")
    return getattr(importlib.import_module(f"rumbo.runs.{_HOME[name]}"), name)
