"""What readers of arrays share: pictures as uint8, labels as text, one manifest."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rumbo.core.errors import DataError, unknown_name
from rumbo.core.messages import t
from rumbo.data.files import Files
from rumbo.data.manifest import Dataset, TargetKind, row_ids
from rumbo.data.pictures.images import ArrayImages
from rumbo.data.readers import Request
from rumbo.data.target import Choice, read_labels

COLUMN = "label"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file's or split's examples.

    Attributes:
        name: what the ids begin with.
        split: train, dev, test, or None.
        pixels: uint8, n x h x w or n x h x w x 3.
        labels: n texts, or None.
    """

    name: str
    split: str | None
    pixels: np.ndarray
    labels: Sequence[str] | None


def picture_dataset(
    files: Files,
    reader: str,
    parts: Sequence[Part],
    request: Request,
    decisions: list[str],
    classes: tuple[str, ...] = (),
) -> Dataset:
    """The manifest of pictures that are rows of arrays; `classes` gives their order where the files have one."""
    if not any(len(part.pixels) for part in parts):
        raise DataError(t("'{path}' holds no examples.", path=files.path))
    _check_splits(files, parts)
    shapes = {part.pixels.shape[1:] for part in parts}
    if len(shapes) > 1:
        sizes = ", ".join(" x ".join(map(str, shape)) for shape in sorted(shapes))
        raise DataError(
            t("the parts of '{path}' differ in the shape of their pictures: {sizes}.", path=files.path, sizes=sizes)
        )
    pixels = parts[0].pixels if len(parts) == 1 else np.concatenate([part.pixels for part in parts])
    columns: dict[str, object] = {
        "id": [name for part in parts for name in row_ids(part.name, len(part.pixels))],
        "content": [hashlib.sha256(picture).hexdigest() for picture in np.ascontiguousarray(pixels)],
    }
    if len(parts) > 1:
        columns["split"] = [part.split for part in parts for _ in range(len(part.pixels))]
    table, target = pl.DataFrame(columns), None
    counts = ", ".join(f"{part.name} {len(part.pixels)}" for part in parts)
    shape = " x ".join(map(str, pixels.shape[1:]))
    decisions.insert(0, t("pictures of {shape} px: {counts}.", shape=shape, counts=counts))
    if request.labelled:
        if request.target not in (None, COLUMN):
            raise unknown_name("column", request.target or "", [COLUMN])
        unlabelled = [part.name for part in parts if part.labels is None]
        if unlabelled:
            raise DataError(t("'{name}' has pictures, but no labels.", name=unlabelled[0]))
        text = pl.DataFrame({COLUMN: [label for part in parts for label in part.labels or ()]})
        choice = Choice((COLUMN,), None, t("the labels stand beside the pictures."))
        labels = read_labels(text, choice, request.task or "classify")
        table, target = table.with_columns(*labels.columns), labels.target
        if classes and target.kind is TargetKind.CLASS:
            target = dataclasses.replace(target, classes=classes)
    return Dataset(
        path=files.path,
        format=reader,
        table=table,
        target=target,
        images=ArrayImages(pixels),
        decisions=tuple(decisions),
    )


def _check_splits(files: Files, parts: Sequence[Part]) -> None:
    splits = [part.split for part in parts]
    if len(parts) > 1 and (None in splits or len(set(splits)) < len(splits)):
        names = ", ".join(part.name for part in parts[:10])
        raise DataError(
            t(
                "'{path}' holds several sets: {names}. One train, one dev and one test file can be read together; "
                "give one file, or a folder with one set.",
                path=files.path,
                names=names,
            )
        )


def to_pixels(array: np.ndarray, name: str, decisions: list[str]) -> np.ndarray:
    """An array of pictures as uint8, n x h x w or n x h x w x 3.

    Whole numbers must lie in 0..255, or 0..65535 (scaled by 257); floats in 0..1, or 0..255.

    Raises:
        DataError: a shape or range that is none of these.
    """
    pixels = _channels_last(array, name, decisions)
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.size == 0:
        return pixels.astype(np.uint8)
    low, high = float(pixels.min()), float(pixels.max())
    largest = next((limit for limit in _limits(pixels.dtype) if low >= 0 and high <= limit), None)
    if largest is None:
        raise DataError(
            t(
                "the pictures in '{name}' have values from {low} to {high}; allowed are 0 to 255, 0 to 1 or 16-bit.",
                name=name,
                low=f"{low:g}",
                high=f"{high:g}",
            )
        )
    if largest != 255:
        decisions.append(t("pixels of '{name}' were scaled from 0..{largest} to 0..255.", name=name, largest=largest))
    return np.rint(pixels * (255 / largest)).astype(np.uint8)


def _limits(dtype: np.dtype) -> tuple[int, ...]:
    return (1, 255) if dtype.kind == "f" else (255, 65535)


def _channels_last(array: np.ndarray, name: str, decisions: list[str]) -> np.ndarray:
    if array.ndim == 4 and array.shape[3] in (1, 3):
        return array[..., 0] if array.shape[3] == 1 else array
    if array.ndim == 4 and array.shape[1] in (1, 3):
        decisions.append(t("pixels of '{name}' have their channels first.", name=name))
        return array[:, 0] if array.shape[1] == 1 else np.ascontiguousarray(array.transpose(0, 2, 3, 1))
    if array.ndim == 3:
        return array
    shape = " x ".join(map(str, array.shape))
    raise DataError(
        t(
            "'{name}' has the shape {shape}; pictures are n x height x width, with 1 or 3 channels at most.",
            name=name,
            shape=shape,
        )
    )
