"""The course's HDF5 files: `train_set_x` (n x h x w x 3), `train_set_y`, `list_classes`; the same with `test_`."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import MAX_FILE_BYTES, Files, extension, picture_names, safe_name
from rumbo.data.manifest import Dataset
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.arrays import Part, picture_dataset, to_pixels

if TYPE_CHECKING:
    import h5py

_SPLITS = {"train": "train", "dev": "dev", "val": "dev", "test": "test"}


def recognizes(files: Files) -> bool:
    """Whether there are .h5 files, and no pictures that such a file only accompanies."""
    return bool(_names(files)) and not picture_names(files.names())


def read(files: Files, request: Request) -> Dataset:
    """The manifest of one file, or of a train file beside a test file."""
    decisions: list[str] = []
    classes: list[str] = []
    parts = [part for name in _names(files) for part in _parts(files, name, classes, decisions)]
    parts.sort(key=lambda part: part.split != "train")
    return picture_dataset(files, "course-h5", parts, request, decisions, classes=tuple(classes))


def _names(files: Files) -> list[str]:
    return [name for name in files.names() if extension(name) in ("h5", "hdf5")]


def _parts(files: Files, name: str, classes: list[str], decisions: list[str]) -> Iterator[Part]:
    import h5py

    data = files.read(name)
    try:
        file = h5py.File(io.BytesIO(data), "r")
    except OSError:
        raise DataError(t("'{name}' is no whole HDF5 file.", name=name)) from None
    with file:
        prefixes = [key.removesuffix("_set_x") for key in map(str, file) if key.endswith("_set_x")]
        if not prefixes:
            raise DataError(
                t(
                    "'{name}' has no array called train_set_x or test_set_x; it has: {keys}.",
                    name=name,
                    keys=", ".join(list(file)[:10]) or t("nothing"),
                )
            )
        own = [_text(entry) for entry in _array(file, "list_classes", name)] if "list_classes" in file else None
        classes += [entry for entry in own or () if entry not in classes]
        for prefix in prefixes:
            pixels = to_pixels(_array(file, f"{prefix}_set_x", name), name, decisions)
            labels = None
            if f"{prefix}_set_y" in file:
                labels = _class_names(_array(file, f"{prefix}_set_y", name), own, name, len(pixels))
            suffix = f"/{prefix}" if len(prefixes) > 1 else ""
            yield Part(name=safe_name(name) + suffix, split=_SPLITS.get(prefix), pixels=pixels, labels=labels)


def _array(file: "h5py.File", key: str, name: str) -> np.ndarray:
    """An array that lies in the file itself: no links to other files, no storage outside, no objects."""
    import h5py

    is_own = isinstance(file.get(key, getlink=True), h5py.HardLink)
    data = file[key] if is_own else None
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual:
        raise DataError(t("'{key}' in '{name}' is no plain array of this file: refused.", key=key, name=name))
    if data.dtype.kind not in "biufS" and h5py.check_string_dtype(data.dtype) is None:
        message = t("'{key}' in '{name}' holds {kind}, not numbers: refused.", key=key, name=name, kind=str(data.dtype))
        raise DataError(message)
    if data.size * data.dtype.itemsize > MAX_FILE_BYTES:
        raise DataError(t("'{key}' in '{name}' is beyond {limit} bytes.", key=key, name=name, limit=MAX_FILE_BYTES))
    try:
        return np.asarray(data[()])
    except (OSError, ValueError):
        raise DataError(t("'{key}' in '{name}' is damaged.", key=key, name=name)) from None


def _class_names(codes: np.ndarray, classes: list[str] | None, name: str, num_pictures: int) -> list[str]:
    codes = codes.reshape(-1)
    if len(codes) != num_pictures or codes.dtype.kind not in "biu":
        raise DataError(
            t(
                "'{name}' has {pictures} pictures and {labels} labels of type {kind}; one whole number each is needed.",
                name=name,
                pictures=num_pictures,
                labels=len(codes),
                kind=str(codes.dtype),
            )
        )
    if classes is None:
        return [str(code) for code in codes.tolist()]
    if len(codes) and not 0 <= codes.min() <= codes.max() < len(classes):
        message = t(
            "'{name}' has the label {code}, but names only {count} classes.",
            name=name,
            code=int(codes.max()),
            count=len(classes),
        )
        raise DataError(message)
    return [classes[code] for code in codes.tolist()]


def _text(entry: bytes | str) -> str:
    return entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry)


formats.register("course-h5")(Reader(recognizes, read))
