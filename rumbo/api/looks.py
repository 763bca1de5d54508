"""A few examples of a data set as people look at them: thumbnails with their annotations, beginnings of texts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, SignalKind, TargetKind
from rumbo.plots.check_page import Shown

NUM_SHOWN = 18
THUMBNAIL_PX = 288
NUM_LETTERS = 160
NUM_COLUMNS = 8


def examples_of(dataset: Dataset, count: int = NUM_SHOWN) -> list[Shown]:
    """Examples spread over the classes, or over the set."""
    found = []
    for row in example_rows(dataset, count):
        try:
            found.append(look_at(dataset, row))
        except DataError:
            continue  # named among the findings
    return found


def example_rows(dataset: Dataset, count: int = NUM_SHOWN) -> list[int]:
    """Rows to show: in turn one of each class, else evenly spread."""
    total, target = len(dataset), dataset.target
    if target is None or target.kind not in (TargetKind.CLASS, TargetKind.IDENTITY) or not target.classes:
        return _spread(total, count).tolist()
    labels = dataset.table[target.columns[0]].to_numpy()
    each = max(1, math.ceil(count / len(target.classes)))
    per_class = [np.flatnonzero(labels == name) for name in target.classes[:count]]
    spread = [rows[_spread(len(rows), each)] for rows in per_class if len(rows)]
    return np.concatenate(spread)[:count].tolist() if spread else []


def _spread(total: int, count: int) -> np.ndarray:
    """So many places, evenly spread over a range."""
    return np.unique(np.linspace(0, max(0, total - 1), min(count, total)).astype(int))


def look_at(dataset: Dataset, row: int) -> Shown:
    """One example; DataError where it cannot be read."""
    values = dataset.table.row(row, named=True)
    if dataset.images is None:
        return Shown(id=values["id"], caption=_caption(dataset, values), text=_text(dataset, row, values))
    pixels = dataset.images.read(row)
    picture = Image.fromarray(pixels)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    factor = picture.width / pixels.shape[1]
    code_of = {name: code for code, name in enumerate(dataset.target.classes)} if dataset.target is not None else {}
    boxes = [
        (code_of.get(box["class"], 0), *(factor * box[corner] for corner in ("x1", "y1", "x2", "y2")))
        for box in values.get("boxes") or ()
    ]
    marked = [point for point in values.get("points") or () if point["x"] is not None]
    points = [(factor * point["x"], factor * point["y"]) for point in marked]
    mask = None
    if dataset.masks is not None:
        codes = Image.fromarray(dataset.masks.read(row).astype(np.uint8))
        mask = np.asarray(codes.resize(picture.size, Image.Resampling.NEAREST))
    return Shown(
        id=values["id"],
        caption=_caption(dataset, values),
        pixels=np.asarray(picture),
        boxes=boxes,
        points=points,
        mask=mask,
    )


def _caption(dataset: Dataset, values: Mapping[str, Any]) -> str:
    target = dataset.target
    if target is None:
        return ""
    if target.kind is TargetKind.BOXES:
        return ", ".join(box["class"] for box in (values["boxes"] or ())[:6]) or t("nothing marked")
    if target.kind is TargetKind.POINTS:
        return t("{count} points", count=len(values["points"] or ()))
    if target.kind is TargetKind.LABELS:
        return ", ".join(name for name in target.columns if values[name] == 1) or "–"
    if target.kind is TargetKind.NUMBER:
        return f"{values[target.columns[0]]:g}"
    return ", ".join(str(values[name]) for name in target.columns[:1])


def _text(dataset: Dataset, row: int, values: Mapping[str, Any]) -> str:
    if dataset.signals is not None:
        if dataset.signals.kind is SignalKind.TEXT:
            text = str(dataset.signals.read(row))
            return text[:NUM_LETTERS] + ("…" if len(text) > NUM_LETTERS else "")
        return " x ".join(map(str, dataset.signals.size(row)))
    columns = (*dataset.numbers, *dataset.categories)[:NUM_COLUMNS]
    return ", ".join(f"{name} {_plain(values[name])}" for name in columns)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "–" if value is None else str(value)
