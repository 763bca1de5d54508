"""Data sets of any known format as one manifest: checks, splits, decoding, preprocessing, batches."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rumbo.data.checks import CheckReport, Finding, check_data
    from rumbo.data.manifest import Dataset, Target, TargetKind
    from rumbo.data.options import SplitOptions
    from rumbo.data.pictures.decode import BadImage, BadItem, DecodeRule
    from rumbo.data.pictures.images import ImageSource, load_images
    from rumbo.data.recognize import open_data
    from rumbo.data.splits.split import Split, make_split

_HOMES = {
    "checks": ("CheckReport", "Finding", "check_data"),
    "pictures.decode": ("BadImage", "BadItem", "DecodeRule"),
    "pictures.images": ("ImageSource", "load_images"),
    "options": ("SplitOptions",),
    "manifest": ("Dataset", "Target", "TargetKind"),
    "recognize": ("open_data",),
    "splits.split": ("Split", "make_split"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BadImage",
    "BadItem",
    "CheckReport",
    "Dataset",
    "DecodeRule",
    "Finding",
    "ImageSource",
    "Split",
    "SplitOptions",
    "Target",
    "TargetKind",
    "check_data",
    "load_images",
    "make_split",
    "open_data",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'rumbo.data' has no attribute '{name}'")
    return getattr(importlib.import_module(f"rumbo.data.{_MODULE_OF[name]}"), name)
