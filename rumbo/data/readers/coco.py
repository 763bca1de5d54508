"""COCO JSON: pictures, categories and boxes by number, a file for each split; categories are told by name."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import (
    Polygons,
    RawBox,
    RawPicture,
    boxes_dataset,
    check_target,
    lost_boxes,
    pictures_only,
    refused,
)
from rumbo.data.annotations.files import PictureFinder, split_of_path, whole_folder
from rumbo.data.annotations.frames import side_of
from rumbo.data.annotations.outlines import decode_counts, outlines_of_mask, unpack_counts
from rumbo.data.files import Files, extension, safe_name
from rumbo.data.manifest import Dataset, Repair, TargetKind
from rumbo.data.pictures.decode import MAX_PIXELS, BadItem
from rumbo.data.readers import Reader, Request, formats

KINDS = (TargetKind.BOXES,)
MAX_MET = 120
"""Characters of a faulty entry that are kept for messages."""


@dataclass
class _Found:
    """What the files of a set hold, gathered."""

    finder: PictureFinder
    pictures: dict[str, RawPicture] = field(default_factory=dict[str, RawPicture])
    classes: dict[str, None] = field(default_factory=dict[str, None])
    bad: list[BadItem] = field(default_factory=list[BadItem])
    lost: list[Repair] = field(default_factory=list[Repair])
    decisions: list[str] = field(default_factory=list[str])
    num_twice: int = 0
    num_rle: int = 0


def recognizes(files: Files) -> bool:
    """Whether a JSON file has lists of pictures and of annotations."""
    return bool(_annotation_files(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with the boxes of COCO files."""
    check_target(request, "boxes")
    names = _annotation_files(files)
    files = whole_folder(files)
    found = _Found(PictureFinder(files))
    if not request.labelled:
        return pictures_only(files, found.finder.names, "coco")
    used = _instances(names, found.decisions)
    for name in used:
        _gather(found, files, name, split_of_path(name) if len(used) > 1 else None)
    pictures = [found.pictures[name] for name in sorted(found.pictures)]
    if not pictures:
        first = found.bad[0].reason if found.bad else t("They name no picture.")
        raise DataError(
            t("no picture of the COCO files in '{path}' can be used. {reason}", path=files.path, reason=first)
        )
    found.decisions += found.finder.decisions()
    if found.num_twice:
        found.decisions.append(
            t("pictures listed more than once, whose boxes were put together: {count}.", count=found.num_twice)
        )
    if found.num_rle:
        found.decisions.append(
            t("{count} run-length masks were turned into outlines along pixel edges.", count=found.num_rle)
        )
    if unlisted := len(found.finder.names) - len(pictures):
        found.decisions.append(t("pictures left out, since no COCO file lists them: {count}.", count=unlisted))
    if len(used) > 1 and not all(picture.split for picture in pictures):
        found.decisions.append(t("not all COCO files say a split by name: none is taken from them."))
    return boxes_dataset(
        files,
        "coco",
        pictures,
        tuple(found.classes),
        decisions=found.decisions,
        bad=found.bad,
        lost=found.lost,
        reason=t("the COCO files mark boxes."),
    )


