"""Masks in COCO files as `rumbo convert` writes them: run lengths, one entry for each class of a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Self

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.annotations.boxes import check_target, pictures_only
from rumbo.data.annotations.files import PictureFinder, split_of_path, whole_folder
from rumbo.data.annotations.masks import VOID
from rumbo.data.annotations.outlines import decode_counts
from rumbo.data.files import Files, extension, safe_name
from rumbo.data.manifest import Dataset, Target, TargetKind
from rumbo.data.pictures.decode import BadImage
from rumbo.data.pictures.images import FileImages
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.image_folder import contents

KINDS = (TargetKind.MASK,)
MARK = "masks: the entries of a picture cover none of its pixels twice"
"""Stands in `info`: without it, run lengths are the outlines of things, and boxes are what is learnt."""
_HEAD_BYTES = 1024


class RunMasks:
    """Masks as run lengths of their classes.

    Args:
        sizes: height and width of each.
        entries: (code, runs) of each.
        num_classes: pixels without an entry count nowhere, where there is a code left to say so.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        entries: Sequence[Sequence[tuple[int, np.ndarray]]],
        num_classes: int,
    ):
        self.sizes, self.entries, self.num_classes = sizes, entries, num_classes

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, rows: np.ndarray) -> Self:
        """The masks of some rows, in that order."""
        places = [int(row) for row in rows]
        sizes, entries = [self.sizes[place] for place in places], [self.entries[place] for place in places]
        return type(self)(sizes, entries, self.num_classes)

    def read(self, row: int) -> np.ndarray:
        """The code of each pixel, or `VOID`; BadImage when one has two."""
        height, width = self.sizes[row]
        has_void = self.num_classes <= VOID
        codes = np.full((height, width), VOID, np.uint8 if has_void else np.uint16)
        times = np.zeros((height, width), np.uint8)
        for code, runs in self.entries[row]:
            try:
                is_inside = decode_counts(runs, height, width)
            except ValueError as problem:
                raise BadImage(t("its run lengths are faulty: {problem}", problem=str(problem))) from None
            codes[is_inside] = code
            times += is_inside
        wrong = int((times > 1).sum() if has_void else (times != 1).sum())
        if wrong:
            raise BadImage(t("{count} of its pixels have no class, or several.", count=wrong))
        return codes


def recognizes(files: Files) -> bool:
    """Whether a JSON file says so."""
    return bool(_names(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of pictures with masks.

    Raises:
        DataError: a file is not as `rumbo convert` writes it.
    """
    check_target(request, "mask")
    names = _names(files)
    files = whole_folder(files)
    finder = PictureFinder(files)
    if not request.labelled:
        return pictures_only(files, finder.names, "coco-masks")
    classes: tuple[str, ...] = ()
    pictures: list[str] = []
    splits: list[str | None] = []
    sizes: list[tuple[int, int]] = []
    entries: list[list[tuple[int, np.ndarray]]] = []
    ids: list[str] = []
    for name in names:
        content = _content(files, name)
        listed = tuple(str(entry["name"]) for entry in content["categories"])
        if classes and listed != classes:
            raise DataError(t("'{name}' lists other classes than '{other}'.", name=name, other=names[0]))
        classes = listed
        code_of = {entry["id"]: code for code, entry in enumerate(content["categories"])}
        by_picture: dict[Any, list[tuple[int, np.ndarray]]] = {}
        for entry in content["annotations"]:
            runs = np.array(entry["segmentation"]["counts"], np.int64)
            by_picture.setdefault(entry["image_id"], []).append((code_of[entry["category_id"]], runs))
        for entry in content["images"]:
            found = finder.by_path(entry["file_name"], name)
            if found is None:
                message = t("'{name}' lists '{picture}', which is not there.", name=name, picture=entry["file_name"])
                raise DataError(message)
            pictures.append(found)
            splits.append(split_of_path(PurePosixPath(name).name) if len(names) > 1 else None)
            sizes.append((int(entry["height"]), int(entry["width"])))
            entries.append(by_picture.get(entry["id"], []))
            ids.append(f"{safe_name(name)}#{entry['id']}")
    images = FileImages(files, pictures)
    columns: dict[str, Any] = {"id": [safe_name(name) for name in pictures], "content": contents(images)}
    if all(splits):
        columns["split"] = splits
    table = pl.DataFrame(columns).with_columns(pl.Series("mask", ids, pl.String))
    reason = t("the COCO files hold masks.")
    return Dataset(
        path=files.path,
        format="coco-masks",
        table=table,
        target=Target(columns=("mask",), kind=TargetKind.MASK, classes=classes, reason=reason),
        images=images,
        masks=RunMasks(sizes, entries, len(classes)),
        decisions=(t("pictures with a class for each pixel: {count}.", count=len(pictures)), *finder.decisions()),
    )


def _names(files: Files) -> list[str]:
    found: list[str] = []
    for name in files.names():
        if extension(name) == "json":
            try:
                data = files.read(name)
            except DataError:
                continue
            if MARK.encode() in data[:_HEAD_BYTES]:
                found.append(name)
    return found


def _content(files: Files, name: str) -> Mapping[str, Any]:
    """A file, its shape checked.

    Raises:
        DataError: it is no such JSON.
    """
    try:
        content = json.loads(files.read(name))
        for entry in content["categories"]:
            hash(entry["id"])
            str(entry["name"])
        ids = {entry["id"] for entry in content["categories"]}
        for entry in content["images"]:
            if not isinstance(entry["file_name"], str):
                raise TypeError("file_name")
            hash((int(entry["height"]), int(entry["width"]), entry["id"]))
        for entry in content["annotations"]:
            hash(entry["image_id"])
            np.array(entry["segmentation"]["counts"], np.int64)
            if entry["category_id"] not in ids:
                raise ValueError("category_id")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as problem:
        raise DataError(
            t(
                "'{name}' is no COCO file with masks: {problem}.",
                name=name,
                problem=f"{type(problem).__name__} {problem}",
            )
        ) from None
    return content


formats.register("coco-masks")(Reader(recognizes, read, KINDS))
