"""IDX files, as MNIST and its relatives have them: `train-images-idx3-ubyte.gz` beside `train-labels-idx1-ubyte.gz`.

Source: the format's description on LeCun's MNIST page: 0 0 type dimensions, sizes as big-endian int32, then the data.
"""

import math
import re
from pathlib import PurePosixPath

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t
from rumbo.data.files import Files, gunzipped, safe_name
from rumbo.data.manifest import Dataset
from rumbo.data.readers import Reader, Request, formats
from rumbo.data.readers.arrays import Part, picture_dataset

_UINT8 = 0x08


def recognizes(files: Files) -> bool:
    """Whether there are files called `...-images-idx3-ubyte`, also `.gz`."""
    return bool(_pairs(files))


def read(files: Files, request: Request) -> Dataset:
    """The manifest of one pair, or of a train pair and a test pair."""
    pairs = _pairs(files)
    parts = [
        Part(
            name=safe_name(images),
            split=_split(images) if len(pairs) > 1 else None,
            pixels=_read(files, images, dimensions=3),
            labels=None if labels is None else [str(code) for code in _read(files, labels, dimensions=1).tolist()],
        )
        for images, labels in pairs
    ]
    for part in parts:
        if part.labels is not None and len(part.labels) != len(part.pixels):
            raise DataError(
                t(
                    "'{name}' has {pictures} pictures, its label file {labels} labels: they do not belong together.",
                    name=part.name,
                    pictures=len(part.pixels),
                    labels=len(part.labels),
                )
            )
    return picture_dataset(files, "idx", sorted(parts, key=lambda part: part.split != "train"), request, [])


def _pairs(files: Files) -> list[tuple[str, str | None]]:
    """(pictures, labels) of each pair; labels are None where the file is missing."""
    pairs = []
    for name in files.names():
        base = PurePosixPath(name).name.lower()
        if "idx3" not in base or "image" not in base:
            continue
        if name.endswith(".gz") and files.has(name.removesuffix(".gz")) and len(files.names()) > 1:
            continue  # unpacked beside it
        labels = re.sub("(?i)image", "label", re.sub("(?i)idx3", "idx1", name))
        other = labels.removesuffix(".gz") if labels.endswith(".gz") else labels + ".gz"
        pairs.append((name, next((candidate for candidate in (labels, other) if files.has(candidate)), None)))
    return pairs


def _split(name: str) -> str:
    words = set(re.split(r"[^a-z0-9]+", PurePosixPath(name).name.lower()))
    return "test" if words & {"t10k", "test"} else "dev" if words & {"val", "valid", "validation", "dev"} else "train"


def _read(files: Files, name: str, dimensions: int) -> np.ndarray:
    data = gunzipped(files.read(name), name)
    start = 4 + 4 * dimensions
    if len(data) < start or data[:4] != bytes([0, 0, _UINT8, dimensions]):
        raise DataError(t("'{name}' is no IDX file of bytes in {count} dimensions.", name=name, count=dimensions))
    shape = np.frombuffer(data, ">u4", dimensions, 4).tolist()
    expected = math.prod(shape)
    if len(data) - start < expected:
        met = len(data) - start
        raise DataError(t("'{name}' is truncated: {met} of {count} bytes.", name=name, met=met, count=expected))
    return np.frombuffer(data, np.uint8, expected, start).reshape(shape)


formats.register("idx")(Reader(recognizes, read))