def parse_json(data: bytes, name: str) -> Any:
    """The value of a JSON file; numbers that are not finite are let through, to be counted.

    Raises:
        DataError: with file and line.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as problem:
        is_cut = problem.pos >= len(problem.doc.rstrip()) or problem.msg.startswith("Unterminated")
        reason = t("it is faulty in column {column}", column=problem.colno)
        reason, line = t("it ends too early") if is_cut else reason, problem.lineno
    except UnicodeDecodeError as problem:
        reason, line = t("it is not UTF-8"), data[: problem.start].count(b"\n") + 1
    except RecursionError:
        reason, line = t("nested too deep"), 1
    except ValueError:
        reason, line = t("a number has thousands of digits"), 1
    raise DataError(t("'{name}' line {line}: no JSON: {reason}.", name=safe_name(name), line=line, reason=reason))


def _annotation_files(files: Files) -> list[str]:
    """The JSON files with `images` and `annotations`, told without parsing them."""
    found: list[str] = []
    for name in files.names():
        if extension(name) == "json":
            try:
                data = files.read(name)
            except DataError:
                continue
            if all(re.search(rb'"%s"\s*:\s*\[' % key, data) for key in (b"images", b"annotations")):
                found.append(name)
    return found


def _instances(names: Sequence[str], decisions: list[str]) -> list[str]:
    """The files with boxes, where others with captions or keypoints of the same pictures lie beside them."""
    wanted = [name for name in names if "instances" in PurePosixPath(name).name.lower()]
    if not wanted or len(wanted) == len(names):
        return list(names)
    others = [name for name in names if name not in wanted]
    decisions.append(t("other JSON files were left alone: {names}.", names=", ".join(others[:10])))
    return wanted


def _gather(found: _Found, files: Files, name: str, split: str | None) -> None:
    """Add the pictures, classes and boxes of one file."""
    try:
        content = parse_json(files.read(name), name)
        categories = _categories(content, name, found)
    except DataError as problem:
        found.bad.append(BadItem(-1, safe_name(name), str(problem), "annotation.bad"))
        return
    pictures = _pictures(content, name, split, found)
    seen: dict[object, Mapping[str, Any]] = {}
    entries = content.get("annotations")
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        where = f"{safe_name(name)}: annotations[{place}]"
        if not isinstance(entry, dict):
            box = RawBox(where=where, met=_short(entry), name=None, corners=None, code="box.malformed")
            found.lost.append(refused(box, safe_name(name), "box.malformed", "rejected"))
            continue
        if "bbox" not in entry and "segmentation" not in entry:
            continue  # a caption or a whole picture's tag
        picture = pictures.get(_key(entry.get("image_id")))
        box = _box(entry, where, categories, picture, found)
        number = entry.get("id")
        if number is not None and box.code is None:
            first = seen.setdefault(_key(number), entry)
            if first is not entry:
                box.code = "box.duplicate_id"
                box.action = "rejected" if first == entry else "corrected"
        if picture is None:
            found.lost.append(refused(box, safe_name(name), "box.no_picture", "rejected"))
        else:
            picture.boxes.append(box)
    _settle(pictures, name, found)


def _categories(content: Any, name: str, found: _Found) -> dict[object, str]:
    """Id -> name, in the order of the ids.

    Raises:
        DataError: one id has two names, so no box of it can be trusted.
    """
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DataError(t("'{name}' has no list of images.", name=safe_name(name)))
    entries = content.get("categories")
    by_id: dict[object, str] = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or _key(entry.get("id")) is None:
            continue
        number, label = _key(entry["id"]), _plain(str(entry.get("name") or "")).strip()
        label = label or t("category {number}", number=entry["id"])
        if by_id.setdefault(number, label) != label:
            raise DataError(
                t(
                    "'{name}': category {number} is called '{first}' and '{second}'. Give each category its own id.",
                    name=safe_name(name),
                    number=entry["id"],
                    first=by_id[number],
                    second=label,
                )
            )
    numbers = [number for number in by_id if isinstance(number, int)]
    if len(numbers) == len(by_id):
        by_id = {number: by_id[number] for number in sorted(numbers)}
        if numbers and max(numbers) - min(numbers) + 1 > len(numbers):
            found.decisions.append(
                t(
                    "'{name}': category ids run from {low} to {high} with gaps, {count} are used; classes go by name "
                    "(box.category_gap).",
                    name=safe_name(name),
                    low=min(numbers),
                    high=max(numbers),
                    count=len(numbers),
                )
            )
    for label in by_id.values():
        found.classes.setdefault(label)
    return by_id


def _pictures(content: Any, name: str, split: str | None, found: _Found) -> dict[object, RawPicture]:
    """Image id -> picture, with the name as met until `_settle` finds the file."""
    pictures: dict[object, RawPicture] = {}
    for place, entry in enumerate(content["images"]):
        where = f"{safe_name(name)}: images[{place}]"
        entry = entry if isinstance(entry, dict) else {}
        number, file_name = _key(entry.get("id")), entry.get("file_name")
        if number is None or not isinstance(file_name, str) or not _can_be_a_name(file_name):
            found.bad.append(BadItem(-1, where, t("{where} has no id or no file_name.", where=where), "annotation.bad"))
        elif number in pictures:
            reason = t("{where} has the id {number} of another picture.", where=where, number=number)
            found.bad.append(BadItem(-1, safe_name(file_name), reason, "annotation.duplicate_id"))
        else:
            pictures[number] = RawPicture(
                name=file_name, height=_side(entry.get("height")), width=_side(entry.get("width")), split=split
            )
    return pictures


def _settle(pictures: Mapping[object, RawPicture], name: str, found: _Found) -> None:
    """Give each picture its file; those without go among the bad, and their boxes among the rejected."""
    split_folder = re.sub(r"^.*?((?:train|val|valid|test|dev)\d*).*$", r"\1", PurePosixPath(name).stem)
    for picture in pictures.values():
        entry = picture.name
        file = found.finder.by_path(entry, name, split_folder)
        if file is None:
            found.lost += lost_boxes(picture)
            reason = t(
                "'{name}' lists '{picture}', which is not there (or several are called so).",
                name=safe_name(name),
                picture=safe_name(entry),
            )
            found.bad.append(BadItem(-1, safe_name(entry), reason, "annotation.no_picture"))
            continue
        picture.name = file
        if file in found.pictures:
            found.num_twice += 1
            found.pictures[file].boxes += picture.boxes
        else:
            found.pictures[file] = picture


def _box(
    entry: Mapping[str, Any], where: str, categories: Mapping[object, str], picture: RawPicture | None, found: _Found
) -> RawBox:
    number = _key(entry.get("category_id"))
    met = f"category_id={_short(entry.get('category_id'))} bbox={_short(entry.get('bbox'))}"
    box = RawBox(where=where, met=met, name=categories.get(number), corners=None, crowd=bool(entry.get("iscrowd", 0)))
    box.difficult, box.truncated = _mark(entry.get("difficult")), _mark(entry.get("truncated"))
    sides = _numbers(entry.get("bbox"))
    polygons, fault = _polygons(entry.get("segmentation"), picture, found)
    box.polygons = polygons or None
    if entry.get("bbox") in (None, []) and polygons:
        xs, ys = [x for line in polygons for x in line[::2]], [y for line in polygons for y in line[1::2]]
        box.corners = (min(xs), min(ys), max(xs), max(ys))
    elif sides is not None and len(sides) == 4:
        x, y, width, height = sides
        box.corners = (x, y, x + width, y + height)
        if width < 0 or height < 0:
            box.code = "box.negative"
    if fault is not None and box.code is None:
        box.code, box.action = fault, "corrected" if box.corners is not None else "rejected"
    return box


def _mark(value: Any) -> bool | None:
    """VOC's marks, which we write into COCO files so that nothing is lost; others leave them out."""
    return bool(value) if value in (0, 1) else None


