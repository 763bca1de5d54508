"""Boxes as files have them, sorted out: brought into the upright picture, repaired or rejected one by one, counted."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.annotations.frames import FileFacts, Frame, are_turned, file_facts, frame_decisions, frame_of, upright
from rumbo.data.files import Files, safe_name
from rumbo.data.manifest import BOX, Dataset, Repair, Target, TargetKind
from rumbo.data.pictures.decode import BadItem
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Request

ROUNDING_PX = 0.1
"""A box that hangs over by no more was rounded when written: it is brought inside without a word."""
_COLUMN = "boxes"
Polygons = list[list[float]]
Corners = tuple[float, float, float, float]


@dataclass(kw_only=True)
class RawBox:
    """One box as a file has it.

    Attributes:
        where: file and line or entry.
        met: its numbers as they were met.
        name: its class; None when the file names none that is known.
        corners: x1, y1, x2, y2 in the frame and the unit of the picture's annotation; None when they cannot be read.
        crowd: one box around many things.
        difficult: hard to see.
        truncated: cut by the border of the picture.
        polygons: its outline, in the same frame.
        code: the fault that its reader saw.
        action: what its reader did about that; `rejected` needs a code.
    """

    where: str
    met: str
    name: str | None
    corners: Corners | None
    crowd: bool | None = None
    difficult: bool | None = None
    truncated: bool | None = None
    polygons: Polygons | None = None
    code: str | None = None
    action: Literal["rejected", "corrected"] = "rejected"


@dataclass(kw_only=True)
class RawPicture:
    """One picture with its boxes.

    Attributes:
        name: the file.
        boxes: as the annotation has them.
        height: in px, as the annotation says; None when it does not.
        width: likewise.
        split: as files say.
        is_normalized: whether corners are fractions of the picture's sides.
    """

    name: str
    boxes: list[RawBox] = field(default_factory=list[RawBox])
    height: int | None = None
    width: int | None = None
    split: str | None = None
    is_normalized: bool = False


def check_target(request: Request, column: str) -> None:
    """Refuse any other target column.

    Raises:
        UnknownName: there is no such column.
    """
    if request.target not in (None, column):
        raise unknown_name("column", request.target or "", [column])


def pictures_only(files: Files, names: Sequence[str], format: str) -> Dataset:
    """The manifest of pictures without labels, for prediction."""
    images = FileImages(files, names)
    table = pl.DataFrame(
        {"id": [safe_name(name) for name in names], "content": [f.content for f in file_facts(images)]}
    )
    decision = t("{count} pictures, without labels.", count=len(names))
    return Dataset(path=files.path, format=format, table=table, target=None, images=images, decisions=(decision,))


def boxes_dataset(
    files: Files,
    format: str,
    pictures: Sequence[RawPicture],
    classes: Sequence[str],
    *,
    decisions: Sequence[str] = (),
    bad: Sequence[BadItem] = (),
    lost: Sequence[Repair] = (),
    reason: str = "",
) -> Dataset:
    """The manifest of pictures with boxes.

    Args:
        files: the set.
        format: the reader's name.
        pictures: in the order of rows.
        classes: all names, in order.
        decisions: what the reader found out.
        bad: pictures that cannot be used.
        lost: rejected boxes of pictures that are not in the table.
        reason: why the boxes are the target, a finished sentence.

    Raises:
        DataError: no picture is left.
    """
    if not pictures:
        first = bad[0].reason if bad else t("There is no picture with an annotation.")
        raise DataError(t("no annotation of '{path}' can be used. {reason}", path=files.path, reason=first))
    images = FileImages(files, [picture.name for picture in pictures])
    facts = file_facts(images)
    turned_as_stored = are_turned(pictures, facts)
    repairs = list(lost)
    counts: Counter[str] = Counter()
    rows: list[list[dict[str, Any]]] = []
    for picture, fact in zip(pictures, facts, strict=True):
        frame = frame_of(picture, fact, turned_as_stored, counts)
        rows.append(_sort_out(picture, fact, frame, set(classes), repairs))
    num_boxes = sum(len(row) for row in rows)
    num_rejected = sum(repair.action == "rejected" for repair in repairs)
    columns: dict[str, Any] = {"id": [safe_name(picture.name) for picture in pictures]}
    columns["content"] = [fact.content for fact in facts]
    if all(picture.split for picture in pictures):
        columns["split"] = [picture.split for picture in pictures]
    table = pl.DataFrame(columns).with_columns(
        pl.Series("annotated_height", [picture.height for picture in pictures], pl.Int64),
        pl.Series("annotated_width", [picture.width for picture in pictures], pl.Int64),
        pl.Series(_COLUMN, rows, pl.List(BOX)),
    )
    per_class = Counter(box["class"] for row in rows for box in row)
    found = t(
        "{pictures} pictures with {boxes} boxes: {counts}; {negatives} pictures have none.",
        pictures=len(pictures),
        boxes=num_boxes,
        counts=", ".join(f"{name} {per_class[name]}" for name in list(classes)[:30]),
        negatives=sum(not row for row in rows),
    )
    return Dataset(
        path=files.path,
        format=format,
        table=table,
        target=Target(columns=(_COLUMN,), kind=TargetKind.BOXES, classes=tuple(classes), reason=reason),
        images=images,
        decisions=(found, *decisions, *frame_decisions(counts), *repair_decisions(repairs)),
        bad=tuple(bad),
        repairs=tuple(repairs),
        num_annotations=num_boxes + num_rejected,
    )


def refused(box: RawBox, id: str, code: str, action: Literal["clipped", "rejected", "corrected"]) -> Repair:
    """The record of what was done about a box."""
    return Repair(id=id, where=box.where, code=code, met=box.met, action=action)


def lost_boxes(picture: RawPicture) -> list[Repair]:
    """The records of boxes whose picture is not there."""
    return [refused(box, safe_name(picture.name), "box.no_picture", "rejected") for box in picture.boxes]


def _sort_out(
    picture: RawPicture, fact: FileFacts, frame: Frame | None, classes: set[str], repairs: list[Repair]
) -> list[dict[str, Any]]:
    """The usable boxes of a picture; one record for each that was changed or rejected: its first fault."""
    id = safe_name(picture.name)
    kept: list[dict[str, Any]] = []
    seen: set[tuple[Any, ...]] = set()
    for raw in picture.boxes:
        code = _fault(raw, frame, fact, classes)
        if code is not None:
            repairs.append(refused(raw, id, code, "rejected"))
            continue
        assert frame is not None
        box, code, action = _placed(raw, frame, fact)
        key = (box["class"], box["x1"], box["y1"], box["x2"], box["y2"], bool(raw.crowd))
        if code is None and key in seen:
            code, action = "box.duplicate", "rejected"
        if code is not None:
            repairs.append(refused(raw, id, code, action))
        if action != "rejected":
            seen.add(key)
            kept.append(box)
    return kept


def _fault(raw: RawBox, frame: Frame | None, fact: FileFacts, classes: set[str]) -> str | None:
    """Why a box cannot be used at all."""
    if raw.code is not None and raw.action == "rejected":
        return raw.code
    if raw.corners is None:
        return "box.malformed"
    if not all(math.isfinite(value) for value in raw.corners):
        return "box.not_finite"
    if raw.name is None or raw.name not in classes:
        return "box.unknown_class"
    if frame is None:
        return "box.wrong_size" if fact.size is not None else "box.no_picture"
    x1, y1, x2, y2 = raw.corners
    return "box.zero_area" if x1 == x2 or y1 == y2 else None


def _placed(
    raw: RawBox, frame: Frame, fact: FileFacts
) -> tuple[dict[str, Any], str | None, Literal["clipped", "rejected", "corrected"]]:
    """A box in the upright picture, inside of it; with the first thing that was done to it."""
    assert raw.corners is not None
    code = raw.code or frame.code
    action: Literal["clipped", "rejected", "corrected"] = "corrected"
    if raw.corners[0] > raw.corners[2] or raw.corners[1] > raw.corners[3]:
        code = code or "box.inverted"
    height, width = fact.stored_size or (0, 0)

    def place(x: float, y: float) -> tuple[float, float]:
        x, y = x * frame.scale_x, y * frame.scale_y
        if frame.decimals is not None:
            x, y = round(x, frame.decimals), round(y, frame.decimals)
        return upright(x, y, frame.orientation, width, height)

    ends = [place(*raw.corners[:2]), place(*raw.corners[2:])]
    x1, x2 = sorted(end[0] for end in ends)
    y1, y2 = sorted(end[1] for end in ends)
    polygons = raw.polygons
    if polygons is not None:
        points = [[place(x, y) for x, y in zip(line[::2], line[1::2], strict=True)] for line in polygons]
        polygons = [[value for point in line for value in point] for line in points]
    if fact.size is not None:
        height, width = fact.size
        inside = (_within(x1, width), _within(y1, height), _within(x2, width), _within(y2, height))
        moved = max(abs(new - old) for new, old in zip(inside, (x1, y1, x2, y2), strict=True))
        x1, y1, x2, y2 = inside
        if x1 >= x2 or y1 >= y2:
            code, action = code or "box.outside", "rejected"
        elif moved > ROUNDING_PX:
            code, action = code or "box.outside", "clipped"
            if polygons is not None:
                polygons = [
                    [_within(value, (width, height)[place % 2]) for place, value in enumerate(line)]
                    for line in polygons
                ]
    box = {
        "class": raw.name,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "crowd": raw.crowd,
        "difficult": raw.difficult,
        "truncated": raw.truncated,
        "polygons": polygons,
    }
    return box, code, action


def _within(value: float, side: int) -> float:
    return min(max(value, 0.0), float(side))


def repair_decisions(repairs: Sequence[Repair]) -> list[str]:
    """Every rule with its count, one sentence."""
    if not repairs:
        return []
    counts = Counter((repair.code, repair.action) for repair in repairs)
    words = {"clipped": t("clipped"), "rejected": t("rejected"), "corrected": t("corrected")}
    parts = [f"{code} {count} {words[action]}" for (code, action), count in sorted(counts.items())]
    return [t("faulty annotations: {counts}.", counts=", ".join(parts))]
