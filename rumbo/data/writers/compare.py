"""Whether a data set that was written and read back is the one that was meant."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.pictures.decode import BadImage
from rumbo.data.pictures.images import FileImages
from rumbo.data.writers.names import split_names
from rumbo.data.writers.plan import CLAIMS, FLAGS, Plan

TOLERANCE_PX = 1e-9
"""Formats that store fractions of the picture, or widths, round in the last digits of a double."""
MAX_DIFFERENCES = 20


@dataclass(frozen=True)
class Comparison:
    """What differs.

    Attributes:
        differences: finished sentences, none when all is equal; at most `MAX_DIFFERENCES`.
        largest_shift_px: the largest distance of a box's side or a point from where it was, at most `TOLERANCE_PX`.
    """

    differences: tuple[str, ...]
    largest_shift_px: float


def compare(plan: Plan, contents: Sequence[str], after: Dataset, *, in_order: bool) -> Comparison:
    """Compare what was planned with what was read back, row by row; rows are matched by the files of the pictures.

    Args:
        plan: what was to be written.
        contents: the sha256 of each picture as it was written.
        after: what the reader made of it.
        in_order: whether classes must come in the same order.
    """
    before = plan.dataset
    if after.bad or len(after) != len(before):
        reason = after.bad[0].reason if after.bad else ""
        sentence = t("{before} examples became {after}. {reason}", before=len(before), after=len(after), reason=reason)
        return Comparison((sentence.rstrip(),), 0.0)
    # What a reader corrects is judged by its values: of VOC's boxes of one pixel it only says that they are rare.
    refused = [repair for repair in after.repairs if repair.action != "corrected"]
    if refused:
        met = refused[0]
        return Comparison((t("an annotation was refused: {where}: {met}.", where=met.where, met=met.met),), 0.0)
    rows = _rows(plan, after)
    if rows is None:
        return Comparison((t("the pictures that were read are not those that were written."),), 0.0)
    after = after.take(rows)
    found = [*_classes(before, after, in_order=in_order), *_pictures(before, after, contents), *_splits(before, after)]
    found += _columns(before, after)
    shift = 0.0
    target = before.target
    if target is not None and after.target is not None and target.kind is after.target.kind:
        found_values, shift = _values(before, after)
        found += found_values
    return Comparison(tuple(found[:MAX_DIFFERENCES]), shift)


def _rows(plan: Plan, after: Dataset) -> np.ndarray | None:
    """The row of `after` that each planned row became."""
    if not plan.names:
        return np.arange(len(after))
    if not isinstance(after.images, FileImages):
        return None
    row_of = {name: row for row, name in enumerate(after.images.names)}
    found = [row_of.get(name, -1) for name in plan.names]
    return None if min(found) < 0 or len(set(found)) < len(found) else np.array(found, dtype=np.int64)


def _classes(before: Dataset, after: Dataset, *, in_order: bool) -> list[str]:
    if before.target is None or after.target is None or before.target.kind is not after.target.kind:
        return [t("the kind of the target has changed.")]
    if before.target.kind is TargetKind.LABELS:
        return []
    first, second = before.target.classes, after.target.classes
    if (first if in_order else sorted(first)) != (second if in_order else sorted(second)):
        return [t("the classes {before} became {after}.", before=", ".join(first), after=", ".join(second))]
    return []


def _pictures(before: Dataset, after: Dataset, contents: Sequence[str]) -> list[str]:
    """Files by their hashes, rows of arrays by their pixels."""
    if before.images is None:
        return []
    found = [
        _differs(before, row, t("its picture"))
        for row, (was, now) in enumerate(zip(contents, after.table["content"].to_list(), strict=True))
        if was != now
    ]
    if isinstance(before.images, FileImages):
        originals = before.table["content"].to_list()
        changed = [row for row, (was, now) in enumerate(zip(originals, contents, strict=True)) if was != now]
        return found + [_differs(before, row, t("its picture, since the set was opened")) for row in changed]
    assert after.images is not None
    for row in range(len(before)):
        try:
            is_equal = np.array_equal(before.images.read(row), after.images.read(row))
        except BadImage:
            is_equal = False
        if not is_equal:
            found.append(_differs(before, row, t("its picture")))
    return found


def _splits(before: Dataset, after: Dataset) -> list[str]:
    was, now = split_names(before), split_names(after)
    if was is None or now is None:
        return [] if was is now else [t("the splits are lost.") if now is None else t("splits have been added.")]
    return [_differs(before, row, t("its split")) for row in range(len(before)) if was[row] != now[row]]


def _columns(before: Dataset, after: Dataset) -> list[str]:
    """Features and groups."""
    assert before.target is not None
    found: list[str] = []
    for name in before.table.columns:
        if name in ("id", "content", "split", *CLAIMS, *before.target.columns):
            continue
        if name not in after.table.columns or not _equal(before.table[name], after.table[name]):
            found.append(t("column '{column}' has changed.", column=name))
    return found


def _equal(was: pl.Series, now: pl.Series) -> bool:
    if was.null_count() == len(was):
        return now.null_count() == len(now)
    return was.dtype == now.dtype and was.equals(now.alias(was.name), null_equal=True)


def _values(before: Dataset, after: Dataset) -> tuple[list[str], float]:
    """Differences of targets, and the largest shift in px."""
    assert before.target is not None
    assert after.target is not None
    match before.target.kind:
        case TargetKind.BOXES:
            return _boxes(before, after)
        case TargetKind.POINTS:
            return _points(before, after)
        case TargetKind.MASK:
            return _masks(before, after), 0.0
        case TargetKind.NOTHING:
            return [], 0.0
        case _:
            pairs = zip(before.target.columns, after.target.columns, strict=True)
            return [
                t("column '{column}' has changed.", column=was)
                for was, now in pairs
                if not _equal(before.table[was], after.table[now])
            ], 0.0


def _boxes(before: Dataset, after: Dataset) -> tuple[list[str], float]:
    found: list[str] = []
    shift = 0.0
    pairs = zip(before.table["boxes"].to_list(), after.table["boxes"].to_list(), strict=True)
    for row, (was, now) in enumerate(pairs):
        if len(was) != len(now):
            found.append(_differs(before, row, t("the number of its boxes")))
            continue
        for first, second in zip(was, now, strict=True):
            distance = max(abs(first[side] - second[side]) for side in ("x1", "y1", "x2", "y2"))
            if first["polygons"] or second["polygons"]:
                distance = max(distance, _polygon_distance(first["polygons"] or [], second["polygons"] or []))
            if first["class"] != second["class"] or any(bool(first[flag]) != bool(second[flag]) for flag in FLAGS):
                found.append(_differs(before, row, t("the class or a mark of a box")))
            elif not distance <= TOLERANCE_PX or _has_integers_that_moved(first, second):
                found.append(_differs(before, row, t("a box, by {px} px", px=f"{distance:g}")))
            else:
                shift = max(shift, distance)
    return found, shift


def _has_integers_that_moved(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
    """Whole pixels come back as whole pixels."""
    return any(first[side] != second[side] and float(first[side]).is_integer() for side in ("x1", "y1", "x2", "y2"))


def _polygon_distance(was: Sequence[Sequence[float]], now: Sequence[Sequence[float]]) -> float:
    if [len(polygon) for polygon in was] != [len(polygon) for polygon in now]:
        return math.inf
    pairs = (pair for first, second in zip(was, now, strict=True) for pair in zip(first, second, strict=True))
    return max((abs(first - second) for first, second in pairs), default=0.0)


def _points(before: Dataset, after: Dataset) -> tuple[list[str], float]:
    found: list[str] = []
    shift = 0.0
    pairs = zip(before.table["points"].to_list(), after.table["points"].to_list(), strict=True)
    for row, (was, now) in enumerate(pairs):
        distance = max((_point_distance(a, b) for a, b in zip(was, now, strict=False)), default=0.0)
        if len(was) != len(now) or not distance <= TOLERANCE_PX:
            found.append(_differs(before, row, t("its points")))
        else:
            shift = max(shift, distance)
    return found, shift


def _point_distance(was: Mapping[str, float | None], now: Mapping[str, float | None]) -> float:
    pairs = [(was[axis], now[axis]) for axis in ("x", "y")]
    if any((a is None) != (b is None) for a, b in pairs):
        return math.inf
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)


def _masks(before: Dataset, after: Dataset) -> list[str]:
    assert before.masks is not None
    assert after.masks is not None
    return [
        _differs(before, row, t("its mask"))
        for row in range(len(before))
        if not np.array_equal(before.masks.read(row), after.masks.read(row))
    ]


def _differs(dataset: Dataset, row: int, what: str) -> str:
    return t("'{id}': {what} has changed.", id=dataset.ids[row], what=what)
