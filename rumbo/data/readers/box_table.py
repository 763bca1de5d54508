"""A table with a row for each box: the picture, the class, and x1, y1, x2, y2 in px; a picture alone has no boxes."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import RawBox, RawPicture, boxes_dataset, check_target, lost_boxes, pictures_only
from rumbo.data.annotations.files import PictureFinder, whole_folder
from rumbo.data.delimited import RawTable, parse_delimited
from rumbo.data.files import Files, FolderFiles, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset, Repair, TargetKind
from rumbo.data.pictures.decode import EXTENSIONS, BadItem
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.folders import SPLIT_OF_FOLDER
from rumbo.data.target import sort_classes

KINDS = (TargetKind.BOXES,)
SIDES = ("x1", "y1", "x2", "y2")
_SAMPLE_ROWS = 20
_TEXTS = ("csv", "tsv", "tab")
_MARKS: Mapping[str | None, bool] = {"0": False, "1": True, "false": False, "true": True}


def recognizes(files: Files) -> bool:
    """Whether a table beside pictures has the columns class, x1, y1, x2, y2 and one of pictures."""
    if _asked(files) is None:
        return bool(picture_names(files.names())) and _table(files) is not None
    # The table first: its folder may hold all that someone ever downloaded.
    return _table(files) is not None and bool(picture_names(whole_folder(files).names()))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of the pictures that a table of boxes names."""
    check_target(request, "boxes")
    asked = _asked(files)
    files = whole_folder(files)
    finder = PictureFinder(files)
    if not request.labelled:
        return pictures_only(files, finder.names, "box-table")
    name = asked or _table(files)
    assert name is not None
    table = parse_delimited(files.read(name), name)
    column = _picture_column(table)
    assert column is not None
    pictures: dict[str, RawPicture] = {}
    missing: dict[str, RawPicture] = {}
    for line, row in zip(table.lines.tolist(), table.frame.iter_rows(named=True), strict=True):
        entry = row[column] or ""
        found = finder.by_path(entry, name) if entry else None
        kept = missing if found is None else pictures
        key = found or entry
        picture = kept.setdefault(key, RawPicture(name=key, split=_split(row)))
        if any(row[field] is not None for field in ("class", *SIDES)):
            picture.boxes.append(_box(row, f"{safe_name(name)}:{line}"))
    classes = {box.name for picture in pictures.values() for box in picture.boxes if box.name}
    lost: list[Repair] = [repair for picture in missing.values() for repair in lost_boxes(picture)]
    bad = [
        BadItem(-1, safe_name(entry), t("there is no picture '{entry}'.", entry=entry), "annotation.no_picture")
        for entry in missing
    ]
    return boxes_dataset(
        files,
        "box-table",
        list(pictures.values()),
        sort_classes(sorted(classes)),
        decisions=(*table.decisions, *finder.decisions()),
        bad=bad,
        lost=lost,
        reason=t("the columns x1, y1, x2, y2 are boxes."),
    )


def _asked(files: Files) -> str | None:
    """The one table that the set was given as."""
    return files.only if isinstance(files, FolderFiles) and extension(files.path.name) in _TEXTS else None


def _table(files: Files) -> str | None:
    """The first table of boxes, at the top of the set before others."""
    names = [name for name in files.names() if extension(name) in _TEXTS]
    for name in sorted(names, key=lambda name: name.count("/"))[:5]:
        try:
            head = parse_delimited(files.read(name), name, _SAMPLE_ROWS)
        except DataError:
            continue
        if {"class", *SIDES} <= set(head.frame.columns) and _picture_column(head) is not None:
            return name
    return None


def _picture_column(table: RawTable) -> str | None:
    for column in table.frame.iter_columns():
        entries = column.drop_nulls().to_list()[:_SAMPLE_ROWS]
        if entries and all(extension(PurePosixPath(entry).name) in EXTENSIONS for entry in entries):
            return column.name
    return None


def _split(row: Mapping[str, Any]) -> str | None:
    return SPLIT_OF_FOLDER.get((row.get("split") or "").lower())


def _box(row: Mapping[str, Any], where: str) -> RawBox:
    met = " ".join(f"{side}={row[side] or '?'}" for side in SIDES)
    box = RawBox(where=where, met=f"{row['class'] or '?'} {met}", name=row["class"], corners=None)
    try:
        x1, y1, x2, y2 = (float(row[side] or "") for side in SIDES)
        box.corners = (x1, y1, x2, y2)
        if row.get("polygons"):
            box.polygons = [[float(value) for value in line] for line in json.loads(row["polygons"])]
    except (ValueError, TypeError, RecursionError):
        box.code = "box.malformed"
        return box
    if any(len(line) % 2 for line in box.polygons or ()):
        box.polygons, box.code, box.action = None, "box.polygon_short", "corrected"
    box.crowd, box.difficult, box.truncated = (
        _MARKS.get(row.get(mark)) for mark in ("crowd", "difficult", "truncated")
    )
    return box


formats.register("box-table")(Reader(recognizes, read, KINDS))