def _polygons(value: Any, picture: RawPicture | None, found: _Found) -> tuple[Polygons, str | None]:
    """The usable outlines of an annotation, and the code of what had to be dropped."""
    if isinstance(value, dict):
        outlines = _outlines(value, picture)
        found.num_rle += outlines is not None
        return (outlines, None) if outlines is not None else ([], "box.rle_bad")
    if value in (None, []):
        return [], None
    if not isinstance(value, list):
        return [], "box.polygon_short"
    lines = value if isinstance(value[0], list) else [value]
    kept: Polygons = []
    fault: str | None = None
    for line in lines:
        points = _numbers(line)
        if points is None or len(points) < 6 or len(points) % 2:
            fault = "box.polygon_short"
        elif not all(math.isfinite(number) for number in points):
            fault = "box.not_finite"
        else:
            kept.append(points)
    return kept, fault


def _outlines(value: Mapping[str, Any], picture: RawPicture | None) -> Polygons | None:
    """The outlines of a run-length mask; None when it is faulty or not of the picture's size."""
    size, counts = _numbers(value.get("size")), value.get("counts")
    if size is None or len(size) != 2 or not all(math.isfinite(side) and side >= 1 for side in size):
        return None
    height, width = int(size[0]), int(size[1])
    said = (height, width) if picture is None else (picture.height or height, picture.width or width)
    if height * width > MAX_PIXELS or said != (height, width):
        return None
    try:
        runs = unpack_counts(counts) if isinstance(counts, str) else np.array(_numbers(counts) or [-1], np.int64)
        return outlines_of_mask(decode_counts(runs, height, width))
    except (ValueError, OverflowError):
        return None


def _numbers(value: Any) -> list[float] | None:
    """A list of numbers as floats; None when it is something else."""
    if not isinstance(value, list):
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        return None
    try:
        return [float(number) for number in value]
    except OverflowError:
        return None


def _key(value: Any) -> object:
    """An id as it is compared: 7, 7.0 and "7" are the same; None for what is no id."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value) else value


def _side(value: Any) -> int | None:
    return side_of(value) if isinstance(value, int | float) else None


def _short(value: Any) -> str:
    return _plain(json.dumps(value, ensure_ascii=False)[:MAX_MET])


def _plain(text: str) -> str:
    """Text that can be stored: JSON lets halves of characters through."""
    return text.encode("utf-8", "backslashreplace").decode()


def _can_be_a_name(text: str) -> bool:
    try:
        return bool(text) and "\0" not in text and bool(os.fsencode(text))
    except UnicodeEncodeError:
        return False


formats.register("coco")(Reader(recognizes, read, KINDS))
