"""COCO: one JSON for each split, ids in the order of the classes; masks as run lengths, one of each class a picture."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rumbo.core.messages import t
from rumbo.data.manifest import Dataset, TargetKind
from rumbo.data.readers import Request
from rumbo.data.readers.coco_masks import MARK
from rumbo.data.writers import Writer, writers
from rumbo.data.writers.names import keys, portable, split_names, unique
from rumbo.data.writers.plan import Plan, hold, hold_boxes, refuse_names, require

WORD_OF_SPLIT = {"train": "train", "dev": "val", "test": "test"}


def plan(dataset: Dataset) -> Plan:
    """Pictures in the folder `images`."""
    require(dataset, "coco", [TargetKind.BOXES, TargetKind.MASK])
    assert dataset.target is not None
    held, lost = hold(dataset)
    if dataset.target.kind is TargetKind.BOXES:
        held, fields = hold_boxes(held, ("crowd", "difficult", "truncated", "polygons"))
        lost += fields
    refuse_names("coco", [name for name in dataset.target.classes if not _is_name(name)], _why())
    return Plan(dataset=held, names=tuple(unique([f"images/{portable(key)}" for key in keys(held)])), lost=tuple(lost))


def annotations(plan: Plan, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """`annotations/instances.json`, or one for each split; of a lone split also an empty other, so that it is told."""
    target = plan.dataset.target
    assert target is not None
    kind = "instances" if target.kind is TargetKind.BOXES else "masks"
    splits = split_names(plan.dataset)
    rows = range(len(plan.names))
    if splits is None:
        yield f"annotations/{kind}.json", _file(plan, sizes, list(rows))
        return
    written = [split for split in WORD_OF_SPLIT if split in splits]
    written += [split for split in ("train", "dev") if split not in written][: 2 - len(written)]
    for split in written:
        own = [row for row in rows if splits[row] == split]
        yield f"annotations/{kind}_{WORD_OF_SPLIT[split]}.json", _file(plan, sizes, own)


def request(plan: Plan) -> Request:
    """As it is."""
    return Request()


def _file(plan: Plan, sizes: Sequence[tuple[int, int]], rows: Sequence[int]) -> bytes:
    target = plan.dataset.target
    assert target is not None
    code_of = {name: code for code, name in enumerate(target.classes, 1)}
    entries: list[dict[str, Any]] = []
    for row in rows:
        if target.kind is TargetKind.BOXES:
            found = [_box(box, code_of[box["class"]]) for box in plan.dataset.table["boxes"][row]]
        else:
            assert plan.dataset.masks is not None
            found = _runs(plan.dataset.masks.read(row), len(target.classes))
        entries += [{"id": 0, "image_id": row + 1, **entry} for entry in found]
    for number, entry in enumerate(entries, 1):
        entry["id"] = number
    about = {"info": {"description": MARK}} if target.kind is TargetKind.MASK else {}
    content = {
        **about,
        "images": [
            {"id": row + 1, "file_name": plan.names[row], "width": sizes[row][1], "height": sizes[row][0]}
            for row in rows
        ],
        "categories": [{"id": code, "name": name} for name, code in code_of.items()],
        "annotations": entries,
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _box(box: Mapping[str, Any], code: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (box[side] for side in ("x1", "y1", "x2", "y2"))
    width, height = _length(x1, x2), _length(y1, y2)
    marks = {mark: int(box[mark]) for mark in ("difficult", "truncated") if box[mark] is not None}
    return {
        "category_id": code,
        "bbox": [_number(value) for value in (x1, y1, width, height)],
        "area": _number(_area(box["polygons"]) if box["polygons"] else width * height),
        "iscrowd": int(bool(box["crowd"])),
        "segmentation": [[_number(value) for value in line] for line in box["polygons"] or ()],
        **marks,
    }


def _length(low: float, high: float) -> float:
    """The length that added to the lower end gives the upper end again, where a double does."""
    length = high - low
    candidates = (length, math.nextafter(length, math.inf), math.nextafter(length, 0))
    return next((value for value in candidates if low + value == high), length)


def _area(polygons: Sequence[Sequence[float]]) -> float:
    """By the shoelace formula, all outlines together; overlaps count twice, as in COCO's own files."""
    total = 0.0
    for line in polygons:
        xs, ys = np.array(line[::2]), np.array(line[1::2])
        total += abs(float(np.dot(xs, np.roll(ys, -1)) - np.dot(ys, np.roll(xs, -1)))) / 2
    return total


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)


def _runs(mask: np.ndarray, num_classes: int) -> list[dict[str, Any]]:
    """One entry for each code that is met: exact, whatever its shape; pixels that count nowhere are in none."""
    found: list[dict[str, Any]] = []
    for code in np.unique(mask).tolist():
        if code >= num_classes:
            continue
        is_inside = mask == code
        ys, xs = np.flatnonzero(is_inside.any(1)), np.flatnonzero(is_inside.any(0))
        x, y = int(xs[0]), int(ys[0])
        found.append(
            {
                "category_id": code + 1,
                "bbox": [x, y, int(xs[-1]) + 1 - x, int(ys[-1]) + 1 - y],
                "area": int(is_inside.sum()),
                "iscrowd": 1,
                "segmentation": {"size": list(mask.shape), "counts": _counts(is_inside)},
            }
        )
    return found


def _counts(mask: np.ndarray) -> list[int]:
    """Run lengths down the columns, beginning outside; `rumbo.data.annotations.outlines.decode_counts` is the way back.

    >>> _counts(np.array([[False, True], [True, False]]))
    [1, 2, 1]
    """
    flat = np.concatenate([[False], mask.T.ravel(), [not mask[-1, -1]]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(ends, prepend=0).tolist()


def _is_name(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return bool(name) and name == name.strip()


def _why() -> str:
    return t("Spaces at the ends are taken off there.")


writers.register("coco")(
    Writer(
        readers=("coco", "coco-masks"),
        plan=plan,
        annotations=annotations,
        request=request,
        needs_sizes=True,
        keeps_order=True,
    )
)
