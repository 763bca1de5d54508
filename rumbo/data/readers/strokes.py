"""Drawings as pen strokes: an .npz of points (dx, dy, pen lifted) with offsets, in parts train, valid, test."""

import hashlib

import numpy as np
import polars as pl

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, safe_name
from rumbo.data.manifest import Dataset, SignalKind, Target, TargetKind, row_ids
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.npz import archive_names, read_arrays, read_shapes
from rumbo.data.readers.signal_files import without_empty
from rumbo.data.signals.sources import JoinedSignals

_PARTS = {"train": "train", "valid": "dev", "val": "dev", "dev": "dev", "test": "test", "strokes": ""}


def recognizes(files: Files) -> bool:
    """Whether the one .npz file has arrays of three columns with offsets."""
    names = archive_names(files)
    return len(names) == 1 and bool(_parts(read_shapes(files, names[0])))


def read(files: Files, request: Request) -> Dataset:
    """The manifest: one example a drawing."""
    name = archive_names(files)[0]
    arrays = read_arrays(files.read(name), name)
    ids: list[str] = []
    splits: list[str] = []
    contents: list[str] = []
    values: list[np.ndarray] = []
    places: list[np.ndarray] = []
    first = 0
    keys = _parts({key: array.shape for key, array in arrays.items()})
    for key in sorted(keys, key=lambda key: list(_PARTS).index(key)):
        points = arrays[key]
        offsets = offsets_of(arrays, f"{key}_offsets" if _PARTS[key] else "offsets", len(points), name)
        _check(points, key, name)
        ids += row_ids(f"{safe_name(name)}/{key}" if _PARTS[key] else safe_name(name), len(offsets) - 1)
        splits += [_PARTS[key]] * (len(offsets) - 1)
        contents += contents_of(points, offsets)
        values.append(points)
        places.append(np.stack([offsets[:-1], offsets[1:]]) + first)
        first += len(points)
    starts, stops = np.concatenate(places, axis=1)
    lengths = stops - starts
    columns = {"id": ids, "content": contents, **({"split": splits} if all(splits) else {})}
    reason = t("these are drawings without labels, to continue or to copy.")
    data = Dataset(
        path=files.path,
        format="strokes",
        table=pl.DataFrame(columns),
        target=Target(columns=(), kind=TargetKind.NOTHING, reason=reason) if request.labelled else None,
        signals=JoinedSignals(SignalKind.STROKES, np.concatenate(values), starts, stops),
        decisions=(
            t(
                "'{name}': {count} drawings of {low} to {high} points (dx, dy, pen lifted).",
                name=name,
                count=len(ids),
                low=int(lengths.min()),
                high=int(lengths.max()),
            ),
        ),
    )
    return without_empty(data)


def offsets_of(arrays: dict[str, np.ndarray], key: str, num_points: int, name: str) -> np.ndarray:
    """Where examples begin and end, n + 1 numbers.

    Raises:
        DataError: they do not run from 0 to the number of points without going back.
    """
    offsets = arrays[key]
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) < 2:
        raise DataError(t("'{key}' in '{name}' are no offsets: whole numbers in one row are.", key=key, name=name))
    offsets = offsets.astype(np.int64)
    if offsets[0] != 0 or offsets[-1] != num_points or (np.diff(offsets) < 0).any():
        raise DataError(
            t(
                "the offsets '{key}' in '{name}' must go from 0 to {count} without going back; they go from {first} "
                "to {last}.",
                key=key,
                name=name,
                count=num_points,
                first=int(offsets[0]),
                last=int(offsets[-1]),
            )
        )
    return offsets


def contents_of(values: np.ndarray, offsets: np.ndarray) -> list[str]:
    """The sha256 of each example's bytes."""
    plain = np.ascontiguousarray(values)
    return [
        hashlib.sha256(plain[start:stop].tobytes()).hexdigest()
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]


def _parts(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """The arrays of drawings: three columns, and offsets beside them."""
    found = [key for key, split in _PARTS.items() if (f"{key}_offsets" if split else "offsets") in shapes]
    return [key for key in found if key in shapes and len(shapes[key]) == 2 and shapes[key][1] == 3]


def _check(points: np.ndarray, key: str, name: str) -> None:
    if points.dtype.kind not in "iuf":
        kind = str(points.dtype)
        raise DataError(t("'{key}' in '{name}' holds {kind}, not numbers: refused.", key=key, name=name, kind=kind))
    if not np.isin(points[:, 2], (0, 1)).all():
        raise DataError(
            t("the third column of '{key}' in '{name}' must be 0 or 1: whether the pen was lifted.", key=key, name=name)
        )
    if not np.isfinite(points.astype(np.float32)).all():
        raise DataError(t("'{key}' in '{name}' has entries that are no finite numbers.", key=key, name=name))


formats.register("strokes")(Reader(recognizes, read))
